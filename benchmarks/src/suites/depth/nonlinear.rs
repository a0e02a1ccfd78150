//! D4: S4D with its position-wise layer, by depth, and without one part at a time.

use lookback_models::s4d::S4dConfig;
use lookback_models::{Io, ModelConfig};
use lookback_registry::{Result, parse, to_params};

use super::bounded::training;
use super::teachers::Teacher;
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Cells, Experiment, ExperimentInfo, Reading, Setting};
use crate::spec::{Named, TrainingConfig};
use crate::experiment::{Finding, Preset};

pub(super) struct Nonlinear;

/// The forms: name, nonlinearity, whether a linear map mixes channels behind it.
const FORMS: [(&str, &str, bool); 4] = [
    ("both", "gelu", true),
    ("no feed-forward", "gelu", false),
    ("no nonlinearity", "none", true),
    ("neither", "none", false),
];

/// The targets, all of unit norm: the scale of an output is not what this asks of.
const TEACHERS: [Teacher; 3] = [Teacher::UnitPoles(6), Teacher::Impulse(8), Teacher::Bump(20, 5)];

/// What a preset runs: length, samples, steps, parameters, depths, how many of the targets.
type Scale = (usize, [usize; 2], usize, usize, &'static [usize], usize);

const SMOKE: Scale = (32, [128, 32], 20, 300, &[1, 2], 1);
const QUICK: Scale = (100, [4096, 256], 800, 1000, &[1, 2, 4], 2);
const FULL: Scale = (100, [16384, 1024], 6000, 4000, &[1, 2, 3, 4, 5], 3);

impl Experiment for Nonlinear {
    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "D4",
            title: "S4D with feed-forward and nonlinearity, by depth",
            differs: "Layers are S4D, GELU and a linear map of the channels, with a residual connection and no norm; the \
                      widest model within a parameter budget at each depth; linear targets, no cap.",
            remark: "With the number of parameters fixed, four layers learn the impulse more exactly than one, in preset full \
                     as in quick, without any bound at work: a delay is made of shorter ones, one per layer, which is the \
                     likely reason. The other targets gain nothing.",
        }
    }

    fn grid(&self, preset: Preset) -> Vec<Setting> {
        let (length, samples, steps, budget, depths, targets) = match preset {
            Preset::Smoke => SMOKE,
            Preset::Quick => QUICK,
            Preset::Full => FULL,
        };
        let mut settings = Vec::new();
        for teacher in &TEACHERS[..targets] {
            for (form, activation, mix) in FORMS {
                for depth in depths {
                    settings.push(Setting {
                        axes: vec![
                            ("teacher", teacher.label()),
                            ("form", form.to_owned()),
                            ("depth", depth.to_string()),
                        ],
                        task: teacher.task(length, samples),
                        model: Named {
                            name: S4dConfig::INFO.name.into(),
                            params: to_params(
                                &model(activation, mix, *depth).fit_budget(budget, Io::sequence(1, 1, length)),
                            ),
                        },
                        training: TrainingConfig {
                            learning_rate: 1e-2,
                            final_learning_rate: 1e-5,
                            clip_norm: Some(1.0),
                            ..training(steps, None)
                        },
                    });
                }
            }
        }
        settings
    }

    fn read(&self, cells: &Cells) -> Result<Reading> {
        let teachers = cells.values("teacher");
        let table = |teacher: &&str| {
            cells.grid_table(&format!("NMSE on {teacher}"), "nmse", "form", "depth", &[("teacher", teacher)])
        };
        Ok(Reading {
            tables: teachers.iter().map(table).collect(),
            figures: vec![figure(cells, &teachers)],
            findings: vec![depth_alone(cells, &teachers), parts(cells, &teachers)],
            comparisons: Vec::new(),
        })
    }
}

fn model(activation: &str, mix: bool, depth: usize) -> S4dConfig {
    let named = Named::new(
        S4dConfig::INFO.name,
        serde_json::json!({
            "n_layers": depth, "residual": true, "d_state": 8, "dt_min": 0.05, "dt_max": 0.2, "activation": activation, "mix": mix,
        }),
    );
    parse("model `s4d`", &named.params).expect("these are parameters of S4D")
}

/// The best NMSE at each depth, ascending, of cells with enough seeds.
fn row(cells: &Cells, teacher: &str, form: &str, evidence: &mut Evidence) -> Vec<(String, f64)> {
    cells
        .with(&[("teacher", teacher), ("form", form)])
        .filter_map(|cell| Some((cell.axis("depth").to_owned(), cell.measured("nmse", evidence)?.min)))
        .collect()
}

