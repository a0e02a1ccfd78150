"""A Vision Transformer trained on CIFAR-10 in plain PyTorch, with the numbers of the recipe `vit-micro`.

Usage:  python tests/reference/vit_cifar.py --data cifar-10-batches-bin [--epochs 10] [--seed 0] ...

Needs torch and numpy. Every number is an option, its default that of `vit-micro`. One line of JSON per evaluation:

- step: updates so far; epoch: images seen so far by the training images;
- train_loss: mean since the last evaluation, of augmented images and smoothed labels;
- top1, top5: accuracy on the test images; seconds: since the start, all included;
- images_per_second: of training since the last evaluation, with the making of batches, without the evaluation;
- step_ms, batch_ms: medians since the last evaluation of forward pass, backward pass and update, and of the making of
  the batch.

What is computed, where it could be taken otherwise:

- Model: pre-norm layers with biases in all linear maps (queries, keys, values and outputs too), exact GELU, a class
  token before the patches, learned positions, a final norm, and a linear head on the class token.
- Initial weights as timm's: linear maps and positions truncated normal, cut at -2 and 2 (so in effect not at all),
  biases 0, class token normal with standard deviation 1e-6. The patch embedding is a linear map like the others; timm
  leaves it at PyTorch's default for convolutions instead.
- Weight decay holds for the matrices of linear maps, the patch embedding's and the head's among them, not for biases,
  norms, positions and class token.
- Images: zeros around the bytes (black, not the mean colour), random crop, random flip, then the normalisation.
- Batches come from a stream of shuffled epochs and run across their ends. An epoch is 50000 // batch steps where
  evaluations, warm-up and --stop-epoch count it; the schedule has epochs * 50000 // batch steps in all.
- Update k, from 0, has the rate peak (k + 1) / warm_up before `warm_up`, and then
  last + (peak - last) (1 + cos(pi (k - warm_up) / (steps - warm_up))) / 2.
"""

import argparse
import json
import math
import pathlib
import statistics
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SIDE, CHANNELS, CLASSES, TRAIN_IMAGES = 32, 3, 10, 50_000


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=pathlib.Path, required=True, help="folder cifar-10-batches-bin")
    add("--seed", type=int, default=0, help="of weights, order and augmentation")
    add("--threads", type=int, default=2, help="threads of PyTorch")
    add("--device", default="cpu", help="PyTorch's name of the device")
    add("--patch", type=int, default=4, help="side of a patch")
    add("--d-model", type=int, default=128, help="width of a token")
    add("--n-layers", type=int, default=4, help="number of layers")
    add("--n-heads", type=int, default=4, help="attention heads per layer")
    add("--d-ff", type=int, default=256, help="width of the feed-forward networks")
    add("--norm-epsilon", type=float, default=1e-6, help="epsilon of the layer norms")
    add("--weight-deviation", type=float, default=0.02, help="of initial linear maps and positions")
    add("--class-token-deviation", type=float, default=1e-6, help="of the initial class token")
    add("--pad", type=int, default=4, help="black pixels around an image before the crop")
    add("--flip", type=float, default=0.5, help="probability of a horizontal flip")
    add("--mean", type=float, nargs=3, default=[0.4914, 0.4822, 0.4465], help="of red, green, blue")
    add("--deviation", type=float, nargs=3, default=[0.2470, 0.2435, 0.2616], help="of red, green, blue")
    add("--batch", type=int, default=128, help="images per step")
    add("--epochs", type=int, default=10, help="length of the schedule")
    add("--stop-epoch", type=float, help="train only so many epochs of the schedule; may be a fraction")
    add("--warm-up-epochs", type=float, default=1.0, help="epochs of linear warm-up")
    add("--learning-rate", type=float, default=1e-3, help="highest rate")
    add("--last-learning-rate", type=float, default=1e-5, help="rate at the end of the schedule")
    add("--beta-1", type=float, default=0.9, help="AdamW's mean of gradients")
    add("--beta-2", type=float, default=0.999, help="AdamW's mean of squares")
    add("--epsilon", type=float, default=1e-8, help="AdamW's epsilon")
    add("--weight-decay", type=float, default=0.05, help="decoupled, times the rate")
    add("--clip-norm", type=float, default=1.0, help="largest norm of all gradients together")
    add("--label-smoothing", type=float, default=0.1, help="share of the label spread over all classes")
    add("--evaluation-batch", type=int, default=500, help="test images at a time")
    args = parser.parse_args()
    if SIDE % args.patch:
        parser.error(f"--patch {args.patch} does not divide {SIDE}.")
    if args.d_model % args.n_heads:
        parser.error(f"--n-heads {args.n_heads} does not divide --d-model {args.d_model}.")
    return args


