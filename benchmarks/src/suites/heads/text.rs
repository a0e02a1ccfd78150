//! H8: text retrieval.

use lookback_registry::Result;
use serde_json::{Value, json};

use super::by_heads::{PublishedAccuracies, figure, panels};
use super::grid::{HeadsCells, HeadsSetting, pairs, table};
use crate::experiment::{Cell, Experiment, ExperimentInfo, PlanRequest, Preset, Reading, Trial};
use crate::spec::{Named, TrainingConfig};

/// Table 6 of the paper: training top-1 accuracy on MS MARCO.
const PUBLISHED: PublishedAccuracies = PublishedAccuracies {
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

/// The training accuracy of a two-layer Transformer over its heads, for several numbers of candidates.
pub(super) struct TextRetrieval;

/// The sizes of a preset.
struct Scale {
    lengths: &'static [usize],
    heads: &'static [usize],
    /// Channels per head.
    d_head: usize,
    /// Parameters of the task beside the number of candidates.
    task: Value,
    batch_size: usize,
    steps: usize,
    learning_rate: f64,
}

fn scale(preset: Preset) -> Scale {
    match preset {
        Preset::Smoke => Scale {
            lengths: &[4, 6],
            heads: &[1, 2],
            d_head: 4,
            task: json!({
                "source": "generated", "train_queries": 24, "valid_queries": 8, "eval_split": "train", "eval_samples": 24,
                "embeddings": "found", "d_embedding": 8, "vocabulary": 512, "max_passages": 64,
            }),
            batch_size: 8,
            steps: 4,
            learning_rate: 3e-3,
        },
        Preset::Quick => Scale {
            lengths: &[8, 32],
            heads: &[1, 2, 4],
            d_head: 32,
            task: json!({
                "source": "found", "train_queries": 512, "valid_queries": 64, "eval_split": "train", "eval_samples": 512,
                "embeddings": "found", "d_embedding": 64, "vocabulary": 2048, "max_passages": 2048,
            }),
            batch_size: 64,
            steps: 240,
            learning_rate: 2e-3,
        },
        // About 64 passes over the paper's 28,000 queries.
        Preset::Full => Scale {
            lengths: &[8, 16, 32, 64],
            heads: &[1, 2, 4, 6, 8, 10, 12, 14, 16],
            d_head: 32,
            task: json!({
                "source": "found", "train_queries": 28_000, "valid_queries": 2_000, "eval_split": "train", "eval_samples": 10_000,
                "embeddings": "found", "d_embedding": 768, "vocabulary": 16_384, "max_passages": 200_000,
            }),
            batch_size: 128,
            steps: 14_000,
            learning_rate: 5e-4,
        },
    }
}

impl Scale {
    fn trial(&self, setting: HeadsSetting) -> Trial<HeadsSetting> {
        let HeadsSetting { length, heads } = setting;
        let d_model = heads * self.d_head;
        let mut task = Named::new("text-retrieval", self.task.clone());
        task.params.insert("candidates".into(), length.into());
        Trial {
            setting,
            task,
            model: Named::new(
                "transformer",
                json!({
                    "d_model": d_model, "n_heads": heads, "n_layers": 2, "d_ff": 4 * d_model, "norm": "layer",
                    "residual": true, "causal": false, "position": "learned",
                }),
            ),
            training: TrainingConfig {
                steps: self.steps,
                batch_size: self.batch_size,
                learning_rate: self.learning_rate,
                warmup_steps: self.steps / 20,
                eval_every: (self.steps / 4).max(1),
                eval_samples: Some(256),
                ..TrainingConfig::default()
            },
        }
    }
}

impl Experiment for TextRetrieval {
    type Setting = HeadsSetting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "H8",
            title: "Text retrieval: heads against the number of candidates",
            differs: DIFFERS,
            remark: "",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<HeadsSetting>>> {
        let scale = scale(request.preset);
        let settings = pairs(scale.lengths, scale.heads.iter().copied()).into_iter();
        Ok(settings.map(|setting| scale.trial(setting)).collect())
    }

    fn read(&self, cells: &HeadsCells) -> Result<Reading> {
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
            tables: vec![table(cells, &format!("training error, 1 - top-1 ({corpus})"), "error")],
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
fn is(cell: &Cell<'_, HeadsSetting>, metric: &str, value: f64) -> bool {
    cell.metric(metric).is_some_and(|summary| summary.min == value && summary.max == value)
}

/// What the runs were on: "a generated corpus, random embeddings".
fn corpus(cells: &HeadsCells) -> String {
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
    use super::*;
    use crate::experiment::comparison::Ours;
    use crate::experiment::{Outcome, Verdict};

    /// The quick grid with two seeds, all run with the paper's accuracies.
    fn reading(generated: f64) -> Reading {
        let trials = TextRetrieval.grid(&PlanRequest::new(Preset::Quick)).unwrap();
        assert_eq!(trials.len(), 6);
        let finished = |trial: &Trial<HeadsSetting>| {
            let HeadsSetting { length, heads } = trial.setting;
            let accuracy = PUBLISHED.accuracy(heads, length).unwrap();
            let metrics = [
                ("error", 1.0 - accuracy),
                ("accuracy", accuracy),
                ("mrr", accuracy),
                ("generated", generated),
                ("file_embeddings", 0.0),
                ("skipped_rows", 0.0),
            ];
            [0, 1].map(|seed| Outcome::finished(&trial.setting, seed, &metrics))
        };
        let outcomes: Vec<Outcome> = trials.iter().flat_map(finished).collect();
        TextRetrieval.read(&HeadsCells::collect(&outcomes.iter().collect::<Vec<_>>()).unwrap()).unwrap()
    }

    #[test]
    fn the_papers_numbers_make_its_findings() {
        let reading = reading(0.0);
        let verdicts: Vec<_> =
            reading.findings.iter().map(|finding| (finding.name.as_str(), finding.verdict)).collect();
        assert_eq!(
            verdicts,
            [
                ("h8-more-heads", Verdict::Holds),
                ("h8-longer-is-harder", Verdict::Holds),
                ("h8-enough-heads", Verdict::NotMeasured),
            ]
        );
        assert_eq!(reading.comparisons.len(), 6);
        assert!(reading.comparisons.iter().all(|comparison| comparison.verdict == Verdict::Holds));
        let title = &reading.tables[0].title;
        assert!(title.contains("MS MARCO's files, random embeddings"), "{title}");
        assert_eq!(reading.figures.iter().map(|figure| figure.panels.len()).collect::<Vec<_>>(), [2, 2]);
    }

    #[test]
    fn a_generated_corpus_is_named_and_not_compared() {
        let reading = reading(1.0);
        assert!(reading.comparisons.iter().all(|comparison| comparison.ours == Ours::Missing));
        let title = &reading.tables[0].title;
        assert!(title.contains("a generated corpus"), "{title}");
        assert!(reading.figures[0].caption.contains("a generated corpus"));
    }
}
