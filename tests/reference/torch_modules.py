"""Reference values from PyTorch for models/tests/pytorch.rs.

Usage:  python tests/reference/torch_modules.py     (needs torch, safetensors)

Writes tests/reference/pytorch.safetensors. Every case `c` has its input `c.x`, weights `c.w.NAME`, output `c.y`,
gradients `c.g.NAME` and `c.gx` of the scalar loss sum(y * c.r) with fixed random r. Weights are drawn and
differentiated in float64, then everything is stored in float32. Names of weights are PyTorch's own.
"""

import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(20240601)
torch.set_default_dtype(torch.float64)
tensors = {}


def record(case, module, call, x):
    """Rounds inputs and weights to float32 values first, so that the stored case is exact."""
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_((weight + 0.1 * torch.randn_like(weight)).float().double())
    x = x.float().double().requires_grad_()
    y = call(x)
    r = torch.randn_like(y).float().double()
    (y * r).sum().backward()
    tensors.update({f"{case}.x": x, f"{case}.y": y, f"{case}.r": r, f"{case}.gx": x.grad})
    for name, weight in module.named_parameters():
        tensors[f"{case}.w.{name}"] = weight
        tensors[f"{case}.g.{name}"] = weight.grad


batch, length, d = 2, 7, 6

for case, kind in [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)]:
    module = kind(d, d, batch_first=True)
    record(case, module, lambda x: module(x)[0], torch.randn(batch, length, d))

causal = nn.Transformer.generate_square_subsequent_mask(length, dtype=torch.float64)
for case, mask in [("attention", None), ("attention_causal", causal)]:
    module = nn.MultiheadAttention(d, 2, batch_first=True)
    record(case, module, lambda x: module(x, x, x, attn_mask=mask, need_weights=False)[0], torch.randn(batch, length, d))

module = nn.TransformerEncoderLayer(d, 2, 10, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
record("encoder", module, lambda x: module(x, src_mask=causal), torch.randn(batch, length, d))

for kernel_size, dilation in [(3, 2), (2, 4), (4, 3)]:
    # The last of these reaches back to before the start.
    module = nn.Conv1d(d, d, kernel_size, dilation=dilation)
    pad = (kernel_size - 1) * dilation

    def call(x):
        return module(nn.functional.pad(x.transpose(1, 2), (pad, 0))).transpose(1, 2)

    record(f"conv_{kernel_size}_{dilation}", module, call, torch.randn(batch, length, d))

path = pathlib.Path(__file__).with_name("pytorch.safetensors")
save_file({name: tensor.detach().float().contiguous() for name, tensor in tensors.items()}, path)