fn depth_alone(cells: &Cells, teachers: &[&str]) -> Finding {
    let mut evidence = Evidence::default();
    for teacher in teachers {
        let row = row(cells, teacher, "both", &mut evidence);
        if row.len() < 2 {
            evidence.missing(format!("{teacher}: two depths"));
            continue;
        }
        let errors = || row.iter().map(|(_, error)| *error);
        let (low, high) = (errors().fold(f64::INFINITY, f64::min), errors().fold(0.0, f64::max));
        let list: Vec<String> = row.iter().map(|(depth, error)| format!("{} at {depth}", brief(*error))).collect();
        evidence.check(high < 10.0 * low, format!("{teacher}: {}", list.join(", ")));
    }
    evidence.finding(
        "d4-depth",
        "Without a cap, depth at equal parameters matters little for S4D with feed-forward and nonlinearity either: best \
         errors differ by less than a factor of 10 over depths.",
    )
}

fn parts(cells: &Cells, teachers: &[&str]) -> Finding {
    let mut evidence = Evidence::default();
    for teacher in teachers {
        let whole = row(cells, teacher, "both", &mut evidence);
        for (form, _, _) in &FORMS[1..] {
            let without = row(cells, teacher, form, &mut evidence);
            for (depth, whole) in &whole {
                let Some((_, without)) = without.iter().find(|(other, _)| other == depth) else { continue };
                let number =
                    format!("{teacher}, depth {depth}: {} with both, {} with {form}", brief(*whole), brief(*without));
                evidence.check(*without <= *whole, number);
            }
        }
    }
    evidence.finding(
        "d4-parts",
        "On linear targets neither the feed-forward layer nor the nonlinearity helps: at every depth, leaving out one or both \
         gives an error that is no larger (best seed, equal parameters).",
    )
}

fn figure(cells: &Cells, teachers: &[&str]) -> Figure {
    let panels: Vec<Panel> = teachers
        .iter()
        .map(|teacher| {
            let lines = FORMS.iter().enumerate().map(|(place, (form, _, _))| {
                let here = [("teacher", *teacher), ("form", *form)];
                let points =
                    cells.with(&here).filter_map(|cell| Some(Point::of(cell.number("depth")?, cell.metric("nmse")?)));
                Series::new(*form, format!("#{place}"), Mark::LinePoints, points.collect())
            });
            let ticks =
                cells.values("depth").into_iter().filter_map(|depth| Some((depth.parse().ok()?, depth.to_string())));
            let x = Axis { ticks: Some(ticks.collect()), ..Axis::new("depth", false) };
            let lines = lines.filter(|series: &Series| !series.points.is_empty()).collect();
            Panel::new(*teacher, x, Axis::new("NMSE", true), lines)
        })
        .collect();
    Figure {
        id: "d4-error".into(),
        title: "S4D against depth at equal parameters, whole and without one part".into(),
        caption:
            "NMSE on the validation split: mean over seeds, 95 % interval of the geometric mean (of two seeds: both \
                  values), smallest value. Feed-forward: the linear map of the channels behind the nonlinearity."
                .into(),
        columns: panels.len(),
        panels,
    }
}

#[cfg(test)]
mod tests {
    use lookback_models::Catalogue;

    use super::*;
    use crate::experiment::{Outcome, Verdict};

    /// Verdict and evidence on runs of one target, two seeds each: form, depth, NMSE.
    fn found(of: fn(&Cells, &[&str]) -> Finding, runs: &[(&str, &str, f64)]) -> (Verdict, String) {
        let both = |(form, depth, nmse): &(&str, &str, f64)| {
            let axes = [("teacher", "impulse-8"), ("form", *form), ("depth", *depth)];
            [0, 1].map(|seed| Outcome::finished(&axes, seed, &[("nmse", *nmse)]))
        };
        let outcomes: Vec<Outcome> = runs.iter().flat_map(both).collect();
        let cells = Cells::collect(&outcomes.iter().collect::<Vec<_>>(), &Catalogue::default()).unwrap();
        let finding = of(&cells, &["impulse-8"]);
        (finding.verdict, finding.evidence)
    }

    #[test]
    fn one_depth_says_nothing_of_depth() {
        let verdict = |runs: &[(&str, &str, f64)]| found(depth_alone, runs).0;
        assert_eq!(verdict(&[("both", "2", 0.1)]), Verdict::NotMeasured);
        assert_eq!(verdict(&[("both", "2", 0.1), ("both", "1", 0.2)]), Verdict::Holds);
        assert_eq!(verdict(&[("both", "2", 0.01), ("both", "1", 0.2)]), Verdict::DoesNotHold);
    }

    #[test]
    fn forms_are_compared_at_one_depth() {
        // Of the form without a nonlinearity depth 1 is missing.
        let runs = [("both", "1", 0.1), ("both", "2", 0.3), ("no nonlinearity", "2", 0.2)];
        let (verdict, evidence) = found(parts, &runs);
        assert_eq!(verdict, Verdict::Holds, "{evidence}");
        assert!(evidence.contains("depth 2: 0.30 with both, 0.20 with no nonlinearity"), "{evidence}");
    }
}
