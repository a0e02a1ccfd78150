//! A folder of runs, with the plan that they come from.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use lookback_benchmarks::{Outcome, Place, Planned, Preset, RunSpec, RunStatus};
use lookback_registry::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::runs::folder::{RunFolder, read_json, write_json};
use crate::runs::runner::Timing;

/// What all runs of a store share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The suite's name.
    pub suite: String,
    /// The preset.
    pub preset: Preset,
    /// The backend's name.
    pub backend: String,
}

/// `plan.json`: the runs of a store, those that were asked for last first, and the commands that asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What all runs share.
    pub header: Header,
    /// The command line that planned this, or those that did, joined by `&&`.
    pub command: String,
    /// All runs that were ever asked for.
    pub runs: Vec<Planned>,
}

/// A folder of runs of one suite, preset and backend.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store at `root`, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder of the run with this identity.
    pub fn run(&self, id: &str) -> RunFolder {
        RunFolder::new(self.root.join("runs").join(id))
    }

    /// The plan.
    ///
    /// # Errors
    /// The folder is no store, or its plan cannot be read.
    pub fn plan(&self) -> Result<Plan> {
        let path = self.file("plan.json");
        read_json(&path)?.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("`{}` is no folder of a sweep: it has no `plan.json`.", self.root.display()),
            )
        })
    }

    /// Adds `runs` to the plan; those already there stay, so a wider command extends the same store. Only runs
    /// whose place in the grid has another spec now leave the plan (their folders stay): the second value counts
    /// them.
    ///
    /// # Errors
    /// The folder cannot be written, or belongs to another suite, preset or backend.
    pub fn extend(&self, header: Header, command: &str, runs: &[Planned]) -> Result<(Plan, usize)> {
        fs::create_dir_all(self.file("runs")).map_err(|error| Error::io("create", &self.root, error))?;
        // Two sweeps may start at once; each must see the other's additions.
        let lock_path = self.file("lock");
        let _lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| Error::io("lock", &lock_path, error))?;
        let path = self.file("plan.json");
        let mut all = runs.to_vec();
        let mut superseded = 0;
        let mut command = command.to_owned();
        if let Some(before) = read_json::<Plan>(&path)? {
            if before.header != header {
                return Err(Error::new(
                    ErrorKind::Mismatch,
                    format!(
                        "`{}` holds suite `{}`, preset `{}`, backend `{}`; choose another folder with --out for suite `{}`, \
                     preset `{}`, backend `{}`.",
                        self.root.display(),
                        before.header.suite,
                        before.header.preset.name(),
                        before.header.backend,
                        header.suite,
                        header.preset.name(),
                        header.backend
                    ),
                ));
            }
            // One run may stand at several places of the grid.
            let known: HashSet<(String, &Place)> = runs.iter().map(|run| (run.spec.id(), &run.place)).collect();
            let now: HashMap<&Place, String> = runs.iter().map(|run| (&run.place, without_seed(run))).collect();
            for run in before.runs {
                if now.get(&run.place).is_some_and(|spec| *spec != without_seed(&run)) {
                    superseded += 1;
                } else if !known.contains(&(run.spec.id(), &run.place)) {
                    all.push(run);
                }
            }
            // What is there took the earlier commands as well.
            if all.len() > runs.len() {
                command = match before.command.split(" && ").any(|earlier| earlier == command) {
                    true => before.command,
                    false => format!("{} && {command}", before.command),
                };
            }
        }
        let plan = Plan { header, command, runs: all };
        write_json(&path, &plan)?;
        Ok((plan, superseded))
    }

    /// What has come of each run of a plan so far.
    ///
    /// # Errors
    /// A file of a run cannot be read.
    pub fn outcomes(&self, runs: &[Planned]) -> Result<Vec<Outcome>> {
        runs.iter()
            .map(|planned| {
                let folder = self.run(&planned.spec.id());
                let result = folder.result()?;
                let probe = match &result {
                    Some(result) if result.status == RunStatus::Finished => folder.probe()?,
                    _ => None,
                };
                let primary = |evaluation: &crate::learner::Evaluation| {
                    evaluation.metrics.get("nmse").or_else(|| evaluation.metrics.values().next()).copied()
                };
                let curve = folder
                    .curve()?
                    .iter()
                    .filter_map(|evaluation| Some((evaluation.step, evaluation.train_loss?, primary(evaluation)?)))
                    .collect();
                let timing: Option<Timing> = read_json(&folder.file("timing.json"))?;
                let seconds = timing.map(|timing| timing.training_seconds);
                Ok(Outcome { planned: planned.clone(), result, probe, curve, seconds })
            })
            .collect()
    }
}

/// The identity of what all seeds of a cell share.
fn without_seed(run: &Planned) -> String {
    RunSpec { seed: 0, ..run.spec.clone() }.id()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookback_benchmarks::{Named, SPEC_VERSION, TrainingConfig};
    use lookback_registry::Params;

    fn place(alpha: &str) -> Place {
        let setting = Params::from_iter([("alpha".to_owned(), alpha.into())]);
        Place { suite: "s".into(), experiment: "e".into(), setting, also: None }
    }

    fn planned(alpha: &str, seed: u64, steps: usize) -> Planned {
        let named = |name: &str| Named { name: name.into(), params: Params::new() };
        let training = TrainingConfig { steps, ..TrainingConfig::default() };
        let spec = RunSpec { version: SPEC_VERSION, task: named(alpha), model: named("m"), training, seed };
        Planned { spec, place: place(alpha) }
    }

    #[test]
    fn a_plan_grows_and_forgets_only_what_has_another_spec_now() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let header = || Header { suite: "s".into(), preset: Preset::Smoke, backend: "b".into() };
        let extend = |runs: &[Planned]| {
            let (plan, superseded) = store.extend(header(), "command", runs).unwrap();
            (plan.runs, superseded)
        };
        let old = [planned("1", 0, 10), planned("1", 1, 10)];
        assert_eq!(extend(&old), (old.to_vec(), 0));
        let other = planned("2", 0, 10);
        let grown = vec![other.clone(), old[0].clone(), old[1].clone()];
        assert_eq!(extend(std::slice::from_ref(&other)), (grown, 0));
        // Both seeds of the cell go, also the one that is not asked for again.
        let new = planned("1", 0, 20);
        assert_eq!(extend(std::slice::from_ref(&new)), (vec![new.clone(), other.clone()], 2));
        // The same run at another place of the grid stands at both.
        let elsewhere = Planned { place: place("3"), ..other.clone() };
        assert_eq!(elsewhere.spec.id(), other.spec.id());
        let all = vec![elsewhere.clone(), new, other];
        assert_eq!(extend(std::slice::from_ref(&elsewhere)), (all.clone(), 0));
        // A part of the plan keeps the commands of the rest; the whole is one command again.
        let command = |name: &str, runs: &[Planned]| store.extend(header(), name, runs).unwrap().0.command;
        assert_eq!(command("b", std::slice::from_ref(&elsewhere)), "command && b");
        assert_eq!(command("command", std::slice::from_ref(&elsewhere)), "command && b");
        assert_eq!(command("whole", &all), "whole");
    }
}
