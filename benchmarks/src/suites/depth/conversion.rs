//! D1: deep to shallow and back, exactly.

use lookback_registry::Result;
use nalgebra::Complex;

use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Cells, Experiment, ExperimentInfo, Finding, NoAxes, PlanRequest, Reading, Table, Trial};
use crate::oracle::depth::{Cascade, CascadeLayer, Shallow, gap};

pub(super) struct Conversion;

/// Numbers of states.
const STATES: [usize; 5] = [2, 4, 6, 8, 10];
/// Numbers of layers, where there are as many states.
const LAYERS: [usize; 3] = [1, 2, 4];
/// Random instances of each.
const INSTANCES: u64 = 10;
/// Lags over which responses are compared.
const LENGTH: usize = 100;
/// What still counts as equal.
const TOLERANCE: f64 = 1e-10;

/// The largest gaps over all instances of a number of states, with the numbers of layers that they were found at.
struct Gaps {
    states: usize,
    /// One layer against the cascade of single channels with feed-through that it was converted to.
    cascade: f64,
    /// That cascade against the one layer that it is converted back to.
    back: f64,
    /// One layer against the cascade with two channels and no feed-through.
    summing: f64,
}

fn gaps(states: usize) -> Result<Gaps> {
    let mut gaps = Gaps { states, cascade: 0.0, back: 0.0, summing: 0.0 };
    for layers in LAYERS.into_iter().filter(|layers| *layers <= states) {
        for seed in 0..INSTANCES {
            for feed_through in [false, true] {
                let shallow = Shallow::instance(states, seed, feed_through);
                let response = shallow.impulse_response(LENGTH);
                let deep = shallow.cascade(layers)?;
                gaps.cascade = gaps.cascade.max(gap(&response, &deep.impulse_response(LENGTH)));
                gaps.back = gaps.back.max(gap(&response, &deep.shallow()?.impulse_response(LENGTH)));
                if !feed_through {
                    let sums = shallow.summing(layers)?;
                    gaps.summing = gaps.summing.max(gap(&response, &sums.impulse_response(LENGTH)));
                    gaps.back = gaps.back.max(gap(&response, &sums.shallow()?.impulse_response(LENGTH)));
                }
            }
        }
    }
    Ok(gaps)
}

/// Zeros of a cascade of single channels without feed-through, as one layer: the states of an instance, split.
fn zeros_of_cascade(states: usize, layers: usize) -> Result<usize> {
    let whole = Shallow::instance(states, 0, false);
    let built = (0..layers).map(|layer| {
        let own = |values: &[Complex<f64>]| values.iter().skip(layer).step_by(layers).copied().collect::<Vec<_>>();
        CascadeLayer::single(own(&whole.poles), &own(&whole.residues), Complex::ZERO)
    });
    Ok(Cascade { layers: built.collect() }.shallow()?.zeros()?.len())
}

impl Experiment for Conversion {
    type Setting = NoAxes;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "D1",
            title: "Deep and shallow models convert into each other exactly",
            differs: "Worked out in f64 on random instances with real poles; nothing is trained.",
            remark: "",
        }
    }

    fn grid(&self, _: &PlanRequest) -> Result<Vec<Trial<NoAxes>>> {
        Ok(Vec::new())
    }

    fn read(&self, _: &Cells<'_, NoAxes>) -> Result<Reading> {
        let all = STATES.into_iter().map(gaps).collect::<Result<Vec<Gaps>>>()?;
        let zeros = zeros()?;
        Ok(Reading {
            tables: vec![table(&all), zeros.1],
            figures: vec![figure(&all)],
            findings: vec![equivalent(&all), zeros.0],
            comparisons: Vec::new(),
        })
    }
}

fn equivalent(all: &[Gaps]) -> Finding {
    let mut evidence = Evidence::default();
    for Gaps { states, cascade, back, summing } in all {
        let agrees = [*cascade, *back, *summing].iter().all(|gap| *gap < TOLERANCE);
        let number = format!(
            "{states} states: one channel {}, two channels {}, back {}",
            brief(*cascade),
            brief(*summing),
            brief(*back)
        );
        evidence.check(agrees, number);
    }
    evidence.finding(
        "d1-equivalent",
        "Without a bound on parameters, depth and width are equivalent: one layer of n states equals a cascade of n states \
         in all, with a feed-through or with two channels between layers, and the other way round (impulse responses over \
         100 lags agree to 1e-10 of their largest value).",
    )
}

/// How many zeros each form has.
fn zeros() -> Result<(Finding, Table)> {
    let mut evidence = Evidence::default();
    let mut rows = Vec::new();
    for states in [4, 8] {
        let one = Shallow::instance(states, 0, false).zeros()?.len();
        let mut row = vec![states.to_string(), one.to_string()];
        for layers in [2, 4] {
            let deep = zeros_of_cascade(states, layers)?;
            evidence.check(
                one == states - 1 && deep == states - layers,
                format!("{states} states: {one} in one layer, {deep} in {layers} layers"),
            );
            row.push(deep.to_string());
        }
        rows.push(row);
    }
    let columns = ["states", "zeros: 1 layer", "2 layers", "4 layers"];
    let title = "Zeros without feed-through, one channel between layers".to_owned();
    let table = Table { title, columns: columns.map(String::from).into(), rows };
    let finding = evidence.finding(
        "d1-zeros",
        "With one channel and no feed-through, L layers of n states in all have n - L zeros, one layer n - 1: such a \
         cascade cannot express a generic layer.",
    );
    Ok((finding, table))
}

fn table(all: &[Gaps]) -> Table {
    let columns = ["states", "to one channel with D", "to two channels without D", "back to one layer"];
    let rows = all.iter().map(|gaps| {
        let numbers = [gaps.cascade, gaps.summing, gaps.back].map(brief);
        std::iter::once(gaps.states.to_string()).chain(numbers).collect()
    });
    let title = "Largest gap between impulse responses".to_owned();
    Table { title, columns: columns.map(String::from).into(), rows: rows.collect() }
}

fn figure(all: &[Gaps]) -> Figure {
    let line = |label: &str, key: &str, value: fn(&Gaps) -> f64| {
        // A gap of exactly 0 is drawn at what an f64 resolves.
        let points = all.iter().map(|gaps| Point::new(gaps.states as f64, value(gaps).max(f64::EPSILON / 2.0)));
        Series::new(label, key, Mark::LinePoints, points.collect())
    };
    let bound = STATES.map(|states| Point::new(states as f64, TOLERANCE)).to_vec();
    let series = vec![
        Series::new("1e-10", "reference", Mark::Dashed, bound),
        line("one channel with feed-through", "#0", |gaps| gaps.cascade),
        line("two channels without", "#1", |gaps| gaps.summing),
        line("back to one layer", "#2", |gaps| gaps.back),
    ];
    Figure {
        id: "d1-gap".into(),
        title: "Shallow to deep and back".into(),
        caption:
            "The largest difference between impulse responses before and after conversion, relative to the largest \
                  value, over random instances and 1, 2 and 4 layers."
                .into(),
        panels: vec![Panel::new("", Axis::new("states", false), Axis::new("gap", true), series)],
        columns: 1,
    }
}
