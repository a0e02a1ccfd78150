//! Variable projection: the poles move, the linear coefficients follow.

use nalgebra::{DMatrix, DVector};

use super::sections::{Sections, delay, filter};

/// Errors below this count as 0: they are at the rounding of the projection.
pub(super) const EXACT: f64 = 1e-14;

/// The memory to fit, lags 1 and on (lag 0 is the feed-through's).
pub(super) struct Problem {
    /// `rho(s)`, s = 1..T; at least one.
    pub target: Vec<f64>,
    /// Their weights.
    pub weights: Vec<f64>,
    /// The weighted energy of rho with lag 0.
    pub energy: f64,
    /// The largest modulus of a pole.
    pub max_radius: f64,
}

/// The best fit of given poles.
#[derive(Clone)]
pub(super) struct Projection {
    /// A basis of the poles' impulse responses, orthonormal under the weights.
    columns: Vec<Vec<f64>>,
    /// The fit over lags 1..T.
    pub fitted: Vec<f64>,
    /// Its error relative to the energy.
    pub nmse: f64,
}

impl Problem {
    /// The mean lag of the target's energy, from 1 up to the number of lags.
    pub fn mean_lag(&self) -> f64 {
        let energies = self.target.iter().zip(&self.weights).map(|(value, weight)| weight * value * value);
        let (total, moment) =
            energies.enumerate().fold((0.0, 0.0), |(total, moment), (i, e)| (total + e, moment + (i + 1) as f64 * e));
        if total > 0.0 { moment / total } else { 1.0 }
    }

    /// `sum_s w(s) x(s) y(s)`.
    fn dot(&self, x: &[f64], y: &[f64]) -> f64 {
        const LANES: usize = 8;
        let mut sums = [0.0; LANES];
        let split = x.len() - x.len() % LANES;
        let blocks = self.weights.chunks_exact(LANES).zip(x.chunks_exact(LANES)).zip(y.chunks_exact(LANES));
        for ((w, x), y) in blocks {
            for lane in 0..LANES {
                sums[lane] += w[lane] * x[lane] * y[lane];
            }
        }
        let rest: f64 = (split..x.len()).map(|s| self.weights[s] * x[s] * y[s]).sum();
        sums.iter().sum::<f64>() + rest
    }

    /// Takes out of `sequence` what the orthonormal `columns` span.
    fn orthogonalise(&self, sequence: &mut [f64], columns: &[Vec<f64>]) {
        for column in columns {
            let along = self.dot(sequence, column);
            sequence.iter_mut().zip(column).for_each(|(value, unit)| *value -= along * unit);
        }
    }

    /// `sequence` at unit length orthogonal to `columns`, or `None` where it is in their span up to rounding.
    fn direction(&self, mut sequence: Vec<f64>, columns: &[Vec<f64>]) -> Option<Vec<f64>> {
        let before = self.dot(&sequence, &sequence).sqrt();
        self.orthogonalise(&mut sequence, columns);
        let mut norm = self.dot(&sequence, &sequence).sqrt();
        if norm < 0.7 * before {
            // Much was taken out, so rounding is not small beside the rest; twice is enough (Giraud et al., 2005,
            // https://doi.org/10.1007/s00211-005-0615-4).
            self.orthogonalise(&mut sequence, columns);
            norm = self.dot(&sequence, &sequence).sqrt();
        }
        (norm > 1e-13 * before).then(|| {
            sequence.iter_mut().for_each(|value| *value /= norm);
            sequence
        })
    }

    /// The best coefficients for these poles.
    pub fn project(&self, sections: &Sections) -> Projection {
        let mut columns = Vec::with_capacity(sections.0.len());
        for sequence in sections.basis(self.target.len()) {
            columns.extend(self.direction(sequence, &columns));
        }
        let mut residual = self.target.clone();
        self.orthogonalise(&mut residual, &columns);
        let nmse = self.dot(&residual, &residual) / self.energy;
        let fitted = self.target.iter().zip(&residual).map(|(target, residual)| target - residual).collect();
        Projection { columns, fitted, nmse }
    }

    /// By how much two more states with this section would lower the error.
    pub fn gain(&self, projection: &Projection, section: [f64; 2]) -> f64 {
        let mut impulse = vec![0.0; self.target.len()];
        impulse[0] = 1.0;
        let response = filter(&section, &impulse);
        let delayed = delay(&response);
        let mut gained = 0.0;
        let mut first = None;
        for mut sequence in [response, delayed] {
            self.orthogonalise(&mut sequence, &projection.columns);
            self.orthogonalise(&mut sequence, first.as_slice());
            let norm = self.dot(&sequence, &sequence).sqrt();
            if norm > 1e-9 {
                sequence.iter_mut().for_each(|value| *value /= norm);
                gained += self.dot(&sequence, &self.target).powi(2);
                first = Some(sequence);
            }
        }
        gained / self.energy
    }

