//! H6: whether longer sequences have smaller errors.

use lookback_registry::Result;

use super::errors;
use super::grid::{Case, HeadsCells, HeadsSetting, pairs, scale};
use super::published::{self, PER_HEAD};
use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Experiment, ExperimentInfo, Finding, PlanRequest, Reading, Table, Trial, Verdict};

/// A score up to this is as good as none: of the published errors themselves 3 heads come to 0.06.
const NONE: f64 = 0.1;

/// How far from a published score above [`NONE`] ours may be.
const FACTOR: f64 = 2.0;

/// The number D of maxima of H1.
const ENOUGH: usize = 4;

/// `sum_{T1 < T2} max(err(T1) - err(T2), 0) / (max_T err - min_T err)` of errors by ascending length; 0 where all are equal.
fn score(errors: &[f64]) -> f64 {
    let reversed: f64 = errors
        .iter()
        .enumerate()
        .flat_map(|(index, short)| errors[index + 1..].iter().map(move |long| (short - long).max(0.0)))
        .sum();
    let largest = errors.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let smallest = errors.iter().copied().fold(f64::INFINITY, f64::min);
    if largest > smallest { reversed / (largest - smallest) } else { 0.0 }
}

/// The published score of the errors at these lengths; `None` where one of them was not published.
fn published_score(heads: usize, lengths: &[usize]) -> Option<f64> {
    let row: Option<Vec<f64>> = lengths.iter().map(|length| published::at(PER_HEAD, heads, *length)).collect();
    row.map(|row| score(&row))
}

/// Ours agrees within [`FACTOR`], or where both scores are as good as none.
fn comparison(heads: usize, published: f64, ours: Option<f64>, differs: &str) -> Comparison {
    let quantity = format!("reversal score R({heads})");
    let derived = ours.map_or(Ours::Missing, Ours::Derived);
    let mut comparison = Comparison::within(FACTOR, "H6", quantity, published, derived, differs);
    if let Some(ours) = ours.filter(|_| published <= NONE) {
        comparison.verdict = if ours <= NONE { Verdict::Holds } else { Verdict::DoesNotHold };
    }
    comparison
}

/// The weighted reversal score of H1's runs.
pub(super) struct Reversal;

impl Reversal {
    fn finding(scores: &[(usize, f64)], mut evidence: Evidence) -> Finding {
        for (heads, score) in scores {
            let agrees = if *heads < ENOUGH { *score <= NONE } else { *score > NONE };
            evidence.check(agrees, format!("R({heads}) = {}", brief(*score)));
        }
        let statement = "The weighted reversal score R(h), whether longer sequences have smaller errors, is at most 0.1 \
                         with fewer than D = 4 heads and larger from 4 on.";
        evidence.finding("h6-reversal", statement)
    }
}

impl Experiment for Reversal {
    type Setting = HeadsSetting;

    fn info(&self) -> ExperimentInfo {
        ExperimentInfo {
            name: "H6",
            title: "Weighted reversal score against heads",
            differs: "published scores are worked out from the published errors at the lengths that were run",
            remark: "From 4 heads on all errors are what training reaches, so that the score compares their noise.",
        }
    }

    fn grid(&self, request: &PlanRequest) -> Result<Vec<Trial<HeadsSetting>>> {
        let settings = pairs(scale(request.preset).lengths, 1..=PER_HEAD.len()).into_iter();
        let trial = |setting: HeadsSetting| Case::new(setting.length, setting.heads).trial(request.preset, setting);
        Ok(settings.map(trial).collect())
    }

