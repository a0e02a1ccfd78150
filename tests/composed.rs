//! Training with the fast forms of operations comes to what training with the composed ones does.

use std::time::Duration;

use lookback::backends::BackendKind;
use lookback::benchmarks::{PlanRequest, Preset, RunResult, RunSpec, SUITES};
use lookback::models::ops;
use lookback::{RunEnd, RunFolder, RunOptions, run};

fn train(spec: &RunSpec) -> RunResult {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let flex = BackendKind::parse("flex").expect("flex is in the build");
    let options = RunOptions { checkpoint_every: Duration::from_secs(3600), ..RunOptions::new(flex) };
    let folder = RunFolder::new(folder.path().join("run"));
    match run(spec, &folder, &options, &mut |_| {}, &|| false) {
        Ok(RunEnd::Done(result)) => result,
        other => panic!("{other:?}"),
    }
}

#[test]
fn trained_results_of_smoke_agree() {
    let plan = SUITES.get("memory").expect("the suite").suite().plan(&PlanRequest::new(Preset::Smoke));
    let plan = plan.expect("a valid preset");
    assert!(plan.len() >= 30);
    for planned in plan {
        let fast = train(&planned.spec);
        let composed = ops::composed(|| train(&planned.spec));
        assert_eq!((fast.status, fast.steps), (composed.status, composed.steps));
        assert!(!fast.metrics.is_empty() && fast.metrics.len() == composed.metrics.len());
        for (name, value) in &fast.metrics {
            let gap = (value - composed.metrics[name]).abs();
            assert!(gap <= 1e-4, "{}: {name} differs by {gap:e}", planned.place.label());
        }
    }
}
