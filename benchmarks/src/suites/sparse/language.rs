//! S8: language, in which memories are nested.

use lookback_registry::Result;
use serde_json::json;

use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::Evidence;
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::stats::{Summary, summarise};
use crate::experiment::{Cell, Cells, Experiment, ExperimentInfo, Reading, Setting};
use crate::spec::{Decay, Named, TrainingConfig};
use crate::experiment::{Finding, Preset, Table};

/// Which way a model grows: `layers` or `heads`.
const GROWS: &str = "grows";
/// How many times as many parameters its blocks have as the smallest model's.
const SIZE: &str = "size";
/// Whether scores have dot products: `yes` or `no`.
const DOT_PRODUCT: &str = "dp";

/// What is not as in the paper.
const DIFFERS: &str = "another corpus and smaller vocabulary, window and model; what grows with the heads is ours";

/// The experiments of this file.
pub fn experiments() -> Vec<Box<dyn Experiment>> {
    vec![Box::new(Language)]
}

/// Layers against heads at equal parameters, with and without dot products.
struct Language;

/// The sizes of a preset.
struct Sizes {
    file: &'static str,
    source: &'static str,
    length: usize,
    vocabulary: usize,
    valid_samples: usize,
    d_model: usize,
    n_heads: usize,
    d_ff: usize,
    layers: &'static [usize],
    heads: &'static [usize],
    batch_size: usize,
    steps: usize,
    learning_rate: f64,
}

fn sizes(preset: Preset) -> Sizes {
    match preset {
        Preset::Smoke => Sizes {
            file: "tiny-shakespeare.txt",
            source: "generated",
            length: 8,
            vocabulary: 256,
            valid_samples: 4,
            d_model: 8,
            n_heads: 2,
            d_ff: 8,
            layers: &[1, 2],
            heads: &[2],
            batch_size: 4,
            steps: 3,
            learning_rate: 1e-2,
        },
        Preset::Quick => Sizes {
            file: "tiny-shakespeare.txt",
            source: "found",
            length: 64,
            vocabulary: 512,
            valid_samples: 64,
            d_model: 48,
            n_heads: 4,
            d_ff: 96,
            layers: &[1, 2, 4],
            heads: &[4],
            batch_size: 16,
            steps: 1500,
            learning_rate: 2e-3,
        },
        Preset::Full => Sizes {
            file: "wikitext-2.train.txt",
            source: "found",
            length: 256,
            vocabulary: 2048,
            valid_samples: 256,
            d_model: 256,
            n_heads: 8,
            d_ff: 1024,
            layers: &[1, 2, 4, 8],
            heads: &[2, 4, 8],
            batch_size: 32,
            steps: 10_000,
            learning_rate: 1e-3,
        },
    }
}

/// Hidden channels of one feed-forward network with as many parameters as `times` of `d_ff` channels.
fn widened(times: usize, d_model: usize, d_ff: usize) -> usize {
    let parameters = (2 * d_model + 1) * d_ff + d_model;
    (times * parameters - d_model) / (2 * d_model + 1)
}

/// A model of `size` layers, or of one layer with `size` times the heads (of as many channels each) and a feed-forward
/// network as much wider: the blocks of both have `size` times the parameters of the smallest model's.
fn setting(sizes: &Sizes, grows: &str, size: usize, dot_product: bool) -> Setting {
    let Sizes { d_model, n_heads, d_ff, .. } = *sizes;
    let deep = grows == "layers";
    Setting {
        axes: vec![
            (GROWS, grows.into()),
            (SIZE, size.to_string()),
            (DOT_PRODUCT, if dot_product { "yes" } else { "no" }.into()),
        ],
        task: Named::new(
            "language",
            json!({
                "source": sizes.source, "file": sizes.file, "length": sizes.length, "vocabulary": sizes.vocabulary,
                "valid_samples": sizes.valid_samples,
            }),
        ),
        model: Named::new(
            "rpe-transformer",
            json!({
                "d_model": d_model,
                "n_layers": if deep { size } else { 1 },
                "n_heads": if deep { n_heads } else { size * n_heads },
                "d_head": d_model / n_heads,
                "d_ff": if deep { d_ff } else { widened(size, d_model, d_ff) },
                "norm": "layer",
                "rpe": "log",
                "dot_product": dot_product,
            }),
        ),
        training: TrainingConfig {
            steps: sizes.steps,
            batch_size: sizes.batch_size,
            learning_rate: sizes.learning_rate,
            warmup_steps: sizes.steps / 20,
            weight_decay: 0.01,
            decay: Decay::Weights,
            eval_every: (sizes.steps / 4).max(1),
            eval_samples: Some(32),
            ..TrainingConfig::default()
        },
    }
}

