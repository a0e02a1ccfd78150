//! The best fit of a memory by a linear time-invariant model of n states.

use nalgebra::Complex;

use super::memo::{Memo, bits};
use super::refine::{EXACT, Problem, Projection};
use super::sections::Sections;
use super::starts::{Realisations, Sequence, even_phases, real_decays};
use super::weights_and_energy;

/// The best known linear time-invariant model of a size.
#[derive(Debug, Clone, PartialEq)]
pub struct LtiFit {
    /// `sum_s w(s) (rho(s) - memory(s))^2 / sum_s w(s) rho(s)^2`.
    pub nmse: f64,
    /// The n eigenvalues of A; those of unused states are 0.
    pub poles: Vec<Complex<f64>>,
    /// D, which is `rho(0)`.
    pub feed_through: f64,
    /// The model's own memory over the lags of rho: `D` at 0, `C A^(s-1) B` at s >= 1.
    pub memory: Vec<f64>,
}

/// By how much exponentials of [`lti_fit`] may grow over the length of rho.
const MAX_GROWTH: f64 = 1e6;

/// Fits `rho` by the memory of a linear time-invariant model with `n_states` real states and a feed-through,
/// `h(t) = A h(t-1) + B x(t-1), y(t) = C h(t) + D x(t)`: a value at lag 0 and a sum of n exponentials beyond it,
/// where a conjugate pair counts 2. Weights of `None` are equal ones.
///
/// This form is as large as any of n states: `y(t) = C h(t)` with `h(t) = A h(t-1) + B x(t)` is within it.
/// Exponentials may grow, by a factor of up to 1e6 over the length of rho, since nothing but training keeps those of
/// a dense recurrent matrix from it; [`lti_fit_within`] takes another limit.
///
/// The poles are searched by variable projection from many starts: subspace realisations of several Hankel
/// matrices, evenly spread phases, real decays, the fits with one and two states less, random ones, and
/// perturbations of the best. Fits of all smaller sizes are made on the way, so more states are never worse. It
/// is the best known fit and not a proof ([`hankel_lower_bound`](super::hankel_lower_bound) is): a trained linear
/// model of n states below it by more than sampling error means that the fit, or the model, is wrong. The result
/// is the same on every call, and found once per process. Its cost grows as n^4 or so: for 127 lags below a second at 16
/// states, several seconds at 32. Beyond some 16 states, and where poles lie at the limit of growth, the search may stop
/// at a local minimum.
///
/// # Panics
/// See [the module](super).
pub fn lti_fit(rho: &[f64], n_states: usize, weights: Option<&[f64]>) -> LtiFit {
    lti_fit_within(rho, n_states, weights, MAX_GROWTH)
}

/// As [`lti_fit`], with exponentials that grow by a factor of `max_growth` at most over the length of rho: 1 for
/// models whose eigenvalues are in the closed unit disk by construction.
///
/// A target at lag s of T can be as easy for growing exponentials as one at lag T - s is for decaying ones.
///
/// # Panics
/// See [the module](super); also where `max_growth` is not positive and finite.
pub fn lti_fit_within(rho: &[f64], n_states: usize, weights: Option<&[f64]>, max_growth: f64) -> LtiFit {
    assert!(max_growth > 0.0 && max_growth.is_finite(), "max_growth must be positive and finite");
    let (weights, energy) = weights_and_energy(rho, weights);
    if rho.len() == 1 {
        let poles = vec![Complex::ZERO; n_states];
        return LtiFit { nmse: 0.0, poles, feed_through: rho[0], memory: rho.to_vec() };
    }
    // A power of two for a unit, with the sign of rho's first value that has one, so that the search takes the
    // same steps at every scale.
    let sign = rho.iter().find(|&&value| value != 0.0).map_or(1.0, |value| value.signum());
    let unit = sign * 2f64.powi(energy.log2().div_euclid(2.0) as i32);
    let scaled: Vec<f64> = rho.iter().map(|value| value / unit).collect();
    let problem = Problem {
        target: scaled[1..].to_vec(),
        weights: weights[1..].to_vec(),
        energy: energy / (unit * unit),
        max_radius: max_growth.powf(1.0 / rho.len() as f64),
    };
    static FITS: Memo<[Vec<u64>; 3], (Sections, Projection)> = Memo::new();
    let question = [bits(rho), bits(&weights), vec![n_states as u64, max_growth.to_bits()]];
    let (sections, projection) = FITS.get(question, || search(&problem, &scaled, n_states));
    let mut poles = sections.poles();
    poles.resize(n_states, Complex::ZERO);
    let memory = std::iter::once(rho[0]).chain(projection.fitted.iter().map(|value| value * unit)).collect();
    LtiFit { nmse: projection.nmse, poles, feed_through: rho[0], memory }
}