    fn read(&self, cells: &HeadsCells) -> Result<Reading> {
        let mut evidence = Evidence::default();
        let lengths = cells.values(|setting| setting.length);
        if lengths.len() < 2 {
            evidence.missing("two lengths");
        }
        let mut scores = Vec::new();
        let mut comparisons = Vec::new();
        // Scores of fewer lengths are smaller: only of the same lengths there is something to compare.
        let published = |heads: usize| published_score(heads, &lengths).filter(|_| lengths.len() > 1);
        for heads in cells.values(|setting| setting.heads) {
            let of = |length: &usize| errors::smallest(cells, *length, heads, &mut evidence);
            let all: Vec<Option<f64>> = lengths.iter().map(of).collect();
            let all = all.into_iter().collect::<Option<Vec<f64>>>().filter(|all| all.len() > 1);
            let ours = all.map(|all| score(&all));
            scores.extend(ours.map(|ours| (heads, ours)));
            comparisons.extend(published(heads).map(|known| comparison(heads, known, ours, self.info().differs)));
        }
        let row = |(heads, score): &(usize, f64)| {
            vec![heads.to_string(), brief(*score), published(*heads).map_or_else(|| "-".into(), brief)]
        };
        let table = Table {
            title: "weighted reversal score".into(),
            columns: ["h", "R(h)", "published"].map(String::from).into(),
            rows: scores.iter().map(row).collect(),
        };
        let points = |of: &dyn Fn(&(usize, f64)) -> Option<f64>| -> Vec<Point> {
            scores.iter().filter_map(|entry| Some(Point::new(entry.0 as f64, of(entry)?))).collect()
        };
        let mut series = vec![Series::new("R(h)", "transformer", Mark::LinePoints, points(&|entry| Some(entry.1)))];
        let known = points(&|entry| published(entry.0));
        if !known.is_empty() {
            series.insert(0, Series::new("published", "reference", Mark::Dashed, known));
        }
        let figure = Figure {
            id: "h6-reversal".into(),
            title: self.info().title.into(),
            caption:
                "R(h) = sum over T1 < T2 of max(err(T1) - err(T2), 0), over the range of the errors: 0 where errors \
                      only grow with the length. Smallest NMSE over seeds."
                    .into(),
            panels: vec![Panel::new("", Axis::new("heads h", false), Axis::new("R(h)", false), series)],
            columns: 1,
        };
        let findings = vec![Self::finding(&scores, evidence)];
        Ok(Reading { tables: vec![table], figures: vec![figure], findings, comparisons })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_worked_out_by_hand() {
        assert_eq!(score(&[1.0, 2.0, 4.0]), 0.0);
        assert_eq!(score(&[4.0, 2.0, 1.0]), (2.0 + 3.0 + 1.0) / 3.0);
        assert_eq!(score(&[2.0, 4.0, 3.0]), 0.5);
        assert_eq!(score(&[2.0, 2.0]), 0.0);
        let published: Vec<f64> = PER_HEAD.iter().map(|row| score(row)).collect();
        let expected = [0.0, 0.0, 0.0574, 5.329, 4.462];
        assert!(published.iter().zip(expected).all(|(ours, by_hand)| (ours - by_hand).abs() < 1e-3), "{published:?}");
    }

    #[test]
    fn published_scores_are_of_the_same_lengths() {
        assert_eq!(published_score(4, &[8, 128]), Some(1.0));
        assert_eq!(published_score(4, &[4, 8]), None);
        assert_eq!(published_score(6, &[8, 128]), None);
    }

    #[test]
    fn scores_as_good_as_none_agree_with_each_other() {
        let verdict = |published, ours| comparison(3, published, ours, "").verdict;
        assert_eq!(verdict(0.0, Some(0.1)), Verdict::Holds);
        assert_eq!(verdict(0.06, Some(0.0)), Verdict::Holds);
        assert_eq!(verdict(0.06, Some(0.11)), Verdict::DoesNotHold);
        assert_eq!(verdict(5.0, Some(2.5)), Verdict::Holds);
        assert_eq!(verdict(5.0, Some(0.0)), Verdict::DoesNotHold);
        assert_eq!(verdict(0.0, None), Verdict::NotMeasured);
    }
}
