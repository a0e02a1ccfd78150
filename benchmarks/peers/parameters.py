"""Initial parameters and data, from NumPy, so that both frameworks train the same model on the same batch.

Names and layouts are those of PyTorch's `state_dict`; linear maps are `[outputs, inputs]`. The parameters of the linear
recurrences and state-space models are laid out as in Lookback's models.
"""

import math

import numpy as np

import workloads as w

Array = np.ndarray
Parameters = dict[str, Array]


class _Draw:
    """Draws named parameters."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.parameters: Parameters = {}

    def put(self, name: str, values: Array) -> None:
        self.parameters[name] = values.astype(np.float32)

    def uniform(self, name: str, *shape: int, bound: float) -> None:
        self.put(name, self.rng.uniform(-bound, bound, shape))

    def normal(self, name: str, *shape: int, std: float = 1.0) -> None:
        self.put(name, self.rng.normal(0.0, std, shape))

    def linear(self, name: str, inputs: int, outputs: int, bias: bool = True) -> None:
        bound = 1 / math.sqrt(inputs)
        self.uniform(f"{name}.weight", outputs, inputs, bound=bound)
        if bias:
            self.uniform(f"{name}.bias", outputs, bound=bound)

    def norm(self, name: str, width: int) -> None:
        self.put(f"{name}.weight", np.ones(width))
        self.put(f"{name}.bias", np.zeros(width))

    def encoder(self, name: str, width: int, feed_forward: int) -> None:
        self.norm(f"{name}.attention_norm", width)
        self.linear(f"{name}.query", width, width)
        # A bias of the keys adds the same to all scores of a query, which the softmax cancels.
        self.linear(f"{name}.key", width, width, bias=False)
        self.linear(f"{name}.value", width, width)
        self.linear(f"{name}.mix", width, width)
        self.norm(f"{name}.feed_forward_norm", width)
        self.linear(f"{name}.expand", width, feed_forward)
        self.linear(f"{name}.contract", feed_forward, width)


def _transformer(draw: _Draw) -> None:
    for layer in range(w.TRANSFORMER_LAYERS):
        draw.encoder(f"body.layers.{layer}", w.D_MODEL, w.TRANSFORMER_FF)


def _recurrent(draw: _Draw, gates: int) -> None:
    n = w.D_MODEL
    for name, *shape in (("weight", gates * n, n), ("bias", gates * n)):
        for source in ("ih", "hh"):
            draw.uniform(f"body.cell.{name}_{source}_l0", *shape, bound=1 / math.sqrt(n))


def _linear_rnn(draw: _Draw) -> None:
    for name in ("recurrent", "input"):
        draw.uniform(f"body.{name}", w.D_MODEL, w.D_MODEL, bound=1 / math.sqrt(w.D_MODEL))


def _lru(draw: _Draw) -> None:
    squared_radius = draw.rng.uniform(0.0, 0.99**2, w.PAIRS) + 1e-6
    draw.put("body.log_decay", np.log(-0.5 * np.log(squared_radius)))
    draw.put("body.log_angle", np.log(2 * math.pi * (1 - draw.rng.random(w.PAIRS))))
    draw.put("body.log_gamma", 0.5 * np.log1p(-squared_radius))
    draw.normal("body.input", w.D_MODEL, 2 * w.PAIRS, std=math.sqrt(0.5 / w.D_MODEL))
    draw.normal("body.output", 2 * w.PAIRS, w.D_MODEL, std=math.sqrt(1 / w.PAIRS))
    draw.normal("body.feed_through", w.D_MODEL)


def _s4d(draw: _Draw) -> None:
    shape = (w.D_MODEL, w.PAIRS)
    draw.put("body.log_step", draw.rng.uniform(math.log(1e-3), math.log(1e-1), w.D_MODEL))
    draw.put("body.log_decay", np.full(shape, math.log(0.5)))
    draw.put("body.frequency", np.broadcast_to(math.pi * np.arange(w.PAIRS), shape))
    draw.normal("body.output_re", *shape, std=math.sqrt(0.5))
    draw.normal("body.output_im", *shape, std=math.sqrt(0.5))
    draw.normal("body.feed_through", w.D_MODEL)


def _diagonal_ssm(draw: _Draw) -> None:
    shape = (w.D_MODEL, w.SSM_STATES)
    log_rate = draw.rng.uniform(math.log(1e-2), 0.0, shape)
    draw.put("body.eigenvalue", log_rate)
    scale = np.sqrt(-np.expm1(-2 * np.exp(log_rate)) / w.SSM_STATES)
    draw.put("body.output", draw.rng.normal(size=shape) * scale)
    draw.normal("body.feed_through", w.D_MODEL)


def _tcn(draw: _Draw) -> None:
    bound = 1 / math.sqrt(w.TCN_TAPS * w.D_MODEL)
    for layer in range(w.TCN_LAYERS):
        draw.uniform(f"body.weights.{layer}", w.D_MODEL, w.D_MODEL, w.TCN_TAPS, bound=bound)
        draw.uniform(f"body.biases.{layer}", w.D_MODEL, bound=bound)


def _vit(draw: _Draw) -> None:
    draw.linear("patch", w.VIT_PATCH_INPUTS, w.VIT_WIDTH)
    draw.normal("class_token", 1, 1, w.VIT_WIDTH, std=0.02)
    draw.normal("positions", 1, w.VIT_TOKENS, w.VIT_WIDTH, std=0.02)
    for layer in range(w.VIT_LAYERS):
        draw.encoder(f"layers.{layer}", w.VIT_WIDTH, w.VIT_MLP)
    draw.norm("norm", w.VIT_WIDTH)
    draw.linear("head", w.VIT_WIDTH, w.VIT_CLASSES)


_BODIES = {
    "transformer": _transformer,
    "lstm": lambda draw: _recurrent(draw, 4),
    "gru": lambda draw: _recurrent(draw, 3),
    "tanh-rnn": lambda draw: _recurrent(draw, 1),
    "linear-rnn": _linear_rnn,
    "lru": _lru,
    "s4d": _s4d,
    "diagonal-ssm": _diagonal_ssm,
    "tcn": _tcn,
}


def initial(workload: str, seed: int = 0) -> Parameters:
    """The parameters before training, by their PyTorch names."""
    draw = _Draw(seed)
    if workload == "vit":
        _vit(draw)
    else:
        draw.linear("input", 1, w.D_MODEL)
        _BODIES[workload](draw)
        draw.linear("output", w.D_MODEL, 1)
    return draw.parameters


def data(workload: str, length: int, batch: int, seed: int = 1) -> tuple[Array, Array]:
    """One batch: white noise in, white noise (or class labels) as the target. No cost depends on the values."""
    rng = np.random.default_rng(seed)
    if workload == "vit":
        images = rng.normal(size=(batch, w.VIT_CHANNELS, w.VIT_IMAGE, w.VIT_IMAGE)).astype(np.float32)
        return images, rng.integers(w.VIT_CLASSES, size=batch)
    shape = (batch, length, 1)
    return rng.normal(size=shape).astype(np.float32), rng.normal(size=shape).astype(np.float32)


def sinusoids(length: int, width: int) -> Array:
    """Sines and cosines of time in alternating channels, `[length, width]` (Vaswani et al., 2017)."""
    channel = np.arange(width)
    angle = np.arange(length)[:, None] * 10_000.0 ** (-(channel - channel % 2) / width)
    return np.where(channel % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32)
