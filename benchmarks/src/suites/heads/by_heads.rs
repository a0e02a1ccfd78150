//! What H8 and H9 share: training accuracy over the number of heads, a curve per sequence length.

use super::grid::{HeadsCells, HeadsSetting, at};
use crate::experiment::comparison::{Comparison, Ours};
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use crate::experiment::{Cell, Finding, Verdict};

/// Published training accuracies, in 0..=1.
pub(super) struct PublishedAccuracies {
    /// The experiment's name.
    pub experiment: &'static str,
    /// Sequence lengths of the columns.
    pub lengths: &'static [usize],
    /// By number of heads, the accuracies.
    pub rows: &'static [(usize, &'static [f64])],
    /// Half of the last printed digit: an error of 0 is printed for all below.
    pub rounding: f64,
    /// The number of heads that the paper takes to be enough.
    pub enough: usize,
}

impl PublishedAccuracies {
    /// `None` where none was published.
    pub fn accuracy(&self, heads: usize, length: usize) -> Option<f64> {
        let column = self.lengths.iter().position(|known| *known == length)?;
        self.rows.iter().find(|(known, _)| *known == heads).map(|(_, row)| row[column])
    }

    /// Published errors beside ours, of the cells that are comparable.
    pub fn comparisons(
        &self,
        cells: &HeadsCells,
        differs: &str,
        comparable: impl Fn(&Cell<'_, HeadsSetting>) -> bool,
    ) -> Vec<Comparison> {
        let compare = |cell: &Cell<'_, HeadsSetting>| {
            let HeadsSetting { length, heads } = cell.setting;
            let error = 1.0 - self.accuracy(heads, length)?;
            let ours = if comparable(cell) { cell.ours("error") } else { Ours::Missing };
            let quantity = format!("training error, h={heads}, T={length}");
            let published = error.max(self.rounding);
            let mut comparison = Comparison::within(10.0, self.experiment, quantity, published, ours, differs);
            // An error that is printed as 0 is known to be at most the rounding, and no more.
            if error < self.rounding && ours.value().is_some_and(|value| value <= self.rounding) {
                comparison.verdict = Verdict::Holds;
            }
            Some(comparison)
        };
        cells.iter().filter_map(compare).collect()
    }

    /// A panel per length: ours, published and chance.
    pub fn panels(&self, cells: &HeadsCells, chance: impl Fn(usize) -> f64) -> Vec<Panel> {
        panels(cells, "accuracy", "training accuracy", chance, |heads, length| self.accuracy(heads, length))
    }

    /// Whether more heads help, whether length hurts with few of them, and not with enough.
    pub fn findings(&self, cells: &HeadsCells) -> Vec<Finding> {
        let prefix = self.experiment.to_lowercase();
        vec![more_heads(cells, &prefix), longer_is_harder(cells, &prefix), self.enough_heads(cells, &prefix)]
    }

    fn enough_heads(&self, cells: &HeadsCells, prefix: &str) -> Finding {
        const SAME: f64 = 0.02;
        let mut evidence = Evidence::default();
        let mut enough = cells.values(|setting| setting.heads);
        enough.retain(|heads| *heads >= self.enough);
        if enough.is_empty() {
            evidence.missing(format!("runs with at least {} heads", self.enough));
        }
        for heads in enough {
            let Some([(short, low), (long, high)]) = ends(cells, heads, &mut evidence) else { continue };
            let number = format!("h={heads}: {} at T={short}, {} at T={long}", brief(low), brief(high));
            evidence.check((high - low).abs() <= SAME, number);
        }
        let statement = format!(
            "From {} heads on the sequence length no longer matters: training errors (means) at the shortest and the longest \
             T are within {SAME} of each other.",
            self.enough
        );
        evidence.finding(&format!("{prefix}-enough-heads"), &statement)
    }
}

/// A panel per length: a metric over the number of heads, what is published, and chance.
pub(super) fn panels(
    cells: &HeadsCells,
    metric: &str,
    label: &str,
    chance: impl Fn(usize) -> f64,
    published: impl Fn(usize, usize) -> Option<f64>,
) -> Vec<Panel> {
    let heads = cells.values(|setting| setting.heads);
    let panel = |length: usize| {
        let over = |value: &dyn Fn(usize) -> Option<Point>| -> Vec<Point> {
            heads.iter().enumerate().filter_map(|(at, heads)| Some(Point { x: at as f64, ..value(*heads)? })).collect()
        };
        let ours = over(&|heads| {
            let summary = at(cells, length, heads)?.metric(metric)?;
            // Of accuracies the smallest is no best case.
            Some(Point { min: None, ..Point::of(0.0, summary) })
        });
        let paper = over(&|heads| Some(Point::new(0.0, published(heads, length)?)));
        let by_chance = over(&|_| Some(Point::new(0.0, chance(length))));
        let series = [
            Series::new("chance", "floor", Mark::Dashed, by_chance),
            Series::new("published", "truth", Mark::Dashed, paper),
            Series::new("ours", "transformer", Mark::LinePoints, ours),
        ];
        let y = Axis { range: Some((0.0, 1.0)), ..Axis::new(label, false) };
        let x = Axis::over("heads h", &heads);
        Panel::new(format!("T = {length}"), x, y, series.into_iter().filter(|line| !line.points.is_empty()).collect())
    };
    cells.values(|setting| setting.length).into_iter().map(panel).collect()
}

