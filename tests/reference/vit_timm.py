"""Reference values of the Vision Transformer from timm.

Usage:  python tests/reference/vit_timm.py     (needs torch, timm, safetensors; made with timm 1.0.31)

Writes tests/reference/vit_timm.safetensors, and prints the parameter counts of timm's vit_tiny and vit_small for images
of 32 x 32 in patches of 4 and 10 classes: 5,362,762 and 21,342,346.

The file holds two models of 2 pre-norm layers, width 12, 3 heads and a feed-forward network of 24, for images of
8 x 8 x 3 in patches of 4 and 5 classes, under timm's own names:

- pooled by the class token: weights `NAME`, `logits` [2, 5], and the gradients `gradient.NAME` of the scalar
  sum(logits * weights) with fixed random `weights` [2, 5];
- pooled by the mean of all tokens, without a class token: weights `avg.NAME`, `avg.logits`.
  timm then normalises the mean (`fc_norm`), not the tokens (`norm`).

Both see `input` [2, 3, 8, 8]. Rows of `qkv` are queries, keys and values, each head by head. The softmax cancels the
biases of the keys, so that their gradient is 0 but for rounding. Everything is computed in float64 from values that
float32 holds exactly, then stored in float32.
"""

import math
import pathlib

import timm
import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from torch import nn

COUNTS = {"vit_tiny_patch16_224": 5_362_762, "vit_small_patch16_224": 21_342_346}


def draw(shape, deviation, mean=0.0):
    return (mean + deviation * torch.randn(shape)).float().double()


def build(pool):
    """A model in which every part matters: tokens start small (a standard deviation of about 0.1), so that the first
    norm's epsilon shows, and maps are large enough for attention far from uniform."""
    model = VisionTransformer(
        img_size=8, patch_size=4, in_chans=3, num_classes=5, embed_dim=12, depth=2, num_heads=3, mlp_ratio=2,
        global_pool=pool, class_token=pool == "token", qkv_bias=True,
    ).eval()  # fmt: skip
    for name, weight in model.named_parameters():
        embeds = name.startswith(("cls_token", "pos_embed", "patch_embed"))
        if name.endswith("bias") or name in ("cls_token", "pos_embed"):
            values = draw(weight.shape, 0.05 if embeds else 0.3)
        elif "norm" in name:
            values = draw(weight.shape, 0.3, mean=1.0)
        else:
            values = draw(weight.shape, (0.07 if embeds else 1.5) / math.sqrt(weight[0].numel()))
        weight.data.copy_(values)
    return model


@torch.no_grad()
def check(model, images):
    """That the logits tell this model from one that lacks a weight, or has another epsilon or another GELU."""
    logits = model(images)

    def changes_by(least, what):
        change = (model(images) - logits).abs().max().item()
        assert change > least, f"{what} changes the logits by {change} only"

    for name, weight in model.named_parameters():
        kept = weight.clone()
        weight.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
        changes_by(1e-2, f"the lack of {name}")
        weight.copy_(kept)
    for kind, field, value, other in [(nn.LayerNorm, "eps", 1e-6, 1e-5), (nn.GELU, "approximate", "none", "tanh")]:
        modules = [module for module in model.modules() if isinstance(module, kind)]
        assert modules and all(getattr(module, field) == value for module in modules)
        for module in modules:
            setattr(module, field, other)
        changes_by(5e-5, f"{field}={other}")
        for module in modules:
            setattr(module, field, value)
    assert torch.equal(model(images), logits)


def main():
    for name, count in COUNTS.items():
        model = timm.create_model(name, img_size=32, patch_size=4, num_classes=10)
        counted = sum(weight.numel() for weight in model.parameters())
        assert counted == count, f"{name} has {counted} parameters"
        print(f"{name}, img_size 32, patch_size 4, num_classes 10: {counted:,} parameters")

    torch.manual_seed(20240601)
    torch.set_default_dtype(torch.float64)
    images, weights = draw((2, 3, 8, 8), 1.0), draw((2, 5), 1.0)
    tensors = {"input": images, "weights": weights}
    for pool, prefix in [("token", ""), ("avg", "avg.")]:
        model = build(pool)
        check(model, images)
        logits = model(images)
        tensors[f"{prefix}logits"] = logits
        tensors.update({f"{prefix}{name}": weight for name, weight in model.named_parameters()})
        if pool == "token":
            (logits * weights).sum().backward()
            tensors.update({f"gradient.{name}": weight.grad for name, weight in model.named_parameters()})
    path = pathlib.Path(__file__).with_suffix(".safetensors")
    save_file({name: tensor.detach().float().contiguous() for name, tensor in tensors.items()}, path)


if __name__ == "__main__":
    main()
