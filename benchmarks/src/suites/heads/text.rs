//! H8: text retrieval.

use lookback_registry::Result;
use serde_json::json;

use super::by_heads::{HEADS, LENGTH, Published, figure, panels};
use crate::experiment::{Cell, Cells, Experiment, ExperimentInfo, Reading, Setting};
use crate::spec::{Named, TrainingConfig};
use crate::experiment::Preset;

/// Table 6 of the paper: training top-1 accuracy on MS MARCO.
const PUBLISHED: Published = Published {
    experiment: "H8",
    lengths: &[8, 16, 32, 64],
    rows: &[
        (1, &[0.597, 0.450, 0.303, 0.154]),
        (2, &[0.771, 0.647, 0.486, 0.286]),
        (4, &[0.956, 0.900, 0.793, 0.580]),
        (6, &[0.992, 0.977, 0.937, 0.814]),
        (8, &[0.998, 0.995, 0.983, 0.932]),
        (12, &[1.000, 0.999, 0.998, 0.991]),
        (16, &[1.000, 1.000, 0.999, 0.996]),
    ],
    rounding: 5e-4,
    enough: 12,
};

/// What is not as in the paper.
const DIFFERS: &str = "a text is one vector (the sum of its tokens' word embeddings), read at the query's place; negatives \
                       are BM25's alone; training recipe ours";

/// The experiments of this file.
pub fn experiments() -> Vec<Box<dyn Experiment>> {
    vec![Box::new(TextRetrieval)]
}

/// The training accuracy of a two-layer Transformer over its heads, for several numbers of candidates.
struct TextRetrieval;

/// The sizes of a preset.
struct Sizes {
    lengths: &'static [usize],
    heads: &'static [usize],
    /// Channels per head.
    d_head: usize,
    source: &'static str,
    train_queries: usize,
    valid_queries: usize,
    judged: usize,
    d_embedding: usize,
    vocabulary: usize,
    max_passages: usize,
    batch_size: usize,
    steps: usize,
    learning_rate: f64,
}

fn sizes(preset: Preset) -> Sizes {
    match preset {
        Preset::Smoke => Sizes {
            lengths: &[4, 6],
            heads: &[1, 2],
            d_head: 4,
            source: "generated",
            train_queries: 24,
            valid_queries: 8,
            judged: 24,
            d_embedding: 8,
            vocabulary: 512,
            max_passages: 64,
            batch_size: 8,
            steps: 4,
            learning_rate: 3e-3,
        },
        Preset::Quick => Sizes {
            lengths: &[8, 32],
            heads: &[1, 2, 4],
            d_head: 32,
            source: "found",
            train_queries: 512,
            valid_queries: 64,
            judged: 512,
            d_embedding: 64,
            vocabulary: 2048,
            max_passages: 2048,
            batch_size: 64,
            steps: 240,
            learning_rate: 2e-3,
        },
        // About 64 passes over the paper's 28,000 queries.
        Preset::Full => Sizes {
            lengths: &[8, 16, 32, 64],
            heads: &[1, 2, 4, 6, 8, 10, 12, 14, 16],
            d_head: 32,
            source: "found",
            train_queries: 28_000,
            valid_queries: 2_000,
            judged: 10_000,
            d_embedding: 768,
            vocabulary: 16_384,
            max_passages: 200_000,
            batch_size: 128,
            steps: 14_000,
            learning_rate: 5e-4,
        },
    }
}

fn setting(sizes: &Sizes, length: usize, heads: usize) -> Setting {
    let width = heads * sizes.d_head;
    Setting {
        axes: vec![(LENGTH, length.to_string()), (HEADS, heads.to_string())],
        task: Named::new(
            "text-retrieval",
            json!({
                "source": sizes.source, "candidates": length, "train_queries": sizes.train_queries,
                "valid_queries": sizes.valid_queries, "max_passages": sizes.max_passages, "vocabulary": sizes.vocabulary,
                "embeddings": "found", "d_embedding": sizes.d_embedding,
                "judge": "train", "judged": sizes.judged,
            }),
        ),
        model: Named::new(
            "transformer",
            json!({
                "d_model": width, "n_heads": heads, "n_layers": 2, "d_ff": 4 * width, "norm": "layer", "residual": true,
                "causal": false, "position": "learned",
            }),
        ),
        training: TrainingConfig {
            steps: sizes.steps,
            batch_size: sizes.batch_size,
            learning_rate: sizes.learning_rate,
            warmup_steps: sizes.steps / 20,
            eval_every: (sizes.steps / 4).max(1),
            eval_samples: Some(256),
            ..TrainingConfig::default()
        },
    }
}

