//! R2: the singular values of a Vision Transformer's scores, and its training error, against m_h.

use lookback_registry::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::line;
use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::stats;
use crate::experiment::{
    Cells, Experiment, ExperimentInfo, Finding, HeadProbe, PlanRequest, Preset, Reading, Table, Trial,
};
use crate::spec::{Decay, Named, TrainingConfig};
use crate::tasks::cifar10::{TEST_IMAGES, TRAIN_IMAGES};

const NAME: &str = "R2";
/// The exponent that the paper fits to the training error.
const PUBLISHED: f64 = 0.27;
/// Test images whose scores are decomposed.
const IMAGES: usize = 64;
/// Singular values that are drawn.
const DRAWN: usize = 20;
/// Singular values below this share of the largest are rounding.
const ROUNDING: f64 = 1e-6;
/// The spectrum at the second largest m_h is at most this far from that at the largest, relative to the latter.
const CONVERGED: f64 = 0.25;

/// Spectra of a Vision Transformer.
#[derive(Debug)]
pub(super) struct VitRank;

/// The axis of R2.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
pub(super) struct VitSetting {
    /// The inner dimension of the scores.
    m_h: usize,
}

type Grid<'a> = Cells<'a, VitSetting>;

impl Experiment for VitRank {
    type Setting = VitSetting;

    fn is_synthetic(&self) -> bool {
        false
    }

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: NAME,
            title: "spectra and training error of a Vision Transformer on CIFAR-10",
            differs: "A ViT of 0.5 M parameters from scratch in the place of ViT-B/16; the training error is the cross \
                      entropy without label smoothing.",
            remark: "Preset quick makes one pass over the images, in which m_h hardly changes the training error: what is left \
                     is the seeds' spread.",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<VitSetting>>> {
        // Images of training, of the test and of spectra; images of a batch; passes.
        const ALL: ([usize; 3], usize) = ([TRAIN_IMAGES, TEST_IMAGES, IMAGES], 128);
        const FEW: ([usize; 3], usize) = ([40, 20, 4], 10);
        let (sizes, ([train, test, spectra], batch_size), passes): (&[usize], _, usize) = match request.preset {
            Preset::Smoke => (&[1, 4], FEW, 1),
            Preset::Quick => (&[1, 4, 16, 64], ALL, 1),
            Preset::Full => (&[1, 2, 4, 8, 16, 32, 64], ALL, 10),
        };
        let steps = passes * train / batch_size;
        let trial = |m_h: &usize| Trial {
            setting: VitSetting { m_h: *m_h },
            task: Named::new(
                "cifar10",
                json!({"label_smoothing": 0.0, "train_samples": train, "valid_samples": test, "spectra": spectra}),
            ),
            model: Named::new("vit", json!({"d_head": m_h})),
            training: TrainingConfig {
                steps,
                batch_size,
                learning_rate: 1e-3,
                weight_decay: 0.05,
                decay: Decay::Weights,
                warmup_steps: steps / 10,
                eval_every: (steps / 10).max(1),
                eval_samples: Some(test.min(1_024)),
                ..TrainingConfig::default()
            },
        };
        Ok(sizes.iter().map(trial).collect())
    }

    fn read(&self, cells: &Grid<'_>) -> Result<Reading> {
        let sizes = spectra(cells);
        let errors = errors(cells);
        let fit = PowerLaw::fit(&errors);
        let ours = fit.map_or(Ours::Missing, |fit| Ours::Derived(fit.exponent));
        let differs = "a small ViT from scratch";
        let quantity = "exponent b of a fit a m_h^-b + c to the training error";
        Ok(Reading {
            tables: vec![table(cells, &sizes, fit)],
            figures: vec![figure(&sizes, &errors, fit)],
            findings: vec![converge(&sizes), falls(cells)],
            comparisons: vec![Comparison::within(2.0, NAME, quantity, PUBLISHED, ours, differs)],
        })
    }
}

