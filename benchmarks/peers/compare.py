"""Compares Lookback with PyTorch and JAX: the time and peak memory of a training step, per workload, length, threads.

Usage: python compare.py --ours PROGRAM [--rounds 3] [--lengths 128,1024] [--threads 1,2] [--implementations ..]
                         [--write FILE]

PROGRAM is called as `PROGRAM --measure WORKLOAD --length L --threads N --batch B --seconds S` and prints one line of
JSON as `measure.py` does. Each case goes round by round through all implementations, one process at a time on the same
cores, so that a slow minute of the machine falls on all of them; medians over the rounds are compared. Every result is
logged at once; `--resume` carries on with the last run in the log.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import workloads

OURS = "lookback"
IMPLEMENTATIONS = (OURS, *workloads.IMPLEMENTATIONS)
FOLDER = Path(__file__).resolve().parent
TIME_LIMIT_SECONDS = 900
"""For one process; compiling a workload in all of its forms takes minutes."""


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    workload: str
    length: int
    threads: int


def _list(kind: Callable[[str], Any]) -> Callable[[str], list]:
    return lambda text: [kind(part) for part in text.split(",")]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--ours", type=Path, required=True, help="Lookback's benchmark program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lengths", type=_list(int), default=[128, 1024])
    parser.add_argument("--threads", type=_list(int), default=sorted({1, cores}), help="default: 1 and all cores")
    parser.add_argument("--workloads", type=_list(str), default=list(workloads.WORKLOADS))
    parser.add_argument("--implementations", type=_list(str), default=list(IMPLEMENTATIONS))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=3.0, help="per measurement")
    parser.add_argument("--write", type=Path, help="file for a dated page with the table and the machine")
    parser.add_argument("--log", type=Path, default=FOLDER / "last.jsonl", help="one line of JSON per measurement")
    parser.add_argument("--resume", action="store_true", help="keep what the last run in the log has measured")
    args = parser.parse_args()
    if unknown := [name for name in args.workloads if name not in workloads.WORKLOADS]:
        parser.error(f"no such workload: {', '.join(unknown)}; there are {', '.join(workloads.WORKLOADS)}")
    if unknown := [name for name in args.implementations if name not in IMPLEMENTATIONS]:
        parser.error(f"no such implementation: {', '.join(unknown)}; there are {', '.join(IMPLEMENTATIONS)}")
    if min(args.rounds, args.batch, *args.lengths, *args.threads) < 1:
        parser.error("--rounds, --batch, --lengths and --threads must be at least 1")
    if max(args.threads) > cores:
        parser.error(f"only {cores} cores are available")
    if not os.access(args.ours, os.X_OK) or not args.ours.is_file():
        parser.error(f"{args.ours} is not a program")
    return args


class Log:
    """What has been measured, in memory and, line by line, in a file that only ever grows."""

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        self.run = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        self.entries: list[dict[str, Any]] = []
        if resume and path.exists():
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            if lines:
                self.run = lines[-1]["run"]
                self.entries = [line for line in lines if line["run"] == self.run]

    def add(self, entry: dict[str, Any]) -> None:
        entry = {"run": self.run, **entry}
        self.entries.append(entry)
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def results(self, implementation: str, case: Case, batch: int) -> list[dict[str, Any]]:
        """All measurements of one implementation and case."""
        key = (implementation, case.workload, case.length, case.threads, batch)
        names = ("implementation", "workload", "length", "threads", "batch")
        return [entry for entry in self.entries if tuple(entry[name] for name in names) == key]

    def form(self, implementation: str, case: Case) -> str | None:
        """The form that was found fastest for this length, at any number of threads: trials cost minutes."""
        for entry in self.entries:
            found = (entry["implementation"], entry["workload"], entry["length"])
            if found == (implementation, case.workload, case.length):
                return entry.get("form")
        return None


def command(args: argparse.Namespace, implementation: str, case: Case, form: str | None) -> list[str]:
    """The command line that measures one implementation."""
    if implementation == OURS:
        words = [str(args.ours.resolve()), "--measure", case.workload]
    else:
        words = [sys.executable, str(FOLDER / "measure.py"), "--implementation", implementation]
        words += ["--workload", case.workload] + (["--form", form] if form else [])
    sizes = {"length": case.length, "threads": case.threads, "batch": args.batch, "seconds": args.seconds}
    return words + [word for name, value in sizes.items() for word in (f"--{name}", str(value))]


def measure(words: list[str], cores: set[int]) -> dict[str, Any]:
    """Runs one measurement on the given cores and returns its JSON line.

    Raises `RuntimeError` where the process fails or prints something else."""
    pin = partial(os.sched_setaffinity, 0, cores)
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=TIME_LIMIT_SECONDS, preexec_fn=pin)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"no result within {TIME_LIMIT_SECONDS} s") from error
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode}\n{done.stderr.strip()}")
    try:
        result = json.loads(done.stdout.strip().splitlines()[-1])
        return {**result, "median_ms": float(result["median_ms"]), "peak_mb": float(result["peak_mb"])}
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise RuntimeError(f"expected a line of JSON, got: {done.stdout!r}") from error


def measure_all(args: argparse.Namespace, cases: Iterable[Case], log: Log) -> None:
    """Fills the log, round by round for each case. A failed implementation sits out the case's further rounds."""
    cores = sorted(os.sched_getaffinity(0))
    for case in cases:
        failed: set[str] = set()
        for round_number in range(1, args.rounds + 1):
            for implementation in args.implementations:
                known = log.results(implementation, case, args.batch)
                if implementation in failed or any(entry["round"] == round_number for entry in known):
                    continue
                form = log.form(implementation, case)
                label = f"{case.workload}, length {case.length}, {case.threads} threads, {implementation}"
                try:
                    result = measure(command(args, implementation, case, form), set(cores[: case.threads]))
                except RuntimeError as error:
                    failed.add(implementation)
                    print(f"{label}: failed: {error}", file=sys.stderr)
                    continue
                sizes = {"length": case.length, "threads": case.threads, "batch": args.batch}
                names = {"implementation": implementation, "workload": case.workload}
                log.add({"round": round_number, **result, **names, **sizes})
                print(f"{label}: {result['median_ms']:.1f} ms", file=sys.stderr)


