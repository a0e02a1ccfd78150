//! What is run: a request, and the runs that it comes to.

use std::fmt;

use lookback_registry::{Error, Params, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

impl Preset {
    /// All of them, smallest first.
    pub const ALL: [Self; 3] = [Self::Smoke, Self::Quick, Self::Full];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Quick => "quick",
            Self::Full => "full",
        }
    }

    /// The preset named `name`.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|preset| preset.name() == name);
        found.ok_or_else(|| Error::unknown_name("preset", name, Self::ALL.map(Self::name)))
    }
}

/// What is asked of a suite.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRequest {
    /// How much of it.
    pub preset: Preset,
    /// Seeds per cell, from 1 up; each experiment's own number where `None`.
    pub seeds: Option<usize>,
    /// Models beside those of the suite.
    pub also: Vec<ExtraModel>,
    /// Memory functions beside those of the suite, at these parameters.
    pub memory_functions: Vec<Named>,
}

impl PlanRequest {
    /// The preset as it is.
    pub fn new(preset: Preset) -> Self {
        Self { preset, seeds: None, also: Vec::new(), memory_functions: Vec::new() }
    }
}

/// A model that is run beside those of a suite.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraModel {
    /// Its name in tables and figures; must not be one of the suite's.
    pub label: String,
    /// Its name in the list of models, with parameters.
    pub model: Named,
    /// What differs from the experiment's training: fields of [`TrainingConfig`](crate::TrainingConfig).
    pub training: Params,
}

/// Where a run belongs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The suite that has the experiment.
    pub suite: String,
    /// The experiment's name.
    pub experiment: String,
    /// The experiment's setting, as its type serialises.
    pub setting: Params,
    /// The label of a model that is not the experiment's own and learns the same task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub also: Option<String>,
}

impl Place {
    /// Its coordinates by name, for conditions and columns: `suite`, `experiment`, the fields of the setting, and `also`.
    pub fn coordinates(&self) -> Vec<(&str, Value)> {
        let mut all = vec![("suite", self.suite.as_str().into()), ("experiment", self.experiment.as_str().into())];
        all.extend(self.setting.iter().map(|(name, value)| (name.as_str(), value.clone())));
        all.extend(self.also.iter().map(|label| ("also", label.as_str().into())));
        all
    }

    /// For people: "H1: T=128, h=3".
    pub fn label(&self) -> String {
        let also = self.also.iter().map(|label| format!("also={label}"));
        let setting = [label(&self.setting)].into_iter().filter(|text| !text.is_empty());
        format!("{}: {}", self.experiment, setting.chain(also).collect::<Vec<_>>().join(", "))
    }
}

/// A setting for people: "T=128, h=3".
pub(crate) fn label(setting: &Params) -> String {
    setting.iter().map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(", ")
}

/// A value of a setting for people: numbers in their shortest form, "none" for null.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(value) if !number.is_u64() && !number.is_i64() => value.to_string(),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// A run with its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// The run.
    pub spec: RunSpec,
    /// Where it belongs (the seed is part of the spec).
    pub place: Place,
}

/// A value of a setting's field, for people as it serialises.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Shown<T>(pub T);

impl<T: Serialize> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(&serde_json::to_value(&self.0).map_err(|_| fmt::Error)?))
    }
}