/// The spectrum at one m_h: singular values of the first head of the last layer, largest first, of the best seed.
struct Spectrum {
    m_h: usize,
    /// By singular value, its values over images.
    values: Vec<Vec<f64>>,
    /// By singular value, its mean over images.
    means: Vec<f64>,
}

impl Spectrum {
    fn of(m_h: usize, head: &HeadProbe) -> Option<Self> {
        let images = &head.singular_values;
        let count = images.iter().map(Vec::len).min()?;
        let over_images = |index: usize| images.iter().map(|values| values[index]).collect::<Vec<f64>>();
        let values: Vec<_> = (0..count).map(over_images).collect();
        let means = values.iter().map(|values| values.iter().sum::<f64>() / images.len() as f64).collect();
        Some(Self { m_h, values, means })
    }

    /// How many singular values are drawn: those that are more than rounding.
    fn drawn(&self) -> usize {
        let least = ROUNDING * self.means.first().copied().unwrap_or_default();
        self.means.iter().take(DRAWN).take_while(|mean| **mean > least).count()
    }

    /// How far the means are from those of another, relative to the latter, in the Euclidean norm.
    fn distance(&self, other: &Self) -> f64 {
        let pairs = self.means.iter().zip(&other.means);
        let gap: f64 = pairs.map(|(left, right)| (left - right).powi(2)).sum();
        (gap / other.means.iter().map(|mean| mean.powi(2)).sum::<f64>()).sqrt()
    }
}

/// Spectra, small m_h to large.
fn spectra(cells: &Grid<'_>) -> Vec<Spectrum> {
    let spectra = cells.iter().filter_map(|cell| {
        let heads = &cell.best("error")?.1.attention;
        let last = heads.iter().map(|head| head.layer).max()?;
        Spectrum::of(cell.setting.m_h, heads.iter().find(|head| head.layer == last && head.head == 0)?)
    });
    spectra.collect()
}

/// Training errors, small m_h to large.
fn errors(cells: &Grid<'_>) -> Vec<Point> {
    cells.iter().filter_map(|cell| Some(Point::of(cell.setting.m_h as f64, cell.train_loss.as_ref()?))).collect()
}

/// `a m^(-b) + c`.
#[derive(Debug, Clone, Copy)]
struct PowerLaw {
    factor: f64,
    exponent: f64,
    rest: f64,
}

impl PowerLaw {
    /// Least squares over b = 0.01, 0.02, .. 3 with the best a and c for each; `None` for fewer than four points.
    fn fit(points: &[Point]) -> Option<Self> {
        if points.len() < 4 {
            return None;
        }
        let of = |exponent: f64| {
            let powers: Vec<_> = points.iter().map(|point| (point.x.powf(-exponent), point.y)).collect();
            let (factor, rest) = line(&powers)?;
            let fit = Self { factor, exponent, rest };
            let misfit: f64 = points.iter().map(|point| (fit.at(point.x) - point.y).powi(2)).sum();
            Some((misfit, fit))
        };
        let fits = (1..=300).filter_map(|step| of(f64::from(step) / 100.0));
        fits.min_by(|left, right| left.0.total_cmp(&right.0)).map(|(_, fit)| fit)
    }

    fn at(self, m_h: f64) -> f64 {
        self.factor * m_h.powf(-self.exponent) + self.rest
    }
}

fn table(cells: &Grid<'_>, spectra: &[Spectrum], fit: Option<PowerLaw>) -> Table {
    let rows = cells.iter().map(|cell| {
        let spectrum = spectra.iter().find(|spectrum| spectrum.m_h == cell.setting.m_h);
        let distance = spectrum.zip(spectra.last()).map(|(spectrum, last)| spectrum.distance(last));
        let dash = |value: Option<f64>| value.map_or_else(|| "-".into(), brief);
        let loss = cell.train_loss.as_ref();
        // Two significant digits would hide what differs.
        let to_three = |summary: &stats::Summary| format!("{:.3}", summary.min);
        let loss = loss.map_or_else(|| "-".into(), to_three);
        vec![cell.setting.m_h.to_string(), loss, cell.entry_as("error", to_three), dash(distance)]
    });
    let fitted = fit.map_or_else(String::new, |fit| {
        format!(", fit {} m_h^-{:.2} + {}", brief(fit.factor), fit.exponent, brief(fit.rest))
    });
    Table {
        title: format!("Vision Transformers on CIFAR-10{fitted}"),
        columns: ["m_h", "training loss (min)", "test error (min)", "spectrum: distance to last"]
            .map(String::from)
            .into(),
        rows: rows.collect(),
    }
}

