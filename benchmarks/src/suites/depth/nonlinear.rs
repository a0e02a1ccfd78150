//! D4: S4D with its position-wise layer, by depth, and without one part at a time.

use std::fmt;

use lookback_models::activation::Activation;
use lookback_models::s4d::S4dConfig;
use lookback_models::{Io, ModelConfig, StackConfig};
use lookback_registry::{Result, to_params};
use serde::{Deserialize, Serialize};

use super::bounded::training;
use super::depth_axis;
use super::teachers::Teacher;
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Cells, Experiment, ExperimentInfo, Finding, PlanRequest, Preset, Reading, Trial};
use crate::spec::{Named, TrainingConfig};

pub(super) struct Nonlinear;

/// The axes of D4.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
pub(super) struct NonlinearSetting {
    teacher: Teacher,
    form: Form,
    /// Layers.
    depth: usize,
}

type Grid<'a> = Cells<'a, NonlinearSetting>;

/// Which parts a layer has behind its state space.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    Both,
    NoFeedForward,
    NoNonlinearity,
    Neither,
}

impl Form {
    const ALL: [Self; 4] = [Self::Both, Self::NoFeedForward, Self::NoNonlinearity, Self::Neither];

    /// Its name for people, the nonlinearity, and whether a linear map mixes channels behind it.
    fn parts(self) -> (&'static str, Activation, bool) {
        match self {
            Self::Both => ("both", Activation::Gelu, true),
            Self::NoFeedForward => ("no feed-forward", Activation::Gelu, false),
            Self::NoNonlinearity => ("no nonlinearity", Activation::None, true),
            Self::Neither => ("neither", Activation::None, false),
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.parts().0)
    }
}

/// The targets, all of unit norm: the scale of an output is not what this asks of.
const TEACHERS: [Teacher; 3] = [Teacher::UnitPoles(6), Teacher::Impulse(8), Teacher::Bump(20, 5)];

