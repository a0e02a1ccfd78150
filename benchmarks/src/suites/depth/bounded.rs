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

use super::teachers::{Teacher, residue, rho};
use super::{figures, findings};
use crate::experiment::evidence::brief;
use crate::experiment::{Cell, Cells, Experiment, ExperimentInfo, Reading, Setting};
use crate::oracle::depth::{BoundedFloor, bounded_floor};
use crate::oracle::{loss_weights, lti_fit_within};
use crate::spec::{Named, Optimizer, TrainingConfig};
use crate::experiment::{Preset, Table};

pub(super) struct Bounded;

/// What a preset runs.
struct Scale {
    length: usize,
    samples: [usize; 2],
    steps: usize,
    teachers: &'static [Teacher],
    caps: &'static [Option<f64>],
    states: &'static [usize],
    depths: &'static [usize],
}

const SMOKE: Scale = Scale {
    length: 32,
    samples: [128, 32],
    steps: 20,
    teachers: &[Teacher::Poles(2), Teacher::Poles(6)],
    caps: &[Some(1.0), None],
    states: &[8],
    depths: &[1, 2],
};

const QUICK: Scale = Scale {
    length: 100,
    samples: [8192, 256],
    steps: 3000,
    teachers: &[Teacher::Poles(2), Teacher::Poles(6), Teacher::Poles(10), Teacher::Impulse(8), Teacher::Bump(20, 5)],
    caps: &[Some(1.0), Some(2.0), None],
    states: &[16],
    depths: &[1, 2, 4],
};

const FULL: Scale = Scale {
    length: 100,
    samples: [65536, 1024],
    steps: 12000,
    teachers: &[
        Teacher::Poles(1),
        Teacher::Poles(2),
        Teacher::Poles(4),
        Teacher::Poles(6),
        Teacher::Poles(8),
        Teacher::Poles(10),
        Teacher::Poles(12),
        Teacher::Poles(14),
        Teacher::Impulse(8),
        Teacher::Bump(20, 5),
    ],
    caps: &[Some(1.0), Some(2.0), Some(5.0), Some(10.0), None],
    states: &[16, 32, 64],
    depths: &[1, 2, 3, 4, 5],
};

impl Experiment for Bounded {
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

    fn grid(&self, preset: Preset) -> Vec<Setting> {
        let scale = match preset {
            Preset::Smoke => &SMOKE,
            Preset::Quick => &QUICK,
            Preset::Full => &FULL,
        };
        let mut settings = Vec::new();
        for teacher in scale.teachers {
            for states in scale.states {
                for cap in scale.caps {
                    settings.extend(scale.depths.iter().map(|depth| scale.setting(*teacher, *states, *cap, *depth)));
                }
            }
        }
        settings
    }

    fn seeds(&self, preset: Preset) -> usize {
        match preset {
            Preset::Smoke => 1,
            Preset::Quick => 2,
            Preset::Full => 5,
        }
    }

    fn read(&self, cells: &Cells) -> Result<Reading> {
        let problems = Problem::all(cells)?;
        let mut tables: Vec<Table> = problems.iter().map(|problem| problem.table(cells)).collect();
        tables.push(floors(&problems));
        Ok(Reading {
            tables,
            figures: figures::all(cells, &problems),
            findings: findings::all(cells, &problems),
            comparisons: Vec::new(),
        })
    }
}

