//! H7: one head that is wide enough to hold the sequence.

use lookback_registry::Result;

use super::errors::{self, NMSE};
use super::grid::{Case, Channels, scale};
use super::published;
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Cells, Experiment, ExperimentInfo, Reading, Setting};
use crate::experiment::{Finding, Preset, Table};

/// Channels of a token, as of task `retrieval` by default.
const D_INPUT: usize = 4;

/// By how much a head that holds the sequence must be better than one of a quarter of the width.
const BETTER: f64 = 10.0;

/// One head of growing width on the shortest length.
pub(super) struct Memorisation;

impl Memorisation {
    /// The length T: the shortest, at which T d channels are few.
    fn length(preset: Preset) -> usize {
        scale(preset).lengths[0]
    }

    fn finding(cells: &Cells) -> Finding {
        let mut evidence = Evidence::default();
        for length in errors::numbers(cells, "T") {
            let mut at = |width: usize| {
                let found = errors::cell(cells, length, 1, &[("n", &width.to_string()), ("positions", "true")]);
                match found {
                    Some(cell) => Some(cell.measured(NMSE, &mut evidence)?.min),
                    None => {
                        evidence.missing(format!("n={width} at T={length}"));
                        None
                    }
                }
            };
            let enough = length * D_INPUT;
            if let (Some(narrow), Some(wide)) = (at(enough / 4), at(enough)) {
                let text = format!("T={length}: {} at n={}, {} at n={enough}", brief(narrow), enough / 4, brief(wide));
                evidence.check(narrow >= BETTER * wide, text);
            }
        }
        evidence.finding(
            "h7-memorisation",
            "One head of n = T d channels, which can hold the whole sequence, has a smallest NMSE at least 10 times smaller \
             than one of a quarter of the channels.",
        )
    }
}

impl Experiment for Memorisation {
    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "H7",
            title: "One head wide enough to hold the sequence",
            differs: "theorem 2 (3) has no experiment in the paper: set-up and sizes are ours",
            remark: "The theorem builds a network; it does not claim that training finds it.",
        }
    }

    fn grid(&self, preset: Preset) -> Vec<Setting> {
        let length = Self::length(preset);
        let enough = length * D_INPUT;
        let (widths, positions): (Vec<usize>, &[bool]) = match preset {
            Preset::Full => (vec![enough / 8, enough / 4, enough / 2, enough, 2 * enough], &[false, true]),
            Preset::Quick | Preset::Smoke => (vec![enough / 4, enough], &[true]),
        };
        let mut settings = Vec::new();
        for positions in positions {
            for width in &widths {
                // Two rectified channels per token's channel hold it at one place; five layers are the theorem's.
                let case = Case {
                    channels: Channels::PerHead(*width),
                    hidden: 2 * enough,
                    head_layers: 5,
                    positions: *positions,
                    // At 1e-2 so many layers do not train: NMSE 0.31 in the place of 0.09 after 3000 steps.
                    learning_rate: 3e-3,
                    ..Case::new(length, 1)
                };
                let further = [("n", width.to_string()), ("positions", positions.to_string())];
                settings.push(case.setting(preset, &further));
            }
        }
        settings
    }

    fn read(&self, cells: &Cells) -> Result<Reading> {
        let row = |cell: &crate::experiment::Cell| {
            let train = cell.train_loss.map_or_else(|| "-".into(), |loss| brief(loss.min));
            let axes = ["T", "n", "positions"].map(|axis| cell.axis(axis).to_owned());
            [axes.to_vec(), vec![cell.entry(NMSE), cell.entry("mse"), train]].concat()
        };
        let table = Table {
            title: "smallest over seeds".into(),
            columns: ["T", "n", "positions", "NMSE", "MSE", "training MSE"].map(String::from).into(),
            rows: cells.iter().map(row).collect(),
        };
        let mut series = Vec::new();
        let lengths = errors::numbers(cells, "T");
        let widths = errors::numbers(cells, "n");
        if let (Some(length), Some(first), Some(last)) = (lengths.first(), widths.first(), widths.last())
            && let Some(value) = published::at(published::PER_HEAD, 4, *length)
        {
            let points = [first, last].map(|width| Point::new(*width as f64, value)).into();
            series.push(Series::new("4 heads of 8, published", "reference", Mark::Dashed, points));
        }
        for (index, positions) in cells.values("positions").into_iter().enumerate() {
            let axes = [("positions", positions)];
            let points: Vec<Point> =
                cells.with(&axes).filter_map(|cell| errors::point(cell.number("n")?, cell)).collect();
            let label = if positions == "true" { "with positions" } else { "without positions" };
            if !points.is_empty() {
                series.push(Series::new(label, format!("#{index}"), Mark::LinePoints, points));
            }
        }
        let ticks = widths.iter().map(|width| (*width as f64, width.to_string())).collect();
        let x = Axis { ticks: Some(ticks), ..Axis::new("channels n of the one head", true) };
        let title =
            lengths.first().map_or_else(String::new, |length| format!("T = {length}, T d = {}", length * D_INPUT));
        let figure = Figure {
            id: "h7-memorisation".into(),
            title: self.info().title.into(),
            caption:
                "NMSE on the validation split against the channels of a single head, with a network of five layers \
                      behind it: the smallest over seeds, with bars up to the largest."
                    .into(),
            panels: vec![Panel::new(title, x, Axis::new("NMSE", true), series)],
            columns: 1,
        };
        let findings = vec![Self::finding(cells)];
        Ok(Reading { tables: vec![table], figures: vec![figure], findings, ..Reading::default() })
    }
}
