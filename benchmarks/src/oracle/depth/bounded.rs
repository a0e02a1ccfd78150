//! What no layer can do whose residues are bounded.

use std::f64::consts::{PI, TAU};

use super::super::memo::{Memo, bits};
use super::super::weights_and_energy;

/// A proven floor, and how near to it a fit comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundedFloor {
    /// No model of the class has a smaller NMSE.
    pub floor: f64,
    /// The NMSE of a combination of exponentials within the bound, of any number of them.
    pub fit: f64,
}

/// Frequencies per lag on the whole circle.
const OVERSAMPLING: usize = 32;

/// Steps of the search; each costs some `16 length^2` products.
const STEPS: usize = 400;

/// The smallest NMSE on `rho` of one layer whose residues have absolute values that add up to at most `bound`:
/// `rho_hat(s) = Re sum_i g_i lambda_i^s` with `|lambda_i| <= 1` and `sum_i |g_i| <= bound`, of any number of states, and
/// any value at lag 0 (a feed-through). With n states in all and every entry of B and C at most M in absolute value, the
/// sum is at most `n M^2`: M^2 for each real eigenvalue, 2 M^2 for each conjugate pair of complex entries.
///
/// The problem is convex: a distance to a set. For any direction v, the distance of rho from it is at least
/// `<v, rho> - bound max |sum_s v(s) lambda^s|`, and by the maximum modulus principle that maximum over the disk is attained on
/// the unit circle, where a grid finds it to within a known factor (Ehlich, Zeller, "Schwankung von Polynomen zwischen
/// Gitterpunkten", 1964, <https://doi.org/10.1007/BF01111276>). The directions are the residuals of the method of Frank
/// and Wolfe ("An algorithm for quadratic programming", 1956, <https://doi.org/10.1002/nav.3800030109>), whose iterates
/// are the fit.
///
/// # Panics
/// See [the module above](super::super); also where `bound` is negative or not finite.
pub fn bounded_floor(rho: &[f64], bound: f64, weights: Option<&[f64]>) -> BoundedFloor {
    assert!(bound >= 0.0 && bound.is_finite(), "the bound must be finite and not negative");
    static FLOORS: Memo<[Vec<u64>; 3], BoundedFloor> = Memo::new();
    let (weights, energy) = weights_and_energy(rho, weights);
    let question = [bits(rho), bits(&weights), vec![bound.to_bits()]];
    FLOORS.get(question, || floor(rho, bound, weights, energy))
}

/// [`bounded_floor`] of checked arguments.
fn floor(rho: &[f64], bound: f64, mut weights: Vec<f64>, energy: f64) -> BoundedFloor {
    // Any value is free at lag 0.
    weights[0] = 0.0;
    let length = rho.len();
    let points = OVERSAMPLING * length;
    let circle: Vec<(f64, f64)> = (0..points).map(|k| (TAU * k as f64 / points as f64).sin_cos()).collect();
    let between = (PI * (length - 1) as f64 / points as f64).cos();
    let dot = |one: &[f64], other: &[f64]| -> f64 {
        one.iter().zip(other).zip(&weights).map(|((one, other), weight)| weight * one * other).sum()
    };

    let mut fitted = vec![0.0; length];
    let mut best = BoundedFloor { floor: 0.0, fit: dot(rho, rho) / energy };
    for _ in 0..STEPS {
        let residual: Vec<f64> = rho.iter().zip(&fitted).map(|(rho, fitted)| rho - fitted).collect();
        let squared = dot(&residual, &residual);
        best.fit = best.fit.min(squared / energy);
        if squared <= 1e-12 * energy {
            break;
        }
        let weighted: Vec<f64> = residual.iter().zip(&weights).map(|(residual, weight)| residual * weight).collect();
        let at = |frequency: usize| {
            weighted.iter().enumerate().fold((0.0, 0.0), |(re, im), (lag, value)| {
                let (sin, cos) = circle[frequency * lag % points];
                (re + value * cos, im + value * sin)
            })
        };
        // A real residual has the same modulus at conjugate frequencies.
        let peaks = (0..=points / 2).map(|frequency| (frequency, at(frequency)));
        let (frequency, (re, im)) = peaks
            .max_by(|(_, one), (_, other)| one.0.hypot(one.1).total_cmp(&other.0.hypot(other.1)))
            .expect("there is a frequency");
        let peak = re.hypot(im);
        let distance = (dot(&residual, rho) - bound * peak / between) / squared.sqrt();
        best.floor = best.floor.max(distance.max(0.0).powi(2) / energy);
        if best.fit - best.floor <= 1e-3 * best.fit || peak == 0.0 {
            break;
        }
        let step: Vec<f64> = (0..length)
            .map(|lag| {
                let (sin, cos) = circle[frequency * lag % points];
                bound * (cos * re + sin * im) / peak - fitted[lag]
            })
            .collect();
        let share = (dot(&residual, &step) / dot(&step, &step)).clamp(0.0, 1.0);
        fitted.iter_mut().zip(step).for_each(|(fitted, step)| *fitted += share * step);
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::loss_weights;
    use crate::oracle::starts::Sequence;

    #[test]
    fn a_constant_beyond_the_bound_is_scaled_down() {
        // The nearest constant is the bound itself; lag 0 is free.
        let found = bounded_floor(&[10.0; 50], 4.0, None);
        let exact = 0.36 * 49.0 / 50.0;
        assert!(found.floor <= exact + 1e-12 && found.fit >= exact - 1e-12, "{found:?}");
        assert!(found.floor > 0.95 * exact && found.fit < 1.001 * exact, "{found:?}");
        assert_eq!(bounded_floor(&[3.0, 1.0, 1.0], 0.0, None).fit, 2.0 / 11.0);
    }

    #[test]
    fn what_is_within_the_bound_has_no_floor() {
        let rho: Vec<f64> = (0..60).map(|lag| 2.0 * 0.9f64.powi(lag) - 0.5 * 0.3f64.powi(lag)).collect();
        let found = bounded_floor(&rho, 2.5, Some(&loss_weights(60)));
        assert!(found.floor < 1e-9 && found.fit < 1e-3, "{found:?}");
    }

    #[test]
    fn no_model_within_the_bound_is_below_the_floor() {
        let mut sequence = Sequence(5);
        let rho: Vec<f64> = (0..40).map(|lag| 20.0 * (-0.5 * ((f64::from(lag) - 12.0) / 4.0).powi(2)).exp()).collect();
        let (bound, weights) = (6.0, loss_weights(40));
        let floor = bounded_floor(&rho, bound, Some(&weights)).floor;
        assert!(floor > 0.1, "{floor}");
        let energy: f64 = rho.iter().zip(&weights).map(|(rho, weight)| weight * rho * rho).sum();
        for _ in 0..2000 {
            let mut left = bound;
            let modes: Vec<[f64; 4]> = (0..4)
                .map(|_| {
                    let share = left * sequence.next();
                    left -= share;
                    [share, sequence.next(), 0.5 * sequence.next(), TAU * sequence.next()]
                })
                .collect();
            let error: f64 = (1..40)
                .map(|lag| {
                    let at = f64::from(lag);
                    let fitted: f64 =
                        modes.iter().map(|[g, r, w, phase]| g * r.powf(at) * (w * at + phase).cos()).sum();
                    weights[lag as usize] * (rho[lag as usize] - fitted).powi(2)
                })
                .sum();
            assert!(error / energy >= floor, "{} is below {floor}", error / energy);
        }
    }
}