COLUMNS = (
    "workload", "length", "threads", "floor ms", "ours ms", "torch eager ms", "torch.compile ms", "jax ms",
    "torch eager / ours", "torch.compile / ours", "jax / ours", "ours MB", "torch MB", "torch's form",
)  # fmt: skip
TEXT_COLUMNS = (COLUMNS[0], COLUMNS[-1])


def median(results: list[dict[str, Any]], field: str) -> float | None:
    return statistics.median(entry[field] for entry in results) if results else None


def number(value: float | None, missing: str = "-") -> str:
    """Three significant digits, no exponent."""
    if value is None:
        return missing
    return f"{value:.0f}" if value >= 100 else f"{value:#.3g}"


def row(case: Case, log: Log, batch: int) -> list[str]:
    """The cells of a case."""
    results = {name: log.results(name, case, batch) for name in IMPLEMENTATIONS}
    times = {name: median(entries, "median_ms") for name, entries in results.items()}
    ours = times[OURS]

    def ratio(name: str) -> str:
        peer = times[name]
        return f"{peer / ours:.2f}" if ours and peer else "-"

    floor = workloads.WORKLOADS[case.workload].floor_ms(case.length, batch, case.threads)
    eager = results["torch-eager"]
    cells = [case.workload, str(case.length), str(case.threads), number(floor, missing="-")]
    cells += [number(times[name]) for name in IMPLEMENTATIONS]
    cells += [ratio(name) for name in workloads.IMPLEMENTATIONS]
    cells += [number(median(results[name], "peak_mb")) for name in (OURS, "torch-eager")]
    return [*cells, eager[0]["form"] if eager else "-"]


def table(cases: Iterable[Case], log: Log, batch: int) -> str:
    """The comparison in Markdown."""
    alignment = ["---" if column in TEXT_COLUMNS else "---:" for column in COLUMNS]
    rows = [COLUMNS, alignment, *(row(case, log, batch) for case in cases)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def cpu_model() -> str:
    """The processor's name; Linux alone tells it in a file."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def page(args: argparse.Namespace, log: Log, comparison: str) -> str:
    """The page that `--write` writes."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = [f"Python {platform.python_version()}"]
    rounds = [entry["round"] for entry in log.entries]
    versions += [f"{name} {importlib.metadata.version(name)}" for name in ("torch", "jax", "jaxlib", "numpy")]
    return f"""# Performance

One training step (forward, loss, backward, AdamW), batch {args.batch}, single precision: Lookback beside PyTorch and
JAX, measured in turns on the same cores. Medians over up to {max(rounds, default=0)} rounds of {args.seconds:g} s each; `-`: not
measured. What the columns mean is told in [benchmarks/peers](../benchmarks/peers/README.md); this page is written by its `compare.py`.

- Measured: {log.run[:10]}, on {platform.system()} {platform.machine()}
- Processor: {cpu_model()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB of memory
- Load average at the end, 15 minutes: {os.getloadavg()[2]:.1f}
- Versions: {", ".join(versions)}

{comparison}
"""


def main() -> int:
    """Exit code 1 where something failed."""
    args = arguments()
    log = Log(args.log, args.resume)
    cases = [
        Case(name, length, threads)
        for name in args.workloads
        for length in workloads.WORKLOADS[name].lengths(args.lengths)
        for threads in args.threads
    ]
    try:
        measure_all(args, cases, log)
    except KeyboardInterrupt:
        print("Interrupted; --resume carries on.", file=sys.stderr)
        return 130
    comparison = table(cases, log, args.batch)
    print(comparison)
    if args.write:
        args.write.parent.mkdir(parents=True, exist_ok=True)
        args.write.write_text(page(args, log, comparison))
    complete = all(log.results(name, case, args.batch) for name in args.implementations for case in cases)
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
