//! What the Hankel matrix of a memory says of the states that it needs.

use nalgebra::DMatrix;

use super::memo::{Memo, bits};
use super::weights_and_energy;

/// The m x m Hankel matrix `H_ij = rho(i + j + 1)`, lags from the end of rho on counted as 0.
///
/// Its rank is at most n where rho is the impulse response of n linear states and a feed-through (Kronecker).
pub(super) fn hankel(rho: &[f64], m: usize) -> DMatrix<f64> {
    DMatrix::from_fn(m, m, |i, j| rho.get(i + j + 1).copied().unwrap_or(0.0))
}

/// The squared singular values, largest first.
fn squared_singular_values(hankel: DMatrix<f64>) -> Vec<f64> {
    // A real symmetric matrix has the absolute values of its eigenvalues for singular values.
    let mut squares: Vec<f64> = hankel.symmetric_eigenvalues().iter().map(|value| value * value).collect();
    squares.sort_by(|a, b| b.total_cmp(a));
    squares
}

/// The singular values of the m x m Hankel matrix `H_ij = rho(i + j + 1)`, m = T/2 rounded down, largest first.
///
/// How fast they fall tells the order of the memory: a linear model of n states has at most n that are not 0.
/// The energy of the rest is **not** an error floor; [`hankel_lower_bound`] is.
pub fn hankel_singular_values(rho: &[f64]) -> Vec<f64> {
    weights_and_energy(rho, None);
    squared_singular_values(hankel(rho, rho.len() / 2)).into_iter().map(f64::sqrt).collect()
}

/// A proven floor of the error of every linear time-invariant model with `n_states` real states (a conjugate
/// pair counts 2) and a feed-through.
///
/// The Hankel matrix of such a model has rank n at most, so its distance to the target's is at least the energy
/// of the target's singular values beyond the n-th (Eckart and Young, "The approximation of one matrix by
/// another of lower rank", 1936, <https://doi.org/10.1007/BF02288367>). Lag k occurs c_k = min(k, 2m - k) times
/// in the m x m matrix, so that distance is at most `max_k (c_k / w_k) sum_k w_k (rho(k) - rho_hat(k))^2`. The
/// result is the best bound over m = 1..=T/2. Adamjan, Arov and Krein ("Analytic properties of Schmidt pairs for
/// a Hankel operator and the generalized Schur-Takagi problem", 1971,
/// <https://doi.org/10.1070/SM1971v015n01ABEH001531>) have the attained bound in the operator norm.
pub fn hankel_lower_bound(rho: &[f64], n_states: usize, weights: Option<&[f64]>) -> f64 {
    static BOUNDS: Memo<(Vec<u64>, Vec<u64>, usize), f64> = Memo::new();
    let (weights, energy) = weights_and_energy(rho, weights);
    BOUNDS.get((bits(rho), bits(&weights), n_states), || lower_bound(rho, n_states, &weights)) / energy
}

/// The bound on the weighted energy of the error.
fn lower_bound(rho: &[f64], n_states: usize, weights: &[f64]) -> f64 {
    let mut best = 0.0f64;
    // Up to m = n the rank is no constraint.
    for m in n_states + 1..=rho.len() / 2 {
        let scale = (1..2 * m).map(|lag| weights[lag] / lag.min(2 * m - lag) as f64).fold(f64::INFINITY, f64::min);
        let tail: f64 = squared_singular_values(hankel(rho, m))[n_states..].iter().sum();
        best = best.max(scale * tail);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::{hankel_lower_bound, hankel_singular_values};
    use crate::oracle::{loss_weights, reference};

    #[test]
    fn singular_values_agree_with_numpy() {
        for case in reference::cases() {
            let ours = hankel_singular_values(&case.rho);
            assert_eq!(ours.len(), case.singular_values.len());
            for (ours, numpy) in ours.iter().zip(&case.singular_values) {
                assert!((ours - numpy).abs() <= 1e-12 * case.singular_values[0], "{}: {ours} {numpy}", case.name);
            }
        }
    }

    #[test]
    fn bounds_agree_with_numpy() {
        for case in reference::cases() {
            let weights = loss_weights(case.rho.len());
            for (i, &n_states) in case.n_states.iter().enumerate() {
                let bound = hankel_lower_bound(&case.rho, n_states, None);
                assert!((bound - case.lower_bound[i]).abs() <= 1e-12, "{} n={n_states}: {bound}", case.name);
                let bound = hankel_lower_bound(&case.rho, n_states, Some(&weights));
                assert!((bound - case.weighted_lower_bound[i]).abs() <= 1e-12, "{} n={n_states}: {bound}", case.name);
            }
        }
    }

    #[test]
    fn bounds_have_the_known_values() {
        let known = [
            ("impulse-8", [0.5, 0.0, 0.0]),
            ("impulse-32", [0.875, 0.75, 0.5]),
            ("airy-6", [1.9e-3, 0.0, 0.0]),
            ("airy-12", [0.368, 0.062, 0.0]),
        ];
        for (name, bounds) in known {
            let rho = reference::case(name).rho;
            for (n_states, known) in [4, 8, 16].into_iter().zip(bounds) {
                let bound = hankel_lower_bound(&rho, n_states, None);
                assert!((bound - known).abs() <= 0.02 * known + 1e-6, "{name} n={n_states}: {bound}, known {known}");
            }
        }
    }

    #[test]
    fn one_exponential_is_one_state() {
        let rho: Vec<f64> = (0..40).map(|lag| 0.9f64.powi(lag)).collect();
        assert!(hankel_lower_bound(&rho, 0, None) > 0.1);
        assert!(hankel_lower_bound(&rho, 1, None) < 1e-28);
        let values = hankel_singular_values(&rho);
        assert!(values[1] < 1e-14 * values[0]);
    }

    #[test]
    fn a_feed_through_needs_no_state() {
        assert_eq!(hankel_lower_bound(&reference::impulse(0), 0, None), 0.0);
    }
}