/// The best poles of at most `n_states` states.
fn search(problem: &Problem, rho: &[f64], n_states: usize) -> (Sections, Projection) {
    // As many states as lags hold any memory as a delay line.
    let n_states = n_states.min(problem.target.len());
    let delay_line = problem.refine(Sections::zeros(n_states), 0);
    if delay_line.1.nmse < EXACT {
        return delay_line;
    }
    let realisations = Realisations::new(rho);
    let mut best = problem.refine(Sections::zeros(0), 0);
    let mut before = None;
    for n in 1..=n_states {
        let next = search_level(problem, &realisations, n, &best, before.as_ref());
        before = Some(best);
        best = next;
        if best.1.nmse < EXACT {
            break;
        }
    }
    best
}

/// The best poles of n states, from those of n - 1 and n - 2.
fn search_level(
    problem: &Problem,
    realisations: &Realisations,
    n: usize,
    smaller: &(Sections, Projection),
    smaller_yet: Option<&(Sections, Projection)>,
) -> (Sections, Projection) {
    let horizon = problem.target.len() as f64;
    let mut sequence = Sequence(n as u64);
    let mut starts = vec![Sections::zeros(n)];
    starts.push(with_real_pole(&smaller.0, 0.0));
    starts.extend([0.5, 0.9, 1.0 - 1.0 / horizon].map(|pole| with_real_pole(&smaller.0, pole)));
    if let Some((sections, projection)) = smaller_yet {
        starts.extend(best_additions(problem, projection).map(|section| with_section(sections, section)));
    }
    starts.extend(realisations.poles(n).map(|poles| Sections::from_poles(&poles, false)));
    for longest in [4.0, 0.25, 0.05] {
        starts.push(real_decays(n, 0.5, (longest * horizon).max(1.0)));
    }
    // Phases 2 pi / L apart add up at lag L: where the memory is, seen from either end.
    let at = problem.mean_lag();
    let spread = |lag: f64| (n as f64 / lag).min(1.0);
    for bandwidth in [1.0, 0.25, 0.1, spread(at), spread(1.2 * at), spread(horizon + 1.0 - at)] {
        for decay in [0.2, 0.7, 3.0] {
            starts.push(even_phases(n, (-1.0 / (decay * horizon)).exp(), bandwidth));
        }
    }
    starts.extend((0..12).map(|_| sequence.sections(n, 2.0 * horizon)));

    let mut tried: Vec<_> = Vec::with_capacity(starts.len());
    // Should the eigenvalues of a realisation not come in conjugate pairs, they are no poles of n real states.
    for start in starts.into_iter().filter(|start| start.0.len() == n) {
        let fit = problem.refine(start, 12);
        if fit.1.nmse < EXACT {
            return fit;
        }
        tried.push(fit);
    }
    tried.sort_by(|one, other| one.1.nmse.total_cmp(&other.1.nmse));
    tried.truncate(4);
    let finished = tried.into_iter().map(|(sections, _)| problem.refine(sections, 150));
    let mut best = finished.min_by(|one, other| one.1.nmse.total_cmp(&other.1.nmse)).expect("some start was tried");

    for hop in 0..9 {
        if best.1.nmse < EXACT {
            break;
        }
        let start = match hop % 3 {
            0 => Sections::from_poles(&best.0.poles(), hop % 2 == 0),
            1 => sequence.perturbed(&best.0, 1.0),
            _ => {
                let mut start = best.0.clone();
                let pairs = start.0.len() / 2;
                if pairs > 0 {
                    let at = 2 * ((sequence.next() * pairs as f64) as usize);
                    start.0[at..at + 2].copy_from_slice(&sequence.section(2.0 * horizon, 1.0));
                }
                start
            }
        };
        let fit = problem.refine(start, 40);
        if fit.1.nmse < best.1.nmse {
            best = fit;
        }
    }
    let (sections, _) = best;
    problem.refine(sections, 300)
}

/// One state more.
fn with_real_pole(sections: &Sections, pole: f64) -> Sections {
    let mut theta = sections.0.clone();
    if theta.len() % 2 == 1 {
        let single = theta.pop().expect("an odd number is not 0");
        theta.extend([single + pole, single * pole]);
    } else {
        theta.push(pole);
    }
    Sections(theta)
}

/// Two states more.
fn with_section(sections: &Sections, section: [f64; 2]) -> Sections {
    Sections([section.as_slice(), &sections.0].concat())
}

/// The three sections of a grid of conjugate pairs that lower the error most, one for each of three radii.
fn best_additions(problem: &Problem, projection: &Projection) -> impl Iterator<Item = [f64; 2]> {
    let horizon = problem.target.len() as f64;
    [0.05, 0.2, 1.0].into_iter().map(move |decay| {
        let radius = (-1.0 / (decay * horizon)).exp();
        let phases = 0..64;
        let sections = phases.map(|k| {
            let pole = Complex::from_polar(radius, std::f64::consts::PI * f64::from(k) / 64.0);
            [2.0 * pole.re, pole.norm_sqr()]
        });
        let gains = sections.map(|section| (problem.gain(projection, section), section));
        gains.max_by(|one, other| one.0.total_cmp(&other.0)).expect("the grid is not empty").1
    })
}