fn figure(spectra: &[Spectrum], errors: &[Point], fit: Option<PowerLaw>) -> Figure {
    let place = |index: usize| index as f64 + 1.0;
    let mut spread: Vec<Series> = Vec::new();
    if let Some(spectrum) = spectra.last() {
        let places = spectrum.values.iter().take(spectrum.drawn()).enumerate();
        spread.extend(places.filter_map(|(index, values)| {
            let outline = violin(place(index), values)?;
            Some(Series::new("distribution over images", "transformer", Mark::Area, outline))
        }));
    }
    let means = spectra.iter().enumerate().map(|(number, spectrum)| {
        let points = spectrum.means.iter().take(spectrum.drawn()).enumerate();
        let points = points.map(|(index, mean)| Point::new(place(index), *mean)).collect();
        Series::new(format!("m_h = {}", spectrum.m_h), format!("#{number}"), Mark::LinePoints, points)
    });
    let means: Vec<Series> = means.collect();
    spread.extend(means.last().cloned());
    let mut losses = vec![Series::new("training loss", "transformer", Mark::LinePoints, errors.to_vec())];
    if let (Some(fit), Some(first), Some(last)) = (fit, errors.first(), errors.last()) {
        let steps = (0..=40).map(|step| first.x * (last.x / first.x).powf(f64::from(step) / 40.0));
        let points = steps.map(|m_h| Point::new(m_h, fit.at(m_h))).collect();
        losses.push(Series::new("fit a m_h^-b + c", "reference", Mark::Dashed, points));
    }
    let largest = spectra.last().map_or_else(String::new, |spectrum| format!(", m_h = {}", spectrum.m_h));
    Figure {
        id: "r2-spectra".into(),
        title: "Singular values of the scores of a Vision Transformer".into(),
        caption: "Scores before the softmax of the first head of the last layer, best seed, over test images of CIFAR-10: how \
                  each is distributed over images at the largest m_h, and means over images; and the training loss."
            .into(),
        panels: vec![
            Panel::new(format!("over images{largest}"), Axis::new("k", false), Axis::new("sigma_k", true), spread),
            Panel::new("means", Axis::new("k", false), Axis::new("sigma_k", true), means),
            Panel::new("training error", Axis::new("m_h", true), Axis::new("cross entropy", false), losses),
        ],
        columns: 3,
    }
}

/// The outline of a violin around `x`: a Gaussian kernel density of the logarithms of the values (Silverman's bandwidth)
/// from the smallest to the largest, mirrored; its widest place spans 0.8. None where all are the same, or one is 0.
fn violin(x: f64, values: &[f64]) -> Option<Vec<Point>> {
    const STEPS: u32 = 24;
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let summary = stats::summarise(&logs)?;
    let (low, high) = (summary.min, summary.max);
    let bandwidth = 1.06 * summary.sd * (logs.len() as f64).powf(-0.2);
    if !(bandwidth > 0.0 && high > low && low.is_finite()) {
        return None;
    }
    let density = |at: f64| logs.iter().map(|log| (-0.5 * ((at - log) / bandwidth).powi(2)).exp()).sum::<f64>();
    let heights = (0..=STEPS).map(|step| low + (high - low) * f64::from(step) / f64::from(STEPS));
    let halves: Vec<(f64, f64)> = heights.map(|at| (at, density(at))).collect();
    let widest = halves.iter().map(|half| half.1).fold(0.0, f64::max);
    let side = |sign: f64| move |(at, density): &(f64, f64)| Point::new(x + sign * 0.4 * density / widest, at.exp());
    Some(halves.iter().map(side(1.0)).chain(halves.iter().rev().map(side(-1.0))).collect())
}

