"""Training steps of the recipe `vit-reference` in PyTorch: images per second and memory, one line of JSON per mode."""

import argparse
import json
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, LAYERS, HEADS, HIDDEN, PATCH, IMAGE, CLASSES, DROPOUT = 512, 6, 8, 512, 4, 32, 10, 0.1
"""As the recipe has them."""


class Block(nn.Module):
    """A pre-norm block with dropout after both parts and in the hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.expand, self.contract = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, hidden: Tensor) -> Tensor:
        parts = self.qkv(self.attention_norm(hidden)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        context = F.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
        hidden = hidden + self.drop(self.mix(context))
        inner = self.drop(F.gelu(self.expand(self.norm(hidden))))
        return hidden + self.drop(self.contract(inner))


class Vit(nn.Module):
    """Patches, class token, learned positions, blocks, norm, output."""

    def __init__(self) -> None:
        super().__init__()
        tokens = (IMAGE // PATCH) ** 2 + 1
        self.patch = nn.Linear(3 * PATCH * PATCH, WIDTH)
        self.token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.positions = nn.Parameter(torch.zeros(1, tokens, WIDTH))
        self.drop = nn.Dropout(DROPOUT)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm, self.output = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        patches = images.unflatten(3, (-1, PATCH)).unflatten(2, (-1, PATCH)).permute(0, 2, 4, 3, 5, 1)
        hidden = self.patch(patches.flatten(3).flatten(1, 2))
        hidden = torch.cat([self.token.expand(len(hidden), -1, -1), hidden], dim=1) + self.positions
        return self.output(self.norm(self.blocks(self.drop(hidden))[:, 0]))


def measure(mode: str, batch: int, seconds: float) -> dict[str, object]:
    """The median time of a step, in blocks of ten."""
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = mode == "tf32"
    model = Vit().cuda()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    images = torch.randn(batch, 3, IMAGE, IMAGE, device="cuda")
    target = torch.randn(batch, CLASSES, device="cuda")
    forward = torch.compile(model) if "compile" in mode else model
    half = "bf16" in mode

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16, enabled=half):
            loss = F.mse_loss(forward(images).float(), target)
        loss.backward()
        optimizer.step()

    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    step()
    torch.cuda.synchronize()
    first = time.perf_counter() - start
    for _ in range(3):
        step()
    torch.cuda.synchronize()
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - started < seconds:
        start = time.perf_counter()
        for _ in range(10):
            step()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) / 10)
    median = sorted(times)[len(times) // 2]
    return {
        "workload": "vit-reference",
        "implementation": f"torch-{mode}",
        "batch": batch,
        "first_s": first,
        "median_ms": median * 1e3,
        "per_second": batch / median,
        "peak_mb": torch.cuda.max_memory_allocated() / 2**20,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modes", nargs="*", default=["eager", "tf32", "bf16"])
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    for mode in arguments.modes:
        print(json.dumps(measure(mode, arguments.batch, arguments.seconds)), flush=True)
