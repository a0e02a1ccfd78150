"""Reference values from PyTorch for src/optimizer.rs.

Usage:  python tests/reference/optimizers.py     (needs torch)

Writes tests/reference/optimizers.json: for each rule, five steps in float64 from the same start against the same
gradients, at learning rates that change.
"""

import json
import pathlib

import torch

START = [0.5, -1.25, 2.0, 0.0, -0.01]
GRADIENTS = [[0.3 * (step + 1) - 0.7 * index + 0.2 * step * index for index in range(5)] for step in range(5)]
RATES = [0.1, 0.05, 0.05, 0.02, 0.01]
RULES = {
    "adam-w": (torch.optim.AdamW, {"betas": (0.9, 0.95), "eps": 1e-6, "weight_decay": 0.1}, None),
    "adam": (torch.optim.Adam, {"betas": (0.8, 0.99), "eps": 1e-8, "weight_decay": 0.05}, 0.5),
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.01}, None),
    "sgd plain": (torch.optim.SGD, {"momentum": 0.0, "weight_decay": 0.0}, 1.0),
}

cases = []
for name, (rule, options, clip) in RULES.items():
    values = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = rule([values], lr=RATES[0], **options)
    trajectory = []
    for gradient, rate in zip(GRADIENTS, RATES):
        values.grad = torch.tensor(gradient, dtype=torch.float64)
        if clip is not None:
            torch.nn.utils.clip_grad_norm_([values], clip)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        trajectory.append(values.detach().tolist())
    betas = options.get("betas", (options.get("momentum"), 0.999))
    training = {
        "optimizer": name.split()[0],
        "beta_1": betas[0],
        "beta_2": betas[1],
        "epsilon": options.get("eps", 1e-8),
        "weight_decay": options["weight_decay"],
        "clip_norm": clip,
    }
    cases.append({"name": name, "training": training, "trajectory": trajectory})

out = pathlib.Path(__file__).with_name("optimizers.json")
out.write_text(json.dumps({"start": START, "gradients": GRADIENTS, "rates": RATES, "cases": cases}, indent=1) + "\n")