def read(folder, names):
    """Images [count, row, column, channel] in bytes, and labels. A record is a label and three planes."""
    records = np.concatenate([np.fromfile(folder / name, dtype=np.uint8) for name in names])
    records = records.reshape(-1, 1 + CHANNELS * SIDE * SIDE)
    images = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE).transpose(0, 2, 3, 1)
    return torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(records[:, 0].astype(np.int64))


class Batches:
    """An endless stream of augmented training batches; images are [batch, row, column, channel] in bytes."""

    def __init__(self, images, labels, args):
        self.images, self.labels, self.args = images, labels, args
        # The initial weights come from PyTorch's global generator, seeded by the plain seed.
        self.random = np.random.default_rng([args.seed, 1])
        self.order = np.empty(0, dtype=np.int64)

    def __next__(self):
        while len(self.order) < self.args.batch:
            self.order = np.concatenate([self.order, self.random.permutation(len(self.images))])
        chosen, self.order = self.order[: self.args.batch], self.order[self.args.batch :]
        chosen = torch.from_numpy(chosen)
        return self.augment(self.images[chosen]), self.labels[chosen]

    def augment(self, images):
        """Crops and flips, all images of the batch in one gathering of pixels."""
        count, pad = len(images), self.args.pad
        padded = F.pad(images, (0, 0, pad, pad, pad, pad))
        top, left = self.random.integers(0, 2 * pad, size=(2, count, 1), endpoint=True)
        along = np.arange(SIDE)
        flipped = self.random.random((count, 1)) < self.args.flip
        rows, columns = top + along, left + np.where(flipped, along[::-1], along)
        index = (np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :])
        return padded[tuple(torch.from_numpy(part) for part in index)]


class Normalise(nn.Module):
    """From bytes to numbers of mean 0 and standard deviation 1 per channel."""

    def __init__(self, args):
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(args.mean))
        self.register_buffer("deviation", 255 * torch.tensor(args.deviation))

    def forward(self, images):
        return (images.float() - self.mean) / self.deviation