impl Experiment for Nonlinear {
    type Setting = NonlinearSetting;

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

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<NonlinearSetting>>> {
        // Steps of a sequence, samples, updates, parameters, depths, how many of the targets.
        let (length, samples, steps, budget, depths, targets): (_, _, _, _, &[usize], _) = match request.preset {
            Preset::Smoke => (32, [128, 32], 20, 300, &[1, 2], 1),
            Preset::Quick => (100, [4096, 256], 800, 1000, &[1, 2, 4], 2),
            Preset::Full => (100, [16384, 1024], 6000, 4000, &[1, 2, 3, 4, 5], 3),
        };
        let mut trials = Vec::new();
        for &teacher in &TEACHERS[..targets] {
            for form in Form::ALL {
                for &depth in depths {
                    let model = model(form, depth).fit_budget(budget, Io::sequence(1, 1, length));
                    trials.push(Trial {
                        setting: NonlinearSetting { teacher, form, depth },
                        task: teacher.task(length, samples),
                        model: Named { name: S4dConfig::INFO.name.into(), params: to_params(&model) },
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
        Ok(trials)
    }

    fn read(&self, cells: &Grid<'_>) -> Result<Reading> {
        let teachers = cells.values(|setting| setting.teacher);
        let table = |teacher: &Teacher| {
            cells.grid_table(
                (&format!("NMSE on {teacher}"), "nmse"),
                ("form", |setting: &NonlinearSetting| setting.form),
                ("depth", |setting: &NonlinearSetting| setting.depth),
                |setting| setting.teacher == *teacher,
            )
        };
        Ok(Reading {
            tables: teachers.iter().map(table).collect(),
            figures: vec![figure(cells, &teachers)],
            findings: vec![depth_alone(cells, &teachers), parts(cells, &teachers)],
            comparisons: Vec::new(),
        })
    }
}

fn model(form: Form, depth: usize) -> S4dConfig {
    let (_, activation, mix) = form.parts();
    S4dConfig {
        stack: StackConfig { n_layers: depth, residual: true, ..StackConfig::default() },
        d_state: 8,
        dt_min: 0.05,
        dt_max: 0.2,
        activation,
        mix,
        ..S4dConfig::default()
    }
}

/// The best NMSE at each depth, ascending, of cells with enough seeds.
fn row(cells: &Grid<'_>, teacher: Teacher, form: Form, evidence: &mut Evidence) -> Vec<(usize, f64)> {
    cells
        .with(|setting| setting.teacher == teacher && setting.form == form)
        .filter_map(|cell| Some((cell.setting.depth, cell.measured("nmse", evidence)?.min)))
        .collect()
}

fn depth_alone(cells: &Grid<'_>, teachers: &[Teacher]) -> Finding {
    let mut evidence = Evidence::default();
    for teacher in teachers {
        let row = row(cells, *teacher, Form::Both, &mut evidence);
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

fn parts(cells: &Grid<'_>, teachers: &[Teacher]) -> Finding {
    let mut evidence = Evidence::default();
    for teacher in teachers {
        let whole = row(cells, *teacher, Form::Both, &mut evidence);
        for form in &Form::ALL[1..] {
            let without = row(cells, *teacher, *form, &mut evidence);
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

fn figure(cells: &Grid<'_>, teachers: &[Teacher]) -> Figure {
    let panels: Vec<Panel> = teachers
        .iter()
        .map(|teacher| {
            let lines = Form::ALL.iter().enumerate().map(|(place, form)| {
                let here = cells.with(|setting| setting.teacher == *teacher && setting.form == *form);
                let points = here.filter_map(|cell| Some(Point::of(cell.setting.depth as f64, cell.metric("nmse")?)));
                Series::new(form.to_string(), format!("#{place}"), Mark::LinePoints, points.collect())
            });
            let x = depth_axis(&cells.values(|setting| setting.depth));
            let lines = lines.filter(|series: &Series| !series.points.is_empty()).collect();
            Panel::new(teacher.to_string(), x, Axis::new("NMSE", true), lines)
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
    use super::*;
    use crate::experiment::{Outcome, Verdict};

    const TEACHER: Teacher = Teacher::Impulse(8);

    /// Verdict and evidence on runs of one target, two seeds each: form, depth, NMSE.
    fn found(of: fn(&Grid<'_>, &[Teacher]) -> Finding, runs: &[(Form, usize, f64)]) -> (Verdict, String) {
        let both = |&(form, depth, nmse): &(Form, usize, f64)| {
            let setting = NonlinearSetting { teacher: TEACHER, form, depth };
            [0, 1].map(|seed| Outcome::finished(&setting, seed, &[("nmse", nmse)]))
        };
        let outcomes: Vec<Outcome> = runs.iter().flat_map(both).collect();
        let finding = of(&Cells::collect(&outcomes.iter().collect::<Vec<_>>()).unwrap(), &[TEACHER]);
        (finding.verdict, finding.evidence)
    }

    #[test]
    fn one_depth_says_nothing_of_depth() {
        let verdict = |runs: &[(Form, usize, f64)]| found(depth_alone, runs).0;
        assert_eq!(verdict(&[(Form::Both, 2, 0.1)]), Verdict::NotMeasured);
        assert_eq!(verdict(&[(Form::Both, 2, 0.1), (Form::Both, 1, 0.2)]), Verdict::Holds);
        assert_eq!(verdict(&[(Form::Both, 2, 0.01), (Form::Both, 1, 0.2)]), Verdict::DoesNotHold);
    }

    #[test]
    fn forms_are_compared_at_one_depth() {
        // Of the form without a nonlinearity depth 1 is missing.
        let runs = [(Form::Both, 1, 0.1), (Form::Both, 2, 0.3), (Form::NoNonlinearity, 2, 0.2)];
        let (verdict, evidence) = found(parts, &runs);
        assert_eq!(verdict, Verdict::Holds, "{evidence}");
        assert!(evidence.contains("depth 2: 0.30 with both, 0.20 with no nonlinearity"), "{evidence}");
    }
}
