"""Singular values of Hankel matrices and the error floors that follow from them, by NumPy and SciPy.

Usage: python tests/reference/hankel.py      (NumPy 2 and SciPy 1; writes hankel.json beside this file)

Each case holds, for T = 128 and a memory function rho of unit energy:
- rho: rho(s), s = 0..T;
- singular_values: of H_ij = rho(i + j + 1), m = 64, largest first;
- n_states: numbers of states n;
- lower_bound: for each n, the squared singular values of the m x m matrix beyond the n-th, summed, divided by m;
  the largest over m = 1..64;
- weighted_lower_bound: the same for the weights w_s = (T - s) / T: the sum times min_k w_k / c_k, where c_k counts
  the places of lag k in the matrix, relative to sum_s w_s rho(s)^2.
"""

import json
from pathlib import Path

import numpy as np
from scipy.linalg import hankel
from scipy.special import airy

T = 128
N_STATES = [4, 8, 16]


def lower_bounds(rho, weights):
    best = np.zeros(len(N_STATES))
    for m in range(1, T // 2 + 1):
        matrix = hankel(rho[1 : m + 1], rho[m : 2 * m])
        squares = np.linalg.svd(matrix, compute_uv=False) ** 2
        lags = np.add.outer(np.arange(m), np.arange(m)).ravel() + 1
        counts = np.bincount(lags, minlength=2 * m)[1:]
        scale = np.min(weights[1 : 2 * m] / counts)
        best = np.maximum(best, [scale * squares[n:].sum() for n in N_STATES])
    return (best / np.sum(weights * rho**2)).tolist()


def main():
    s = np.arange(T, dtype=np.float64)
    memories = {
        "impulse-8": (s == 8).astype(np.float64),
        "impulse-32": (s == 32).astype(np.float64),
        "airy-6": airy(0.25 * s - 6.0)[0],
        "airy-12": airy(0.25 * s - 12.0)[0],
        "polynomial-1.1": (1.0 + s) ** -1.1,
    }
    cases = []
    for name, rho in memories.items():
        rho = rho / np.linalg.norm(rho)
        cases.append(
            {
                "name": name,
                "rho": rho.tolist(),
                "singular_values": np.linalg.svd(hankel(rho[1:65], rho[64:128]), compute_uv=False).tolist(),
                "n_states": N_STATES,
                "lower_bound": lower_bounds(rho, np.ones(T)),
                "weighted_lower_bound": lower_bounds(rho, (T - s) / T),
            }
        )
    path = Path(__file__).with_suffix(".json")
    path.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