class Attention(nn.Module):
    """Multi-head attention of all tokens to all."""

    def __init__(self, args):
        super().__init__()
        self.n_heads = args.n_heads
        self.qkv = nn.Linear(args.d_model, 3 * args.d_model)
        self.output = nn.Linear(args.d_model, args.d_model)

    def forward(self, tokens):
        query, key, value = self.qkv(tokens).unflatten(2, (3, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        context = F.scaled_dot_product_attention(query, key, value)
        return self.output(context.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention, then a feed-forward network, each behind a norm and beside a residual connection."""

    def __init__(self, args):
        super().__init__()
        self.attention_norm = nn.LayerNorm(args.d_model, eps=args.norm_epsilon)
        self.attention = Attention(args)
        self.feed_forward_norm = nn.LayerNorm(args.d_model, eps=args.norm_epsilon)
        self.hidden = nn.Linear(args.d_model, args.d_ff)
        self.output = nn.Linear(args.d_ff, args.d_model)

    def forward(self, tokens):
        tokens = tokens + self.attention(self.attention_norm(tokens))
        return tokens + self.output(F.gelu(self.hidden(self.feed_forward_norm(tokens))))


class Vit(nn.Module):
    """From images [batch, row, column, channel] in bytes to logits [batch, classes]."""

    def __init__(self, args):
        super().__init__()
        self.patch, self.per_side = args.patch, SIDE // args.patch
        self.normalise = Normalise(args)
        self.embed = nn.Linear(CHANNELS * args.patch**2, args.d_model)
        self.class_token = nn.Parameter(torch.empty(1, 1, args.d_model))
        self.positions = nn.Parameter(torch.empty(1, 1 + self.per_side**2, args.d_model))
        self.layers = nn.Sequential(*(Layer(args) for _ in range(args.n_layers)))
        self.norm = nn.LayerNorm(args.d_model, eps=args.norm_epsilon)
        self.head = nn.Linear(args.d_model, CLASSES)

        nn.init.normal_(self.class_token, std=args.class_token_deviation)
        nn.init.trunc_normal_(self.positions, std=args.weight_deviation)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=args.weight_deviation)
                nn.init.zeros_(module.bias)

    def forward(self, images):
        patches = self.normalise(images).view(-1, self.per_side, self.patch, self.per_side, self.patch, CHANNELS)
        tokens = self.embed(patches.transpose(2, 3).reshape(len(images), self.per_side**2, -1))
        tokens = torch.cat([self.class_token.expand(len(images), -1, -1), tokens], dim=1) + self.positions
        # The norm is per token: it can wait until the class token is all that is left.
        return self.head(self.norm(self.layers(tokens)[:, 0]))


class Training:
    """The model with its optimiser."""

    def __init__(self, args, warm_up, steps):
        self.args, self.warm_up, self.steps = args, warm_up, steps
        torch.manual_seed(args.seed)
        self.model = Vit(args).to(args.device)
        decayed = [module.weight for module in self.model.modules() if isinstance(module, nn.Linear)]
        known = {id(weight) for weight in decayed}
        others = [weight for weight in self.model.parameters() if id(weight) not in known]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": args.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=args.learning_rate, betas=(args.beta_1, args.beta_2), eps=args.epsilon, fused=True,
        )  # fmt: skip

    def rate(self, update):
        peak, last = self.args.learning_rate, self.args.last_learning_rate
        if update < self.warm_up:
            return peak * (update + 1) / self.warm_up
        progress = (update - self.warm_up) / (self.steps - self.warm_up)
        return last + 0.5 * (peak - last) * (1 + math.cos(math.pi * progress))

    def step(self, update, images, labels):
        """The update, from 0; returns the loss before it."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(update)
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.model(images.to(self.args.device))
        loss = F.cross_entropy(logits, labels.to(self.args.device), label_smoothing=self.args.label_smoothing)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.args.clip_norm)
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def evaluate(self, images, labels):
        """Top-1 and top-5 accuracy."""
        right = torch.zeros(2, dtype=torch.int64)
        size = self.args.evaluation_batch
        for some, label in zip(images.split(size), labels.split(size), strict=True):
            hits = self.model(some.to(self.args.device)).topk(5).indices.cpu() == label[:, None]
            right += torch.stack([hits[:, 0].sum(), hits.sum()])
        return (right / len(images)).tolist()


def main():
    start = time.perf_counter()
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.set_num_interop_threads(1)
    batches = Batches(*read(args.data, [f"data_batch_{k}.bin" for k in range(1, 6)]), args)
    test = read(args.data, ["test_batch.bin"])
    epoch = TRAIN_IMAGES // args.batch
    steps = args.epochs * TRAIN_IMAGES // args.batch
    stop = steps if args.stop_epoch is None else min(steps, int(args.stop_epoch * epoch))
    training = Training(args, int(args.warm_up_epochs * epoch), steps)
    parameters = sum(weight.numel() for weight in training.model.parameters())
    print(f"{parameters:,} parameters, {stop} of {steps} steps", file=sys.stderr)

    losses, batch_times, step_times = [], [], []
    for update in range(stop):
        before = time.perf_counter()
        images, labels = next(batches)
        between = time.perf_counter()
        losses.append(training.step(update, images, labels))
        after = time.perf_counter()
        batch_times.append(between - before)
        step_times.append(after - between)
        if not math.isfinite(losses[-1]):
            sys.exit(f"The loss of step {update + 1} is {losses[-1]}.")
        done = update + 1
        if done % epoch == 0 or done == stop:
            top1, top5 = training.evaluate(*test)
            line = {
                "step": done,
                "epoch": round(done * args.batch / TRAIN_IMAGES, 4),
                "train_loss": round(statistics.fmean(losses), 5),
                "top1": round(top1, 4),
                "top5": round(top5, 4),
                "seconds": round(time.perf_counter() - start, 1),
                "images_per_second": round(len(losses) * args.batch / (sum(batch_times) + sum(step_times)), 1),
                "step_ms": round(1e3 * statistics.median(step_times), 2),
                "batch_ms": round(1e3 * statistics.median(batch_times), 2),
            }
            print(json.dumps(line), flush=True)
            losses, batch_times, step_times = [], [], []


if __name__ == "__main__":
    main()
