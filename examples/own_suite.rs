//! A suite of one's own: planned, swept and reported in one call, with resume, seeds, statistics and figures.
//!
//! ```sh
//! cargo run --release --example own_suite
//! ```

use lookback::Result;
use lookback::benchmarks::experiment::evidence::Evidence;
use lookback::benchmarks::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use lookback::benchmarks::experiment::{Cell, Cells, Experiment, ExperimentInfo, PlanRequest, Preset, Reading, Trial};
use lookback::benchmarks::{Named, Suite, SuiteInfo, TrainingConfig};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How far back a GRU of so many units learns to look.
struct Reach;

/// The axes of the grid.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
struct Setting {
    /// Hidden units.
    d_model: usize,
    /// The one lag that matters.
    lag: usize,
}

impl Experiment for Reach {
    type Setting = Setting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "reach",
            title: "The lag that a GRU learns, by its size",
            differs: "An example: no paper has this.",
            remark: "",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<Setting>>> {
        let steps = if request.preset == Preset::Smoke { 60 } else { 600 };
        let settings = [4, 16].into_iter().flat_map(|d_model| [1, 4, 16].map(|lag| Setting { d_model, lag }));
        let trial = |setting: Setting| Trial {
            task: Named::new(
                "memory",
                json!({"function": "impulse", "function_params": {"alpha": setting.lag}, "length": 32}),
            ),
            model: Named::new("gru", json!({"d_model": setting.d_model})),
            training: TrainingConfig { steps, learning_rate: 1e-2, ..TrainingConfig::default() },
            setting,
        };
        Ok(settings.map(trial).collect())
    }

    fn read(&self, cells: &Cells<'_, Setting>) -> Result<Reading> {
        let mut evidence = Evidence::default();
        let mut series = Vec::new();
        for d_model in cells.values(|setting| setting.d_model) {
            let row: Vec<_> = cells.with(|setting| setting.d_model == d_model).collect();
            let point = |cell: &&Cell<'_, Setting>| Some(Point::of(cell.setting.lag as f64, cell.metric("nmse")?));
            let label = format!("{d_model} units");
            series.push(Series::new(&label, &label, Mark::LinePoints, row.iter().filter_map(point).collect()));
            if let [near, .., far] = row[..]
                && let (Some(near), Some(far)) =
                    (near.measured("nmse", &mut evidence), far.measured("nmse", &mut evidence))
            {
                evidence.check(far.min > near.min, format!("{label}: NMSE {:.1e} and {:.1e}", near.min, far.min));
            }
        }
        Ok(Reading {
            tables: vec![cells.grid_table(
                ("smallest NMSE over seeds", "nmse"),
                ("units", |setting: &Setting| setting.d_model),
                ("lag", |setting: &Setting| setting.lag),
                |_| true,
            )],
            figures: vec![Figure {
                id: "reach".into(),
                title: "Error over the lag".into(),
                caption: "NMSE on the validation split: mean over seeds, and smallest value.".into(),
                panels: vec![Panel::new("GRU", Axis::new("lag", true), Axis::new("NMSE", true), series)],
                columns: 1,
            }],
            findings: vec![
                evidence.finding("reach-far-is-harder", "The farthest lag has a larger error than the nearest."),
            ],
            comparisons: Vec::new(),
        })
    }
}

fn main() -> std::process::ExitCode {
    let info =
        SuiteInfo { name: "reach", title: "Reach", summary: "How far back a GRU looks.", source: "this example" };
    let program = lookback::Program::new().suite(Suite::new(info).with(Reach));
    // Any arguments of one's own would go here; without some it runs the suite.
    if std::env::args().len() > 1 { program.main() } else { program.main_with(["bench", "reach", "--preset", "smoke"]) }
}
