//! What is read from the cells of S8.

use super::{DIFFERS, Grows, LanguageSetting};
use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::Evidence;
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::stats::{Summary, summarise};
use crate::experiment::{Cell, Cells, Finding, Reading, Shown, Table};

/// The cell at a place, where the grid has one.
type Found<'s, 'a> = Option<&'s Cell<'a, LanguageSetting>>;

/// Tables, figures, findings and comparisons.
pub(super) fn reading(cells: &Cells<'_, LanguageSetting>) -> Reading {
    Reading {
        tables: vec![table(cells)],
        figures: vec![drawn(cells)],
        findings: vec![dot_product_helps(cells), help_grows(cells), layers_help_more(cells)],
        comparisons: comparisons(cells),
    }
}

/// A loss or a difference of losses: two significant digits would hide what is compared.
fn nats(loss: f64) -> String {
    format!("{loss:.3}")
}

/// What text the runs were on.
fn corpus(cells: &Cells<'_, LanguageSetting>) -> &'static str {
    let generated: Vec<_> = cells.iter().filter_map(|cell| cell.metric("generated")).collect();
    match () {
        () if generated.is_empty() => "nothing run yet",
        () if generated.iter().all(|flag| flag.max == 0.0) => "a text file",
        () if generated.iter().all(|flag| flag.min == 1.0) => "a generated text",
        () => "a text file in some runs, a generated text in others",
    }
}

fn at<'s, 'a>(cells: &'s Cells<'a, LanguageSetting>, grows: Grows, size: usize, dot_product: bool) -> Found<'s, 'a> {
    cells.find(|setting| *setting == LanguageSetting { grows, size, dot_product })
}

/// The sizes of one way to grow, increasing.
fn grown(cells: &Cells<'_, LanguageSetting>, grows: Grows) -> Vec<usize> {
    let mut sizes: Vec<usize> = cells.with(|setting| setting.grows == grows).map(|cell| cell.setting.size).collect();
    sizes.dedup();
    sizes
}

fn table(cells: &Cells<'_, LanguageSetting>) -> Table {
    let mut rows = Vec::new();
    for grows in [Grows::Layers, Grows::Heads] {
        for size in grown(cells, grows) {
            let mut row = vec![Shown(grows).to_string(), size.to_string()];
            for dot_product in [true, false] {
                let cell = at(cells, grows, size, dot_product);
                row.push(cell.map_or_else(String::new, |cell| cell.facts.num_params.to_string()));
                row.push(cell.map_or_else(String::new, |cell| cell.entry_as("loss", |summary| nats(summary.min))));
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

fn drawn(cells: &Cells<'_, LanguageSetting>) -> Figure {
    let sizes = cells.values(|setting| setting.size);
    let names: Vec<String> = sizes.iter().map(usize::to_string).collect();
    let line = |grows: Grows, dot_product: bool, index: usize| {
        // One layer with as many heads as at the start is where both ways begin.
        let place = |size: &usize| {
            let cell = at(cells, grows, *size, dot_product)
                .or_else(|| (*size == 1).then(|| at(cells, Grows::Layers, 1, dot_product)).flatten());
            let x = sizes.iter().position(|other| other == size)? as f64;
            Some(Point::of(x, cell?.metric("loss")?))
        };
        let label = format!("more {}, {}", Shown(grows), if dot_product { "DP" } else { "no DP" });
        Series::new(label, format!("#{index}"), Mark::LinePoints, sizes.iter().filter_map(place).collect())
    };
    let lines = [(Grows::Layers, true), (Grows::Layers, false), (Grows::Heads, true), (Grows::Heads, false)];
    let lines = lines.iter().enumerate().map(|(index, (grows, dot_product))| line(*grows, *dot_product, index));
    let x = Axis::over("parameters of the blocks, times those of the smallest", names.iter().map(String::as_str));
    let y = Axis::new("validation loss (nats per token)", false);
    let series = lines.filter(|series| !series.points.is_empty()).collect();
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

fn dot_product_helps(cells: &Cells<'_, LanguageSetting>) -> Finding {
    let mut evidence = Evidence::default();
    for grows in [Grows::Layers, Grows::Heads] {
        for size in grown(cells, grows) {
            let Some([with, without]) = losses(cells, grows, size, &mut evidence) else { continue };
            let number = format!("{} times {size}: {} with, {} without", Shown(grows), nats(with), nats(without));
            evidence.check(with < without, number);
        }
    }
    evidence
        .finding("s8-dot-product", "With dot products the validation loss (mean) is lower than without at every size.")
}

fn help_grows(cells: &Cells<'_, LanguageSetting>) -> Finding {
    let mut evidence = Evidence::default();
    let sizes = grown(cells, Grows::Layers);
    if let [first, .., last] = sizes[..] {
        let gain =
            |size, evidence: &mut Evidence| Some(losses(cells, Grows::Layers, size, evidence)?).map(|[a, b]| b - a);
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

fn layers_help_more(cells: &Cells<'_, LanguageSetting>) -> Finding {
    let mut evidence = Evidence::default();
    let (layers, heads) = (grown(cells, Grows::Layers), grown(cells, Grows::Heads));
    match layers.iter().rev().find(|size| heads.contains(size)) {
        Some(size) => {
            let deep = losses(cells, Grows::Layers, *size, &mut evidence);
            let wide = losses(cells, Grows::Heads, *size, &mut evidence);
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
fn losses(cells: &Cells<'_, LanguageSetting>, grows: Grows, size: usize, evidence: &mut Evidence) -> Option<[f64; 2]> {
    let mean = |dot_product, evidence: &mut Evidence| {
        Some(at(cells, grows, size, dot_product)?.measured("loss", evidence)?.mean)
    };
    let (with, without) = (mean(true, evidence), mean(false, evidence));
    Some([with?, without?])
}

/// The paper's gains beside ours: absolute losses depend on the tokens. Those on a made-up text say nothing of the paper's.
fn comparisons(cells: &Cells<'_, LanguageSetting>) -> Vec<Comparison> {
    let layers = grown(cells, Grows::Layers);
    let heads = grown(cells, Grows::Heads);
    let (Some(first), Some(last)) = (layers.first().copied(), layers.last().copied()) else { return Vec::new() };
    let middle = layers[layers.len() / 2];
    let most_heads = heads.last().copied().unwrap_or(first);
    let compare = |quantity: &str, published: f64, from: Found<'_, '_>, to: Found<'_, '_>| {
        let of_a_text =
            [from, to].iter().flatten().all(|cell| cell.metric("generated").is_some_and(|flag| flag.max == 0.0));
        let ours = gain(from, to).filter(|_| of_a_text).map_or(Ours::Missing, Ours::Trained);
        Comparison::within(10.0, "S8", quantity, published, ours, DIFFERS)
    };
    let deep = |size, dot_product| at(cells, Grows::Layers, size, dot_product);
    let start = deep(first, true);
    vec![
        compare("gain of more layers, nats", 0.802, start, deep(last, true)),
        compare("gain of more heads, nats", 0.136, start, at(cells, Grows::Heads, most_heads, true)),
        compare("gain of DP, smallest model, nats", 5.830 - 5.796, deep(first, false), start),
        compare("gain of DP, middle model, nats", 5.486 - 5.374, deep(middle, false), deep(middle, true)),
        compare("gain of DP, largest model, nats", 5.274 - 4.994, deep(last, false), deep(last, true)),
    ]
}

/// By how much the loss falls from one cell to the other, seed by seed.
fn gain(from: Found<'_, '_>, to: Found<'_, '_>) -> Option<Summary> {
    let loss = |cell: &Cell<'_, LanguageSetting>, seed: u64| {
        let outcome = cell.outcomes.iter().find(|outcome| outcome.planned.spec.seed == seed)?;
        outcome.result.as_ref()?.metrics.get("loss").copied().filter(|loss| loss.is_finite())
    };
    let (from, to) = (from?, to?);
    let seeds = from.outcomes.iter().map(|outcome| outcome.planned.spec.seed);
    let gains: Vec<f64> = seeds.filter_map(|seed| Some(loss(from, seed)? - loss(to, seed)?)).collect();
    summarise(&gains)
}
