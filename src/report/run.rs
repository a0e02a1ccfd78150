//! The page of one run.

use std::fmt::Write as _;

use lookback_benchmarks::{Classification, Probe, RunResult, RunSpec, RunStatus, Table, TaskInfo};
use lookback_models::ModelInfo;
use lookback_registry::{Params, Result};

use super::classes::classes;
use super::curves::{memory, training};
use super::page::{command, fact, figure, how, linked, table, whole};
use super::pictures::{ImageInsights, pictures};
use super::words::{amount, count, duration, share, training_in_words, value};
use crate::learner::{Evaluation, Speed};
use crate::report::figures::escape;
use crate::runs::runner::Timing;

/// Everything that the page says.
pub(crate) struct RunReport<'a> {
    /// The run.
    pub spec: &'a RunSpec,
    /// What is known of its model.
    pub model: ModelInfo,
    /// What is known of its task.
    pub task: TaskInfo,
    /// Training samples of an epoch, where there are epochs.
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
    // Sections with their names, for the contents above them.
    let mut sections: Vec<(&str, &str, String)> = vec![("spec", "What was trained", what(report))];
    sections.push(("curves", "Training", curves(report)));
    if let Some(classification) = report.classification {
        sections.push(("classes", "Classes", classes(classification)));
    }
    if let Some(images) = report.images {
        let [seen, attention] = pictures(images)?;
        sections.push(("predictions", "Predictions", seen));
        sections.extend((!attention.is_empty()).then_some(("attention", "Attention", attention)));
    }
    if let Some(probe) = report.probe.filter(|probe| !probe.jacobian.is_empty()) {
        let mut section = String::new();
        figure(&mut section, &memory(probe));
        sections.push(("memory", "Memory", section));
    }
    if let Some(timing) = report.timing {
        sections.push(("speed", "Speed", speed(timing)));
    }

    let mut page = String::new();
    header(&mut page, report, &sections);
    page.push_str("<main>\n");
    for (id, name, content) in &sections {
        let _ = write!(page, "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{name}</h2>\n{content}</section>\n");
    }
    how(&mut page, report.environment, "The spec (JSON)", &report.spec.to_json());
    page.push_str("</main>\n");
    Ok(whole(&title(report), &page))
}

fn title(report: &RunReport) -> String {
    format!("{} on {}", report.model.title, report.spec.task.name)
}

fn header(page: &mut String, report: &RunReport, sections: &[(&str, &str, String)]) {
    let _ = write!(page, "<header>\n<h1>{}</h1>\n<dl class=\"facts\">\n", escape(&title(report)));
    for (name, metric) in &report.result.metrics {
        fact(page, &spaced(name), "", &amount(*metric));
    }
    let diverged = report.result.status == RunStatus::Diverged;
    fact(page, "Run", if diverged { "failed" } else { "" }, if diverged { "diverged" } else { "finished" });
    fact(page, "Parameters", "", &count(report.result.num_params));
    fact(page, "Updates", "", &count(report.result.steps));
    fact(page, "Seed", "", &report.spec.seed.to_string());
    page.push_str("</dl>\n");
    command(page, report.command);
    page.push_str("<nav aria-label=\"Contents\"><ul>");
    for (id, name, _) in sections {
        let _ = write!(page, "<li><a href=\"#{id}\">{name}</a></li>");
    }
    page.push_str("<li><a href=\"#how\">How it was run</a></li></ul></nav>\n</header>\n");
}

/// A name of a metric as people write it.
fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

fn what(report: &RunReport) -> String {
    let mut page = String::new();
    let paragraph = |page: &mut String, kind: &str, name: &str, summary: &str, source: &str| {
        let _ = writeln!(
            page,
            "<p class=\"lead\"><b>{kind} {}.</b> {} <span class=\"source\">{}</span></p>",
            escape(name),
            escape(summary),
            linked(source)
        );
    };
    paragraph(&mut page, "Model", &report.spec.model.name, report.model.summary, report.model.source);
    paragraph(&mut page, "Task", &report.spec.task.name, report.task.summary, report.task.source);
    let training = training_in_words(&report.spec.training, report.spec.seed, report.epoch);
    let _ = writeln!(page, "<p class=\"lead\"><b>Training.</b> {}</p>", escape(&training));
    page.push_str("<details><summary>All parameters</summary>\n<div class=\"tables\">\n");
    for (kind, params) in [("Model", &report.spec.model.params), ("Task", &report.spec.task.params)] {
        if !params.is_empty() {
            let _ = writeln!(page, "<div>\n<h3>{kind}</h3>");
            table(&mut page, &format!("{}-parameters", kind.to_lowercase()), &parameters(params));
            page.push_str("</div>\n");
        }
    }
    page.push_str("</div>\n</details>\n");
    page
}

fn parameters(params: &Params) -> Table {
    Table {
        title: String::new(),
        columns: ["parameter", "value"].map(String::from).to_vec(),
        rows: params.iter().map(|(name, content)| vec![name.clone(), value(content)]).collect(),
    }
}

fn curves(report: &RunReport) -> String {
    let mut page = String::new();
    let epochs = report.epoch.map(|samples| samples as f64 / report.spec.training.batch_size as f64);
    figure(&mut page, &training(report.curve, epochs));
    page
}

fn speed(timing: &Timing) -> String {
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
    let mut page = String::from("<div class=\"scroll\"><table>\n<tbody>\n");
    for (name, value) in rows {
        let _ = writeln!(page, "<tr><th scope=\"row\">{name}</th><td>{}</td></tr>", escape(&value));
    }
    page.push_str("</tbody>\n</table></div>\n");
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::pictures::Attention;
    use super::*;
    use crate::inspect::{AttentionMaps, Guess, Spectra};
    use lookback_benchmarks::{Named, TrainingConfig};
    use lookback_datasets::images::Image;
    use serde_json::json;

    fn page() -> String {
        let named = |name: &str, params| match params {
            serde_json::Value::Object(params) => Named { name: name.to_owned(), params },
            _ => unreachable!("parameters are an object"),
        };
        let spec = RunSpec {
            version: 1,
            task: named("pets", json!({"flip": true})),
            model: named("vit", json!({"note": "</td><script>"})),
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
            "<dt>accuracy</dt><dd class=\"\">0.625</dd>",
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
        assert!(!text.contains("</td><script>") && text.matches("<script").count() == 1);
        assert!(text == page(), "the same input gives the same bytes");
    }

    #[test]
    fn the_page_is_well_formed_and_needs_no_network() {
        let page = page();
        let body = page[page.find("<body>").unwrap()..page.find("<script>").unwrap()].to_owned() + "</body>";
        let document = resvg::usvg::roxmltree::Document::parse(&body).unwrap();
        let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        assert_eq!(ids.len(), ids.iter().collect::<std::collections::HashSet<_>>().len(), "{ids:?}");
        document
            .descendants()
            .filter_map(|node| node.attribute("href")?.strip_prefix('#'))
            .for_each(|target| assert!(ids.contains(&target), "{target}"));
        for image in document.descendants().filter(|node| node.has_tag_name("img")) {
            assert!(image.attribute("src").is_some_and(|source| source.starts_with("data:image/png;base64,iVBOR")));
            assert!(image.attribute("alt").is_some());
        }
        for word in ["@import", "url(", "<link", "fetch("] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
