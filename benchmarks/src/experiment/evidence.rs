//! What decides a finding: numbers for it, numbers against it, and what is missing.

use crate::experiment::finding::{Finding, Verdict};

/// Seeds that a cell needs before a statement rests on it.
pub const MIN_SEEDS: usize = 2;

/// Of longer lists of numbers the rest is only counted.
const LISTED: usize = 8;

/// Checks that together decide a statement.
#[derive(Debug, Default)]
pub struct Evidence {
    agreeing: Vec<String>,
    contradicting: Vec<String>,
    missing: Vec<String>,
}

impl Evidence {
    /// One number that the statement must agree with.
    pub fn check(&mut self, agrees: bool, number: String) {
        if agrees { &mut self.agreeing } else { &mut self.contradicting }.push(number);
    }

    /// Something without which the statement is not decided.
    pub fn missing(&mut self, what: impl Into<String>) {
        self.missing.push(what.into());
    }

    /// Whether nothing is missing.
    pub fn complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether something speaks against the statement.
    pub fn contradicted(&self) -> bool {
        !self.contradicting.is_empty()
    }

    /// A contradiction decides at once; agreement only when nothing is missing.
    pub fn finding(self, name: &str, statement: &str) -> Finding {
        let verdict = if !self.contradicting.is_empty() {
            Verdict::DoesNotHold
        } else if self.missing.is_empty() && !self.agreeing.is_empty() {
            Verdict::Holds
        } else {
            Verdict::NotMeasured
        };
        let mut parts = Vec::new();
        if !self.contradicting.is_empty() {
            parts.push(format!("Against: {}.", listed(&self.contradicting)));
        }
        if !self.agreeing.is_empty() {
            parts.push(format!("In agreement: {}.", listed(&self.agreeing)));
        }
        if !self.missing.is_empty() {
            parts.push(format!("Missing: {}.", listed(&self.missing)));
        }
        if parts.is_empty() {
            parts.push("No run of the plan bears on this.".into());
        }
        Finding { name: name.into(), statement: statement.into(), verdict, evidence: parts.join(" ") }
    }
}

/// The first [`LISTED`] entries, and how many more there are.
fn listed(entries: &[String]) -> String {
    let shown = entries.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join("; ");
    match entries.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// A number to two significant digits.
pub fn brief(value: f64) -> String {
    if value == 0.0 {
        "0".into()
    } else if (0.01..100.0).contains(&value.abs()) {
        let digits = (1 - value.abs().log10().floor() as i32).clamp(0, 3) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.1e}")
    }
}