impl Experiment for TextRetrieval {
    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "H8",
            title: "Text retrieval: heads against the number of candidates",
            differs: DIFFERS,
            remark: "",
        }
    }

    fn grid(&self, preset: Preset) -> Vec<Setting> {
        let sizes = sizes(preset);
        let of = |length: &usize| sizes.heads.iter().map(|heads| setting(&sizes, *length, *heads)).collect::<Vec<_>>();
        sizes.lengths.iter().flat_map(of).collect()
    }

    fn read(&self, cells: &Cells) -> Result<Reading> {
        let corpus = corpus(cells);
        let caption = |what: &str, dashed: &str| {
            format!(
                "{what} of the final weights on training queries ({corpus}), mean over seeds and 95 % interval (of two seeds: \
                 both values). Dashed: {dashed}choosing by chance."
            )
        };
        // The mean of 1 over the rank of a random place.
        let harmonic = |length: usize| (1..=length).map(|rank| 1.0 / rank as f64).sum::<f64>() / length as f64;
        let reciprocal_ranks = panels(cells, "mrr", "training MRR", harmonic, |_, _| None);
        Ok(Reading {
            tables: vec![cells.grid_table(
                &format!("training error, 1 - top-1 ({corpus})"),
                "error",
                HEADS,
                LENGTH,
                &[],
            )],
            figures: vec![
                figure(
                    "h8-accuracy",
                    "Text retrieval: top-1 accuracy against heads",
                    caption(
                        "Share of queries whose relevant passage is ranked first,",
                        "the paper's, on MS MARCO with BERT's embeddings, and ",
                    ),
                    PUBLISHED.panels(cells, |length| 1.0 / length as f64),
                ),
                figure(
                    "h8-mrr",
                    "Text retrieval: mean reciprocal rank against heads",
                    caption("Mean of 1 over the rank of the relevant passage,", ""),
                    reciprocal_ranks,
                ),
            ],
            findings: PUBLISHED.findings(cells),
            // Numbers on made-up text say nothing of MS MARCO.
            comparisons: PUBLISHED.comparisons(cells, DIFFERS, |cell| is(cell, "generated", 0.0)),
        })
    }
}

/// Whether all finished runs of a cell have this value of a metric.
fn is(cell: &Cell<'_>, metric: &str, value: f64) -> bool {
    cell.metric(metric).is_some_and(|summary| summary.min == value && summary.max == value)
}

/// What the runs were on: "a generated corpus, random embeddings".
fn corpus(cells: &Cells) -> String {
    let all = |metric: &str, value: f64| {
        let mut finished = cells.iter().filter(|cell| cell.metric(metric).is_some()).peekable();
        finished.peek().is_some() && finished.all(|cell| is(cell, metric, value))
    };
    let choose = |metric: &str, no: &'static str, yes: &'static str| match (all(metric, 0.0), all(metric, 1.0)) {
        (true, _) => no,
        (_, true) => yes,
        _ => "not the same in all runs",
    };
    let embeddings = choose("file_embeddings", "random embeddings", "embeddings of a file");
    if cells.iter().all(|cell| cell.metric("generated").is_none()) {
        return "nothing run yet".into();
    }
    let corpus = choose("generated", "MS MARCO's files", "a generated corpus");
    let skipped = cells.iter().filter_map(|cell| cell.metric("skipped_rows")).map(|rows| rows.max).fold(0.0, f64::max);
    let rows = if skipped > 0.0 { format!(", {skipped} malformed rows skipped") } else { String::new() };
    format!("{corpus}, {embeddings}{rows}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lookback_models::Catalogue;

    use super::*;
    use crate::experiment::ExperimentSuite;
    use crate::experiment::comparison::Ours;
    use crate::experiment::{Outcome, PlanRequest, RunResult, RunStatus, Suite, SuiteInfo, Verdict};

    /// The quick grid with two seeds, all run with the paper's accuracies.
    fn analysis(generated: f64) -> crate::suite::Analysis {
        let info = SuiteInfo { name: "heads", title: "", summary: "", source: "" };
        let suite = ExperimentSuite::new(info, experiments());
        let models = Catalogue::default();
        let plan = suite.plan(&PlanRequest::new(Preset::Quick), &models).unwrap();
        assert_eq!(plan.len(), 12);
        let outcomes: Vec<Outcome> = plan
            .into_iter()
            .map(|planned| {
                let number = |axis: &str| planned.axes[axis].parse::<usize>().unwrap();
                let row = PUBLISHED.rows.iter().find(|(heads, _)| *heads == number(HEADS)).unwrap().1;
                let column = PUBLISHED.lengths.iter().position(|length| *length == number(LENGTH)).unwrap();
                let accuracy = row[column];
                let metrics = BTreeMap::from(
                    [
                        ("error", 1.0 - accuracy),
                        ("accuracy", accuracy),
                        ("mrr", accuracy),
                        ("generated", generated),
                        ("file_embeddings", 0.0),
                        ("skipped_rows", 0.0),
                    ]
                    .map(|(name, value)| (name.to_owned(), value)),
                );
                let result = RunResult {
                    status: RunStatus::Finished,
                    steps: 1,
                    num_params: 1,
                    metrics,
                    best: None,
                    train_loss: None,
                };
                Outcome { planned, result: Some(result), probe: None, curve: Vec::new(), seconds: None }
            })
            .collect();
        suite.analyse(&outcomes, &models).unwrap()
    }

    #[test]
    fn the_papers_numbers_make_its_findings() {
        let analysis = analysis(0.0);
        let verdicts: Vec<_> =
            analysis.findings.iter().map(|finding| (finding.name.as_str(), finding.verdict)).collect();
        assert_eq!(
            verdicts,
            [
                ("h8-more-heads", Verdict::Holds),
                ("h8-longer-is-harder", Verdict::Holds),
                ("h8-enough-heads", Verdict::NotMeasured),
            ]
        );
        assert_eq!(analysis.comparisons.len(), 6);
        assert!(analysis.comparisons.iter().all(|comparison| comparison.verdict == Verdict::Holds));
        assert!(
            analysis.summary[0].title.contains("MS MARCO's files, random embeddings"),
            "{}",
            analysis.summary[0].title
        );
        assert_eq!(analysis.figures.iter().map(|figure| figure.panels.len()).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn a_generated_corpus_is_named_and_not_compared() {
        let analysis = analysis(1.0);
        assert!(analysis.comparisons.iter().all(|comparison| comparison.ours == Ours::Missing));
        assert!(analysis.summary[0].title.contains("a generated corpus"), "{}", analysis.summary[0].title);
        assert!(analysis.figures[0].caption.contains("a generated corpus"));
    }
}
