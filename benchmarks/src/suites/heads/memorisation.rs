//! H7: one head that is wide enough to hold the sequence.

use lookback_registry::Result;
use serde::{Deserialize, Serialize};

use super::errors::{self, NMSE};
use super::grid::{Case, Channels, scale};
use super::published;
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Cell, Cells, Experiment, ExperimentInfo, Finding, PlanRequest, Preset, Reading, Table, Trial};

/// Channels of a token, as of task `retrieval` by default.
const D_INPUT: usize = 4;

/// By how much a head that holds the sequence must be better than one of a quarter of the width.
const BETTER: f64 = 10.0;

/// A length, a number of heads, channels per head, and whether the encoder sees the place of a token.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemorisationSetting {
    #[serde(rename = "T")]
    length: usize,
    #[serde(rename = "h")]
    heads: usize,
    #[serde(rename = "n")]
    channels: usize,
    positions: bool,
}

/// One head of growing width on the shortest length.
pub(super) struct Memorisation;

impl Memorisation {
    fn finding(cells: &Cells<MemorisationSetting>) -> Finding {
        let mut evidence = Evidence::default();
        for length in cells.values(|setting| setting.length) {
            let mut at = |channels: usize| {
                let wanted = MemorisationSetting { length, heads: 1, channels, positions: true };
                match cells.find(|setting| *setting == wanted) {
                    Some(cell) => Some(cell.measured(NMSE, &mut evidence)?.min),
                    None => {
                        evidence.missing(format!("n={channels} at T={length}"));
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
    type Setting = MemorisationSetting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "H7",
            title: "One head wide enough to hold the sequence",
            differs: "theorem 2 (3) has no experiment in the paper: set-up and sizes are ours",
            remark: "The theorem builds a network; it does not claim that training finds it.",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<MemorisationSetting>>> {
        // The shortest, at which T d channels are few.
        let length = scale(request.preset).lengths[0];
        let enough = length * D_INPUT;
        let (widths, all_positions): (Vec<usize>, &[bool]) = match request.preset {
            Preset::Full => (vec![enough / 8, enough / 4, enough / 2, enough, 2 * enough], &[false, true]),
            Preset::Quick | Preset::Smoke => (vec![enough / 4, enough], &[true]),
        };
        let mut trials = Vec::new();
        for &positions in all_positions {
            for &channels in &widths {
                // Two rectified channels per token's channel hold it at one place; five layers are the theorem's.
                let case = Case {
                    channels: Channels::PerHead(channels),
                    hidden: 2 * enough,
                    head_layers: 5,
                    positions,
                    // At 1e-2 so many layers do not train: NMSE 0.31 in the place of 0.09 after 3000 steps.
                    learning_rate: 3e-3,
                    ..Case::new(length, 1)
                };
                let setting = MemorisationSetting { length, heads: 1, channels, positions };
                trials.push(case.trial(request.preset, setting));
            }
        }
        Ok(trials)
    }

    fn read(&self, cells: &Cells<MemorisationSetting>) -> Result<Reading> {
        let row = |cell: &Cell<'_, MemorisationSetting>| {
            let MemorisationSetting { length, channels, positions, .. } = cell.setting;
            let train = cell.train_loss.map_or_else(|| "-".into(), |loss| brief(loss.min));
            let place = [length.to_string(), channels.to_string(), positions.to_string()];
            [place, [cell.entry(NMSE), cell.entry("mse"), train]].concat()
        };
        let table = Table {
            title: "smallest over seeds".into(),
            columns: ["T", "n", "positions", "NMSE", "MSE", "training MSE"].map(String::from).into(),
            rows: cells.iter().map(row).collect(),
        };
        let mut series = Vec::new();
        let lengths = cells.values(|setting| setting.length);
        let widths = cells.values(|setting| setting.channels);
        if let (Some(length), Some(first), Some(last)) = (lengths.first(), widths.first(), widths.last())
            && let Some(value) = published::at(published::PER_HEAD, 4, *length)
        {
            let points = [first, last].map(|width| Point::new(*width as f64, value)).into();
            series.push(Series::new("4 heads of 8, published", "reference", Mark::Dashed, points));
        }
        for (index, positions) in cells.values(|setting| setting.positions).into_iter().enumerate() {
            let line = cells.with(|setting| setting.positions == positions);
            let points: Vec<Point> =
                line.filter_map(|cell| errors::point(cell.setting.channels as f64, cell)).collect();
            let label = if positions { "with positions" } else { "without positions" };
            if !points.is_empty() {
                series.push(Series::new(label, format!("#{index}"), Mark::LinePoints, points));
            }
        }
        let x = errors::log_axis("channels n of the one head", &widths);
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
