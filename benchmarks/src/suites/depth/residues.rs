//! D2: how large parameters must be, by depth, constructively.

use lookback_registry::Result;

use super::teachers::{HIGH, LOW};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Cells, Experiment, ExperimentInfo, Finding, NoAxes, PlanRequest, Reading, Table, Trial};
use crate::oracle::depth::{depth_within, equally_spaced, largest_residue};

pub(super) struct Residues;

/// Numbers of poles, from small to large norm.
const POLES: std::ops::RangeInclusive<usize> = 2..=16;
/// Bounds on the residues.
const CAPS: [f64; 6] = [1.0, 2.0, 5.0, 10.0, 100.0, 1000.0];

fn poles(count: usize) -> Vec<f64> {
    equally_spaced(count, LOW, HIGH)
}

impl Experiment for Residues {
    type Setting = NoAxes;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "D2",
            title: "Depth takes the place of large parameters",
            differs: "Targets prod_i 1 / (z - lambda_i) with real poles equally spaced in [0.3, 0.95], factor g of L taking \
                      poles g, g + L, ..: a construction, so an upper bound on the norm that a depth needs.",
            remark: "",
        }
    }

    fn grid(&self, _: &PlanRequest) -> Result<Vec<Trial<NoAxes>>> {
        Ok(Vec::new())
    }

    fn read(&self, _: &Cells<'_, NoAxes>) -> Result<Reading> {
        Ok(Reading {
            tables: vec![table()],
            figures: vec![over_norm(), over_depth()],
            findings: vec![falls(), smallest_depth()],
            comparisons: Vec::new(),
        })
    }
}

fn falls() -> Finding {
    let mut evidence = Evidence::default();
    for count in [4, 8, 12, 16] {
        let poles = poles(count);
        let by_depth: Vec<f64> = (1..=count).map(|layers| largest_residue(&poles, layers)).collect();
        let falls = by_depth.windows(2).all(|pair| pair[1] <= pair[0]) && by_depth[count - 1] == 1.0;
        let number = format!("{count} poles: {} in one layer, {} in two", brief(by_depth[0]), brief(by_depth[1]));
        evidence.check(falls && by_depth[1] <= by_depth[0].sqrt(), number);
    }
    evidence.finding(
        "d2-falls",
        "The largest residue of close poles falls with every further layer, to at most its square root with two, and to \
         1 with one pole in each.",
    )
}

fn smallest_depth() -> Finding {
    let mut evidence = Evidence::default();
    for cap in CAPS {
        let depths: Vec<Option<usize>> = POLES.map(|count| depth_within(&poles(count), cap)).collect();
        let grows = depths.iter().all(Option::is_some) && depths.is_sorted();
        let shown = |count: usize| depths[count - POLES.start()].map_or("none".into(), |depth| depth.to_string());
        evidence.check(grows, format!("cap {cap}: {} at 4 poles, {} at 8, {} at 16", shown(4), shown(8), shown(16)));
    }
    evidence.finding(
        "d2-smallest-depth",
        "Under every cap from 1 up some depth suffices, and the smallest that does never falls as the norm of the target grows.",
    )
}

fn table() -> Table {
    let layers = [1, 2, 3, 4, 6, 8, 12];
    let rows = [4, 8, 12, 16].into_iter().map(|count| {
        let entry =
            |layers: usize| if layers > count { String::new() } else { brief(largest_residue(&poles(count), layers)) };
        std::iter::once(count.to_string()).chain(layers.map(entry)).collect()
    });
    let columns = layers.map(|layers| format!("L = {layers}"));
    Table {
        title: "Largest residue in any layer".into(),
        columns: std::iter::once("poles".to_owned()).chain(columns).collect(),
        rows: rows.collect(),
    }
}

fn over_norm() -> Figure {
    let series = CAPS.iter().enumerate().map(|(index, cap)| {
        let points = POLES.filter_map(|count| {
            let poles = poles(count);
            Some(Point::new(largest_residue(&poles, 1), depth_within(&poles, *cap)? as f64))
        });
        Series::new(format!("M = {cap}"), format!("#{index}"), Mark::LinePoints, points.collect())
    });
    Figure {
        id: "d2-depth".into(),
        title: "The smallest depth that keeps the norm below a cap".into(),
        caption: "Targets prod_i 1 / (z - lambda_i) of 2 to 16 poles equally spaced in [0.3, 0.95]. Across: their largest \
                  residue, which a model of one layer must hold. Up: layers of the construction until no residue is larger \
                  than M."
            .into(),
        panels: vec![Panel::new(
            "",
            Axis::new("largest residue of the target", true),
            Axis::new("smallest depth", false),
            series.collect(),
        )],
        columns: 1,
    }
}

fn over_depth() -> Figure {
    let series = [4, 8, 12, 16].into_iter().enumerate().map(|(index, count)| {
        let points = (1..=count).map(|layers| Point::new(layers as f64, largest_residue(&poles(count), layers)));
        Series::new(format!("{count} poles"), format!("#{index}"), Mark::LinePoints, points.collect())
    });
    Figure {
        id: "d2-residue".into(),
        title: "The largest residue against depth".into(),
        caption: "Factor g of L takes poles g, g + L, g + 2 L, ..".into(),
        panels: vec![Panel::new("", Axis::new("layers", false), Axis::new("largest residue", true), series.collect())],
        columns: 1,
    }
}
