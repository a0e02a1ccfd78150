"""Compares a whole sweep: every run of a preset of suite `memory`, in Lookback and in eager PyTorch.

Usage: python sweep.py --ours PROGRAM [--preset quick] [--jobs 2] [--write FILE]

Lookback runs `PROGRAM bench memory --preset PRESET` into a fresh folder, everything included: a process per run, data,
evaluations, learned memory, statistics, figures. PyTorch then trains the same models with the same batches, steps,
schedule, clipping and evaluations from the plan in that folder, with one process per core that imports PyTorch once,
each taking the next run when it is done. It makes no data, extracts no memory and writes nothing: what is left out
favours it. Where a model can be computed in several ways, a trial before the clock starts finds the fastest.
"""

import argparse
import datetime
import json
import math
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import torch_models
import workloads as w
from compare import cpu_model

TRIAL_STEPS = 15
Spec = dict[str, Any]


class PlainTcn(torch_models.Tcn):
    """Without residual connections."""

    def convolution(self, hidden: Tensor) -> Tensor:
        hidden = hidden.transpose(1, 2)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            padded = F.pad(hidden, ((w.TCN_TAPS - 1) << layer, 0))
            hidden = F.relu(F.conv1d(padded, weight, bias, dilation=1 << layer))
        return hidden.transpose(1, 2)

    def products(self, hidden: Tensor) -> Tensor:
        length = hidden.shape[1]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            padded = F.pad(hidden, (0, 0, (w.TCN_TAPS - 1) << layer, 0))
            taps = torch.cat([padded[:, tap << layer : (tap << layer) + length] for tap in range(w.TCN_TAPS)], dim=2)
            hidden = F.relu(F.linear(taps, weight.transpose(1, 2).flatten(1), bias))
        return hidden