impl Experiment for Language {
    fn is_synthetic(&self) -> bool {
        false
    }

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "S8",
            title: "Language: layers against heads, with and without dot products",
            differs: DIFFERS,
            remark: "",
        }
    }

    fn grid(&self, preset: Preset) -> Vec<Setting> {
        let sizes = sizes(preset);
        let grown = |grows: &'static str, all: &'static [usize]| all.iter().map(move |size| (grows, *size));
        grown("layers", sizes.layers)
            .chain(grown("heads", sizes.heads))
            .flat_map(|(grows, size)| [true, false].map(|dot_product| (grows, size, dot_product)))
            .map(|(grows, size, dot_product)| setting(&sizes, grows, size, dot_product))
            .collect()
    }

    fn read(&self, cells: &Cells) -> Result<Reading> {
        Ok(Reading {
            tables: vec![table(cells)],
            figures: vec![drawn(cells)],
            findings: vec![dot_product_helps(cells), help_grows(cells), layers_help_more(cells)],
            comparisons: comparisons(cells),
        })
    }
}

/// A loss or a difference of losses: two significant digits would hide what is compared.
fn nats(loss: f64) -> String {
    format!("{loss:.3}")
}

/// What text the runs were on.
fn corpus(cells: &Cells) -> &'static str {
    let generated: Vec<_> = cells.iter().filter_map(|cell| cell.metric("generated")).collect();
    match () {
        () if generated.is_empty() => "nothing run yet",
        () if generated.iter().all(|flag| flag.max == 0.0) => "a text file",
        () if generated.iter().all(|flag| flag.min == 1.0) => "a generated text",
        () => "a text file in some runs, a generated text in others",
    }
}

fn at<'s, 'a>(cells: &'s Cells<'a>, grows: &str, size: usize, dot_product: &str) -> Option<&'s Cell<'a>> {
    cells.get(&[(GROWS, grows), (SIZE, &size.to_string()), (DOT_PRODUCT, dot_product)])
}

