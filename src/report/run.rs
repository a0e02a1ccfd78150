//! The page of one run.

use lookback_benchmarks::{Classification, Probe, RunResult, RunSpec, RunStatus, Table, TaskInfo};
use lookback_models::ModelInfo;
use lookback_registry::{Params, Result};
use maud::{Markup, html};

use super::classes::classes;
use super::curves::{memory, training};
use super::page::{fact, figure, linked, pairs, repeat, section, table, whole};
use super::phrases::{amount, count, describe_training, duration, share, value};
use super::pictures::{ImageInsights, pictures};
use crate::learner::{Evaluation, Speed};
use crate::runs::runner::Timing;

/// Everything that the page says.
pub(crate) struct RunReport<'a> {
    /// The run.
    pub spec: &'a RunSpec,
    /// Name and source of its model.
    pub model: ModelInfo,
    /// Name and source of its task.
    pub task: TaskInfo,
    /// Training samples of an epoch, for a task that has epochs.
    pub epoch: Option<usize>,
    /// The command line that trains it again.
    pub command: &'a str,
    /// What came of it.
    pub result: &'a RunResult,
    /// The evaluations.
    pub curve: &'a [Evaluation],
    /// Clock times, where they were kept.
    pub timing: Option<&'a Timing>,
    /// What a classifier gets right.
    pub classification: Option<&'a Classification>,
    /// What a sequence model remembers.
    pub probe: Option<&'a Probe>,
    /// What single images show, for a run on images.
    pub images: Option<&'a ImageInsights>,
    /// Versions, processor and so on: name and value.
    pub environment: &'a [(String, String)],
}

/// The page as HTML. The same input gives the same bytes.
///
/// # Errors
/// A picture is larger than memory can hold.
pub(crate) fn run_html(report: &RunReport) -> Result<String> {
    let epochs = report.epoch.map(|samples| samples as f64 / report.spec.training.batch_size as f64);
    // Sections with their names, for the contents above them.
    let mut sections = vec![("curves", "Training", figure(&training(report.curve, epochs)))];
    if let Some(probe) = report.probe.filter(|probe| !probe.jacobian.is_empty()) {
        sections.push(("memory", "Memory", figure(&memory(probe))));
    }
    if let Some(images) = report.images {
        let (seen, attention) = pictures(images)?;
        sections.push(("predictions", "Predictions", seen));
        sections.extend(attention.map(|attention| ("attention", "Attention", attention)));
    }
    if let Some(classification) = report.classification {
        sections.push(("classes", "Classes", classes(classification)));
    }
    sections.push(("spec", "What was trained", what(report)));
    if let Some(timing) = report.timing {
        sections.push(("speed", "Speed", speed(timing)));
    }
    let title = format!("{} on {}", report.model.title, report.spec.task.name);
    let content = html! {
        (header(report, &title, &sections))
        main {
            @for (id, name, content) in &sections { (section(id, name, content)) }
            (repeat(report.command, report.environment, "The spec (JSON)", &report.spec.to_json()))
        }
    };
    Ok(whole(&title, &content))
}

fn header(report: &RunReport, title: &str, sections: &[(&str, &str, Markup)]) -> Markup {
    let (end, failed) = match report.result.status {
        RunStatus::Finished => ("finished", None),
        RunStatus::Diverged => ("diverged", Some("failed")),
    };
    html! {
        header {
            h1 { (title) }
            dl class="facts" {
                // The names of metrics as people write them.
                @for (name, metric) in &report.result.metrics { (fact(&name.replace('_', " "), None, &amount(*metric))) }
                (fact("Run", failed, end))
                (fact("Parameters", None, &count(report.result.num_params)))
                (fact("Updates", None, &count(report.result.steps)))
                (fact("Seed", None, &report.spec.seed.to_string()))
            }
            nav aria-label="Contents" { ul {
                @for (id, name, _) in sections { li { a href={ "#" (id) } { (name) } } }
                li { a href="#repeat" { "How to repeat it" } }
            } }
        }
        "\n"
    }
}

fn what(report: &RunReport) -> Markup {
    let paragraph = |kind: &str, name: &str, summary: &str, source: &str| {
        html! { p class="lead" { b { (kind) " " (name) "." } " " (summary) " " span class="source" { (linked(source)) } } }
    };
    let RunSpec { model, task, training, seed, .. } = report.spec;
    html! {
        (paragraph("Model", &model.name, report.model.summary, report.model.source))
        (paragraph("Task", &task.name, report.task.summary, report.task.source))
        p class="lead" { b { "Training." } " " (describe_training(training, *seed, report.epoch)) }
        details {
            summary { "All parameters" }
            div class="tables" {
                @for (kind, params) in [("Model", &model.params), ("Task", &task.params)] {
                    @if !params.is_empty() {
                        div { h3 { (kind) } (table(&format!("{}-parameters", kind.to_lowercase()), &parameters(params), &[])) }
                    }
                }
            }
        }
    }
}

