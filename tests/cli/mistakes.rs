//! Bad input: the exact message, and exit code 2.

use std::path::Path;

use lookback::benchmarks::SUITES;
use lookback::benchmarks::tasks::TASKS;
use lookback::datasets::MEMORY_FUNCTIONS;
use lookback::models::MODELS;
use lookback::registry::{Entry, Registry};

use crate::{lookback, output, stderr};

fn says(arguments: &[&str], folder: &Path, expected: &str) {
    let refused = output(lookback(arguments).current_dir(folder));
    assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {}", stderr(&refused));
    assert_eq!(stderr(&refused), format!("error: {expected}\n"), "{arguments:?}");
    assert!(refused.stdout.is_empty(), "{arguments:?}");
}

/// Whether `message` is `expected` with all names of the list behind it, in some order.
pub(crate) fn assert_lists<T: Entry + Clone>(message: &str, expected: &str, list: &Registry<T>) {
    let known = message.strip_prefix(expected).and_then(|rest| rest.strip_suffix(".\n"));
    let known = known.unwrap_or_else(|| panic!("{message}"));
    let entries = list.all();
    for entry in &entries {
        assert!(known.split(", ").any(|name| name == entry.name()), "`{}` is not in {message}", entry.name());
    }
}

#[test]
fn unknown_names_are_told_with_the_known_ones() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let message = |arguments: &[&str]| {
        let refused = output(lookback(arguments).current_dir(folder.path()));
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {}", stderr(&refused));
        stderr(&refused)
    };
    let expected = "error: There is no model named `lsmt`. Did you mean `lstm`? Known: ";
    assert_lists(&message(&["train", "--model", "lsmt"]), expected, &MODELS);
    let expected = "error: There is no memory function named `impuls`. Did you mean `impulse`? Known: ";
    let impuls = ["train", "--model", "lstm", "--set", "task.function=impuls"];
    assert_lists(&message(&impuls), expected, &MEMORY_FUNCTIONS);
    let expected = "error: There is no task named `memry`. Did you mean `memory`? Known: ";
    assert_lists(&message(&["train", "--model", "lstm", "--task", "memry"]), expected, &TASKS);
    let expected = "error: There is no suite named `memry`. Did you mean `memory`? Known: ";
    assert_lists(&message(&["bench", "memry"]), expected, &SUITES);
}

#[test]
fn mistakes_on_the_command_line_are_named_with_what_would_be_valid() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let impulse = |alpha: &'static str| ["show", "memory-function", "impulse", "--set", alpha];
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (
            vec!["bench", "heads", "--memory", "airy"],
            "Suite `heads` has no experiment on memory functions, so none for `airy`; suite `memory` has.",
        ),
        (vec!["bench", "heads", "--also", "gru", "--also", "gru"], "The model `gru` is asked for twice."),
        (
            vec!["show", "suite", "memory", "--set", "preset=full"],
            "--set is for a model, a memory function or a task only.",
        ),
        (
            vec!["bench", "depth", "--only", "experiment=D9"],
            "No run has experiment=D9. Values of this axis, nearest first: D1, D2, D3, D4.",
        ),
        (
            vec!["bench", "memory", "--backend", "flx"],
            "There is no backend named `flx`. Did you mean `flex`? Known: flex, tch, wgpu, cuda, rocm, vulkan, metal, ndarray.",
        ),
        (
            vec!["train", "--model", "lstm", "--set", "model.d_modle=3"],
            "There is no parameter of the model `lstm` named `d_modle`. Did you mean `d_model`? Known: d_model, norm, \
             n_layers, residual, forget_bias.",
        ),
        (
            vec!["train", "--model", "lstm", "--set", "model.d_model=0"],
            "The parameters of the model `lstm` are not valid: `d_model` is 0, but it must be a whole number from 1 up.",
        ),
        (
            vec!["train", "--model", "lstm", "--set", "model.d_model=-3"],
            "The parameters of the model `lstm` are not valid: `d_model` is -3, but it must be a whole number from 1 up.",
        ),
        (
            impulse("alpha=-1").to_vec(),
            "The parameters of the memory function `impulse` are not valid: `alpha` is -1, but it must be a whole number from 0 up.",
        ),
        (
            impulse("alpha=1.5").to_vec(),
            "The parameters of the memory function `impulse` are not valid: `alpha` is 1.5, but it must be a whole number from 0 up.",
        ),
        (impulse("alpha=128").to_vec(), "`alpha` is 128, but it must be a whole number from 0 to 127 (length - 1)."),
        (
            vec!["bench", "memory", "--only", "model=s4"],
            "No run has model=s4. Values of this axis, nearest first: s4d, gru, lru, lstm, tcn-long, tcn-short, \
             linear-rnn, transformer-alibi, transformer-learned.",
        ),
        (
            vec!["bench", "memory", "--only", "modl=s4d"],
            "There is no axis named `modl`. Did you mean `model`? Known: model, memory, alpha, suite, states, experiment.",
        ),
        (
            vec!["bench", "memory", "--only", "model"],
            "`--only model` is not of the form AXIS=VALUE, e.g. --only model=s4d.",
        ),
        (
            vec!["bench", "memory", "--only", "memory=impulse,alpha=0.25"],
            "No run fits all of --only memory=impulse,alpha=0.25.",
        ),
        (vec!["bench", "depth", "--only", "experiment=D1,depth=1"], "No run fits all of --only experiment=D1,depth=1."),
        (vec!["bench", "memory", "--also", "gru:d_model"], "`d_model` after --also is not of the form KEY=VALUE."),
        (
            vec!["bench", "memory", "--also", "gru:training=3"],
            "`training=3` names a group of parameters; name one, as training.KEY=VALUE.",
        ),
        (
            vec!["bench", "memory", "--also", "gru:training=3:training.steps=4"],
            "`training.steps=4` after --also: `training` already has a value and cannot hold `training.steps`.",
        ),
        (vec!["bench", "heads", "--seeds", "0"], "`seeds` is 0, but it must be a whole number from 1 up."),
        (
            vec!["bench", "memory", "--lenient"],
            "No run that was asked for reads rows that could be malformed: --lenient is for task `text-retrieval`.",
        ),
        (vec!["reproduction", "absent"], "`absent` is no folder of a sweep: it has no `plan.json`."),
        (vec!["bench", "memory", "--jobs", "0"], "`--jobs` is 0, but it must be a whole number from 1 up."),
        (vec!["bench", "memory", "--seeds", "0"], "`seeds` is 0, but it must be a whole number from 1 up."),
        (
            vec!["bench", "memory", "--also", "s4d"],
            "Experiment strength cannot be planned: The preset already has a model with the label `s4d`.",
        ),
        (
            vec!["bench", "memory", "--also", "gru:training.stepz=3"],
            "Experiment strength cannot be planned: There is no parameter of the training of `gru:training.stepz=3` named `stepz`. Did you mean `steps`? \
             Known: steps, beta_1, beta_2, decay, epsilon, schedule, optimizer, stop_below, batch_size, clip_norm, \
             ema_decay, precision, warmup_steps, eval_every, max_weight, eval_samples, stop_patience, weight_decay, \
             accumulation, plateau_factor, learning_rate, plateau_patience, final_learning_rate.",
        ),
        (
            vec!["bench", "memory", "--also", "gru:training.batch_size=4:training.accumulation=5"],
            "Experiment strength cannot be planned: The parameters of the training of \
             `gru:training.batch_size=4:training.accumulation=5` are not valid: `accumulation` is 5, but it must be at most \
             `batch_size`, 4.",
        ),
        (vec!["probe", "absent"], "Cannot read `absent/spec.json`: No such file or directory (os error 2)"),
        (
            vec!["report", "absent"],
            "`absent` is no folder of a sweep or a run: it has neither `plan.json` nor `spec.json`.",
        ),
    ];
    for (arguments, expected) in cases {
        says(&arguments, folder.path(), expected);
    }
    // What clap refuses reads as clap writes it.
    let refused = output(lookback(&["bench", "memory", "--preset", "quik"]).current_dir(folder.path()));
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("a similar value exists: 'quick'"), "{}", stderr(&refused));
    assert_eq!(std::fs::read_dir(folder.path()).expect("our own folder").count(), 0, "mistakes leave no files");
}