/// The sizes of one way to grow, increasing.
fn grown(cells: &Cells, grows: &str) -> Vec<usize> {
    let mut sizes: Vec<usize> = cells.with(&[(GROWS, grows)]).filter_map(|cell| cell.axis(SIZE).parse().ok()).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn table(cells: &Cells) -> Table {
    let mut rows = Vec::new();
    for grows in ["layers", "heads"] {
        for size in grown(cells, grows) {
            let mut row = vec![grows.to_owned(), size.to_string()];
            for dot_product in ["yes", "no"] {
                let cell = at(cells, grows, size, dot_product);
                row.push(cell.map_or_else(String::new, |cell| cell.facts.num_params.to_string()));
                row.push(cell.map_or_else(String::new, |cell| cell.entry_as("loss", nats)));
            }
            rows.push(row);
        }
    }
    let columns = ["more", "times", "parameters, DP", "loss, DP", "parameters, no DP", "loss, no DP"];
    Table {
        title: format!("validation loss in nats per token, smallest over seeds ({})", corpus(cells)),
        columns: columns.map(String::from).into(),
        rows,
    }
}

fn drawn(cells: &Cells) -> Figure {
    let mut sizes = [grown(cells, "layers"), grown(cells, "heads")].concat();
    sizes.sort_unstable();
    sizes.dedup();
    let names: Vec<String> = sizes.iter().map(usize::to_string).collect();
    let line = |grows: &str, dot_product: &str, key: &str| {
        // One layer with as many heads as at the start is where both ways begin.
        let place = |size: &usize| {
            let cell = at(cells, grows, *size, dot_product)
                .or_else(|| (*size == 1).then(|| at(cells, "layers", 1, dot_product)).flatten());
            let x = sizes.iter().position(|other| other == size)? as f64;
            Some(Point::of(x, cell?.metric("loss")?))
        };
        let label = format!("more {grows}, {}", if dot_product == "yes" { "DP" } else { "no DP" });
        Series::new(label, key, Mark::LinePoints, sizes.iter().filter_map(place).collect())
    };
    let series = [
        line("layers", "yes", "#0"),
        line("layers", "no", "#1"),
        line("heads", "yes", "#2"),
        line("heads", "no", "#3"),
    ];
    let x = Axis::over("parameters of the blocks, times those of the smallest", names.iter().map(String::as_str));
    let y = Axis::new("validation loss (nats per token)", false);
    let series = series.into_iter().filter(|series| !series.points.is_empty()).collect();
    Figure {
        id: "s8-language".into(),
        title: "Language: layers against heads".into(),
        caption: format!(
            "Validation loss of the next token ({}) of Transformers with logarithmic relative positions, with dot products \
             (DP) and without: more layers, or one layer with more heads and a feed-forward network as much wider, at equal \
             parameters. Mean over seeds, 95 % interval (of two seeds: both values), smallest value.",
            corpus(cells)
        ),
        panels: vec![Panel::new("", x, y, series)],
        columns: 1,
    }
}

fn dot_product_helps(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    for grows in ["layers", "heads"] {
        for size in grown(cells, grows) {
            let Some([with, without]) = losses(cells, grows, size, &mut evidence) else { continue };
            let number = format!("{grows} times {size}: {} with, {} without", nats(with), nats(without));
            evidence.check(with < without, number);
        }
    }
    evidence
        .finding("s8-dot-product", "With dot products the validation loss (mean) is lower than without at every size.")
}

fn help_grows(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let sizes = grown(cells, "layers");
    if let [first, .., last] = sizes[..] {
        let gain = |size, evidence: &mut Evidence| Some(losses(cells, "layers", size, evidence)?).map(|[a, b]| b - a);
        let (few, many) = (gain(first, &mut evidence), gain(last, &mut evidence));
        if let (Some(few), Some(many)) = (few, many) {
            evidence.check(many > few, format!("{} at L = {first}, {} at L = {last}", nats(few), nats(many)));
        }
    } else {
        evidence.missing("a second number of layers");
    }
    evidence.finding(
        "s8-dot-product-depth",
        "What dot products gain in validation loss (mean) is more with the most layers than with one.",
    )
}

fn layers_help_more(cells: &Cells) -> Finding {
    let mut evidence = Evidence::default();
    let (layers, heads) = (grown(cells, "layers"), grown(cells, "heads"));
    match layers.iter().rev().find(|size| heads.contains(size)) {
        Some(size) => {
            let deep = losses(cells, "layers", *size, &mut evidence);
            let wide = losses(cells, "heads", *size, &mut evidence);
            if let (Some([deep, _]), Some([wide, _])) = (deep, wide) {
                evidence
                    .check(deep < wide, format!("times {size}: {} with layers, {} with heads", nats(deep), nats(wide)));
            }
        }
        None => evidence.missing("layers and heads at one size"),
    }
    evidence.finding(
        "s8-layers-over-heads",
        "At the largest size that both ways have, more layers give a lower validation loss (mean, with dot products) than more \
         heads with as many parameters.",
    )
}

/// Mean losses with and without dot products.
fn losses(cells: &Cells, grows: &str, size: usize, evidence: &mut Evidence) -> Option<[f64; 2]> {
    let mean = |dot_product, evidence: &mut Evidence| {
        Some(at(cells, grows, size, dot_product)?.measured("loss", evidence)?.mean)
    };
    let (with, without) = (mean("yes", evidence), mean("no", evidence));
    Some([with?, without?])
}

/// The paper's gains beside ours: absolute losses depend on the tokens. Those on a made-up text say nothing of the paper's.
fn comparisons(cells: &Cells) -> Vec<Comparison> {
    let layers = grown(cells, "layers");
    let heads = grown(cells, "heads");
    let (Some(first), Some(last)) = (layers.first().copied(), layers.last().copied()) else { return Vec::new() };
    let middle = layers[layers.len() / 2];
    let most_heads = heads.last().copied().unwrap_or(first);
    let compare = |quantity: &str, published: f64, from: Option<&Cell<'_>>, to: Option<&Cell<'_>>| {
        let of_a_text =
            [from, to].iter().flatten().all(|cell| cell.metric("generated").is_some_and(|flag| flag.max == 0.0));
        let ours = gain(from, to).filter(|_| of_a_text).map_or(Ours::Missing, Ours::Trained);
        Comparison::within(10.0, "S8", quantity, published, ours, DIFFERS)
    };
    let dot_product = |size| (at(cells, "layers", size, "no"), at(cells, "layers", size, "yes"));
    let of_dot_product = |quantity: &str, published, size| {
        let (without, with) = dot_product(size);
        compare(quantity, published, without, with)
    };
    let start = at(cells, "layers", first, "yes");
    vec![
        compare("gain of more layers, nats", 0.802, start, at(cells, "layers", last, "yes")),
        compare("gain of more heads, nats", 0.136, start, at(cells, "heads", most_heads, "yes")),
        of_dot_product("gain of DP, smallest model, nats", 5.830 - 5.796, first),
        of_dot_product("gain of DP, middle model, nats", 5.486 - 5.374, middle),
        of_dot_product("gain of DP, largest model, nats", 5.274 - 4.994, last),
    ]
}

/// By how much the loss falls from one cell to the other, seed by seed.
fn gain(from: Option<&Cell<'_>>, to: Option<&Cell<'_>>) -> Option<Summary> {
    let loss = |cell: &Cell<'_>, seed: u64| {
        let outcome = cell.outcomes.iter().find(|outcome| outcome.planned.spec.seed == seed)?;
        outcome.result.as_ref()?.metrics.get("loss").copied().filter(|loss| loss.is_finite())
    };
    let (from, to) = (from?, to?);
    let gains: Vec<f64> = from
        .outcomes
        .iter()
        .filter_map(|outcome| {
            let seed = outcome.planned.spec.seed;
            Some(loss(from, seed)? - loss(to, seed)?)
        })
        .collect();
    summarise(&gains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_grow_have_as_many_parameters() {
        for preset in [Preset::Quick, Preset::Full] {
            let Sizes { d_model, d_ff, heads, .. } = sizes(preset);
            for size in heads {
                let of = |times: usize, d_ff: usize| times * ((2 * d_model + 1) * d_ff + d_model);
                let (deep, wide) = (of(*size, d_ff), of(1, widened(*size, d_model, d_ff)));
                // Attention grows alike in both; the feed-forward networks up to one hidden channel.
                assert!(deep - wide <= 2 * d_model, "{deep} {wide}");
            }
        }
        assert_eq!(widened(1, 48, 96), 96);
    }

    #[test]
    fn every_preset_has_layers_and_heads_at_one_size() {
        for preset in [Preset::Smoke, Preset::Quick, Preset::Full] {
            let Sizes { layers, heads, d_model, n_heads, .. } = sizes(preset);
            assert!(heads.iter().all(|size| layers.contains(size) && *size > 1));
            assert_eq!((layers[0], d_model % n_heads), (1, 0));
            assert_eq!(Language.grid(preset).len(), 2 * (layers.len() + heads.len()));
        }
    }
}