class Encoder(torch_models.Encoder):
    """Without norms, and with linear biases of the scores (ALiBi) where there are slopes."""

    def __init__(self, width: int, heads: int, feed_forward: int, length: int, alibi: bool) -> None:
        super().__init__(width, heads, feed_forward, causal=True)
        self.attention_norm = self.feed_forward_norm = nn.Identity()
        distance = torch.arange(length)[None] - torch.arange(length)[:, None]
        slopes = 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)
        bias = (slopes[:, None, None] * distance).masked_fill(distance > 0, -math.inf)
        self.register_buffer("bias", bias if alibi else None, persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        query, key, value = (
            part(hidden).unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        context = F.scaled_dot_product_attention(query, key, value, attn_mask=self.bias, is_causal=self.bias is None)
        hidden = hidden + self.mix(context.transpose(1, 2).flatten(2))
        return hidden + self.contract(F.gelu(self.expand(hidden)))


class Transformer(nn.Module):
    """Learned positions or ALiBi."""

    def __init__(self, params: dict[str, Any], length: int) -> None:
        super().__init__()
        alibi = params["position"] == "alibi"
        self.positions = None if alibi else nn.Parameter(torch.randn(length, params["d_model"]))
        sizes = (params["d_model"], params["n_heads"], params["d_ff"], length, alibi)
        self.layers = nn.Sequential(*(Encoder(*sizes) for _ in range(params["n_layers"])))

    def forward(self, hidden: Tensor) -> Tensor:
        return self.layers(hidden if self.positions is None else hidden + self.positions)


def model(spec: Spec, form: str) -> nn.Module:
    """The model of a run."""
    name, params = spec["model"]["name"], spec["model"]["params"]
    # The models read their sizes from there; a process trains one model at a time.
    w.D_MODEL = params["d_model"]
    w.PAIRS = params.get("d_state", 0) // 2
    if name == "tcn":
        w.TCN_LAYERS, w.TCN_TAPS = params["n_layers"], params["kernel_size"]
    match name:
        case "transformer":
            body = Transformer(params, spec["task"]["params"]["length"])
        case "lstm" | "gru" | "tanh-rnn":
            body = torch_models.Recurrent({"lstm": nn.LSTM, "gru": nn.GRU, "tanh-rnn": nn.RNN}[name])
        case _:
            kinds = {"linear-rnn": torch_models.LinearRnn, "lru": torch_models.Lru, "s4d": torch_models.S4d}
            body = {**kinds, "tcn": PlainTcn}[name](form)
    built = torch_models.Sequence(body)
    for parameter in built.parameters():
        nn.init.uniform_(parameter, -0.1, 0.1)
    return built


def train(spec: Spec, form: str, steps: int | None = None) -> float:
    """Trains one run and returns the seconds that it took."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    training, task = spec["training"], spec["task"]["params"]
    torch.manual_seed(spec["seed"])
    started = time.perf_counter()
    net = model(spec, form)
    length = task["length"]
    inputs, targets = (torch.randn(task["train_samples"], length, 1) for _ in range(2))
    valid_inputs, valid_targets = (torch.randn(task["valid_samples"], length, 1) for _ in range(2))
    betas = (training["beta_1"], training["beta_2"])
    optimizer = torch.optim.AdamW(net.parameters(), betas=betas, eps=training["epsilon"], weight_decay=0.0, fused=True)
    parameters = list(net.parameters())
    total, warmup, batch = training["steps"], training["warmup_steps"], training["batch_size"]

    def evaluate(count: int) -> float:
        with torch.no_grad():
            return F.mse_loss(net(valid_inputs[:count]), valid_targets[:count]).item()

    for step in range(1, (steps or total) + 1):
        rate = training["learning_rate"] * min(1.0, step / warmup)
        if step > warmup:
            done = (step - warmup) / (total - warmup)
            last = training["final_learning_rate"]
            rate = last + (rate - last) * 0.5 * (1 + math.cos(math.pi * done))
        optimizer.param_groups[0]["lr"] = rate
        chosen = torch.randint(task["train_samples"], (batch,))
        optimizer.zero_grad(set_to_none=True)
        loss = F.mse_loss(net(inputs[chosen]), targets[chosen])
        loss.backward()
        if training["clip_norm"] is not None:
            nn.utils.clip_grad_norm_(parameters, training["clip_norm"], foreach=True)
        optimizer.step()
        loss.item()
        if step % training["eval_every"] == 0 and step < total:
            evaluate(training["eval_samples"])
    evaluate(task["valid_samples"])
    return time.perf_counter() - started


def timed(job: tuple[Spec, str]) -> tuple[str, float]:
    return job[0]["model"]["name"], train(*job)


def fastest_form(spec: Spec) -> str:
    """By a short trial of each."""
    forms = w.forms("torch-eager", spec["model"]["name"])
    if len(forms) == 1:
        return forms[0]
    train(spec, forms[0], steps=2)
    return min(forms, key=lambda form: train(spec, form, steps=TRIAL_STEPS))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=Path, required=True, help="the program `lookback`")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes; default: all cores")
    parser.add_argument("--write", type=Path, help="file that the result is appended to, as Markdown")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "store"
        words = [str(args.ours.resolve()), "bench", "memory", "--preset", args.preset, "--jobs", str(args.jobs)]
        started = time.perf_counter()
        subprocess.run([*words, "--out", str(out)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ours = time.perf_counter() - started
        specs = [run["spec"] for run in json.loads((out / "plan.json").read_text())["runs"]]
    print(f"Lookback: {len(specs)} runs in {ours:.1f} s", flush=True)

    forms: dict[str, str] = {}
    for spec in specs:
        key = json.dumps(spec["model"], sort_keys=True)
        if key not in forms:
            forms[key] = fastest_form(spec)
    jobs = [(spec, forms[json.dumps(spec["model"], sort_keys=True)]) for spec in specs]
    context = multiprocessing.get_context("spawn")
    started = time.perf_counter()
    seconds: dict[str, list[float]] = {}
    with context.Pool(args.jobs) as pool:
        for name, took in pool.imap_unordered(timed, jobs):
            seconds.setdefault(name, []).append(took)
    theirs = time.perf_counter() - started
    print(f"PyTorch: {len(jobs)} runs in {theirs:.1f} s")
    for name, times in sorted(seconds.items()):
        print(f"  {name}: {len(times)} runs, {sum(times) / len(times):.2f} s each")
    line = (
        f"Preset `{args.preset}` of suite `memory`, {len(specs)} runs, {args.jobs} processes on {cpu_model()}, "
        f"{datetime.date.today().isoformat()}: Lookback {ours:.0f} s (with data, learned memory and report), "
        f"PyTorch {torch.__version__} eager {theirs:.0f} s (training and evaluations only): "
        f"{theirs / ours:.2f} times faster. Python {platform.python_version()}."
    )
    print(line)
    if args.write:
        with args.write.open("a") as file:
            file.write(f"\n## The whole sweep\n\n{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
