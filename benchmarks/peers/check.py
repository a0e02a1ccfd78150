"""Checks that PyTorch and JAX, in every form, compute the same thing: the losses of the first training steps.

The losses after a step depend on all gradients, so equal losses mean equal forward passes, gradients and optimisers.

Usage: python check.py [WORKLOAD ...]
"""

import sys

import jax_models
import torch_models
import workloads

LENGTH, BATCH, STEPS = 37, 4, 4
"""The length divides into no chunks, so padding is checked too."""
TOLERANCE = 2e-4
"""Relative. Adam divides by the size of the gradient, so a gradient of rounding size can move a weight either way."""


def losses(implementation: str, workload: str, form: str) -> list[float]:
    """The losses before each of the first steps."""
    length = workloads.WORKLOADS[workload].fixed_length or LENGTH
    if implementation == "jax":
        step = jax_models.training_step(workload, form, length, BATCH)
    else:
        step = torch_models.training_step(workload, form, length, BATCH, compiled=False)
    return [step() for _ in range(STEPS)]


def main() -> int:
    """Exit code 1 where two forms differ."""
    failed = False
    for workload in sys.argv[1:] or workloads.WORKLOADS:
        expected: list[float] | None = None
        for implementation in ("torch-eager", "jax"):
            for form in workloads.forms(implementation, workload):
                values = losses(implementation, workload, form)
                expected = expected or values
                error = max(abs(value / exact - 1) for value, exact in zip(values, expected, strict=True))
                failed |= not error < TOLERANCE
                print(f"{workload:13} {implementation:12} {form:16} {values[0]:.6f} {values[-1]:.6f} {error:.1e}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
