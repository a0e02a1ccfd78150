//! What a run leaves: its result, and what was looked into.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plan::Planned;

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