#[test]
fn bad_memory_tables_are_named_with_their_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let show = ["show", "memory-function", "tabulated", "--set", "path=rho.csv"];
    says(&show, folder.path(), "Cannot read the memory table `rho.csv`: No such file or directory (os error 2)");
    for (text, expected) in [
        (
            "",
            "The memory table `rho.csv` is empty, but it must have one number per line, rho(0), rho(1), ..., or a header \
             with the columns `lag` and `rho` and numbers below it.",
        ),
        ("1\nNaN\n", "Line 2 of the memory table `rho.csv` has the rho `NaN`, but it must be a finite number."),
        ("lag,rho\n0,1\n1\n", "Line 3 of the memory table `rho.csv` has 1 columns, but it must have 2 as line 1 has."),
    ] {
        std::fs::write(folder.path().join("rho.csv"), text).expect("our own folder");
        says(&show, folder.path(), expected);
    }
}

#[test]
fn specs_that_cannot_be_read_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("spec.json");
    for (text, expected) in [
        (
            "{\"version\": 99}",
            "`spec.json` is no spec of a run: The spec has version 99, but this build of lookback reads version 1.",
        ),
        (
            "{\"version\": 1, \"tsak\": {}}",
            "`spec.json` is no spec of a run: The spec cannot be read: unknown field `tsak`, expected one of `version`, \
             `task`, `model`, `training`, `seed`",
        ),
        (
            "{",
            "`spec.json` is no spec of a run: The spec is not valid JSON: EOF while parsing an object at line 1 column 1",
        ),
    ] {
        std::fs::write(&path, text).expect("the file can be written");
        says(&["train", "--spec", "spec.json"], folder.path(), expected);
    }
}

#[test]
fn a_stored_spec_that_was_damaged_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arguments = [
        "bench",
        "memory",
        "--preset",
        "smoke",
        "--only",
        "memory=impulse,alpha=8,model=s4d,states=2",
        "--out",
        "sweep",
    ];
    crate::succeed(lookback(&arguments).current_dir(folder.path()));
    let run = crate::run_folders(&folder.path().join("sweep")).remove(0);
    let id = run.file_name().expect("a run has a name").to_string_lossy().into_owned();
    let text = std::fs::read_to_string(run.join("spec.json")).expect("the spec");
    std::fs::remove_file(run.join("result.json")).expect("the result");
    let broken = |text: &str, expected: String| {
        std::fs::write(run.join("spec.json"), text).expect("our own file");
        says(&arguments, folder.path(), &expected);
    };
    broken(
        &text[..1],
        format!(
            "`sweep/runs/{id}/spec.json` is no spec of a run: The spec is not valid JSON: EOF while parsing an object at line 1 column 1"
        ),
    );
    let changed = text.replace("\"d_state\": 2", "\"d_state\": 4");
    let other = lookback::benchmarks::RunSpec::from_json(&changed).expect("a spec").id();
    broken(
        &changed,
        format!("`sweep/runs/{id}/spec.json` holds the spec of run {other}, not of run {id}; choose another folder."),
    );
}
