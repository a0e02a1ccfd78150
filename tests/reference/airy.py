"""Reference values of the Airy function Ai, for datasets/src/memory/airy_ai.rs.

Usage: python tests/reference/airy.py   (needs scipy and numpy; writes airy.csv next to this file)

The grid is the multiples of 1/20 in [-40, 20]; none is a zero of Ai, so a plain relative error makes sense at every
point.
"""

from pathlib import Path

import scipy.special

rows = ["x,ai"]
for k in range(-800, 401):
    x = k / 20
    ai = scipy.special.airy(x)[0]
    rows.append(f"{x!r},{float(ai)!r}")
Path(__file__).with_name("airy.csv").write_text("\n".join(rows) + "\n")
