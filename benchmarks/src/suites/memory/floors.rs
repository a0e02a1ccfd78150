//! The best error that any model of a given kind can reach, and how far chance may carry a measured error
//! below it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use lookback_models::ModelFacts;
use lookback_registry::{Params, Result};

use super::{Label, Setting, alpha_text};
use crate::oracle;
use crate::tasks::TaskConfig as _;
use crate::tasks::memory::MemoryConfig;

/// State counts on which the states that a memory needs are looked for.
const LADDER: [usize; 8] = [1, 2, 3, 4, 6, 8, 12, 16];

/// More states than this are not fitted: the search takes too long.
const MOST_FITTED: usize = 64;

/// One memory at one alpha, as the runs of a cell learn it.
#[derive(Debug)]
pub(super) struct Problem {
    pub memory: Label,
    pub alpha: Option<f64>,
    /// `rho(s)`, s = 0..length.
    pub rho: Vec<f64>,
    /// How much lag s counts in the error: `(length - s) / length`.
    weights: Vec<f64>,
    /// Whether inputs are white: where not, the floors here do not apply.
    white: bool,
    /// Relative standard error of the variance of the targets, estimated on the validation split.
    relative_error: f64,
    /// The classes of the models that learn it.
    pub classes: BTreeSet<Lti>,
    /// Also fits with the states of [`LADDER`], up to the first whose NMSE is below this.
    pub ladder: Option<f64>,
    /// The oracle of linear time-invariant models: best fit and Hankel bound by class.
    fits: BTreeMap<Lti, (f64, f64)>,
}

impl Problem {
    /// The problem that a task's parameters pose, without any fit.
    ///
    /// # Errors
    /// The parameters are not those of a valid memory task.
    pub fn new(setting: &Setting, task: &Params) -> Result<Self> {
        let config = MemoryConfig::read(task)?;
        let rho = config.rho()?;
        Ok(Self {
            memory: setting.memory.clone(),
            alpha: setting.alpha,
            weights: oracle::loss_weights(rho.len()),
            relative_error: relative_error(&rho, config.splits.valid_samples),
            white: config.is_white(),
            classes: BTreeSet::new(),
            ladder: None,
            fits: BTreeMap::new(),
            rho,
        })
    }

    /// Whether runs at this setting learn it.
    pub fn is_of(&self, setting: &Setting) -> bool {
        self.memory == setting.memory && self.alpha == setting.alpha
    }

    /// Alpha for people.
    pub fn alpha(&self) -> String {
        alpha_text(self.alpha)
    }

    /// "impulse, alpha = 32".
    pub fn title(&self) -> String {
        self.alpha.map_or_else(|| self.memory.to_string(), |alpha| format!("{}, alpha = {alpha}", self.memory))
    }

    /// How far, relatively, a measured NMSE may lie from its expectation by chance: four standard errors, at most 1.
    ///
    /// NMSE is the ratio of two means over the validation split, of squared residuals and of squared targets.
    /// The relative standard error of a ratio is at most the sum of both. That of the targets is
    /// [`relative_error`]; that of the residuals is taken to be the same, since what a model leaves of a
    /// target is no longer correlated in time than the target (slow parts are learned, fast ones left).
    pub fn allowance(&self) -> f64 {
        (4.0 * 2.0 * self.relative_error).min(1.0)
    }

    /// The best error of such a model, where it is known.
    pub fn floor(&self, facts: &ModelFacts) -> Option<Floor> {
        if !self.white {
            return None;
        }
        if let Some(class) = Lti::of(facts) {
            let (fit, hankel) = *self.fits.get(&class)?;
            return Some(Floor::Lti { states: class.states, fit, hankel });
        }
        let window = facts.window?;
        Some(Floor::Window { window, nmse: oracle::window_floor(&self.rho, window, Some(&self.weights)) })
    }

    /// The smallest number of states with a fit below `nmse`, if any that was made is.
    pub fn states_needed(&self, nmse: f64) -> Option<usize> {
        self.fits.iter().find(|(class, (fit, _))| !class.stable && *fit < nmse).map(|(class, _)| class.states)
    }

    /// Makes the fits that are asked for. Sizes whose fit is not known are left out.
    fn fit(&mut self) {
        if !self.white {
            return;
        }
        let complete = |states: usize| states + 1 >= self.rho.len();
        for class in self.classes.iter().filter(|class| class.states <= MOST_FITTED || complete(class.states)) {
            self.fits.insert(*class, self.best(*class));
        }
        for states in self.ladder.iter().flat_map(|_| LADDER) {
            let class = Lti { states, stable: false };
            let fit = self.fits.get(&class).copied().unwrap_or_else(|| self.best(class));
            self.fits.insert(class, fit);
            if self.ladder.is_some_and(|below| fit.0 < below) {
                break;
            }
        }
    }

