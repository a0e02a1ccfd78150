//! Sums of attention heads that see lags alone.

use lookback_models::rpe_transformer::Rpe;
use nalgebra::{DMatrix, DVector};

use super::memo::{Memo, bits};
use super::starts::Sequence;

/// Bounds of `log p`: beyond them a head is flat over any sequence, or sees one lag alone.
const LOG_P: [f64; 2] = [-16.0, 6.0];

/// Errors below this share of the energy count as 0.
const EXACT: f64 = 1e-26;

/// Values of `log p` that are tried for one more head, and for the middle of all.
const GRID: usize = 48;

/// Of those the best so many are refined.
const REFINED: usize = 3;

/// Ranges of `log p` of even starts.
const WIDTHS: [f64; 5] = [0.2, 0.6, 2.0, 5.0, 10.0];

/// Random starts.
const RANDOM: usize = 4;

/// Steps of one refinement.
const STEPS: usize = 80;

/// The best known sum of heads.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadFit {
    /// `sum_s (rho(s) - sum_h c_h k_h(s))^2`: the mean squared error on white inputs of unit variance.
    pub mse: f64,
    /// p of each head; fewer than were asked for where the numbers cannot tell more apart.
    pub p: Vec<f64>,
}

/// The best known approximations of `rho` by 1, 2, .., `most` heads `c_h exp(p_h phi(s))` with any `c_h` and `p_h > 0`, at
/// the last step of a sequence, where normalisation is a matter of `c_h`. Lags before `first` count nothing: with `first` 1
/// it is the error of a model whose residual term sees the present by itself.
///
/// Variable projection (Golub and Pereyra, 1973, <https://doi.org/10.1137/0710036>) with Kaufman's Jacobian from several
/// starts: a fit, so a floor up to the search.
///
/// # Panics
/// `rho` is not longer than `first`, is not finite, or `rpe` is free.
pub fn head_fits(rho: &[f64], first: usize, rpe: Rpe, most: usize) -> Vec<HeadFit> {
    assert!(rho.len() > first && rho.iter().all(|value| value.is_finite()), "rho must be finite and not empty");
    assert!(rpe != Rpe::Free, "free scores fit everything");
    static FITS: Memo<(Vec<u64>, [usize; 3]), Vec<HeadFit>> = Memo::new();
    FITS.get((bits(rho), [first, rpe as usize, most]), || fits(rho, first, rpe, most))
}

/// [`head_fits`] of checked arguments.
fn fits(rho: &[f64], first: usize, rpe: Rpe, most: usize) -> Vec<HeadFit> {
    let problem = Problem {
        target: DVector::from_column_slice(&rho[first..]),
        phi: (first..rho.len()).map(|lag| rpe.phi(lag as f64)).collect(),
    };
    let mut random = Sequence(7);
    let mut fits: Vec<HeadFit> = Vec::new();
    let mut before: Vec<f64> = Vec::new();
    for n_heads in 1..=most {
        let promising = |start: &dyn Fn(f64) -> Vec<f64>, count: usize| {
            let value = |i: usize| LOG_P[0] + (LOG_P[1] - LOG_P[0]) * (i as f64 + 0.5) / GRID as f64;
            let projected = |start: Vec<f64>| Some((problem.project(&start)?.error, start));
            let mut all: Vec<_> = (0..GRID).filter_map(|i| projected(start(value(i)))).collect();
            all.sort_by(|left, right| left.0.total_cmp(&right.0));
            all.into_iter().take(count).map(|(_, start)| start).collect::<Vec<_>>()
        };
        // One more head beside those found before,
        let mut starts = promising(&|value| [before.as_slice(), &[value]].concat(), REFINED);
        // all evenly around one value, which may be the limit in which they all are one,
        let place = |head: usize| (head as f64 + 0.5) / n_heads as f64 - 0.5;
        for width in WIDTHS {
            let even = |centre: f64| (0..n_heads).map(|head| centre + width * place(head)).collect();
            starts.extend(promising(&even, 1));
        }
        // and anywhere.
        for _ in 0..RANDOM {
            starts.push((0..n_heads).map(|_| LOG_P[0] + (LOG_P[1] - LOG_P[0]) * random.next()).collect());
        }
        let mut best = (fits.last().map_or(f64::INFINITY, |fit| fit.mse), before.clone());
        for start in starts {
            if let Some(refined) = problem.refine(start).filter(|refined| refined.0 < best.0) {
                best = refined;
            }
        }
        before = best.1;
        fits.push(HeadFit { mse: best.0, p: before.iter().map(|log_p| log_p.exp()).collect() });
    }
    fits
}

struct Problem {
    target: DVector<f64>,
    phi: Vec<f64>,
}

/// The best coefficients of given heads.
struct Projection {
    /// Heads of unit length.
    heads: DMatrix<f64>,
    /// An orthonormal basis of them.
    basis: DMatrix<f64>,
    coefficients: DVector<f64>,
    residual: DVector<f64>,
    error: f64,
}

