//! Errors that are worked out, not trained.

use lookback_datasets::{Coupling, CouplingConfig, OrderingConfig, Split};
use lookback_registry::Result;
use nalgebra::DMatrix;

use burn_dataset::Dataset;

/// Validation sequences that the truncation is evaluated on.
pub(super) const SEQUENCES: usize = 512;

/// The NMSE of the target with the first m terms of rho in the place of all, for each m: over the first `sequences`
/// validation sequences, in f64.
///
/// The first m terms are the best approximation of rank m **of rho** in the mean square. Of the target they need not
/// be, so a trained model of the same rank may do better: not a floor.
///
/// # Errors
/// The configuration is not valid.
pub(super) fn truncation_nmse(config: &CouplingConfig, ranks: &[usize], sequences: usize) -> Result<Vec<f64>> {
    let coupling = Coupling::new(config)?;
    let data = config.dataset(Split::valid(0, sequences))?;
    let mut errors = vec![0.0; ranks.len()];
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    for sample in (0..sequences).filter_map(|index| data.get(index)) {
        let x: Vec<f64> = sample.inputs.into_iter().map(f64::from).collect();
        let exact = coupling.targets(&x, config.rank);
        for value in &exact {
            sum += value;
            squares += value * value;
            count += 1.0;
        }
        for (error, rank) in errors.iter_mut().zip(ranks) {
            let truncated = coupling.targets(&x, *rank);
            *error += truncated.iter().zip(&exact).map(|(left, right)| (left - right).powi(2)).sum::<f64>();
        }
    }
    let variance = squares / count - (sum / count).powi(2);
    Ok(errors.into_iter().map(|error| error / count / variance).collect())
}

/// The smallest MSE of any causal model: what the inputs that it has not seen yet add to the output.
///
/// Inputs are independent with variance 1/12, so the best prediction is exact in what was seen and the mean in the rest.
pub(super) fn causal_floor(config: &OrderingConfig) -> f64 {
    let memory = config.memory();
    let unseen = |t: usize| -> f64 {
        (0..=t).filter(|time| config.place(*time) > t).map(|time| memory[t - time].powi(2) / 12.0).sum()
    };
    (0..config.length).map(unseen).sum::<f64>() / config.length as f64
}

/// Points per axis of the quadrature: exact for trigonometric polynomials of a lower degree.
const GRID: usize = 32;

/// The first singular values, in L2 of the unit square, of `1 + 2 sin(2 pi x1) sin(2 pi x2)`, and of the same after
/// `x2 -> x1 + x2`.
pub(super) fn mixing_singular_values() -> [[f64; 3]; 2] {
    let wave = |x: f64| (std::f64::consts::TAU * x).sin();
    let at = |index: usize| (index as f64 + 0.5) / GRID as f64;
    [0.0, 1.0].map(|mixed| {
        let kernel = DMatrix::from_fn(GRID, GRID, |row, column| {
            (1.0 + 2.0 * wave(at(row)) * wave(at(column) + mixed * at(row))) / GRID as f64
        });
        let mut values = kernel.singular_values().as_slice().to_vec();
        values.sort_by(|left, right| right.total_cmp(left));
        [values[0], values[1], values[2]]
    })
}

#[cfg(test)]
mod tests {
    use lookback_datasets::Alteration;

    use super::*;

    fn nmse(alpha: f64, rank: usize, ranks: &[usize]) -> Vec<f64> {
        let config = CouplingConfig { rank, alpha, ..CouplingConfig::default() };
        truncation_nmse(&config, ranks, 4096).unwrap()
    }

    fn assert_near(values: &[f64], known: &[f64]) {
        for (value, known) in values.iter().zip(known) {
            assert!((value / known - 1.0).abs() < 0.1, "{values:?}, known {known}");
        }
    }

    #[test]
    fn truncations_have_the_known_errors_and_collapse_at_the_rank() {
        assert_near(&nmse(1.0, 64, &[2, 4, 8, 16]), &[0.19, 0.119, 0.067, 0.029]);
        assert_near(&nmse(0.55, 64, &[2, 16]), &[0.27, 0.030]);
        for rank in [2, 6] {
            for alpha in [0.55, 1.0] {
                let errors = nmse(alpha, rank, &[rank - 1, rank, 16]);
                assert!(errors[0] > 1e-3 && errors[1..] == [0.0, 0.0], "{errors:?}");
            }
        }
    }

    #[test]
    fn mixing_raises_the_rank_as_published() {
        let [before, after] = mixing_singular_values();
        for (value, known) in before.iter().chain(&after).zip([1.0, 1.0, 0.0, 1.265, 0.5, 0.4]) {
            assert!((value - known).abs() < 0.01, "{before:?} {after:?}");
        }
        // By hand: 1/2, and the two of the matrix (1, 1/sqrt 2; 0, -1/2).
        let square = (1.75 + (1.75f64.powi(2) - 1.0).sqrt()) / 2.0;
        assert!((after[0] - square.sqrt()).abs() < 1e-12 && (after[2] - 0.5 / square.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn only_an_altered_order_keeps_causal_models_from_the_target() {
        let floor = |alteration| causal_floor(&OrderingConfig { alteration, ..OrderingConfig::default() });
        assert_eq!((floor(Alteration::None), floor(Alteration::Mixing)), (0.0, 0.0));
        // The first ten outputs lack all of their inputs, the next twelve ten each.
        let geometric =
            |from: i32, count: i32| (from..from + count).map(|lag| (-2.0 * f64::from(lag)).exp()).sum::<f64>();
        let unseen =
            (0..10).map(|t| geometric(0, t + 1)).sum::<f64>() + (1..13).map(|lag| geometric(lag, 10)).sum::<f64>();
        let last = (22..32).map(|t| geometric(t - 9, 31 - t)).sum::<f64>();
        assert!(
            (floor(Alteration::Order) - (unseen + last) / 12.0 / 32.0).abs() < 1e-12,
            "{}",
            floor(Alteration::Order)
        );
    }
}
