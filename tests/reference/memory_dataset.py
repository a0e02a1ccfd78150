"""The values pinned in datasets/src/dataset.rs, computed a second time and independently.

Usage: python tests/reference/memory_dataset.py   (needs numpy; prints f32 bit patterns)

Sample 3 of seed 1: 64 white inputs, exponential memory with alpha = 0.1 scaled to norm 1; the training split with
observation noise of standard deviation 0.1, the validation split without.
"""

import hashlib
import math
import struct

import numpy as np

MASK = 0xFFFFFFFF
LENGTH, SEED, INDEX, ALPHA, NOISE = 64, 1, 3, 0.1, 0.1


def chacha8(key: bytes, stream: int):
    """The generator's 64-bit outputs."""

    def quarter(s, a, b, c, d):
        for x, y, z, r in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & MASK
            s[z] ^= s[x]
            s[z] = ((s[z] << r) | (s[z] >> (32 - r))) & MASK

    constants = struct.unpack("<4I", b"expand 32-byte k")
    counter = 0
    while True:
        tail = (counter & MASK, counter >> 32, stream & MASK, stream >> 32)
        start = [*constants, *struct.unpack("<8I", key), *tail]
        state = list(start)
        for _ in range(4):
            for i in range(4):
                quarter(state, i, i + 4, i + 8, i + 12)
            for i in range(4):
                quarter(state, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12)
        words = [(a + b) & MASK for a, b in zip(state, start)]
        for low, high in zip(words[::2], words[1::2]):
            yield low | high << 32
        counter += 1


def normals(bits):
    while True:
        first, second = ((next(bits) >> 11) * 2.0**-53 for _ in range(2))
        radius = math.sqrt(-2.0 * math.log(1.0 - first))
        yield radius * math.cos(math.tau * second)
        yield radius * math.sin(math.tau * second)


for purpose, noise in (("training", NOISE), ("validation", 0.0)):
    key = hashlib.sha256(struct.pack("<Q", SEED) + f"memory dataset, {purpose}".encode()).digest()
    draws = normals(chacha8(key, INDEX))
    x = np.array([next(draws) for _ in range(LENGTH)], dtype=np.float32)
    rho = np.exp(-ALPHA * np.arange(LENGTH))
    rho /= np.linalg.norm(rho)
    y = np.convolve(rho, x.astype(np.float64))[:LENGTH].astype(np.float32)
    if noise:
        y = np.array([float(value) + noise * next(draws) for value in y], dtype=np.float32)
    for name, values in (("inputs", x), ("targets", y)):
        print(purpose, name, values[[0, 1, 63]].view(np.uint32).tolist(), values[[0, 1, 63]])
