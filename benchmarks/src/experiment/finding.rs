//! Findings: named statements that numbers decide.

use serde::{Deserialize, Serialize};

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
