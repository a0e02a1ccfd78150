//! The best errors that model classes can reach on a linear memory target, in f64 and without training.
//!
//! The target is `y(t) = sum_s rho(s) x(t-s)` with white x of unit variance. A linear time-invariant model
//! with impulse response `rho_hat` then has the mean squared error `sum_(s<=t) (rho(s) - rho_hat(s))^2` at time
//! t. A loss that averages over t = 0..T-1 sees lag s in T - s of the T times, so it weights lags by
//! [`loss_weights`]; the loss at the last time alone weights them equally (`weights: None`).
//!
//! | model class | function | what it is |
//! |---|---|---|
//! | linear, n states and a feed-through | [`lti_fit`] | best known: a fit, so a floor up to the search |
//! | linear, n states and a feed-through | [`hankel_lower_bound`] | proven, not attained in general |
//! | causal with a finite window | [`window_floor`] | exact |
//! | heads that see lags alone, at the last step | [`head_fits`] | best known: a fit; not normalised |
//! | linear, one layer, bounded residues | [`depth::bounded_floor`] | proven |
//!
//! All but [`head_fits`] are normalised mean squared errors: relative to the (weighted) energy of rho, in [0, 1].
//!
//! # Panics
//! Every function of this module panics where `rho` is empty or not finite, where `weights` has another length
//! than `rho` or an entry that is negative or not finite, or where the (weighted) energy of rho is 0, since no
//! error relative to it exists then.

pub mod depth;
mod hankel;
mod heads;
mod lti;
mod memo;
mod refine;
mod sections;
mod starts;
mod window;

pub use hankel::{hankel_lower_bound, hankel_singular_values};
pub use heads::{HeadFit, head_fits};
pub use lti::{LtiFit, lti_fit, lti_fit_within};
pub use window::window_floor;

/// What a loss that averages over all times puts on lag s: `(length - s) / length`, s = 0..length.
pub fn loss_weights(length: usize) -> Vec<f64> {
    (0..length).map(|lag| (length - lag) as f64 / length as f64).collect()
}

/// The weights (1 where `None`) and the weighted energy of rho.
fn weights_and_energy(rho: &[f64], weights: Option<&[f64]>) -> (Vec<f64>, f64) {
    assert!(!rho.is_empty() && rho.iter().all(|value| value.is_finite()), "rho must be finite and not empty");
    let weights = weights.map_or_else(|| vec![1.0; rho.len()], <[f64]>::to_vec);
    assert_eq!(weights.len(), rho.len(), "there must be one weight per lag");
    assert!(weights.iter().all(|w| w.is_finite() && *w >= 0.0), "weights must be finite and not negative");
    let energy: f64 = rho.iter().zip(&weights).map(|(value, weight)| weight * value * value).sum();
    assert!(energy > 0.0, "rho must have some energy under the weights");
    (weights, energy)
}

#[cfg(test)]
mod reference {
    //! What `tests/reference/hankel.py` computes with NumPy and SciPy.

    use serde::Deserialize;

    /// One memory function of the fixture.
    #[derive(Deserialize)]
    pub struct Case {
        pub name: String,
        pub rho: Vec<f64>,
        pub singular_values: Vec<f64>,
        pub n_states: Vec<usize>,
        pub lower_bound: Vec<f64>,
        pub weighted_lower_bound: Vec<f64>,
    }

    /// All memory functions of the fixture, T = 128.
    pub fn cases() -> Vec<Case> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reference/hankel.json");
        let text = std::fs::read_to_string(path).expect("the fixture is there");
        serde_json::from_str(&text).expect("the fixture is valid")
    }

    /// The memory function `name` of the fixture.
    pub fn case(name: &str) -> Case {
        cases().into_iter().find(|case| case.name == name).expect("the fixture has this memory function")
    }

    /// A unit impulse at lag `alpha` of 128.
    pub fn impulse(alpha: usize) -> Vec<f64> {
        (0..128).map(|lag| f64::from(lag == alpha)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{hankel_lower_bound, loss_weights, lti_fit, window_floor};

    #[test]
    fn loss_weights_count_the_times_at_which_a_lag_is_seen() {
        assert_eq!(loss_weights(4), [1.0, 0.75, 0.5, 0.25]);
    }

    #[test]
    #[should_panic(expected = "some energy")]
    fn a_memory_without_energy_has_no_relative_error() {
        window_floor(&[0.0, 1.0], 1, Some(&[1.0, 0.0]));
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(24))]

        #[test]
        fn the_bound_is_below_the_fit_and_more_states_are_never_worse(
            rho in proptest::collection::vec(-1.0..1.0f64, 2..20usize),
            weighted in proptest::bool::ANY,
        ) {
            let weights = weighted.then(|| loss_weights(rho.len()));
            let mut last = 1.0 + 1e-12;
            for n_states in 0..=rho.len() / 2 + 1 {
                let fit = lti_fit(&rho, n_states, weights.as_deref());
                let bound = hankel_lower_bound(&rho, n_states, weights.as_deref());
                proptest::prop_assert!(bound <= fit.nmse + 1e-12, "{bound} > {} at {n_states}", fit.nmse);
                proptest::prop_assert!(fit.nmse <= last + 1e-12, "{} > {last} at {n_states}", fit.nmse);
                last = fit.nmse;
            }
        }

        #[test]
        fn scale_does_not_matter(
            rho in proptest::collection::vec(-1.0..1.0f64, 12),
            scale in proptest::sample::select(vec![-8.0, 0.125, 1024.0]),
        ) {
            let scaled: Vec<f64> = rho.iter().map(|value| scale * value).collect();
            for n_states in [1, 2, 4] {
                // Powers of two scale without rounding.
                proptest::prop_assert_eq!(
                    lti_fit(&rho, n_states, None).nmse.to_bits(), lti_fit(&scaled, n_states, None).nmse.to_bits()
                );
                let (bound, same) = (hankel_lower_bound(&rho, n_states, None), hankel_lower_bound(&scaled, n_states, None));
                proptest::prop_assert!((bound - same).abs() <= 1e-12);
            }
            proptest::prop_assert_eq!(window_floor(&rho, 5, None), window_floor(&scaled, 5, None));
        }

        #[test]
        fn a_longer_window_is_never_worse(rho in proptest::collection::vec(-1.0..1.0f64, 1..40usize)) {
            let floors: Vec<f64> = (0..=rho.len()).map(|window| window_floor(&rho, window, None)).collect();
            proptest::prop_assert_eq!(floors[0], 1.0);
            proptest::prop_assert_eq!(floors[rho.len()], 0.0);
            proptest::prop_assert!(floors.windows(2).all(|pair| pair[1] <= pair[0]));
        }
    }
}
