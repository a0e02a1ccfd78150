"""The workloads in PyTorch, eager or compiled.

Where a linear recurrence or a convolution can be computed in several ways, each is a form of its own; none loops over
all time steps in Python.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import parameters
import workloads as w


class Encoder(nn.Module):
    """One pre-norm block: attention, then a feed-forward network, each with a residual connection."""

    def __init__(self, width: int, heads: int, feed_forward: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.attention_norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.mix = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, feed_forward)
        self.contract = nn.Linear(feed_forward, width)

    def forward(self, hidden: Tensor) -> Tensor:
        normed = self.attention_norm(hidden)
        query, key, value = (
            part(normed).unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        context = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        hidden = hidden + self.mix(context.transpose(1, 2).flatten(2))
        return hidden + self.contract(F.gelu(self.expand(self.feed_forward_norm(hidden))))


class Transformer(nn.Module):
    """Sinusoidal positions and causal blocks."""

    def __init__(self, length: int) -> None:
        super().__init__()
        positions = torch.from_numpy(parameters.sinusoids(length, w.D_MODEL))
        self.register_buffer("positions", positions, persistent=False)
        self.layers = nn.Sequential(
            *(
                Encoder(w.D_MODEL, w.TRANSFORMER_HEADS, w.TRANSFORMER_FF, causal=True)
                for _ in range(w.TRANSFORMER_LAYERS)
            )
        )

    def forward(self, hidden: Tensor) -> Tensor:
        return self.layers(hidden + self.positions)


class Recurrent(nn.Module):
    """PyTorch's own recurrent layer, without its final state."""

    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.cell = kind(w.D_MODEL, w.D_MODEL, batch_first=True)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.cell(hidden)[0]


