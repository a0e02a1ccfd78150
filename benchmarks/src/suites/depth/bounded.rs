//! D3: what is learned when parameters are bounded, by depth.
//!
//! Targets of large norm are products of close poles as they are: an output far larger than the input, made of residues
//! larger still that cancel. At unit norm the same memories have residues of 34 at most, which no cap from 1 up keeps a
//! layer of 16 states from approximating to 1e-2, so a cap would show nothing. NMSE is relative to the target's variance,
//! so errors are comparable.
//!
//! Eigenvalues are complex pairs: with real ones a layer must learn the cancellation of huge residues, on which Adam
//! stalls whether there is a cap or not (NMSE 0.03 after 6000 steps on 12 poles, with largest weight 1.5). With pairs,
//! one layer without a cap learns what several do, and what is left under a cap is the cap's doing. That it is no failure
//! of training is proven: the error of one layer under the cap has a floor ([`bounded_floor`]), which deeper models of no
//! more states are below. A layer has three parameters per state and its feed-through: at equal states a further layer
//! adds one parameter.

use lookback_models::ModelConfig as _;
use lookback_models::deep_ssm::DeepSsmConfig;
use lookback_registry::{Result, to_params};

use super::problem::{BoundedSetting, Problem};
use super::teachers::Teacher::{self, Bump, Impulse, Poles};
use super::{figures, findings};
use crate::experiment::Extended::{Finite, Infinite};
use crate::experiment::evidence::brief;
use crate::experiment::{Cells, Experiment, ExperimentInfo, Extended, PlanRequest, Preset, Reading, Table, Trial};
use crate::oracle::depth::BoundedFloor;
use crate::spec::{Named, Optimizer, TrainingConfig};

pub(super) struct Bounded;

/// The targets, caps, states and depths of a preset.
type Axes = (&'static [Teacher], &'static [Extended<f64>], &'static [usize], &'static [usize]);

const SMOKE: Axes = (&[Poles(2), Poles(6)], &[Finite(1.0), Infinite], &[8], &[1, 2]);
const QUICK: Axes = (
    &[Poles(2), Poles(6), Poles(10), Impulse(8), Bump(20, 5)],
    &[Finite(1.0), Finite(2.0), Infinite],
    &[16],
    &[1, 2, 4],
);
const FULL: Axes = (
    &[Poles(1), Poles(2), Poles(4), Poles(6), Poles(8), Poles(10), Poles(12), Poles(14), Impulse(8), Bump(20, 5)],
    &[Finite(1.0), Finite(2.0), Finite(5.0), Finite(10.0), Infinite],
    &[16, 32, 64],
    &[1, 2, 3, 4, 5],
);

impl Experiment for Bounded {
    type Setting = BoundedSetting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "D3",
            title: "Learning under a cap on the parameters, by depth",
            differs: "Targets are products of 2 to 14 close poles at their own scale (largest residue 1 to 1e8), an impulse \
                      and a bump; complex eigenvalues, whose parameterisation no cap from 1 up restricts; Adam with a \
                      projection after each step; deeper models have at most as many states, and at most one more parameter \
                      per further layer.",
            remark: "",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<BoundedSetting>>> {
        let (length, samples, steps, (teachers, caps, all_states, depths)) = match request.preset {
            Preset::Smoke => (32, [128, 32], 20, SMOKE),
            Preset::Quick => (100, [8192, 256], 3000, QUICK),
            Preset::Full => (100, [65536, 1024], 12000, FULL),
        };
        let mut trials = Vec::new();
        for &teacher in teachers {
            for &states in all_states {
                for &cap in caps {
                    trials.extend(depths.iter().map(|&depth| Trial {
                        setting: BoundedSetting { teacher, states, cap, depth },
                        task: teacher.task(length, samples),
                        model: model(states, depth),
                        training: training(steps, cap.finite()),
                    }));
                }
            }
        }
        Ok(trials)
    }

    fn seeds(&self, preset: Preset) -> usize {
        match preset {
            Preset::Smoke => 1,
            Preset::Quick => 2,
            Preset::Full => 5,
        }
    }

    fn read(&self, cells: &Cells<'_, BoundedSetting>) -> Result<Reading> {
        let problems = Problem::all(cells)?;
        let mut tables: Vec<Table> = problems.iter().map(|problem| problem.table(cells)).collect();
        tables.push(floors(&problems));
        Ok(Reading {
            tables,
            figures: figures::all(cells, &problems),
            findings: findings::all(&problems),
            comparisons: Vec::new(),
        })
    }
}

/// Whole pairs of states per layer; what does not go round is left out.
fn model(states: usize, depth: usize) -> Named {
    let model = DeepSsmConfig { n_layers: depth, d_state: states / depth / 2 * 2, ..DeepSsmConfig::default() };
    Named { name: DeepSsmConfig::INFO.name.into(), params: to_params(&model) }
}

/// The recipe: found on the product of 10 poles, where weights must grow to 30 in one layer without a cap. A short memory
/// of the second moment lets Adam's steps follow gradients that change over orders of magnitude; no clipping, since the
/// scale of gradients is that of the target.
pub(super) fn training(steps: usize, cap: Option<f64>) -> TrainingConfig {
    TrainingConfig {
        steps,
        batch_size: 16,
        optimizer: Optimizer::Adam,
        learning_rate: 2e-2,
        final_learning_rate: 2e-5,
        beta_2: 0.98,
        clip_norm: None,
        warmup_steps: (steps / 60).max(1),
        eval_every: (steps / 10).max(1),
        eval_samples: Some(32),
        max_weight: cap,
        ..TrainingConfig::default()
    }
}

/// What one layer can reach under each cap.
fn floors(problems: &[Problem]) -> Table {
    let columns = ["teacher", "states", "cap", "proven floor of one layer", "reached by exponentials within the cap"];
    let rows = problems.iter().flat_map(|problem| {
        problem.caps.iter().filter_map(|(cap, floor)| {
            let BoundedFloor { floor, fit } = (*floor)?;
            let place = [problem.teacher.to_string(), problem.states.to_string(), cap.to_string()];
            Some([&place[..], &[brief(floor), brief(fit)]].concat())
        })
    });
    Table {
        title: "NMSE of one layer under a cap, of any number of states with that many times the cap squared".into(),
        columns: columns.map(String::from).into(),
        rows: rows.collect(),
    }
}
