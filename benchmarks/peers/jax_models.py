"""The workloads in JAX: pure functions of a dictionary of parameters, and AdamW.

Parameters carry PyTorch's names and layouts (see `parameters.py`); the forms are those of `torch_models.py`.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

import parameters
import workloads as w

Parameters = dict[str, Array]
LEARNING_RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
UNROLL = 8
"""Time steps per iteration of the unrolled scans."""


def linear(p: Parameters, name: str, inputs: Array) -> Array:
    """`inputs W^T + b`, without `b` where there is none."""
    product = inputs @ p[f"{name}.weight"].T
    return product + p[f"{name}.bias"] if f"{name}.bias" in p else product


def layer_norm(p: Parameters, name: str, inputs: Array) -> Array:
    """PyTorch's layer norm with its default epsilon."""
    centred = inputs - inputs.mean(-1, keepdims=True)
    variance = jnp.square(centred).mean(-1, keepdims=True)
    return centred * lax.rsqrt(variance + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]


def encoder(p: Parameters, name: str, hidden: Array, heads: int, causal: bool) -> Array:
    """One pre-norm block: attention, then a feed-forward network, each with a residual connection."""
    batch, length, width = hidden.shape
    normed = layer_norm(p, f"{name}.attention_norm", hidden)
    query, key, value = (
        linear(p, f"{name}.{part}", normed).reshape(batch, length, heads, width // heads)
        for part in ("query", "key", "value")
    )
    context = jax.nn.dot_product_attention(query, key, value, is_causal=causal)
    hidden = hidden + linear(p, f"{name}.mix", context.reshape(batch, length, width))
    expanded = linear(p, f"{name}.expand", layer_norm(p, f"{name}.feed_forward_norm", hidden))
    return hidden + linear(p, f"{name}.contract", jax.nn.gelu(expanded, approximate=False))


def transformer(_form: str, p: Parameters, hidden: Array) -> Array:
    """Sinusoidal positions and causal blocks."""
    hidden = hidden + parameters.sinusoids(hidden.shape[1], w.D_MODEL)
    for layer in range(w.TRANSFORMER_LAYERS):
        hidden = encoder(p, f"body.layers.{layer}", hidden, w.TRANSFORMER_HEADS, causal=True)
    return hidden


def _scan(form: str, cell: Callable, state: Array | tuple[Array, ...], projected: Array) -> Array:
    """Runs the cell over the time steps of a `[length, batch, channels]` array; batch first in the result."""
    _, outputs = lax.scan(cell, state, projected, unroll=UNROLL if form == "unrolled-scan" else 1)
    return outputs.transpose(1, 0, 2)


def _projected(p: Parameters, hidden: Array) -> Array:
    """The input's part of all gates, `[length, batch, gates]`: one product ahead of the scan."""
    return hidden.transpose(1, 0, 2) @ p["body.cell.weight_ih_l0"].T + p["body.cell.bias_ih_l0"]


def lstm(form: str, p: Parameters, hidden: Array) -> Array:
    """PyTorch's LSTM, one layer."""
    recurrent, bias = p["body.cell.weight_hh_l0"].T, p["body.cell.bias_hh_l0"]

    def cell(state: tuple[Array, Array], projected: Array) -> tuple[tuple[Array, Array], Array]:
        output, memory = state
        enter, forget, candidate, leave = jnp.split(projected + output @ recurrent, 4, axis=1)
        memory = jax.nn.sigmoid(forget) * memory + jax.nn.sigmoid(enter) * jnp.tanh(candidate)
        output = jax.nn.sigmoid(leave) * jnp.tanh(memory)
        return (output, memory), output

    zeros = jnp.zeros((hidden.shape[0], w.D_MODEL))
    return _scan(form, cell, (zeros, zeros), _projected(p, hidden) + bias)


def gru(form: str, p: Parameters, hidden: Array) -> Array:
    """PyTorch's GRU, one layer."""
    recurrent, bias = p["body.cell.weight_hh_l0"].T, p["body.cell.bias_hh_l0"]

    def cell(state: Array, projected: Array) -> tuple[Array, Array]:
        reset_x, update_x, new_x = jnp.split(projected, 3, axis=1)
        reset_h, update_h, new_h = jnp.split(state @ recurrent + bias, 3, axis=1)
        update = jax.nn.sigmoid(update_x + update_h)
        new = jnp.tanh(new_x + jax.nn.sigmoid(reset_x + reset_h) * new_h)
        state = new + update * (state - new)
        return state, state

    return _scan(form, cell, jnp.zeros((hidden.shape[0], w.D_MODEL)), _projected(p, hidden))


def tanh_rnn(form: str, p: Parameters, hidden: Array) -> Array:
    """PyTorch's RNN with tanh, one layer."""
    recurrent, bias = p["body.cell.weight_hh_l0"].T, p["body.cell.bias_hh_l0"]

    def cell(state: Array, projected: Array) -> tuple[Array, Array]:
        state = jnp.tanh(projected + state @ recurrent)
        return state, state

    return _scan(form, cell, jnp.zeros((hidden.shape[0], w.D_MODEL)), _projected(p, hidden) + bias)


def _pad_time(signal: Array, before: int, after: int) -> Array:
    """Zeros before and after along dimension 1."""
    return jnp.pad(signal, ((0, 0), (before, after), (0, 0)))


def linear_rnn(form: str, p: Parameters, hidden: Array) -> Array:
    """`h(t) = h(t-1) W + x(t) U` with a dense `W`."""
    forcing = hidden @ p["body.input"]
    return {"scan": _linear_scan, "chunked": _linear_chunked, "sequential": _linear_sequential}[form](
        p["body.recurrent"], forcing
    )


def _linear_sequential(recurrent: Array, forcing: Array) -> Array:
    """Step by step."""

    def cell(state: Array, forced: Array) -> tuple[Array, Array]:
        state = forced + state @ recurrent
        return state, state

    return _scan("scan", cell, jnp.zeros_like(forcing[:, 0]), forcing.transpose(1, 0, 2))


def _linear_scan(recurrent: Array, hidden: Array) -> Array:
    """Hillis and Steele's scan."""
    length, reach, power = hidden.shape[1], 1, recurrent
    while reach < length:
        hidden = jnp.concatenate([hidden[:, :reach], hidden[:, reach:] + hidden[:, :-reach] @ power], axis=1)
        reach *= 2
        power = power @ power
    return hidden


def _linear_chunked(recurrent: Array, forcing: Array) -> Array:
    """All chunks at once step by step, their last states one after the other, then the effect of those."""
    batch, length, width = forcing.shape
    size = w.chunk_size(length)
    count = -(-length // size)
    chunks = _pad_time(forcing, 0, count * size - length).reshape(batch * count, size, width)
    local = _linear_sequential(recurrent, chunks)
    powers = recurrent
    while powers.shape[1] < size * width:
        powers = jnp.concatenate([powers, powers[:, -width:] @ powers], axis=1)
    last = local[:, -1].reshape(batch, count, width)
    carry = _pad_time(_linear_sequential(powers[:, -width:], last)[:, :-1], 1, 0)
    effect = carry.reshape(batch * count, width) @ powers
    hidden = local.reshape(batch * count, size * width) + effect
    return hidden.reshape(batch, count * size, width)[:, :length]


def lru(form: str, p: Parameters, hidden: Array) -> Array:
    """The linear recurrent unit: a complex diagonal recurrence between two dense maps."""
    gamma = jnp.tile(jnp.exp(p["body.log_gamma"]), 2)
    forcing = hidden @ (p["body.input"] * gamma)
    decay, angle = jnp.exp(p["body.log_decay"]), jnp.exp(p["body.log_angle"])
    states = {"fft": _lru_fft, "scan": _lru_scan, "chunked": _lru_chunked}[form](decay, angle, forcing)
    return states @ p["body.output"] + hidden * p["body.feed_through"]


def _lru_fft(decay: Array, angle: Array, forcing: Array) -> Array:
    """The convolution with `Lambda^s`."""
    length = forcing.shape[1]
    real, imaginary = jnp.split(forcing.transpose(0, 2, 1), 2, axis=1)
    kernel = jnp.exp(lax.complex(-decay, angle)[:, None] * jnp.arange(length))
    spectrum = jnp.fft.fft(lax.complex(real, imaginary), n=2 * length) * jnp.fft.fft(kernel, n=2 * length)
    states = jnp.fft.ifft(spectrum)[..., :length]
    return jnp.concatenate([states.real, states.imag], axis=1).transpose(0, 2, 1)


def _lru_scan(decay: Array, angle: Array, forcing: Array) -> Array:
    """JAX's associative scan."""
    real, imaginary = jnp.split(forcing, 2, axis=2)
    eigenvalue = jnp.broadcast_to(jnp.exp(lax.complex(-decay, angle)), (1, forcing.shape[1], w.PAIRS))

    def combine(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
        return first[0] * second[0], second[0] * first[1] + second[1]

    _, states = lax.associative_scan(combine, (eigenvalue, lax.complex(real, imaginary)), axis=1)
    return jnp.concatenate([states.real, states.imag], axis=2)


def _lru_chunked(decay: Array, angle: Array, forcing: Array) -> Array:
    """Toeplitz products within chunks and between them, one real product per state."""
    batch, length, _ = forcing.shape
    size = w.chunk_size(length)
    count = -(-length // size)

    def power_map(lags: Array) -> Array:
        """Complex multiplication by `Lambda^lag`, by 0 where the lag is negative, as a real map."""
        past = jnp.maximum(lags, 0)
        scale = jnp.exp(-decay[:, None, None] * past) * (lags >= 0)
        phase = angle[:, None, None] * past
        real, imaginary = scale * jnp.cos(phase), scale * jnp.sin(phase)
        rows = [jnp.concatenate(pair, axis=2) for pair in ((real, imaginary), (-imaginary, real))]
        return jnp.concatenate(rows, axis=1)

    padded = _pad_time(forcing, 0, count * size - length).reshape(batch, count, size, 2, w.PAIRS)
    chunks = padded.transpose(4, 0, 1, 3, 2).reshape(w.PAIRS, batch * count, 2 * size)
    step, chunk = jnp.arange(size), jnp.arange(count)
    local = chunks @ power_map(step - step[:, None])
    last = local.reshape(w.PAIRS, batch, count, 2, size)[..., -1]
    carry = last.swapaxes(2, 3).reshape(w.PAIRS, batch, 2 * count) @ power_map((chunk - chunk[:, None] - 1) * size)
    carry = carry.reshape(w.PAIRS, batch, 2, count).swapaxes(2, 3).reshape(w.PAIRS, batch * count, 2)
    states = (local + carry @ power_map((step + 1)[None])).reshape(w.PAIRS, batch, count, 2, size)
    return states.transpose(1, 2, 4, 3, 0).reshape(batch, count * size, 2 * w.PAIRS)[:, :length]


def _kernel_convolution(form: str, rate: Array, weight: Array, feed_through: Array, hidden: Array) -> Array:
    """A causal convolution per channel with the real part of a sum of exponentials and a feed-through."""
    length = hidden.shape[1]
    kernel_form, convolution_form = form.split("-")
    if kernel_form == "split":
        kernel = _split_kernel(rate, weight, length)
    else:
        kernel = jnp.einsum("hn,hnl->hl", weight, jnp.exp(rate[..., None] * jnp.arange(length))).real
    kernel = kernel + jnp.pad(feed_through[:, None], ((0, 0), (0, length - 1)))
    return {"fft": _convolve_fft, "toeplitz": _convolve_toeplitz}[convolution_form](hidden, kernel)


def _split_kernel(rate: Array, weight: Array, length: int) -> Array:
    """`exp(r (c j + i)) = exp(r c j) exp(r i)`: far fewer exponentials, and the sum over states is a product."""
    size = w.chunk_size(length)
    count = -(-length // size)
    fine = jnp.exp(rate[..., None] * jnp.arange(size))
    coarse = jnp.exp(rate[:, None] * (size * jnp.arange(count))[:, None]) * weight[:, None]
    if jnp.iscomplexobj(rate):
        fine = jnp.concatenate([fine.real, fine.imag], axis=1)
        coarse = jnp.concatenate([coarse.real, -coarse.imag], axis=2)
    return (coarse @ fine).reshape(len(rate), count * size)[:, :length]


def _convolve_fft(hidden: Array, kernel: Array) -> Array:
    """The convolution as a product of spectra, padded to twice the length."""
    length = hidden.shape[1]
    spectrum = jnp.fft.rfft(hidden.transpose(0, 2, 1), n=2 * length) * jnp.fft.rfft(kernel, n=2 * length)
    return jnp.fft.irfft(spectrum, n=2 * length)[..., :length].transpose(0, 2, 1)


def _convolve_toeplitz(hidden: Array, kernel: Array) -> Array:
    """The convolution as a matrix product per channel.

    Rows of length `2 L` read as rows of length `2 L - 1` shift by one step each: no gather, so the backward pass has no
    scatter.
    """
    channels, length = kernel.shape
    row = jnp.pad(kernel, ((0, 0), (0, length)))
    flat = jnp.tile(row, (1, length))[:, : length * (2 * length - 1)]
    matrix = flat.reshape(channels, length, 2 * length - 1)[:, :, :length]
    return jnp.einsum("bsh,hst->bth", hidden, matrix)


def s4d(form: str, p: Parameters, hidden: Array) -> Array:
    """Complex diagonal state spaces, held constant over trainable time steps."""
    eigenvalue = lax.complex(-jnp.exp(p["body.log_decay"]), p["body.frequency"])
    rate = eigenvalue * jnp.exp(p["body.log_step"])[:, None]
    output = lax.complex(p["body.output_re"], p["body.output_im"])
    weight = 2 * output * (jnp.exp(rate) - 1) / eigenvalue
    return _kernel_convolution(form, rate, weight, p["body.feed_through"], hidden)


def diagonal_ssm(form: str, p: Parameters, hidden: Array) -> Array:
    """Real diagonal state spaces with eigenvalues `-exp(w)`."""
    return _kernel_convolution(form, -jnp.exp(p["body.eigenvalue"]), p["body.output"], p["body.feed_through"], hidden)


def tcn(form: str, p: Parameters, hidden: Array) -> Array:
    """Causal convolutions with dilations 1, 2, 4, .., each followed by a ReLU and a residual connection."""
    length = hidden.shape[1]
    for layer in range(w.TCN_LAYERS):
        weight, dilation = p[f"body.weights.{layer}"], 1 << layer
        padding = (w.TCN_TAPS - 1) * dilation
        if form == "convolution":
            product = lax.conv_general_dilated(
                hidden, weight, (1,), [(padding, 0)], rhs_dilation=(dilation,), dimension_numbers=("NHC", "OIH", "NHC")
            )
        else:
            padded = _pad_time(hidden, padding, 0)
            taps = [padded[:, tap * dilation : tap * dilation + length] for tap in range(w.TCN_TAPS)]
            product = jnp.concatenate(taps, axis=2) @ weight.transpose(2, 1, 0).reshape(-1, w.D_MODEL)
        hidden = hidden + jax.nn.relu(product + p[f"body.biases.{layer}"])
    return hidden


def vit(p: Parameters, images: Array) -> Array:
    """A vision Transformer that classifies by a class token."""
    side = w.VIT_IMAGE // w.VIT_PATCH
    patches = images.reshape(-1, w.VIT_CHANNELS, side, w.VIT_PATCH, side, w.VIT_PATCH)
    patches = patches.transpose(0, 2, 4, 1, 3, 5).reshape(-1, w.VIT_PATCHES, w.VIT_PATCH_INPUTS)
    class_token = jnp.broadcast_to(p["class_token"], (len(images), 1, w.VIT_WIDTH))
    tokens = jnp.concatenate([class_token, linear(p, "patch", patches)], axis=1) + p["positions"]
    for layer in range(w.VIT_LAYERS):
        tokens = encoder(p, f"layers.{layer}", tokens, w.VIT_HEADS, causal=False)
    return linear(p, "head", layer_norm(p, "norm", tokens[:, 0]))


_BODIES = {
    "transformer": transformer,
    "lstm": lstm,
    "gru": gru,
    "tanh-rnn": tanh_rnn,
    "linear-rnn": linear_rnn,
    "lru": lru,
    "s4d": s4d,
    "diagonal-ssm": diagonal_ssm,
    "tcn": tcn,
}


def loss(workload: str, form: str, p: Parameters, inputs: Array, target: Array) -> Array:
    """Mean squared error, or cross entropy of the ViT."""
    if workload == "vit":
        scores = jax.nn.log_softmax(vit(p, inputs))
        return -jnp.take_along_axis(scores, target[:, None], axis=1).mean()
    output = linear(p, "output", _BODIES[workload](form, p, linear(p, "input", inputs)))
    return jnp.square(output - target).mean()


def adamw(p: Parameters, moments: tuple[Parameters, Parameters], count: Array, gradients: Parameters) -> tuple:
    """AdamW without weight decay: the parameters and moments after the step."""
    first = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, moments[0], gradients)
    second = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, moments[1], gradients)
    rate = LEARNING_RATE / (1 - BETA_1**count)
    correction = lax.rsqrt(1 - BETA_2**count)
    p = jax.tree.map(lambda x, m, v: x - rate * m / (jnp.sqrt(v) * correction + EPSILON), p, first, second)
    return p, (first, second)


def training_step(workload: str, form: str, length: int, batch: int) -> Callable[[], float]:
    """One training step; it returns the loss before the step."""
    objective = partial(loss, workload, form)

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def update(p: Parameters, moments: tuple[Parameters, Parameters], count: Array, *batch: Array) -> tuple:
        value, gradients = jax.value_and_grad(objective)(p, *batch)
        count = count + 1
        return *adamw(p, moments, count, gradients), count, value

    p = {name: jnp.asarray(value) for name, value in parameters.initial(workload).items()}
    moments = tuple({name: jnp.zeros_like(value) for name, value in p.items()} for _ in range(2))
    state = (p, moments, jnp.zeros(()))
    data = tuple(jnp.asarray(array) for array in parameters.data(workload, length, batch))

    def step() -> float:
        nonlocal state
        *state, value = update(*state, *data)
        jax.block_until_ready(state)
        return float(value)

    return step