#[cfg(test)]
mod tests {
    use super::{lti_fit, lti_fit_within};
    use crate::oracle::{loss_weights, reference};

    #[test]
    fn fits_have_the_known_errors_or_better() {
        let known = [
            ("impulse-8", [0.6455, 1e-13, 1e-13]),
            ("impulse-32", [0.9176, 0.8055, 0.5643]),
            ("airy-6", [0.03226, 5.54e-10, 1e-13]),
            ("airy-12", [0.5754, 0.2356, 1e-12]),
            ("polynomial-1.1", [2.1e-6, 1e-12, 1e-13]),
        ];
        for (name, errors) in known {
            let case = reference::case(name);
            for ((n_states, known), bound) in [4, 8, 16].into_iter().zip(errors).zip(case.lower_bound) {
                let nmse = lti_fit(&case.rho, n_states, None).nmse;
                assert!(nmse <= 1.002 * known, "{name} n={n_states}: {nmse}, known {known}");
                assert!(nmse >= bound - 1e-12, "{name} n={n_states}: {nmse} is below the bound {bound}");
            }
        }
    }

    #[test]
    fn time_reversal_turns_decay_into_growth() {
        // Lags 1..=127 read backwards take lag 96 to lag 32 and every pole to its inverse.
        let late = lti_fit(&reference::impulse(96), 6, None);
        let early = lti_fit(&reference::impulse(32), 6, None);
        assert!((late.nmse - early.nmse).abs() < 1e-6, "{} {}", late.nmse, early.nmse);
        let inside = lti_fit_within(&reference::impulse(96), 6, None, 1.0);
        assert!(inside.nmse > late.nmse + 0.01, "{}", inside.nmse);
        assert!(inside.poles.iter().all(|pole| pole.norm() <= 1.0 + 1e-12));
    }

    #[test]
    fn the_error_is_that_of_the_memory() {
        let rho = reference::case("airy-6").rho;
        let weights = loss_weights(rho.len());
        let fit = lti_fit(&rho, 5, Some(&weights));
        let sum = |values: &mut dyn Iterator<Item = f64>| values.zip(&weights).map(|(v, w)| w * v * v).sum::<f64>();
        let error = sum(&mut rho.iter().zip(&fit.memory).map(|(rho, fit)| rho - fit)) / sum(&mut rho.iter().copied());
        assert!((error - fit.nmse).abs() < 1e-12 && fit.nmse > 1e-4);
        assert_eq!((fit.poles.len(), fit.feed_through), (5, rho[0]));
    }

    #[test]
    fn the_memory_obeys_the_recurrence_of_the_poles() {
        let fit = lti_fit(&reference::case("airy-6").rho, 2, None);
        let (sum, product) = ((fit.poles[0] + fit.poles[1]).re, (fit.poles[0] * fit.poles[1]).re);
        for lag in 3..fit.memory.len() {
            let next = sum * fit.memory[lag - 1] - product * fit.memory[lag - 2];
            assert!((next - fit.memory[lag]).abs() < 1e-12);
        }
    }

    #[test]
    fn exact_memories() {
        // The feed-through alone; a delay line; as many states as lags.
        assert_eq!(lti_fit(&reference::impulse(0), 0, None).nmse, 0.0);
        assert_eq!(lti_fit(&reference::impulse(16), 16, None).nmse, 0.0);
        assert_eq!(lti_fit(&[3.0, -1.0, 4.0, 1.0], 3, None).nmse, 0.0);
        assert_eq!(lti_fit(&[2.0], 0, None).nmse, 0.0);
        // No state at all for what needs one.
        assert_eq!(lti_fit(&reference::impulse(1), 0, None).nmse, 1.0);
        // One real exponential, and a conjugate pair.
        let decay: Vec<f64> = (0..128).map(|s| 0.97f64.powi(s)).collect();
        let fit = lti_fit(&decay, 1, None);
        assert!(fit.nmse < 1e-13 && (fit.poles[0].re - 0.97).abs() < 1e-6);
        let wave: Vec<f64> = (0..128).map(|s| 0.99f64.powi(s) * (0.7 * f64::from(s)).sin()).collect();
        assert!(lti_fit(&wave, 2, None).nmse < 1e-13);
        assert!(lti_fit(&wave, 1, None).nmse > 0.5);
    }

    #[test]
    fn a_delay_of_n_steps_needs_no_more_than_n_states() {
        for alpha in [1, 3, 8] {
            assert!(lti_fit(&reference::impulse(alpha), alpha, Some(&loss_weights(128))).nmse < 1e-12);
            assert!(lti_fit(&reference::impulse(alpha), alpha - 1, None).nmse > 0.05);
        }
    }
}
