//! Single runs.

use std::path::Path;

use crate::{RUN_FILES, assert_same, contents, lookback, output, stderr, succeed};

fn train(model: &str, out: &Path) -> std::process::Command {
    let mut command =
        lookback(&["train", "--model", model, "--set", "task.length=32", "--set", "task.train_samples=64"]);
    command.args(["--set", "task.valid_samples=16", "--set", "training.steps=30", "--set", "training.eval_every=5"]);
    command.args(["--set", "model.d_model=16", "--checkpoint-seconds", "0", "--out"]).arg(out);
    command
}

#[test]
fn numbers_do_not_depend_on_the_number_of_threads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for model in ["s4d", "lru", "lstm", "gru", "tcn", "transformer"] {
        let (one, many) = (folder.path().join(format!("{model}-1")), folder.path().join(format!("{model}-4")));
        succeed(train(model, &one).env("RAYON_NUM_THREADS", "1"));
        succeed(train(model, &many).env("RAYON_NUM_THREADS", "4"));
        assert_same(&contents(&one, &RUN_FILES), &contents(&many, &RUN_FILES));
    }
}

#[test]
fn a_damaged_checkpoint_is_told_of_and_the_one_before_is_used() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    succeed(&mut train("transformer", &whole));
    let previous = killed.join("checkpoint.previous.bin");
    let mut child = train("transformer", &killed)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    crate::wait_for("second checkpoint", || previous.exists().then_some(()));
    child.kill().expect("the program can be killed");
    child.wait().expect("the program ends");
    let path = killed.join("checkpoint.bin");
    // The kill may have met the moment in which only the previous one stands.
    std::fs::copy(&previous, &path).expect("a checkpoint was kept");
    let mut bytes = std::fs::read(&path).expect("the checkpoint can be read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).expect("the checkpoint can be written");
    let resumed = output(&mut train("transformer", &killed));
    assert!(resumed.status.success());
    let text = stderr(&resumed);
    let expected = format!("warning: `{}` cannot be used, going back further: ", path.display());
    assert!(text.contains(&expected), "{text}");
    assert!(text.contains("Going on from step "), "{text}");
    assert_same(&contents(&whole, &RUN_FILES), &contents(&killed, &RUN_FILES));
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_as_diverged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let mut command = train("tanh-rnn", &out);
    command.args(["--set", "training.learning_rate=1e38", "--set", "training.optimizer=sgd"]);
    command.args(["--set", "training.clip_norm=null"]);
    let ended = output(&mut command);
    assert_eq!(ended.status.code(), Some(1), "{}", stderr(&ended));
    assert!(stderr(&ended).contains("The run diverged: its loss was not finite at step 5."), "{}", stderr(&ended));
    let result = std::fs::read_to_string(out.join("result.json")).expect("a diverged run has a result");
    assert!(result.contains("\"status\": \"diverged\""), "{result}");
}

#[test]
fn the_learned_memory_of_a_run_is_worked_out_from_its_weights() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    succeed(&mut train("lru", &out));
    let table = succeed(lookback(&["probe", "--csv"]).arg(&out));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines[0], lines.len()), ("lag,rho,jacobian,impulse", 33));
    let kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("probe.json")).expect("a finished run has diagnostics"))
            .expect("valid JSON");
    let first = lines[1].split(',').nth(2).expect("four cells").parse::<f64>().expect("a number");
    assert_eq!(first, kept["jacobian"][0].as_f64().expect("a number"));
}
