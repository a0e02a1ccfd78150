"""How the time and the peak memory of Lookback's training step grow with the length and the width.

Usage: python scaling.py --ours PROGRAM [--lengths 64,128,..] [--widths 16,32,..] [--batch 2] [--write FILE]

PROGRAM is called as `compare.py` calls it. The exponents are the slopes of the logarithms from the middle of the range
up, where what does not grow no longer counts. Memory is what the process holds at its peak beyond what it held before
the first step.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

NAMES = ("linear-rnn", "tanh-rnn", "lstm", "gru", "lru", "s4d", "diagonal-ssm", "tcn", "transformer")


def measure(ours: Path, name: str, length: int, width: int | None, args: argparse.Namespace) -> tuple[float, float]:
    """Milliseconds and MB."""
    words = [str(ours), "--measure", name, "--length", str(length), "--threads", "1", "--batch", str(args.batch)]
    words += ["--seconds", str(args.seconds)] + (["--width", str(width)] if width else [])
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    line = json.loads(done.stdout.strip().splitlines()[-1])
    return line["median_ms"], max(line["peak_mb"] - line["base_mb"], 0.01)


def exponent(sizes: list[int], values: list[float]) -> float:
    """The slope of `log value` over `log size` by least squares, over the upper half of the sizes."""
    first = len(sizes) // 2
    x = [math.log(size) for size in sizes[first:]]
    y = [math.log(value) for value in values[first:]]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return covariance / sum((a - mean_x) ** 2 for a in x)


def number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def table(what: str, sizes: list[int], rows: dict[str, list[tuple[float, float]]], which: int, unit: str) -> str:
    head = ["workload", *(f"{what} {size}" for size in sizes), "exponent"]
    lines = [head, ["---", *["---:"] * (len(sizes) + 1)]]
    for name, cells in rows.items():
        values = [cell[which] for cell in cells]
        lines.append([name, *map(number, values), f"{exponent(sizes, values):.2f}"])
    return f"{unit}:\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    whole = lambda text: [int(part) for part in text.split(",")]  # noqa: E731
    parser.add_argument("--ours", type=Path, required=True, help="Lookback's benchmark program")
    parser.add_argument("--lengths", type=whole, default=[64, 128, 256, 512, 1024, 2048, 4096, 8192])
    parser.add_argument("--widths", type=whole, default=[16, 32, 64, 128, 256])
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--write", type=Path, help="file that the tables are appended to")
    args = parser.parse_args()
    ours = args.ours.resolve()
    by_length = {name: [measure(ours, name, length, None, args) for length in args.lengths] for name in NAMES}
    by_width = {name: [measure(ours, name, 128, width, args) for width in args.widths] for name in NAMES}
    text = "\n\n".join(
        [
            f"## Growth\n\nOne training step, one thread, batch {args.batch}; width 64 where the length grows, length 128 "
            "where the width grows.",
            table("length", args.lengths, by_length, 0, "Milliseconds"),
            table("length", args.lengths, by_length, 1, "Peak memory beyond the model's, MB"),
            table("width", args.widths, by_width, 0, "Milliseconds"),
        ]
    )
    print(text)
    if args.write:
        with args.write.open("a") as file:
            file.write(f"\n{text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