class LinearRnn(nn.Module):
    """`h(t) = h(t-1) W + x(t) U` with a dense `W`."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.recurrent = nn.Parameter(torch.empty(w.D_MODEL, w.D_MODEL))
        self.input = nn.Parameter(torch.empty(w.D_MODEL, w.D_MODEL))
        self.solve = {"scan": self.scan, "chunked": self.chunked}[form]

    def forward(self, hidden: Tensor) -> Tensor:
        return self.solve(hidden @ self.input)

    def scan(self, hidden: Tensor) -> Tensor:
        """After round k, `hidden` holds the last `2^k` terms of the sum over the past (Hillis and Steele's scan)."""
        length, reach, power = hidden.shape[1], 1, self.recurrent
        while reach < length:
            hidden = torch.cat([hidden[:, :reach], hidden[:, reach:] + hidden[:, :-reach] @ power], dim=1)
            reach *= 2
            power = power @ power
        return hidden

    def chunked(self, forcing: Tensor) -> Tensor:
        """All chunks at once step by step, then the chunks' last states one after the other, then their effect on
        the following chunk by one product with `W, W^2, ..`: little more work than the recurrence, in few calls."""
        batch, length, width = forcing.shape
        size = w.chunk_size(length)
        count = -(-length // size)
        chunks = F.pad(forcing, (0, 0, 0, count * size - length)).view(batch * count, size, width)
        # The gradient of `unbind` is one copy, that of indexing a copy of everything per step.
        state, *steps = chunks.unbind(1)
        states = [state]
        for step in steps:
            state = torch.addmm(step, state, self.recurrent)
            states.append(state)
        local = torch.stack(states, dim=1)

        powers = self.recurrent
        while powers.shape[1] < size * width:
            powers = torch.cat([powers, powers[:, -width:] @ powers], dim=1)
        *last, _ = state.view(batch, count, width).unbind(1)
        carry = forcing.new_zeros(batch, width)
        carries = [carry]
        for state in last:
            carry = torch.addmm(state, carry, powers[:, -width:])
            carries.append(carry)
        carried = torch.stack(carries, dim=1).view(batch * count, width)
        hidden = torch.addmm(local.view(batch * count, size * width), carried, powers)
        return hidden.view(batch, count * size, width)[:, :length]


class Lru(nn.Module):
    """The linear recurrent unit: a complex diagonal recurrence between two dense maps."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.log_decay = nn.Parameter(torch.empty(w.PAIRS))
        self.log_angle = nn.Parameter(torch.empty(w.PAIRS))
        self.log_gamma = nn.Parameter(torch.empty(w.PAIRS))
        self.input = nn.Parameter(torch.empty(w.D_MODEL, 2 * w.PAIRS))
        self.output = nn.Parameter(torch.empty(2 * w.PAIRS, w.D_MODEL))
        self.feed_through = nn.Parameter(torch.empty(w.D_MODEL))
        self.solve = {"fft": self.fft, "scan": self.scan, "chunked": self.chunked}[form]

    def forward(self, hidden: Tensor) -> Tensor:
        gamma = self.log_gamma.exp().repeat(2)
        states = self.solve(hidden @ (self.input * gamma))
        return states @ self.output + hidden * self.feed_through

    def rate(self) -> Tensor:
        """`log Lambda`."""
        return torch.complex(-self.log_decay.exp(), self.log_angle.exp())

    def fft(self, forcing: Tensor) -> Tensor:
        """The convolution with `Lambda^s`."""
        length = forcing.shape[1]
        signal = torch.complex(*forcing.transpose(1, 2).chunk(2, dim=1))
        kernel = torch.exp(self.rate()[:, None] * torch.arange(length))
        spectrum = torch.fft.fft(signal, n=2 * length) * torch.fft.fft(kernel, n=2 * length)
        states = torch.fft.ifft(spectrum)[..., :length]
        return torch.cat([states.real, states.imag], dim=1).transpose(1, 2)

    def scan(self, forcing: Tensor) -> Tensor:
        """Hillis and Steele's scan."""
        states = torch.complex(*forcing.chunk(2, dim=2))
        length, reach = forcing.shape[1], 1
        while reach < length:
            power = torch.exp(self.rate() * reach)
            states = torch.cat([states[:, :reach], states[:, reach:] + states[:, :-reach] * power], dim=1)
            reach *= 2
        return torch.cat([states.real, states.imag], dim=2)

    def chunked(self, forcing: Tensor) -> Tensor:
        """Toeplitz products within chunks and between them, one real product per state."""
        batch, length, _ = forcing.shape
        size = w.chunk_size(length)
        count = -(-length // size)
        padded = F.pad(forcing, (0, 0, 0, count * size - length)).view(batch, count, size, 2, w.PAIRS)
        chunks = padded.permute(4, 0, 1, 3, 2).reshape(w.PAIRS, batch * count, 2 * size)
        step = torch.arange(size)
        local = chunks @ self.power_map(step - step[:, None])

        last = local.view(w.PAIRS, batch, count, 2, size)[..., -1]
        chunk = torch.arange(count)
        between = self.power_map((chunk - chunk[:, None] - 1) * size)
        carry = last.transpose(2, 3).reshape(w.PAIRS, batch, 2 * count) @ between
        carry = carry.view(w.PAIRS, batch, 2, count).transpose(2, 3).reshape(w.PAIRS, batch * count, 2)
        states = torch.baddbmm(local, carry, self.power_map((step + 1)[None]))
        states = states.view(w.PAIRS, batch, count, 2, size).permute(1, 2, 4, 3, 0)
        return states.reshape(batch, count * size, 2 * w.PAIRS)[:, :length]

    def power_map(self, lags: Tensor) -> Tensor:
        """Complex multiplication by `Lambda^lag` (by 0 where the lag is negative) as a real map of rows and columns
        `[real parts, imaginary parts]`, for all states."""
        past = lags.clamp(min=0)
        size = torch.exp(-self.log_decay.exp()[:, None, None] * past) * (lags >= 0)
        angle = self.log_angle.exp()[:, None, None] * past
        real, imaginary = size * angle.cos(), size * angle.sin()
        return torch.cat([torch.cat([real, imaginary], dim=2), torch.cat([-imaginary, real], dim=2)], dim=1)


class Convolution(nn.Module):
    """A causal convolution per channel whose kernel is a sum of exponentials.

    The kernel comes `direct`, from an exponential per state and lag, or `split`, from those of few lags and a product;
    the convolution by `fft` or by a `toeplitz` product.
    """

    def __init__(self, form: str) -> None:
        super().__init__()
        kernel, convolve = form.split("-")
        self.split = kernel == "split"
        self.convolve = {"fft": convolve_fft, "toeplitz": convolve_toeplitz}[convolve]
        self.feed_through = nn.Parameter(torch.empty(w.D_MODEL))

    def rates_and_weights(self) -> tuple[Tensor, Tensor]:
        """Of the exponentials, each `[channels, states]`; the kernel is the real part of their sum."""
        raise NotImplementedError

    def forward(self, hidden: Tensor) -> Tensor:
        length = hidden.shape[1]
        rate, weight = self.rates_and_weights()
        if self.split:
            kernel = split_kernel(rate, weight, length)
        else:
            kernel = torch.einsum("hn,hnl->hl", weight, torch.exp(rate[..., None] * torch.arange(length)))
            kernel = kernel.real if kernel.is_complex() else kernel
        kernel = kernel + F.pad(self.feed_through[:, None], (0, length - 1))
        return self.convolve(hidden, kernel)


def split_kernel(rate: Tensor, weight: Tensor, length: int) -> Tensor:
    """`exp(r (c j + i)) = exp(r c j) exp(r i)`: far fewer exponentials, and the sum over states is a product."""
    size = w.chunk_size(length)
    count = -(-length // size)
    fine = torch.exp(rate[..., None] * torch.arange(size))
    coarse = torch.exp(rate[:, None] * (size * torch.arange(count))[:, None]) * weight[:, None]
    if rate.is_complex():
        fine = torch.cat([fine.real, fine.imag], dim=1)
        coarse = torch.cat([coarse.real, -coarse.imag], dim=2)
    return (coarse @ fine).flatten(1)[:, :length]


def convolve_fft(hidden: Tensor, kernel: Tensor) -> Tensor:
    """The convolution as a product of spectra, padded to twice the length."""
    length = hidden.shape[1]
    spectrum = torch.fft.rfft(hidden.transpose(1, 2), n=2 * length) * torch.fft.rfft(kernel, n=2 * length)
    return torch.fft.irfft(spectrum, n=2 * length)[..., :length].transpose(1, 2)


def convolve_toeplitz(hidden: Tensor, kernel: Tensor) -> Tensor:
    """The convolution as a matrix product per channel; time is reversed, so that all rows are windows of the kernel."""
    length = hidden.shape[1]
    matrix = F.pad(kernel, (length - 1, 0)).unfold(1, length, 1)
    return (hidden.flip(1).permute(2, 0, 1) @ matrix).permute(1, 2, 0)


class S4d(Convolution):
    """Complex diagonal state spaces, held constant over trainable time steps."""

    def __init__(self, form: str) -> None:
        super().__init__(form)
        self.log_step = nn.Parameter(torch.empty(w.D_MODEL))
        for name in ("log_decay", "frequency", "output_re", "output_im"):
            self.register_parameter(name, nn.Parameter(torch.empty(w.D_MODEL, w.PAIRS)))

    def rates_and_weights(self) -> tuple[Tensor, Tensor]:
        eigenvalue = torch.complex(-self.log_decay.exp(), self.frequency)
        rate = eigenvalue * self.log_step.exp()[:, None]
        output = torch.complex(self.output_re, self.output_im)
        return rate, 2 * output * (torch.exp(rate) - 1) / eigenvalue


class DiagonalSsm(Convolution):
    """Real diagonal state spaces with eigenvalues `-exp(w)`."""

    def __init__(self, form: str) -> None:
        super().__init__(form)
        self.eigenvalue = nn.Parameter(torch.empty(w.D_MODEL, w.SSM_STATES))
        self.output = nn.Parameter(torch.empty(w.D_MODEL, w.SSM_STATES))

    def rates_and_weights(self) -> tuple[Tensor, Tensor]:
        return -self.eigenvalue.exp(), self.output


class Tcn(nn.Module):
    """Causal convolutions with dilations 1, 2, 4, .., each followed by a ReLU and a residual connection."""

    def __init__(self, form: str) -> None:
        super().__init__()
        shape = (w.D_MODEL, w.D_MODEL, w.TCN_TAPS)
        self.weights = nn.ParameterList(nn.Parameter(torch.empty(shape)) for _ in range(w.TCN_LAYERS))
        self.biases = nn.ParameterList(nn.Parameter(torch.empty(w.D_MODEL)) for _ in range(w.TCN_LAYERS))
        self.solve = {"convolution": self.convolution, "products": self.products}[form]

    def forward(self, hidden: Tensor) -> Tensor:
        return self.solve(hidden)

    def convolution(self, hidden: Tensor) -> Tensor:
        """PyTorch's convolution, channels first."""
        hidden = hidden.transpose(1, 2)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            padded = F.pad(hidden, ((w.TCN_TAPS - 1) << layer, 0))
            hidden = hidden + F.relu(F.conv1d(padded, weight, bias, dilation=1 << layer))
        return hidden.transpose(1, 2)

    def products(self, hidden: Tensor) -> Tensor:
        """One product per layer with the taps side by side."""
        length = hidden.shape[1]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            padded = F.pad(hidden, (0, 0, (w.TCN_TAPS - 1) << layer, 0))
            taps = torch.cat([padded[:, tap << layer : (tap << layer) + length] for tap in range(w.TCN_TAPS)], dim=2)
            hidden = hidden + F.relu(F.linear(taps, weight.transpose(1, 2).flatten(1), bias))
        return hidden


class Sequence(nn.Module):
    """Input projection, body, output projection."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.input = nn.Linear(1, w.D_MODEL)
        self.body = body
        self.output = nn.Linear(w.D_MODEL, 1)

    def forward(self, signal: Tensor) -> Tensor:
        return self.output(self.body(self.input(signal)))


class Vit(nn.Module):
    """A vision Transformer that classifies by a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Linear(w.VIT_PATCH_INPUTS, w.VIT_WIDTH)
        self.class_token = nn.Parameter(torch.empty(1, 1, w.VIT_WIDTH))
        self.positions = nn.Parameter(torch.empty(1, w.VIT_TOKENS, w.VIT_WIDTH))
        self.layers = nn.Sequential(
            *(Encoder(w.VIT_WIDTH, w.VIT_HEADS, w.VIT_MLP, causal=False) for _ in range(w.VIT_LAYERS))
        )
        self.norm = nn.LayerNorm(w.VIT_WIDTH)
        self.head = nn.Linear(w.VIT_WIDTH, w.VIT_CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        side = w.VIT_IMAGE // w.VIT_PATCH
        patches = images.view(-1, w.VIT_CHANNELS, side, w.VIT_PATCH, side, w.VIT_PATCH)
        tokens = self.patch(patches.permute(0, 2, 4, 1, 3, 5).reshape(-1, w.VIT_PATCHES, w.VIT_PATCH_INPUTS))
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), tokens], dim=1) + self.positions
        return self.head(self.norm(self.layers(tokens)[:, 0]))


def model(workload: str, form: str, length: int) -> nn.Module:
    """The model with its initial parameters."""
    match workload:
        case "vit":
            built = Vit()
        case "transformer":
            built = Sequence(Transformer(length))
        case "lstm" | "gru" | "tanh-rnn":
            built = Sequence(Recurrent({"lstm": nn.LSTM, "gru": nn.GRU, "tanh-rnn": nn.RNN}[workload]))
        case _:
            body = {"linear-rnn": LinearRnn, "lru": Lru, "s4d": S4d, "diagonal-ssm": DiagonalSsm, "tcn": Tcn}[workload]
            built = Sequence(body(form))
    built.load_state_dict({name: torch.from_numpy(value) for name, value in parameters.initial(workload).items()})
    return built


def training_step(workload: str, form: str, length: int, batch: int, compiled: bool) -> Callable[[], float]:
    """One training step; it returns the loss before the step."""
    net = model(workload, form, length)
    inputs, target = (torch.from_numpy(array) for array in parameters.data(workload, length, batch))
    criterion = F.cross_entropy if workload == "vit" else F.mse_loss

    def objective() -> Tensor:
        return criterion(net(inputs), target)

    if compiled:
        objective = torch.compile(objective)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, fused=True)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = objective()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def prepare(threads: int) -> None:
    """PyTorch's settings for so many threads. Subnormal numbers, of which decaying kernels are full, cost nothing."""
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.set_flush_denormal(True)