/// A figure of these panels.
pub(super) fn figure(id: &str, title: &str, caption: String, panels: Vec<Panel>) -> Figure {
    Figure { id: id.into(), title: title.into(), caption, columns: panels.len().clamp(1, 3), panels }
}

fn error(cells: &HeadsCells, heads: usize, length: usize, evidence: &mut Evidence) -> Option<f64> {
    Some(at(cells, length, heads)?.measured("error", evidence)?.mean)
}

/// Mean errors at the shortest and the longest sequence.
fn ends(cells: &HeadsCells, heads: usize, evidence: &mut Evidence) -> Option<[(usize, f64); 2]> {
    let lengths = cells.values(|setting| setting.length);
    let (short, long) = (*lengths.first()?, *lengths.last()?);
    if short == long {
        evidence.missing("a second sequence length");
        return None;
    }
    let (low, high) = (error(cells, heads, short, evidence), error(cells, heads, long, evidence));
    Some([(short, low?), (long, high?)])
}

fn more_heads(cells: &HeadsCells, prefix: &str) -> Finding {
    let mut evidence = Evidence::default();
    let heads = cells.values(|setting| setting.heads);
    if let [few, .., many] = heads[..] {
        for length in cells.values(|setting| setting.length) {
            let before = error(cells, few, length, &mut evidence);
            let after = error(cells, many, length, &mut evidence);
            let (Some(before), Some(after)) = (before, after) else { continue };
            let number = format!("T={length}: {} at h={few}, {} at h={many}", brief(before), brief(after));
            evidence.check(after <= 0.5 * before, number);
        }
    } else {
        evidence.missing("a second number of heads");
    }
    evidence.finding(
        &format!("{prefix}-more-heads"),
        "At every sequence length the training error (mean) with the most heads is at most half of that with the fewest.",
    )
}

fn longer_is_harder(cells: &HeadsCells, prefix: &str) -> Finding {
    let mut evidence = Evidence::default();
    match cells.values(|setting| setting.heads).first() {
        Some(heads) => {
            if let Some([(short, low), (long, high)]) = ends(cells, *heads, &mut evidence) {
                let number = format!("h={heads}: {} at T={short}, {} at T={long}", brief(low), brief(high));
                evidence.check(high > low, number);
            }
        }
        None => evidence.missing("any run"),
    }
    evidence.finding(
        &format!("{prefix}-longer-is-harder"),
        "With the fewest heads the training error (mean) is larger at the longest sequence than at the shortest.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Outcome;

    #[test]
    fn errors_below_what_is_printed_agree_with_a_printed_zero() {
        const PUBLISHED: PublishedAccuracies = PublishedAccuracies {
            experiment: "H8",
            lengths: &[8, 16],
            rows: &[(12, &[1.000, 0.999]), (16, &[1.000, 1.000])],
            rounding: 5e-4,
            enough: 12,
        };
        let runs = [(12, 8, 0.0), (12, 16, 0.0), (16, 8, 4e-4), (16, 16, 0.01)];
        let outcomes = runs
            .map(|(heads, length, error)| Outcome::finished(&HeadsSetting { length, heads }, 0, &[("error", error)]));
        let cells = HeadsCells::collect(&outcomes.iter().collect::<Vec<_>>()).unwrap();
        let comparisons = PUBLISHED.comparisons(&cells, "", |_| true);
        let verdict = |quantity: &str| comparisons.iter().find(|one| one.quantity == quantity).unwrap().verdict;
        assert_eq!(verdict("training error, h=12, T=8"), Verdict::Holds);
        // Published is an error of 0.001, and 0 is not within a factor of it.
        assert_eq!(verdict("training error, h=12, T=16"), Verdict::DoesNotHold);
        assert_eq!(verdict("training error, h=16, T=8"), Verdict::Holds);
        assert_eq!(verdict("training error, h=16, T=16"), Verdict::DoesNotHold);
    }
}
