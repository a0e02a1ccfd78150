//! H1, H3, H4, H5: the error against the number of heads.

use lookback_registry::Result;

use super::errors;
use super::grid::{Case, Channels, HeadsCells, HeadsSetting, pairs, scale};
use super::published::{self, PublishedErrors};
use super::specialisation;
use crate::experiment::comparison::Comparison;
use crate::experiment::figure::Figure;
use crate::experiment::{Experiment, ExperimentInfo, PlanRequest, Preset, Reading, Trial};

/// How far from the published value ours may be: the paper's standard deviations often exceed the means.
const FACTOR: f64 = 10.0;

/// What differs from the paper where nothing else does.
const DIFFERS: &str = "a_i are random unit vectors; targets are standardised; recipe and number of seeds are ours";

const REMARK: &str = "With enough heads errors are what training reaches, which differs between lengths and seeds.";

/// Errors over heads and lengths for one kind of model and task.
pub(super) struct Transition {
    info: ExperimentInfo,
    /// The figure's id.
    figure: &'static str,
    n_functions: usize,
    channels: Channels,
    n_layers: usize,
    published: PublishedErrors,
    /// Names and statements of the findings on the drop and on the growth with the length.
    findings: [[&'static str; 2]; 2],
    /// Whether it shows which head attends to what.
    map: bool,
}

pub(super) const ALL: [Transition; 4] = [
    Transition {
        info: ExperimentInfo {
            name: "H1",
            title: "Error against heads, 8 channels per head, D = 4",
            differs: DIFFERS,
            remark: REMARK,
        },
        figure: "h1-heads",
        n_functions: 4,
        channels: Channels::PerHead(8),
        n_layers: 1,
        published: published::PER_HEAD,
        findings: [
            [
                "h1-transition",
                "From 3 to 4 heads, where each of the D = 4 maxima gets a head, the smallest NMSE falls by a factor of 10 \
                 or more at every length.",
            ],
            [
                "h1-length",
                "With fewer than D = 4 heads the smallest NMSE is larger at the longest length than at the shortest; with \
                 4 or more it is at most twice as large.",
            ],
        ],
        map: true,
    },
    Transition {
        info: ExperimentInfo {
            name: "H3",
            title: "Error against heads, 32 channels in all, D = 4",
            differs: DIFFERS,
            remark: REMARK,
        },
        figure: "h3-heads-fixed-width",
        n_functions: 4,
        channels: Channels::Total(32),
        n_layers: 1,
        published: published::TOTAL,
        findings: [
            [
                "h3-transition",
                "At a fixed total width of 32 channels, too, the smallest NMSE falls by a factor of 10 or more from 3 to 4 \
                 heads at every length.",
            ],
            [
                "h3-length",
                "At a fixed total width, with fewer than D = 4 heads the smallest NMSE is larger at the longest length \
                 than at the shortest; with 4 or more it is at most twice as large.",
            ],
        ],
        map: false,
    },
    Transition {
        info: ExperimentInfo {
            name: "H4",
            title: "Error against heads, 32 channels in all, D = 3",
            differs: "tokens of four channels as at D = 4, the paper says none; targets are standardised; recipe and number \
                      of seeds are ours",
            remark: REMARK,
        },
        figure: "h4-heads-three-maxima",
        n_functions: 3,
        channels: Channels::Total(32),
        n_layers: 1,
        published: published::THREE,
        findings: [
            [
                "h4-transition",
                "With D = 3 maxima the drop is one head earlier: from 2 to 3 heads the smallest NMSE falls by a factor of \
                 10 or more at every length.",
            ],
            [
                "h4-length",
                "With fewer than D = 3 heads the smallest NMSE is larger at the longest length than at the shortest; with \
                 3 or more it is at most twice as large.",
            ],
        ],
        map: false,
    },
    Transition {
        info: ExperimentInfo {
            name: "H5",
            title: "Error against heads, two layers, 32 channels in all, D = 4",
            differs: "the first layer is a Transformer's block with residual terms over tokens and class token, the paper \
                      says only: no positions, no layer norm; targets are standardised; recipe and number of seeds are ours",
            remark: REMARK,
        },
        figure: "h5-heads-two-layers",
        n_functions: 4,
        channels: Channels::Total(32),
        n_layers: 2,
        published: published::TWO_LAYERS,
        findings: [
            [
                "h5-transition",
                "With two layers the drop is where layers times heads are D = 4: from 1 to 2 heads the smallest NMSE falls \
                 by a factor of 10 or more at every length.",
            ],
            [
                "h5-length",
                "With two layers and one head the smallest NMSE is larger at the longest length than at the shortest; with \
                 2 or more heads it is at most twice as large.",
            ],
        ],
        map: false,
    },
];

impl Transition {
    /// The number of heads at which every maximum has one, over all layers.
    fn enough(&self) -> usize {
        self.n_functions.div_ceil(self.n_layers)
    }
}

impl Experiment for Transition {
    type Setting = HeadsSetting;

    fn info(&self) -> ExperimentInfo {
        self.info
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<HeadsSetting>>> {
        // Of the experiments that vary H1, quick runs what their findings need.
        let few = request.preset != Preset::Full && !self.map;
        let heads = match few {
            true => self.enough() - 1..=self.enough(),
            false => 1..=self.published.len(),
        };
        let trial = |setting: HeadsSetting| {
            let case = Case {
                n_functions: self.n_functions,
                channels: self.channels,
                n_layers: self.n_layers,
                ..Case::new(setting.length, setting.heads)
            };
            case.trial(request.preset, setting)
        };
        Ok(pairs(scale(request.preset).lengths, heads).into_iter().map(trial).collect())
    }

    fn read(&self, cells: &HeadsCells) -> Result<Reading> {
        let mut reading = Reading { tables: errors::tables(cells), ..Reading::default() };
        reading.figures.push(Figure {
            id: self.figure.into(),
            title: self.info.title.into(),
            caption:
                "NMSE on the validation split against the number of heads: the smallest over seeds, with bars up to \
                      the largest. Dotted: published smallest values over seeds."
                    .into(),
            panels: vec![errors::panel(cells, self.info.title, self.published)],
            columns: 1,
        });
        let [[drop, drop_statement], [growth, growth_statement]] = self.findings;
        reading.findings = vec![
            errors::drop(cells, self.enough(), drop, drop_statement),
            errors::growth(cells, self.enough(), growth, growth_statement),
        ];
        if self.map {
            let (figure, finding) = specialisation::read(cells, self.n_functions)?;
            reading.figures.extend(figure);
            reading.findings.push(finding);
        }
        for cell in cells.iter() {
            let HeadsSetting { length, heads } = cell.setting;
            let Some(value) = published::at(self.published, heads, length) else { continue };
            let (quantity, ours) = (format!("NMSE at {}", cell.place()), cell.ours(errors::NMSE));
            let info = self.info;
            reading.comparisons.push(Comparison::within(FACTOR, info.name, quantity, value, ours, info.differs));
        }
        Ok(reading)
    }
}
