//! The example of a model of one's own, in a sweep.

use std::path::Path;
use std::process::Command;

use crate::{output, stderr, succeed};

fn example(arguments: &[&str]) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_lookback")).parent().expect("the program is in a folder");
    let path = programs.join("examples").join(format!("own_model{}", std::env::consts::EXE_SUFFIX));
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
    let mut command = example(&["bench", "memory", "--preset", "smoke", "--also", label, "--only", &only, "--out"]);
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
    succeed(example(&["report"]).arg(folder.path()));
}

#[test]
fn its_parameters_are_checked_like_any_others() {
    let refused = output(&mut example(&["bench", "memory", "--preset", "smoke", "--also", "delay:lag=99"]));
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        stderr(&refused),
        "error: Experiment strength cannot be planned: The model `delay` cannot be built: `lag` is 99, but it must be a whole number less than the length, \
         32.\n"
    );
}
