"""Measures the training step of one workload in one implementation and prints one line of JSON.

Usage: python measure.py --implementation torch-eager --workload lstm --length 128 --threads 1

Without `--form`, every form of the workload is first tried for a moment, each in a process of its own so that none adds
to the peak memory of the one measured, and the fastest is measured.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import workloads

WARM_UP_STEPS = 3
MIN_STEPS = 5
TRIAL_SECONDS = 1.0
TRIAL_LIMIT_SECONDS = 200
"""For one trial, compilation included: a form that takes longer is no practical one."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--implementation", choices=workloads.IMPLEMENTATIONS)
    parser.add_argument("--workload", choices=workloads.WORKLOADS)
    parser.add_argument("--length", type=int, help="time steps; the ViT has only one length, its number of tokens")
    parser.add_argument("--threads", type=int, default=1, help="cores that the process may use")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=3.0, help=f"time to measure, at least {MIN_STEPS} steps")
    parser.add_argument("--form", help="how the workload is computed; without, the fastest")
    parser.add_argument("--list", action="store_true", help="print workloads, implementations and forms")
    args = parser.parse_args()
    if args.list:
        return args
    if args.implementation is None or args.workload is None:
        parser.error("--implementation and --workload are required")
    args.length = args.length or workloads.WORKLOADS[args.workload].fixed_length
    if args.length is None:
        parser.error(f"--length is required for {args.workload}")
    if args.length != (workloads.WORKLOADS[args.workload].fixed_length or args.length):
        parser.error(f"{args.workload} has only the length {workloads.WORKLOADS[args.workload].fixed_length}")
    if min(args.length, args.threads, args.batch) < 1:
        parser.error("--length, --threads and --batch must be at least 1")
    forms = workloads.forms(args.implementation, args.workload)
    if args.form is not None and args.form not in forms:
        parser.error(f"{args.implementation} computes {args.workload} as one of: {', '.join(forms)}")
    return args


def restrict(threads: int) -> None:
    """Gives the process that many cores, before any library starts its threads: JAX has no other way to say it."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < threads:
        sys.exit(f"{threads} threads need as many cores, but only {len(cores)} are available.")
    os.sched_setaffinity(0, cores[:threads])
    os.environ |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "JAX_PLATFORMS": "cpu"}
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"


def fastest_form(args: argparse.Namespace) -> str:
    """The form with the shortest step. One that fails is left out with its error on standard error."""
    forms = workloads.forms(args.implementation, args.workload)
    if len(forms) == 1:
        return forms[0]
    medians: dict[str, float] = {}
    for form in forms:
        command = [sys.executable, __file__, "--form", form, "--seconds", str(TRIAL_SECONDS)]
        for option in ("implementation", "workload", "length", "threads", "batch"):
            command += [f"--{option}", str(getattr(args, option))]
        try:
            trial = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=TRIAL_LIMIT_SECONDS)
        except subprocess.SubprocessError as error:
            print(f"{args.implementation} failed on {args.workload} as {form}: {error}", file=sys.stderr)
            continue
        medians[form] = json.loads(trial.stdout)["median_ms"]
    if not medians:
        sys.exit(f"No form of {args.workload} runs in {args.implementation}.")
    return min(medians, key=medians.__getitem__)


def step_builder(args: argparse.Namespace) -> Callable[[], Callable[[], float]]:
    """Imports the framework that is measured, and no other; the result builds model and training step."""
    case = (args.workload, args.form, args.length, args.batch)
    if args.implementation == "jax":
        import jax_models

        return lambda: jax_models.training_step(*case)
    import torch_models

    torch_models.prepare(args.threads)
    return lambda: torch_models.training_step(*case, compiled=args.implementation == "torch-compile")


def peak_mb() -> float:
    """The process's peak resident memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * 1024 / 1e6


def main() -> None:
    args = arguments()
    if args.list:
        for workload in workloads.WORKLOADS:
            for implementation in workloads.IMPLEMENTATIONS:
                print(workload, implementation, *workloads.forms(implementation, workload))
        return
    restrict(args.threads)
    args.form = args.form or fastest_form(args)
    build = step_builder(args)
    base_mb = peak_mb()
    step = build()
    for _ in range(WARM_UP_STEPS):
        step()
    times: list[float] = []
    start = time.perf_counter()
    while time.perf_counter() - start < args.seconds or len(times) < MIN_STEPS:
        before = time.perf_counter()
        loss = step()
        times.append(time.perf_counter() - before)
    if not math.isfinite(loss):
        sys.exit(f"The loss of {args.workload} is {loss}: what was measured is no training.")
    result = {
        "implementation": args.implementation,
        "workload": args.workload,
        "length": args.length,
        "threads": args.threads,
        "batch": args.batch,
        "median_ms": round(statistics.median(times) * 1e3, 4),
        "steps": len(times),
        "peak_mb": round(peak_mb(), 1),
        "base_mb": round(base_mb, 1),
        "form": args.form,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
