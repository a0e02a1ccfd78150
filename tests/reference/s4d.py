"""Writes s4d.json: impulse responses of S4D channels from a complex128 zero-order-hold recurrence.

    python tests/reference/s4d.py

Needs numpy and scipy. Parameters are rounded to single precision first, so that a reader in single precision
starts from the same numbers. The recurrence is checked against scipy's matrix exponential before it is written.
"""

import json
from pathlib import Path

import numpy as np
from scipy.signal import cont2discrete

CASES = [("lin", 16, 128), ("inv", 8, 150)]
CHANNELS = 3


def single(values):
    return np.asarray(values, dtype=np.float32).astype(np.float64)


def imaginary(initialization, d_state):
    n = np.arange(d_state // 2)
    if initialization == "lin":
        return np.pi * n
    return d_state / np.pi * (d_state / (2 * n + 1) - 1)


def recurrence(step, a, c, length):
    """`2 Re(c h(t))` of `h(t) = exp(step a) h(t-1) + (exp(step a) - 1) / a x(t)` for a unit impulse x."""
    decay = np.exp(step * a)
    hold = np.expm1(step * a) / a
    state = np.zeros_like(a)
    kernel = []
    for t in range(length):
        state = decay * state + (hold if t == 0 else 0)
        kernel.append(2 * np.real(np.sum(c * state)))
    return np.array(kernel)


def by_scipy(step, a, c, length):
    """The same response from the real 2x2 blocks, discretised by scipy."""
    n = len(a)
    system = np.zeros((2 * n, 2 * n))
    for i, eigenvalue in enumerate(a):
        system[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [
            [eigenvalue.real, -eigenvalue.imag],
            [eigenvalue.imag, eigenvalue.real],
        ]
    b = np.tile([1.0, 0.0], n)[:, None]
    readout = np.stack([2 * c.real, -2 * c.imag], 1).reshape(1, -1)
    ad, bd, cd, _, _ = cont2discrete((system, b, readout, np.zeros((1, 1))), step, method="zoh")
    state, kernel = bd, []
    for _ in range(length):
        kernel.append((cd @ state).item())
        state = ad @ state
    return np.array(kernel)


def case(initialization, d_state, length, rng):
    pairs = d_state // 2
    log_step = single(np.log(10 ** rng.uniform(-3, -1, CHANNELS)))
    log_decay = single(np.log(0.5) + 0.3 * rng.standard_normal((CHANNELS, pairs)))
    frequency = single(imaginary(initialization, d_state) * (1 + 0.1 * rng.standard_normal((CHANNELS, pairs))))
    output = single(rng.standard_normal((2, CHANNELS, pairs)))
    kernel = []
    for channel in range(CHANNELS):
        step = np.exp(log_step[channel])
        a = -np.exp(log_decay[channel]) + 1j * frequency[channel]
        c = output[0, channel] + 1j * output[1, channel]
        kernel.append(recurrence(step, a, c, length))
        np.testing.assert_allclose(kernel[-1], by_scipy(step, a, c, length), rtol=0, atol=1e-12)
    return {
        "initialization": initialization,
        "d_state": d_state,
        "initial_frequency": imaginary(initialization, d_state).tolist(),
        "log_step": log_step.tolist(),
        "log_decay": log_decay.tolist(),
        "frequency": frequency.tolist(),
        "output_re": output[0].tolist(),
        "output_im": output[1].tolist(),
        "kernel": np.array(kernel).tolist(),
    }


def main():
    rng = np.random.default_rng(0)
    cases = [case(*setting, rng) for setting in CASES]
    Path(__file__).with_suffix(".json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