impl Problem {
    /// `None` where the heads are the same up to rounding.
    fn project(&self, log_p: &[f64]) -> Option<Projection> {
        let mut heads = DMatrix::from_fn(self.phi.len(), log_p.len(), |lag, head| {
            // The largest value is 1, whatever p.
            (log_p[head].exp() * (self.phi[lag] - self.phi[0])).exp()
        });
        heads.column_iter_mut().for_each(|mut head| {
            head.unscale_mut(head.norm());
        });
        let (basis, triangle) = heads.clone().qr().unpack();
        if triangle.diagonal().iter().any(|entry| entry.abs() < 1e-13) {
            return None;
        }
        let along = basis.transpose() * &self.target;
        let residual = &self.target - &basis * &along;
        let coefficients = triangle.solve_upper_triangular(&along)?;
        let error = residual.norm_squared();
        Some(Projection { heads, basis, coefficients, residual, error })
    }

    /// Moves all p downhill; the error and `log p`.
    fn refine(&self, mut log_p: Vec<f64>) -> Option<(f64, Vec<f64>)> {
        let mut current = self.project(&log_p)?;
        let mut damping = 1e-3;
        for _ in 0..STEPS {
            if current.error < EXACT * self.target.norm_squared() || damping > 1e10 {
                break;
            }
            let mut slopes = current.heads.clone();
            for (head, mut column) in slopes.column_iter_mut().enumerate() {
                let factor = log_p[head].exp() * current.coefficients[head];
                column.iter_mut().zip(&self.phi).for_each(|(value, phi)| *value *= factor * (phi - self.phi[0]));
            }
            let slopes = &slopes - &current.basis * (current.basis.transpose() * &slopes);
            let mut normal = slopes.transpose() * &slopes;
            for i in 0..log_p.len() {
                normal[(i, i)] += damping * normal[(i, i)].max(1e-300);
            }
            let step = normal.cholesky().map(|factor| factor.solve(&(slopes.transpose() * &current.residual)));
            let next = step.and_then(|step| {
                let moved = log_p.iter().zip(step.iter());
                let moved: Vec<f64> =
                    moved.map(|(value, step)| (value + step.clamp(-2.0, 2.0)).clamp(LOG_P[0], LOG_P[1])).collect();
                Some((self.project(&moved)?, moved))
            });
            match next {
                Some((projection, moved)) if projection.error < current.error => {
                    let gained = current.error - projection.error;
                    (current, log_p) = (projection, moved);
                    damping *= 0.3;
                    if gained < 1e-9 * current.error {
                        break;
                    }
                }
                _ => damping *= 5.0,
            }
        }
        Some((current.error, log_p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn polynomial() -> Vec<f64> {
        (0..1000).map(|lag| 1.0 / (1.0 + f64::from(lag)).sqrt()).collect()
    }

    fn exponential() -> Vec<f64> {
        (0..1000).map(|lag| (-5.0 * f64::from(lag)).exp()).collect()
    }

    /// The values of scipy's Nelder-Mead from 20 starts.
    #[test]
    fn fits_are_those_of_an_independent_search() {
        let fits = head_fits(&polynomial(), 0, Rpe::Linear, 4);
        for (n_heads, known) in [(1, 1.869094685915829), (2, 0.21251199848314406), (4, 0.0016957889722964239)] {
            let ours = fits[n_heads - 1].mse;
            assert!(ours <= known * (1.0 + 1e-6) && ours > 0.9 * known, "{n_heads}: {ours:e}, scipy {known:e}");
        }
        let fits = head_fits(&exponential(), 0, Rpe::Log, 2);
        for (n_heads, known) in [(1, 1.0139023756050053e-7), (2, 7.877587804364621e-13)] {
            let ours = fits[n_heads - 1].mse;
            assert!(ours <= known * (1.0 + 1e-4) && ours > 0.5 * known, "{n_heads}: {ours:e}, scipy {known:e}");
        }
    }

    #[test]
    fn a_memory_of_the_head_s_own_form_is_met_by_one() {
        let log = head_fits(&polynomial(), 0, Rpe::Log, 1).remove(0);
        assert!(log.mse < 1e-20 && (log.p[0] - 0.5).abs() < 1e-8, "{log:?}");
        let linear = head_fits(&exponential(), 1, Rpe::Linear, 1).remove(0);
        assert!(linear.mse < 1e-20 && (linear.p[0] - 5.0).abs() < 1e-6, "{linear:?}");
    }

    proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(12))]

        #[test]
        fn more_heads_are_never_worse(rho in proptest::collection::vec(-1.0..1.0f64, 6..30usize), log in any::<bool>()) {
            let energy: f64 = rho.iter().map(|value| value * value).sum();
            let mut last = energy * (1.0 + 1e-12);
            for fit in head_fits(&rho, 0, if log { Rpe::Log } else { Rpe::Linear }, 5) {
                prop_assert!(fit.mse <= last, "{} > {last}", fit.mse);
                last = fit.mse;
            }
        }
    }
}