fn parameters(params: &Params) -> Table {
    Table {
        title: String::new(),
        columns: ["parameter", "value"].map(String::from).to_vec(),
        rows: params.iter().map(|(name, content)| vec![name.clone(), value(content)]).collect(),
    }
}

fn speed(timing: &Timing) -> Markup {
    let mut rows = vec![("training, with evaluations", duration(timing.training_seconds))];
    if timing.samples > 0 {
        let speed = Speed {
            samples: timing.samples,
            training: std::time::Duration::try_from_secs_f64(timing.update_seconds).unwrap_or_default(),
            waiting: std::time::Duration::try_from_secs_f64(timing.data_seconds).unwrap_or_default(),
        };
        rows.push(("updates alone", duration(timing.update_seconds)));
        rows.push(("training samples", count(timing.samples)));
        rows.push(("training samples per second", amount(speed.samples_per_second())));
        rows.push(("share of that time spent waiting for samples", share(speed.data_share())));
    }
    rows.push(("final diagnostics", duration(timing.probe_seconds)));
    pairs(rows.iter().map(|(name, value)| (*name, value.as_str())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::page::tests::assert_sound;
    use super::super::pictures::Attention;
    use super::*;
    use crate::inspect::{AttentionMaps, Guess, Spectra};
    use lookback_benchmarks::{Named, TrainingConfig};
    use lookback_datasets::images::Image;
    use serde_json::json;

    fn page() -> String {
        let spec = RunSpec {
            version: 1,
            task: Named::new("pets", json!({"flip": true})),
            model: Named::new("vit", json!({"note": "</td><script>"})),
            training: TrainingConfig { steps: 40, eval_every: 20, ..TrainingConfig::default() },
            seed: 7,
        };
        let metrics = BTreeMap::from([("accuracy".to_owned(), 0.625), ("cross_entropy".to_owned(), 1.25)]);
        let evaluation =
            |step, learning_rate| Evaluation { step, train_loss: Some(1.5), learning_rate, metrics: metrics.clone() };
        let classes = ["cat", "dog"].map(String::from).to_vec();
        let guess = |truth| Guess {
            picture: Image::filled(4, 4, [9, 90, 200]),
            probabilities: vec![0.75, 0.25],
            truth: Some(truth),
        };
        let maps = AttentionMaps {
            grid: [1, 2],
            class_token: true,
            layers: vec![vec![vec![0.1, 0.7]; 3]; 2],
            rollout: vec![0.2, 0.3],
        };
        let spectra = Spectra { samples: 1, layers: vec![vec![vec![2.0, 1.0]; 3]; 2] };
        let images = ImageInsights {
            classes: classes.clone(),
            guesses: Ok(vec![guess(0), guess(1), guess(0)]),
            attention: Some(Ok(Attention { maps: vec![maps], spectra })),
        };
        let classification = Classification::of(&[0.75, 0.25, 0.75, 0.25], &[1.0, 0.0, 0.0, 1.0], &classes);
        let timing = Timing {
            training_seconds: 3725.0,
            samples: 1280,
            update_seconds: 10.0,
            data_seconds: 0.5,
            ..Timing::default()
        };
        run_html(&RunReport {
            spec: &spec,
            model: ModelInfo { name: "vit", title: "ViT", summary: "Patches.", source: "A, https://a.org." },
            task: TaskInfo { name: "pets", summary: "Cat or dog & so on.", source: "B, https://b.org." },
            epoch: Some(640),
            command: "lookback train --spec 'a & b'",
            result: &RunResult {
                status: RunStatus::Finished,
                steps: 40,
                num_params: 12_345,
                metrics: metrics.clone(),
                best: Some(0.375),
                train_loss: Some(1.5),
            },
            curve: &[evaluation(20, 1e-3), evaluation(40, 1e-5)],
            timing: Some(&timing),
            classification: Some(&classification),
            probe: None,
            images: Some(&images),
            environment: &[("backend".into(), "flex".into())],
        })
        .expect("small pictures")
    }

    #[test]
    fn the_page_says_everything_and_repeats_itself() {
        let text = page();
        for expected in [
            "<h1>ViT on pets</h1>",
            "<dt>accuracy</dt><dd>0.625</dd>",
            "12,345",
            "Cat or dog &amp; so on.",
            "AdamW",
            "2 epochs",
            "id=\"figure-training\"",
            "id=\"figure-spectra\"",
            "layer 2, head 3",
            "128",
            "5.0 %",
            "1 h 2 min",
            "a &amp; b",
        ] {
            assert!(text.contains(expected), "{expected}");
        }
        assert_eq!(text.matches("<img ").count(), 3 + 2 + 6);
        assert!(!text.contains("</td><script>"));
        assert_sound(&text);
        assert!(text == page(), "the same input gives the same bytes");
    }
}
