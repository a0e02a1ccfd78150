//! Full disks, forbidden folders, crashes and kills of single runs.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{assert_same, bench, lookback, output, results, run_folders, stderr, succeed};

#[test]
fn a_full_disk_is_named_and_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (whole, full) = (folder.path().join("whole"), folder.path().join("full"));
    succeed(&mut bench(&whole));
    // No file may grow beyond the limit: small runs get through, those with larger weights fail in the middle.
    let inner = bench(&full);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 40; exec \"$0\" \"$@\""])
        .arg(inner.get_program())
        .args(inner.get_args());
    let ended = output(limited.stdin(Stdio::null()));
    assert_eq!(ended.status.code(), Some(1), "{}", stderr(&ended));
    let text = stderr(&ended);
    assert!(text.contains("checkpoint.bin`: File too large (os error 27)\n"), "{text}");
    let (mut finished, mut unfinished) = (0, 0);
    for run in run_folders(&full) {
        if run.join("result.json").exists() {
            finished += 1;
            let id = run.file_name().expect("a run has a name");
            let same = |name: &str| {
                let read = |path: &Path| fs::read(path).expect("the file can be read");
                read(&run.join(name)) == read(&whole.join("runs").join(id).join(name))
            };
            assert!(crate::RUN_FILES.iter().all(|name| same(name)), "{}", run.display());
        } else {
            unfinished += 1;
            let failure = fs::read_to_string(run.join("failure.json")).expect("the failure is recorded");
            assert!(failure.contains("Cannot write"), "{failure}");
        }
        let partial = |entry: fs::DirEntry| entry.file_name().to_string_lossy().contains("partial");
        assert!(!fs::read_dir(&run).expect("a folder").any(|entry| partial(entry.expect("an entry"))));
    }
    assert!(finished > 0 && unfinished > 0, "{finished} finished, {unfinished} did not: {text}");
    // With room again, the same command carries on.
    succeed(&mut bench(&full));
    assert_same(&results(&whole), &results(&full));
}

/// The program as a user who is not the superuser, whom no permission stops.
fn as_a_plain_user(folder: &Path, arguments: &[&str]) -> Command {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("our own folder");
    let program = folder.join("lookback");
    fs::copy(env!("CARGO_BIN_EXE_lookback"), &program).expect("the program can be copied");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("our own file");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    if fs::metadata(folder).expect("our own folder").uid() == 0 {
        command.uid(65534).gid(65534);
    }
    command
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).expect("a folder");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).expect("our own folder");
    for arguments in [
        ["bench", "memory", "--preset", "smoke", "--out", "locked/sweep"].as_slice(),
        ["train", "--model", "lru", "--out", "locked/sweep"].as_slice(),
    ] {
        let refused = output(&mut as_a_plain_user(folder.path(), arguments));
        assert_eq!(refused.status.code(), Some(2));
        assert_eq!(stderr(&refused), "error: Cannot create `locked/sweep`: Permission denied (os error 13)\n");
    }
    assert_eq!(fs::read_dir(&locked).expect("our own folder").count(), 0);
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["spec.json", "rho.csv"] {
        fs::write(folder.path().join(name), "{}").expect("our own folder");
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o000)).expect("our own file");
    }
    let refused = output(&mut as_a_plain_user(folder.path(), &["train", "--spec", "spec.json"]));
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(stderr(&refused), "error: Cannot read `spec.json`: Permission denied (os error 13)\n");
    let show = ["show", "memory-function", "tabulated", "--set", "path=rho.csv"];
    let refused = output(&mut as_a_plain_user(folder.path(), &show));
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(stderr(&refused), "error: Cannot read the memory table `rho.csv`: Permission denied (os error 13)\n");
}

/// Two short runs that a third, `extra`, stands beside.
fn beside(extra: &str, out: &Path) -> Command {
    let mut command = lookback(&["bench", "memory", "--preset", "smoke", "--jobs", "1", "--also", extra, "--only"]);
    command.arg(format!("memory=impulse,alpha=8,model=tcn-short,model=s4d,model={extra}")).arg("--out").arg(out);
    command
}

/// A model too large for any memory: its run panics.
const TOO_LARGE: &str = "tcn:d_model=4000000000000000000";

#[test]
fn a_run_that_panics_is_recorded_and_the_rest_go_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ended = output(&mut beside(TOO_LARGE, folder.path()));
    assert_eq!(ended.status.code(), Some(1));
    let text = stderr(&ended);
    assert!(text.contains(": The worker panicked. Its last words: thread 'main'"), "{text}");
    assert!(text.contains("capacity overflow"), "{text}");
    assert!(text.contains("3 of 4 runs have a result. To carry on, run the same command again:"), "{text}");
    let failed: Vec<_> =
        run_folders(folder.path()).into_iter().filter(|run| !run.join("result.json").exists()).collect();
    let [failed] = failed.as_slice() else { panic!("one run fails, not {failed:?}") };
    let reason = fs::read_to_string(failed.join("failure.json")).expect("the failure is recorded");
    assert!(reason.contains("capacity overflow"), "{reason}");
    assert!(fs::read_to_string(failed.join("stderr.log")).expect("its words are kept").contains("capacity overflow"));
}

#[test]
fn fail_fast_ends_the_sweep_at_the_first_failure() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Further models come last at each alpha; this one fails before the runs of the next.
    let mut command =
        lookback(&["bench", "memory", "--preset", "smoke", "--jobs", "1", "--fail-fast", "--also", TOO_LARGE]);
    command
        .arg("--only")
        .arg(format!("memory=impulse,model=tcn-short,model={TOO_LARGE}"))
        .arg("--out")
        .arg(folder.path());
    let ended = output(&mut command);
    assert_eq!(ended.status.code(), Some(1));
    assert!(stderr(&ended).contains("1 of 4 runs have a result."), "{}", stderr(&ended));
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_killed_is_recorded_and_the_rest_go_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let long = "gru:training.steps=600";
    let child =
        beside(long, folder.path()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let of_long_run = |pid: &str| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words: Vec<_> = command.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        let run = words.get(2).filter(|_| words.get(1).is_some_and(|word| word == "worker"))?;
        let spec = Path::new(run.as_ref())
            .starts_with(folder.path())
            .then(|| fs::read_to_string(Path::new(run.as_ref()).join("spec.json")))?;
        spec.ok()?.contains("\"gru\"").then(|| pid.to_owned())
    };
    let pid = crate::wait_for("worker of the long run", || {
        let entries = fs::read_dir("/proc").expect("Linux has /proc");
        entries.filter_map(|entry| of_long_run(&entry.ok()?.file_name().to_string_lossy())).next()
    });
    assert!(Command::new("kill").args(["-KILL", &pid]).status().expect("kill exists").success());
    let ended = child.wait_with_output().expect("the program ends");
    assert_eq!(ended.status.code(), Some(1));
    let text = stderr(&ended);
    assert!(text.contains(": The worker was killed by signal 9."), "{text}");
    assert!(text.contains("3 of 4 runs have a result."), "{text}");
    let report = fs::read_to_string(folder.path().join("report.html")).expect("there is a report");
    assert!(report.contains("<span class=\"failed\">1 failed</span>"));
    succeed(&mut beside(long, folder.path()));
    assert!(run_folders(folder.path()).iter().all(|run| run.join("result.json").exists()));
}
