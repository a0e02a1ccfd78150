//! Sweeps that are interrupted, killed, repeated, and run twice at once.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use crate::{assert_same, bench, lookback, output, results, run_folders, stderr, succeed};

#[test]
fn a_sweep_that_is_killed_again_and_again_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    succeed(&mut bench(&whole));
    for attempt in 0..20u64 {
        let mut child = bench(&killed).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        // Moments spread over start-up, training, and the writing of results.
        std::thread::sleep(Duration::from_millis(20 + attempt * 37 % 260));
        child.kill().expect("the program can be killed");
        child.wait().expect("the program ends");
    }
    succeed(&mut bench(&killed));
    let whole = results(&whole);
    assert!(whole.len() > 10);
    assert_same(&whole, &results(&killed));
}

#[test]
fn two_sweeps_at_once_share_the_work_and_repeat_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (alone, shared) = (folder.path().join("alone"), folder.path().join("shared"));
    succeed(&mut bench(&alone));
    let start = || {
        let mut command = bench(&shared);
        command.args(["--log-format", "json"]).stdout(Stdio::piped()).spawn().expect("the program starts")
    };
    let (first, second) = (start(), start());
    let mut begun: Vec<String> = Vec::new();
    for child in [first, second] {
        let output = child.wait_with_output().expect("the program ends");
        assert!(output.status.success());
        for line in String::from_utf8(output.stdout).expect("text").lines() {
            let event: serde_json::Value = serde_json::from_str(line).expect("every line is JSON");
            if event["event"] == "run" && event["news"]["event"] == "started" {
                assert_eq!(event["news"]["step"], 0);
                begun.push(event["id"].as_str().expect("an identity").to_owned());
            }
        }
    }
    begun.sort();
    let runs: Vec<String> = run_folders(&shared)
        .iter()
        .map(|path| path.file_name().expect("a run has a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(begun, runs, "every run was begun once");
    assert_same(&results(&alone), &results(&shared));
}

#[cfg(unix)]
#[test]
fn an_interrupt_stops_with_checkpoints_and_says_how_to_carry_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    // Long enough that the interrupt meets it at work.
    let long = |out: &std::path::Path| {
        let mut command = lookback(&["bench", "memory", "--preset", "smoke", "--jobs", "2", "--also"]);
        command.args(["gru:training.steps=600", "--only", "memory=impulse,model=gru:training.steps=600", "--out"]);
        command.arg(out);
        command
    };
    let child = long(&stopped).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
    crate::wait_for("evaluation", || {
        let metrics = run_folders(stopped.join("runs").exists().then_some(stopped.as_path())?);
        metrics
            .iter()
            .any(|run| std::fs::metadata(run.join("metrics.jsonl")).is_ok_and(|file| file.len() > 0))
            .then_some(())
    });
    let signal = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signal.expect("kill exists").success());
    let ended = child.wait_with_output().expect("the program ends");
    assert_eq!(ended.status.code(), Some(75));
    let text = stderr(&ended);
    assert!(text.contains("0 of 2 runs have a result (stopped). To carry on, run the same command again:"), "{text}");
    assert!(text.contains("lookback bench memory --preset smoke --jobs 2 --also gru:training.steps=600"), "{text}");
    assert!(run_folders(&stopped).iter().any(|run| run.join("checkpoint.bin").exists()));
    succeed(&mut long(&stopped));
    succeed(&mut long(&whole));
    assert_same(&results(&whole), &results(&stopped));
}

#[test]
fn more_seeds_run_only_what_is_new_and_a_fresh_sweep_deletes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("sweep");
    let one = |extra: &[&str]| {
        let mut command = lookback(&["bench", "memory", "--preset", "smoke", "--log-format", "json", "--only"]);
        command.args(["memory=impulse,alpha=8,model=tcn-short", "--out"]).arg(&out).args(extra);
        let text = succeed(&mut command);
        let planned: serde_json::Value =
            serde_json::from_str(text.lines().next().expect("a line")).expect("every line is JSON");
        (planned["done"].clone(), planned["total"].clone())
    };
    assert_eq!(one(&[]), (0.into(), 1.into()));
    assert_eq!(one(&[]), (1.into(), 1.into()));
    assert_eq!(one(&["--seeds", "2"]), (1.into(), 2.into()));
    assert_eq!(one(&["--fresh"]), (0.into(), 1.into()));
    assert_eq!(run_folders(&out).len(), 2);
    assert_eq!(run_folders(&folder.path().join("sweep-2")).len(), 1);
    // A plan that was lost is written again.
    std::fs::remove_file(out.join("plan.json")).expect("the plan can be deleted");
    assert_eq!(one(&["--seeds", "2"]), (2.into(), 2.into()));
}

#[test]
fn what_is_printed_fits_the_width_and_breaks_no_word() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("sweep");
    let mut bench = lookback(&["bench", "memory", "--preset", "smoke", "--jobs", "2", "--out"]);
    let whole = succeed(bench.arg(&out).env_remove("COLUMNS"));
    let words = |text: &str| text.split_whitespace().map(String::from).collect::<BTreeSet<String>>();
    for width in [80, 120] {
        let text = succeed(lookback(&["report"]).arg(&out).env("COLUMNS", width.to_string()));
        for line in text.lines().filter(|line| !line.starts_with("report: ")) {
            assert!(line.chars().count() <= width, "{line}\n{text}");
        }
        let text = text.replace(['─', '═'], "");
        assert_eq!(words(&text), words(&whole.replace(['─', '═'], "")), "{text}");
    }
    // A row is a line where nothing says how wide lines may be, and the findings come last.
    let row = whole.lines().find(|line| line.contains("best fit, 4 states")).expect("a floor");
    assert!(row.contains("exponential") && row.contains("s4d"), "{row}");
    let [table, findings] = ["Hankel bound", "\nfindings\n"].map(|text| whole.rfind(text).expect(text));
    assert!(table < findings, "{whole}");
}

#[test]
fn a_folder_of_another_sweep_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("sweep");
    succeed(
        lookback(&["bench", "memory", "--preset", "smoke", "--only"])
            .args(["memory=impulse,alpha=8,model=tcn-short", "--out"])
            .arg(&out),
    );
    let refused = output(lookback(&["bench", "memory", "--preset", "quick", "--out"]).arg(&out));
    assert_eq!(refused.status.code(), Some(2));
    let expected = format!(
        "error: `{}` holds suite `memory`, preset `smoke`, backend `flex`; choose another folder with --out for suite \
         `memory`, preset `quick`, backend `flex`.\n",
        out.display()
    );
    assert_eq!(stderr(&refused), expected);
}