    /// Best fit and Hankel bound of a class.
    fn best(&self, Lti { states, stable }: Lti) -> (f64, f64) {
        if states + 1 >= self.rho.len() {
            // A chain of delays, one state per lag, has every memory of this length.
            return (0.0, 0.0);
        }
        let weights = Some(self.weights.as_slice());
        let fit = match stable {
            true => oracle::lti_fit_within(&self.rho, states, weights, 1.0),
            false => oracle::lti_fit(&self.rho, states, weights),
        };
        (fit.nmse, oracle::hankel_lower_bound(&self.rho, states, weights))
    }
}

/// Makes the fits that are asked for, on all cores.
pub(super) fn fit(problems: &mut [Problem]) {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(problems.len());
    let queue = Mutex::new(problems.iter_mut());
    let next = || queue.lock().expect("no worker panics while it holds the lock").next();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| std::iter::from_fn(next).for_each(Problem::fit));
        }
    });
}

/// The relative standard error of the mean of `y(t)^2` over `samples` sequences of
/// `y(t) = sum_s rho(s) x(t-s)` with Gaussian white x.
///
/// For Gaussian y, `Cov(y_t^2, y_u^2) = 2 Cov(y_t, y_u)^2`; both sums over t and u are exact here. For white y
/// this is `sqrt(2 / (samples length))`: every time step is a sample of its own. A memory that correlates
/// neighbouring targets has fewer effective samples.
fn relative_error(rho: &[f64], samples: usize) -> f64 {
    let length = rho.len();
    let (mut variance, mut squares) = (0.0, 0.0);
    for gap in 0..length {
        let mut covariance = 0.0;
        for time in 0..length - gap {
            covariance += rho[time] * rho[time + gap];
            if gap == 0 {
                variance += covariance;
            }
            squares += if gap == 0 { 1.0 } else { 2.0 } * covariance * covariance;
        }
    }
    (2.0 * squares / samples as f64).sqrt() / variance
}

/// The best error of a kind of model on one problem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Floor {
    /// Linear time-invariant models with this many real states.
    Lti {
        states: usize,
        /// NMSE of the best fit known.
        fit: f64,
        /// An NMSE that is proved unreachable from below.
        hankel: f64,
    },
    /// Models that see this many time steps: the NMSE of leaving out all further lags, exactly.
    Window { window: usize, nmse: f64 },
}

impl Floor {
    pub fn nmse(&self) -> f64 {
        match self {
            Self::Lti { fit, .. } => *fit,
            Self::Window { nmse, .. } => *nmse,
        }
    }

    pub fn describe(&self) -> String {
        match self {
            Self::Lti { states, .. } => format!("best fit, {states} states"),
            Self::Window { window, .. } => format!("window of {window}"),
        }
    }
}

/// A class of linear time-invariant models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lti {
    /// Real states.
    states: usize,
    /// Whether no state can grow by itself. Those that can fit more: over a finite length a growing exponential
    /// reaches a far lag as easily as a decaying one reaches a near lag.
    stable: bool,
}

impl Lti {
    /// That of a model, if it is one.
    pub fn of(facts: &ModelFacts) -> Option<Self> {
        Some(Self { states: facts.lti_states?, stable: facts.stable })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_targets_have_one_effective_sample_per_step() {
        let mut rho = vec![0.0; 128];
        rho[0] = 1.0;
        let expected = (2.0 / (512.0 * 128.0_f64)).sqrt();
        assert!((relative_error(&rho, 512) - expected).abs() < 1e-12);
    }

    #[test]
    fn slow_memories_have_fewer_effective_samples() {
        // A running sum: y(t) is a random walk, whose squares scatter by sums over min(t, u)^2.
        let rho = vec![1.0; 64];
        let (mut squares, mut variance) = (0.0, 0.0);
        for t in 1..=64 {
            variance += f64::from(t);
            for u in 1..=64 {
                squares += f64::from(t.min(u)).powi(2);
            }
        }
        let expected = (2.0 * squares / 100.0).sqrt() / variance;
        assert!((relative_error(&rho, 100) - expected).abs() < 1e-12);
        assert!(expected > 5.0 * (2.0 / (100.0 * 64.0_f64)).sqrt());
    }
}
