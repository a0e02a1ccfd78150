"""The workloads: names, sizes, the forms in which each framework can compute them, and their FLOPs.

Only the standard library is imported, so that the driver stays small: on Linux a process starts with the peak memory
of the one that started it.
"""

from collections.abc import Callable
from dataclasses import dataclass

D_MODEL = 64
"""Channels between input and output projection, of all workloads but the ViT."""

TRANSFORMER_LAYERS, TRANSFORMER_HEADS, TRANSFORMER_FF = 2, 4, 256
PAIRS = 32
"""Complex states of the LRU, and of each S4D channel: 64 real states."""
SSM_STATES = 64
"""Real states of each channel of the real diagonal state-space model."""
TCN_LAYERS, TCN_TAPS = 6, 4
VIT_IMAGE, VIT_CHANNELS, VIT_PATCH, VIT_CLASSES = 32, 3, 4, 10
VIT_WIDTH, VIT_LAYERS, VIT_HEADS, VIT_MLP = 192, 6, 3, 768
VIT_PATCHES = (VIT_IMAGE // VIT_PATCH) ** 2
VIT_PATCH_INPUTS = VIT_CHANNELS * VIT_PATCH**2
VIT_TOKENS = VIT_PATCHES + 1

IMPLEMENTATIONS = ("torch-eager", "torch-compile", "jax")

GFLOPS_PER_CORE = 130.0
"""The speed of matrix products that the floor assumes, in GFLOP/s per core."""


@dataclass(frozen=True)
class Workload:
    """What is trained, without any framework."""

    name: str
    forms: dict[str, tuple[str, ...]]
    """For `torch` and `jax`, the mathematically equal ways to compute it, of which the fastest counts."""
    flops: Callable[[int], int] | None
    """FLOPs of the matrix products of one step and one sequence of the given length; none where the number depends
    on the algorithm."""
    fixed_length: int | None = None
    """The only length, where the input is not a sequence."""

    def lengths(self, asked: list[int]) -> list[int]:
        """Those lengths, or the only one that there is."""
        return asked if self.fixed_length is None else [self.fixed_length]

    def floor_ms(self, length: int, batch: int, threads: int) -> float | None:
        """The time that the matrix products alone take at `GFLOPS_PER_CORE`."""
        if self.flops is None:
            return None
        return batch * self.flops(length) / (threads * GFLOPS_PER_CORE * 1e6)


def chunk_size(length: int) -> int:
    """The power of two next to the square root of the length: two-level algorithms balance there."""
    return 1 << max(1, round((length - 1).bit_length() / 2))


def _dense(inputs: int, outputs: int) -> int:
    """Forward, gradient of the input, gradient of the weights: three products of 2 FLOPs per weight."""
    return 3 * 2 * inputs * outputs


def _projections() -> int:
    """Input and output projection per time step; nothing asks for the gradient of the model's input."""
    return 2 * 2 * D_MODEL + _dense(D_MODEL, 1)


def _encoder_layer(width: int, feed_forward: int, tokens: int, attended: float) -> int:
    """Four projections, the feed-forward network, scores and weighted values of `attended` tokens per token."""
    dense = 4 * _dense(width, width) + 2 * _dense(width, feed_forward)
    return round(tokens * (dense + 3 * 2 * 2 * width * attended))


def _transformer(length: int) -> int:
    layer = _encoder_layer(D_MODEL, TRANSFORMER_FF, length, (length + 1) / 2)
    return length * _projections() + TRANSFORMER_LAYERS * layer


def _vit(_length: int) -> int:
    layer = _encoder_layer(VIT_WIDTH, VIT_MLP, VIT_TOKENS, VIT_TOKENS)
    patches = VIT_PATCHES * 2 * 2 * VIT_PATCH_INPUTS * VIT_WIDTH
    return patches + VIT_LAYERS * layer + _dense(VIT_WIDTH, VIT_CLASSES)


def _per_step(square_maps: int) -> Callable[[int], int]:
    """FLOPs of a body with so many `D_MODEL` x `D_MODEL` maps per time step."""
    return lambda length: length * (_projections() + square_maps * _dense(D_MODEL, D_MODEL))


_KERNEL_FORMS = ("direct-fft", "direct-toeplitz", "split-fft", "split-toeplitz")


def _both(*forms: str) -> dict[str, tuple[str, ...]]:
    return {"torch": forms, "jax": forms}


_RECURRENT = {"torch": ("nn",), "jax": ("scan", "unrolled-scan")}

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("transformer", _both("attention"), _transformer),
        Workload("lstm", _RECURRENT, _per_step(8)),
        Workload("gru", _RECURRENT, _per_step(6)),
        Workload("tanh-rnn", _RECURRENT, _per_step(2)),
        Workload("linear-rnn", {"torch": ("scan", "chunked"), "jax": ("scan", "chunked", "sequential")}, _per_step(2)),
        Workload("lru", _both("fft", "scan", "chunked"), _per_step(2)),
        Workload("s4d", _both(*_KERNEL_FORMS), None),
        Workload("diagonal-ssm", _both(*_KERNEL_FORMS), None),
        Workload("tcn", _both("convolution", "products"), _per_step(TCN_LAYERS * TCN_TAPS)),
        Workload("vit", _both("attention"), _vit, fixed_length=VIT_TOKENS),
    )
}


def forms(implementation: str, workload: str) -> tuple[str, ...]:
    """The ways in which the implementation can compute the workload."""
    return WORKLOADS[workload].forms[implementation.partition("-")[0]]