    /// Moves the poles downhill, at most `steps` steps; never to a larger error, but for poles beyond the largest
    /// modulus, which are moved there first.
    ///
    /// Levenberg and Marquardt's step on the projected residual (Golub and Pereyra, "The differentiation of
    /// pseudo-inverses and nonlinear least squares problems whose variables separate", 1973,
    /// <https://doi.org/10.1137/0710036>) with the Jacobian of Kaufman ("A variable projection method for solving
    /// separable nonlinear least squares problems", 1975, <https://doi.org/10.1007/BF01932995>): with the numerator
    /// held, the fit's derivative by a section's a is the fit filtered by that section once more and delayed.
    pub fn refine(&self, mut sections: Sections, steps: usize) -> (Sections, Projection) {
        let n = sections.0.len();
        sections.clamp(self.max_radius);
        let mut current = self.project(&sections);
        let (mut damping, mut growth) = (1e-3, 2.0);
        let mut stalled = 0;
        let mut system = None;
        for _ in 0..steps {
            if current.nmse < EXACT || stalled == 3 || damping > 1e12 || n == 0 {
                break;
            }
            let (normal, slope) = system.get_or_insert_with(|| self.downhill_equations(&sections, &current));
            let mut damped = normal.clone();
            for i in 0..n {
                damped[(i, i)] += damping * normal[(i, i)].max(1e-12);
            }
            let Some(factor) = damped.cholesky() else {
                damping *= growth;
                growth *= 2.0;
                continue;
            };
            let step = factor.solve(slope);
            let mut next = sections.clone();
            next.0.iter_mut().zip(step.iter()).for_each(|(theta, step)| *theta += step);
            next.clamp(self.max_radius);
            let projection = self.project(&next);
            // Rules out NaN too.
            if projection.nmse < current.nmse {
                let foreseen = (0..n).map(|i| step[i] * (damping * normal[(i, i)] * step[i] + slope[i])).sum::<f64>();
                let gained = current.nmse - projection.nmse;
                let ratio = gained * self.energy / foreseen;
                // Nielsen, "Damping parameter in Marquardt's method", Technical University of Denmark, report
                // IMM-REP-1999-05, 1999.
                damping = (damping * (1.0 - (2.0 * ratio - 1.0).powi(3)).clamp(1.0 / 3.0, 2.0)).max(1e-15);
                growth = 2.0;
                stalled = if gained < 1e-7 * current.nmse { stalled + 1 } else { 0 };
                sections = next;
                current = projection;
                system = None;
            } else {
                damping *= growth;
                growth *= 2.0;
            }
        }
        (sections, current)
    }

    /// The normal equations, less the moduli of conjugate pairs at the largest modulus that would grow: those stay.
    fn downhill_equations(&self, sections: &Sections, current: &Projection) -> (DMatrix<f64>, DVector<f64>) {
        let (mut normal, mut slope) = self.normal_equations(sections, current);
        let limit = self.max_radius * self.max_radius * (1.0 - 1e-12);
        for (k, section) in sections.0.chunks_exact(2).enumerate() {
            let held = 2 * k + 1;
            if section[1] >= limit && slope[held] > 0.0 {
                normal.row_mut(held).fill(0.0);
                normal.column_mut(held).fill(0.0);
                normal[(held, held)] = 1.0;
                slope[held] = 0.0;
            }
        }
        (normal, slope)
    }

    /// `J^T J` and `J^T r` of the projected residual.
    fn normal_equations(&self, sections: &Sections, projection: &Projection) -> (DMatrix<f64>, DVector<f64>) {
        let mut jacobian = Vec::with_capacity(sections.0.len());
        for section in sections.0.chunks(2) {
            let by_a = delay(&filter(section, &projection.fitted));
            if section.len() == 2 {
                let by_b = delay(&by_a).iter().map(|value| -value).collect();
                jacobian.extend([by_a, by_b]);
            } else {
                jacobian.push(by_a);
            }
        }
        for column in &mut jacobian {
            self.orthogonalise(column, &projection.columns);
        }
        let residual: Vec<f64> = self.target.iter().zip(&projection.fitted).map(|(y, fit)| y - fit).collect();
        let n = jacobian.len();
        let mut normal = DMatrix::zeros(n, n);
        for i in 0..n {
            for j in 0..=i {
                normal[(i, j)] = self.dot(&jacobian[i], &jacobian[j]);
                normal[(j, i)] = normal[(i, j)];
            }
        }
        (normal, DVector::from_fn(n, |i, _| self.dot(&jacobian[i], &residual)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, Sections};

    fn problem() -> Problem {
        let target: Vec<f64> =
            (0..30).map(|s| 0.9f64.powi(s) * (0.5 * f64::from(s)).cos() + 0.3 * 0.5f64.powi(s)).collect();
        let weights: Vec<f64> = (0..30).map(|s| 1.0 - f64::from(s) / 40.0).collect();
        let energy = target.iter().zip(&weights).map(|(y, w)| w * y * y).sum();
        Problem { target, weights, energy, max_radius: 1.1 }
    }

    #[test]
    fn the_slope_is_the_gradient_of_the_error() {
        let problem = problem();
        let sections = Sections(vec![1.2, 0.6, 0.4]);
        let (_, slope) = problem.normal_equations(&sections, &problem.project(&sections));
        for i in 0..3 {
            let at = |step: f64| {
                let mut moved = sections.clone();
                moved.0[i] += step;
                problem.project(&moved).nmse * problem.energy
            };
            let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((numeric + 2.0 * slope[i]).abs() < 1e-8 * (1.0 + numeric.abs()), "{i}: {numeric} {}", slope[i]);
        }
    }

    #[test]
    fn refining_finds_the_poles_of_an_exact_memory() {
        let problem = problem();
        let (sections, projection) = problem.refine(Sections(vec![1.2, 0.6, 0.4]), 200);
        assert!(projection.nmse < 1e-13, "{}", projection.nmse);
        assert!((sections.0[0] - 1.8 * 0.5f64.cos()).abs() < 1e-5 && (sections.0[1] - 0.81).abs() < 1e-5);
        assert!((sections.0[2] - 0.5).abs() < 1e-4);
    }

    #[test]
    fn the_gain_of_a_section_is_what_the_error_falls_by() {
        let problem = problem();
        let one = problem.project(&Sections(vec![1.2, 0.6]));
        let two = problem.project(&Sections(vec![1.2, 0.6, 0.5, 0.3]));
        assert!((one.nmse - two.nmse - problem.gain(&one, [0.5, 0.3])).abs() < 1e-12);
    }
}
