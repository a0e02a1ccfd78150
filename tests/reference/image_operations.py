"""Reference values from torchvision and Pillow for datasets/src/images/policy.rs and geometry.rs.

Usage:  python tests/reference/image_operations.py     (needs torchvision and Pillow)

Prints, for RandAugment and for the wide TrivialAugment, a hash per operation of its results on one image at all
magnitudes in both directions; and a hash of that image at several sizes.
"""

import hashlib

from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.autoaugment import RandAugment, TrivialAugmentWide, _apply_op

WIDTH, HEIGHT = 32, 24
SIZES = [(64, 48), (16, 12), (33, 25), (7, 24), (32, 100), (5, 3), (1, 1)]

state = 1
values = []
for _ in range(3 * WIDTH * HEIGHT):
    state = (state * 1664525 + 1013904223) % 2**32
    values.append(20 + (state >> 24) * 200 // 255)
image = Image.frombytes("RGB", (WIDTH, HEIGHT), bytes(values))

spaces = {
    "RAND_AUGMENT": RandAugment()._augmentation_space(31, (HEIGHT, WIDTH)),
    "TRIVIAL_AUGMENT": TrivialAugmentWide()._augmentation_space(31),
}
for name, space in spaces.items():
    print(name)
    for operation, (magnitudes, signed) in space.items():
        digest = hashlib.sha256()
        for magnitude in range(31):
            value = float(magnitudes[magnitude]) if magnitudes.ndim else 0.0
            for sign in (1.0, -1.0) if signed else (1.0, 1.0):
                result = _apply_op(image, operation, sign * value, InterpolationMode.NEAREST, None)
                digest.update(result.tobytes())
        print(f'"{digest.hexdigest()[:16]}", # {operation}')

digest = hashlib.sha256()
for size in SIZES:
    digest.update(image.resize(size, Image.Resampling.BILINEAR).tobytes())
print(f"resized {digest.hexdigest()[:16]}")
