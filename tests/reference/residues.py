"""Largest residues of products of close poles, split over layers, in exact rational arithmetic.

Usage: python tests/reference/residues.py      (prints the table in benchmarks/src/oracle/depth/residues.rs)

The teacher is prod_i 1 / (z - lambda_i) with n real poles equally spaced in [0.3, 0.95]; factor g of L takes the poles
g, g + L, ..; the residue of a factor at a pole is prod_j 1 / (lambda_i - lambda_j) over its other poles.
"""

from fractions import Fraction

for n in (12, 8):
    low, high = Fraction(3, 10), Fraction(19, 20)
    poles = [low + (high - low) * i / (n - 1) for i in range(n)]
    for layers in (1, 2, 3, 4, 6, 12) if n == 12 else (1, 2, 4, 8):
        worst = Fraction(0)
        for factor in (poles[g::layers] for g in range(layers)):
            for i, pole in enumerate(factor):
                residue = Fraction(1)
                for j, other in enumerate(factor):
                    residue /= pole - other if i != j else 1
                worst = max(worst, abs(residue))
        print(f"{n} poles, {layers} layers: {float(worst):.6g}")
