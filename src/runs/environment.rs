//! Where a run was computed.

use serde::{Deserialize, Serialize};

use crate::backends::{BURN_VERSION, BackendKind};

/// Versions and machine, as kept in `environment.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Version of lookback.
    pub lookback: String,
    /// Version of burn.
    pub burn: String,
    /// Backend by its name on the command line.
    pub backend: String,
    /// Operating system and architecture.
    pub platform: String,
    /// The CPU's model, where the system tells.
    pub cpu: Option<String>,
    /// Cores that the process may use.
    pub cores: usize,
    /// The commit of the git checkout that the command was started in, if any.
    pub git_revision: Option<String>,
}

impl Environment {
    /// The environment of this process.
    pub fn current(backend: BackendKind) -> Self {
        Self {
            lookback: env!("CARGO_PKG_VERSION").to_owned(),
            burn: BURN_VERSION.to_owned(),
            backend: backend.name().to_owned(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: cpu_model(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            git_revision: git_revision(),
        }
    }

    /// Name and value of each entry, for a report.
    pub fn entries(&self) -> Vec<(String, String)> {
        [
            ("lookback", Some(self.lookback.clone())),
            ("burn", Some(self.burn.clone())),
            ("backend", Some(self.backend.clone())),
            ("platform", Some(self.platform.clone())),
            ("cpu", self.cpu.clone()),
            ("cores", Some(self.cores.to_string())),
            ("git revision", self.git_revision.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }
}

fn cpu_model() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn git_revision() -> Option<String> {
    let output = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success()).then(|| text.trim().to_owned())
}
