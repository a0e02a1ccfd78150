//! What a suite is: a grid of runs, and what is read from their results.

use std::collections::BTreeMap;

use lookback_models::Catalogue;
use lookback_registry::{Params, Result};
use serde::{Deserialize, Serialize};

use crate::experiment::ExperimentInfo;
use crate::experiment::comparison::Comparison;
use crate::experiment::figure::Figure;
use crate::spec::{Named, RunSpec};

/// How much of a suite is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Seconds: every figure and finding comes out, for tests.
    Smoke,
    /// Minutes on two cores.
    Quick,
    /// The paper's sizes.
    Full,
}

/// What is asked of a suite.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRequest {
    /// How much of it.
    pub preset: Preset,
    /// Seeds per cell; the preset's own number where `None`.
    pub seeds: Option<usize>,
    /// Models beside those of the suite.
    pub extra_models: Vec<ExtraModel>,
}

impl PlanRequest {
    /// The preset as it is.
    pub fn new(preset: Preset) -> Self {
        Self { preset, seeds: None, extra_models: Vec::new() }
    }
}

/// A model that is run beside those of a suite.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraModel {
    /// Its value on the axis `model`; must not be one of the suite's.
    pub label: String,
    /// Its name in the catalogue, with parameters.
    pub model: Named,
    /// What differs from the suite's recipe for such models: fields of [`TrainingConfig`](crate::TrainingConfig).
    pub training: Params,
}

/// The coordinates of a run in the grid: axis name to value, as written on the command line.
pub type Axes = BTreeMap<String, String>;

/// A run of the grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// The run.
    pub spec: RunSpec,
    /// Where it stands in the grid (the seed is not an axis).
    pub axes: Axes,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// All steps, or an early stop that the spec asks for.
    Finished,
    /// The loss stopped being finite.
    Diverged,
}

/// What a run leaves for tables and figures; deterministic, so without any clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunResult {
    /// How it ended.
    pub status: RunStatus,
    /// Steps taken.
    pub steps: usize,
    /// Trainable scalars of the model.
    pub num_params: usize,
    /// Metrics of the final weights on the validation split, by name. Absent values were not finite.
    pub metrics: BTreeMap<String, f64>,
    /// The smallest value of the primary metric at any evaluation.
    pub best: Option<f64>,
    /// Mean training loss since the last evaluation before the end.
    pub train_loss: Option<f64>,
}

/// Diagnostics of a trained model.
///
/// `learned memory` vectors run over the lag s = 0..length; for `d_input > 1` or `d_output > 1` they are of
/// the first output channel, with input channels averaged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// `rho_hat(s)`: mean over validation inputs of dy(T-1)/dx(T-1-s).
    pub jacobian: Vec<f64>,
    /// Response to a unit impulse at time 0, less the response to zeros: y(s).
    pub impulse: Vec<f64>,
    /// `M(t) = sup_x |d/dt H_t(x . Heaviside)| / (|x|_inf + 1)` over constant inputs x.
    pub memory_function: Vec<f64>,
    /// Pairs (beta, NMSE under the worst of several random weight perturbations of sup-norm beta).
    pub stability: Vec<(f64, f64)>,
    /// The true memory rho(s), where the task has one.
    pub rho: Vec<f64>,
    /// What attention does, where the task asks for it: layer by layer, heads in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attention: Vec<HeadProbe>,
    /// The samples behind [`HeadProbe::weights`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// The largest absolute value of a weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_weight: Option<f64>,
}

/// What one attention head does on validation samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadProbe {
    /// Its layer, from 0.
    pub layer: usize,
    /// Its number in the layer, from 0.
    pub head: usize,
    /// How much each query attends to each key: by sample, `[queries][keys]`.
    pub weights: Vec<Vec<Vec<f64>>>,
    /// Singular values of the scores before the softmax, decreasing, by sample.
    pub singular_values: Vec<Vec<f64>>,
}

/// A validation sample with what a trained model makes of it; all row-major.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// `[length, d_input]`.
    pub input: Vec<f32>,
    /// `[output length, d_output]`.
    pub target: Vec<f32>,
    /// `[output length, d_output]`.
    pub output: Vec<f32>,
}

/// A planned run with what came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The run.
    pub planned: Planned,
    /// Its result, if it has ended.
    pub result: Option<RunResult>,
    /// Its diagnostics, if it finished.
    pub probe: Option<Probe>,
    /// Loss curve: (step, training loss, validation metric) at each evaluation.
    pub curve: Vec<(usize, f64, f64)>,
    /// Seconds of training, which differ from one machine and day to the next.
    pub seconds: Option<f64>,
}

/// Whether a finding is true of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The numbers agree with the statement.
    Holds,
    /// The numbers contradict the statement.
    DoesNotHold,
    /// Too few runs to say.
    NotMeasured,
}

/// A named, falsifiable statement with the numbers that decide it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finding {
    /// A short name, lower-case with hyphens.
    pub name: String,
    /// What is claimed, in one sentence.
    pub statement: String,
    /// What the numbers say.
    pub verdict: Verdict,
    /// The measured numbers, or what is missing.
    pub evidence: String,
}

/// A table for people: text cells under column titles.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Table {
    /// What it shows, in a few words.
    pub title: String,
    /// Column titles.
    pub columns: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<String>>,
}

/// What a suite reads from its outcomes.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    /// One row per cell of the grid: all statistics.
    pub cells: Table,
    /// Compact tables for the terminal.
    pub summary: Vec<Table>,
    /// The figures, first the most telling.
    pub figures: Vec<Figure>,
    /// The findings.
    pub findings: Vec<Finding>,
    /// Published values beside ours.
    pub comparisons: Vec<Comparison>,
    /// The experiments behind all this, for suites that are made of experiments.
    pub experiments: Vec<ExperimentInfo>,
}

/// What is known of a suite without planning it.
#[derive(Debug, Clone, Copy)]
pub struct SuiteInfo {
    /// The name on the command line.
    pub name: &'static str,
    /// The title of its report.
    pub title: &'static str,
    /// What it measures, in one sentence.
    pub summary: &'static str,
    /// The paper: title, link.
    pub source: &'static str,
}

/// A grid of runs and what is read from their results.
pub trait Suite: Send + Sync {
    /// Name, title, summary, source.
    fn info(&self) -> SuiteInfo;

    /// All runs that are asked for, with every default filled in.
    ///
    /// # Errors
    /// No seeds, or an extra model that is unknown, not valid, or has a label of the suite's.
    fn plan(&self, request: &PlanRequest, models: &Catalogue) -> Result<Vec<Planned>>;

    /// Experiments of the suite that train nothing: their results are in every analysis.
    fn exact(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Statistics, figures and findings of whatever has been run so far.
    ///
    /// # Errors
    /// An outcome that is not of this suite, or whose model is not in the catalogue.
    fn analyse(&self, outcomes: &[Outcome], models: &Catalogue) -> Result<Analysis>;
}