fn converge(spectra: &[Spectrum]) -> Finding {
    let mut evidence = Evidence::default();
    if let [first, .., second, last] = spectra {
        let (far, near) = (first.distance(last), second.distance(last));
        let number = format!(
            "distance to m_h = {}: {} at {}, {} at {}",
            last.m_h,
            brief(far),
            first.m_h,
            brief(near),
            second.m_h
        );
        evidence.check(near < far && near <= CONVERGED, number);
    } else {
        evidence.missing(format!("spectra at three values of m_h, {} found", spectra.len()));
    }
    evidence.finding(
        "r2-spectra",
        "The mean spectrum of the scores converges as m_h grows: at the second largest m_h it is within 25 % of that at \
         the largest, and closer than at the smallest.",
    )
}

fn falls(cells: &Grid<'_>) -> Finding {
    let mut evidence = Evidence::default();
    if let [first, .., last] = cells.iter().collect::<Vec<_>>()[..] {
        let losses = [first, last].map(|cell| {
            cell.measured("error", &mut evidence)?;
            cell.train_loss
        });
        if let [Some(small), Some(large)] = losses {
            let sizes = [first, last].map(|cell| cell.setting.m_h);
            let number = format!("{:.3} at m_h = {}, {:.3} at {}", small.mean, sizes[0], large.mean, sizes[1]);
            evidence.check(large.mean < small.mean, number);
        }
    }
    evidence.finding("r2-error", "The training error is smaller at the largest m_h than at the smallest.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Outcome, Probe, Verdict};

    /// Runs as if they had ended with a training loss of 2 m_h^-0.5 + 1 and scores of two singular values.
    fn outcomes() -> Vec<Outcome> {
        let trials = VitRank.grid(&PlanRequest::new(Preset::Full)).unwrap().into_iter();
        let seeded = trials.flat_map(|trial| [0, 1, 2].map(|seed| (trial.setting.clone(), seed)));
        let outcome = |(setting, seed): (VitSetting, u64)| {
            let m_h = setting.m_h as f64;
            let head = |layer, first| HeadProbe {
                layer,
                head: 0,
                weights: vec![],
                singular_values: vec![vec![first, 1.0], vec![first + 2.0, 1.0]],
            };
            let mut outcome = Outcome::finished(&setting, seed, &[("error", 0.5)]);
            outcome.result.as_mut().unwrap().train_loss = Some(2.0 * m_h.powf(-0.5) + 1.0);
            outcome.probe = Some(Probe { attention: vec![head(0, 0.0), head(1, 3.0 - 2.0 / m_h)], ..Probe::default() });
            outcome
        };
        seeded.map(outcome).collect()
    }

    #[test]
    fn spectra_are_compared_and_the_error_is_fitted() {
        let outcomes = outcomes();
        let cells = Cells::collect(&outcomes.iter().collect::<Vec<_>>()).unwrap();
        let reading = VitRank.read(&cells).unwrap();
        assert!(reading.findings.iter().all(|finding| finding.verdict == Verdict::Holds), "{:?}", reading.findings);
        let Ours::Derived(exponent) = reading.comparisons[0].ours else { panic!("{:?}", reading.comparisons) };
        assert!((exponent - 0.5).abs() < 1e-9);
        // Mean over two images of the largest singular value of the last layer, 4 - 2 / m_h.
        let means = &reading.figures[0].panels[1].series;
        assert_eq!((means[0].points[0].y, means[1].points[0].y, means[0].points[1].y), (2.0, 3.0, 1.0));
    }

    #[test]
    fn nothing_measured_is_said_so() {
        let reading = VitRank.read(&Cells::collect(&[]).unwrap()).unwrap();
        assert!(reading.findings.iter().all(|finding| finding.verdict == Verdict::NotMeasured));
    }
}