impl Scale {
    fn setting(&self, teacher: Teacher, states: usize, cap: Option<f64>, depth: usize) -> Setting {
        // Whole pairs per layer; what does not go round is left out.
        let per_layer = states / depth / 2 * 2;
        let model = DeepSsmConfig { n_layers: depth, d_state: per_layer, ..DeepSsmConfig::default() };
        Setting {
            axes: vec![
                ("teacher", teacher.label()),
                ("states", states.to_string()),
                ("cap", cap.map_or_else(|| "inf".to_owned(), |cap| cap.to_string())),
                ("depth", depth.to_string()),
            ],
            task: teacher.task(self.length, self.samples),
            model: Named { name: DeepSsmConfig::INFO.name.into(), params: to_params(&model) },
            training: training(self.steps, cap),
        }
    }
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

/// A target at a number of states.
pub(super) struct Problem {
    pub teacher: String,
    pub states: String,
    /// The caps by the names of the axis, with what one layer can reach under each; none where there is no cap.
    pub caps: Vec<(String, Option<BoundedFloor>)>,
    /// The depths, ascending.
    pub depths: Vec<usize>,
    /// The best known fit of as many states without a cap; none of more states than the search is fit for.
    pub fit: Option<f64>,
}

/// The most states for which the best fit is looked for.
const FITTED: usize = 16;

impl Problem {
    /// Those of the grid, by target and then by states, with their floors.
    fn all(cells: &Cells) -> Result<Vec<Self>> {
        let mut problems: Vec<Self> = Vec::new();
        for teacher in cells.values("teacher") {
            for states in cells.values("states") {
                problems.extend(Self::of(cells, teacher, states)?);
            }
        }
        Ok(problems)
    }

    /// A target at a number of states, where the grid has it.
    fn of(cells: &Cells, teacher: &str, states: &str) -> Result<Option<Self>> {
        let here = [("teacher", teacher), ("states", states)];
        let Some(outcome) = cells.get(&here).and_then(|cell| cell.outcomes.first()) else { return Ok(None) };
        let rho = rho(&outcome.planned.spec.task.params)?;
        let weights = loss_weights(rho.len());
        let count = states.parse::<usize>().unwrap_or_default();
        let mut caps: Vec<(String, Option<BoundedFloor>)> = Vec::new();
        let mut depths = Vec::new();
        for cell in cells.with(&here) {
            let name = cell.axis("cap");
            if caps.iter().all(|(known, _)| known != name) {
                let cap = name.parse::<f64>().ok().filter(|cap| cap.is_finite());
                let floor = cap.map(|cap| bounded_floor(&rho, count as f64 * cap * cap, Some(&weights)));
                caps.push((name.to_owned(), floor));
            }
            depths.extend(cell.axis("depth").parse::<usize>());
        }
        depths.sort_unstable();
        depths.dedup();
        let fit = (count <= FITTED).then(|| lti_fit_within(&rho, count, Some(&weights), 1.0).nmse);
        Ok(Some(Self { teacher: teacher.to_owned(), states: states.to_owned(), caps, depths, fit }))
    }

    /// The cell of a cap and a depth.
    pub fn cell<'s, 'a>(&self, cells: &'s Cells<'a>, cap: &str, depth: usize) -> Option<&'s Cell<'a>> {
        let depth = depth.to_string();
        cells.get(&[("teacher", &self.teacher), ("states", &self.states), ("cap", cap), ("depth", &depth)])
    }

    /// Its place, in words.
    pub fn place(&self) -> String {
        format!("{}, {} states", self.teacher, self.states)
    }

    fn table(&self, cells: &Cells) -> Table {
        let title = match residue(&self.teacher) {
            Some(residue) => format!("{} (largest residue {})", self.place(), brief(residue)),
            None => self.place(),
        };
        let fixed = [("teacher", self.teacher.as_str()), ("states", self.states.as_str())];
        cells.grid_table(&format!("NMSE on {title}"), "nmse", "cap", "depth", &fixed)
    }
}

/// What one layer can reach under each cap.
fn floors(problems: &[Problem]) -> Table {
    let columns = ["teacher", "states", "cap", "proven floor of one layer", "reached by exponentials within the cap"];
    let rows = problems.iter().flat_map(|problem| {
        problem.caps.iter().filter_map(|(cap, floor)| {
            let BoundedFloor { floor, fit } = (*floor)?;
            Some(vec![problem.teacher.clone(), problem.states.clone(), cap.clone(), brief(floor), brief(fit)])
        })
    });
    Table {
        title: "NMSE of one layer under a cap, of any number of states with that many times the cap squared".into(),
        columns: columns.map(String::from).into(),
        rows: rows.collect(),
    }
}
