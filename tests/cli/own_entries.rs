//! The examples of entries of one's own, in the commands.

use std::path::Path;
use std::process::Command;

use crate::{output, stderr, succeed};

fn example(name: &str, arguments: &[&str]) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_lookback")).parent().expect("the program is in a folder");
    let path = programs.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "`{}` is built by `cargo test --workspace`", path.display());
    let mut command = Command::new(path);
    command.args(arguments);
    command
}

#[test]
fn a_model_of_ones_own_runs_in_a_suite() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let label = "delay:lag=8:training.steps=200:training.learning_rate=3e-2";
    let only = format!("model={label},memory=impulse");
    let mut command =
        example("own_model", &["bench", "memory", "--preset", "smoke", "--also", label, "--only", &only, "--out"]);
    succeed(command.arg(folder.path()));
    let mut table = csv::Reader::from_path(folder.path().join("results.csv")).expect("there are results");
    let titles = table.headers().expect("a header").clone();
    let column = |name: &str| titles.iter().position(|title| title == name).expect("a known column");
    let mut errors = std::collections::BTreeMap::new();
    for row in table.records() {
        let row = row.expect("a row");
        assert_eq!((&row[column("model")], &row[column("num_params")]), (label, "2"));
        let number = |name: &str| row[column(name)].parse::<f64>().expect("a number");
        errors.insert(number("alpha") as usize, number("nmse"));
    }
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[&8] < 1e-3 && errors[&1] > 0.5, "{errors:?}");
    let report = std::fs::read_to_string(folder.path().join("report.html")).expect("there is a report");
    assert!(report.contains(label));
    // The report can be made again by whoever knows the model.
    succeed(example("own_model", &["report"]).arg(folder.path()));
}

#[test]
fn its_parameters_are_checked_like_any_others() {
    let refused =
        output(&mut example("own_model", &["bench", "memory", "--preset", "smoke", "--also", "delay:lag=99"]));
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        stderr(&refused),
        "error: Experiment strength cannot be planned: The model `delay` cannot be built: `lag` is 99, but it must be a whole number less than the length, \
         32.\n"
    );
}

#[test]
fn a_memory_function_of_ones_own_is_listed_shown_and_learned() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = "own_memory_function";
    let shown = succeed(&mut example(
        name,
        &["show", "memory-function", "comb", "--set", "period=2", "--length", "4", "--csv"],
    ));
    let rho: Vec<f64> = shown
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').expect("two columns").1.parse().expect("a number"))
        .collect();
    // 1, 1/2 at lags 0 and 2, at unit norm.
    let norm = 1.25f64.sqrt();
    assert!(
        rho.iter().zip([1.0 / norm, 0.0, 0.5 / norm, 0.0]).all(|(is, expected)| (is - expected).abs() < 1e-12),
        "{shown}"
    );
    let only = "memory=comb:period=8,model=gru";
    let mut command =
        example(name, &["bench", "memory", "--preset", "smoke", "--memory", "comb:period=8", "--only", only]);
    succeed(command.arg("--out").arg(folder.path()));
    let results = std::fs::read_to_string(folder.path().join("results.csv")).expect("there are results");
    assert!(results.lines().count() == 2 && results.contains("comb"), "{results}");
    let refused = output(&mut example(name, &["show", "memory-function", "comb", "--set", "decay=1.5"]));
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        stderr(&refused),
        "error: The parameters of the memory function `comb` are not valid: `decay` is 1.5, but it must be in (0, 1].\n"
    );
}

#[test]
fn a_task_of_ones_own_is_trained_and_evaluated() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = folder.path().join("run");
    let train = ["train", "--task", "copying", "--model", "gru", "--set", "training.steps=30", "--out"];
    let trained = succeed(example("own_task", &train).arg(&run));
    let evaluated = succeed(example("own_task", &["eval"]).arg(&run));
    let metric = |text: &str| text.lines().find(|line| line.starts_with("nmse")).expect("an error").to_owned();
    assert_eq!(metric(&trained), metric(&evaluated));
    let refused =
        output(&mut example("own_task", &["train", "--task", "copying", "--model", "gru", "--set", "task.copied=17"]));
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(stderr(&refused), "error: `copied` is 17, but it must be at most half of the length, 16.\n");
}

#[test]
fn a_suite_of_ones_own_is_planned_swept_and_reported_in_one_call() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shown = succeed(example("own_suite", &[]).current_dir(folder.path()));
    assert!(shown.contains("The farthest lag has a larger error than the nearest."), "{shown}");
    let sweep = folder.path().join("runs/reach-smoke");
    assert_eq!(crate::run_folders(&sweep).len(), 6);
    assert!(sweep.join("figures/reach.svg").exists() && sweep.join("report.html").exists());
}
