//! A window that starts late: the inputs between two lags, all alike.
//!
//! `rho(s) = 1 if start < s < end, else 0`.

use lookback_registry::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemoryConfig, MemoryFunction, MemoryInfo, SURVEY};

/// `rho(s) = 1 if start < s < end, else 0`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ShiftWindow {
    /// The lag after which the window begins, exclusive.
    pub start: f64,
    /// The lag before which it ends, exclusive; some whole number from 0 up lies between.
    pub end: f64,
    /// Whether rho is scaled to unit Euclidean norm over the sequence.
    pub normalise: bool,
}

impl Default for ShiftWindow {
    fn default() -> Self {
        Self { start: 9.0, end: 11.0, normalise: false }
    }
}

impl MemoryFunction for ShiftWindow {
    fn rho(&self, lag: usize) -> f64 {
        if self.start < lag as f64 && (lag as f64) < self.end { 1.0 } else { 0.0 }
    }

    fn normalise(&self) -> bool {
        self.normalise
    }
}

impl MemoryConfig for ShiftWindow {
    const INFO: MemoryInfo = MemoryInfo {
        name: "shift-window",
        title: "Shifted window",
        formula: "rho(s) = 1 if start < s < end, else 0",
        structure: "long range",
        source: SURVEY,
    };

    fn validate(&self) -> Result<()> {
        let first = (self.start.floor() + 1.0).max(0.0);
        if self.end > first {
            return Ok(());
        }
        let valid = format!("a finite number greater than {first}, the first lag after `start`");
        Err(Error::invalid("end", self.end, valid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    #[test]
    fn is_one_strictly_between_start_and_end() {
        let function = ShiftWindow { start: 1.0, end: 4.0, normalise: false }.build().unwrap();
        assert_eq!(function.memory(6).unwrap(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn some_lag_must_lie_in_the_window() {
        let build = |start, end| ShiftWindow { start, end, normalise: false }.build();
        assert_eq!(
            build(9.0, 10.0).unwrap_err().to_string(),
            "`end` is 10, but it must be a finite number greater than 10, the first lag after `start`."
        );
        assert_eq!(refused(build(-5.0, -1.0)), "end");
        assert_eq!(refused(build(f64::NAN, 3.0)), "start");
    }

    #[test]
    fn a_window_beyond_the_sequence_is_an_error() {
        assert_eq!(
            ShiftWindow::default().memory(10).unwrap_err().to_string(),
            "The memory function is 0 at every lag below 10, but it must have a magnitude of at least 1e-37 at some \
             lag that fits in `length`; choose other parameters or a longer sequence."
        );
    }
}
