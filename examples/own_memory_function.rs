//! A memory function of one's own in every command of lookback:
//!
//! ```sh
//! cargo run --release --example own_memory_function -- show memory-function comb --set period=8
//! cargo run --release --example own_memory_function -- bench memory --preset smoke --memory comb:period=8
//! ```

use lookback::Program;
use lookback::datasets::{MemoryConfig, MemoryFunction, MemoryInfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `rho(s) = decay^(s / period)` at every multiple of the period, else 0.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Comb {
    /// Steps between two teeth.
    #[schemars(range(min = 1))]
    period: usize,
    /// How much smaller each tooth is than the one before.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
    decay: f64,
}

impl Default for Comb {
    fn default() -> Self {
        Self { period: 4, decay: 0.5 }
    }
}

impl MemoryFunction for Comb {
    fn rho(&self, lag: usize) -> f64 {
        if lag.is_multiple_of(self.period) { self.decay.powi((lag / self.period) as i32) } else { 0.0 }
    }

    fn normalise(&self) -> bool {
        true
    }
}

impl MemoryConfig for Comb {
    const INFO: MemoryInfo = MemoryInfo {
        name: "comb",
        title: "Comb",
        formula: "rho(s) = decay^(s / period) if period divides s, else 0",
        structure: "periodic",
        source: "this example",
    };
}

fn main() -> std::process::ExitCode {
    Program::new().memory_function::<Comb>().main()
}
