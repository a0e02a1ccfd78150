//! Published values beside ours.

use serde::{Deserialize, Serialize};

use crate::experiment::evidence::brief;
use crate::experiment::finding::Verdict;
use crate::experiment::stats::Summary;
use crate::experiment::table::Table;

/// What was measured or worked out here.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ours {
    /// A number without a seed: worked out, not trained.
    Exact(f64),
    /// Worked out from the trained runs of several cells.
    Derived(f64),
    /// Trained, over seeds.
    Trained(Summary),
    /// No run of it has finished.
    Missing,
}

impl Ours {
    /// The number that is compared: the one there is, or the smallest over seeds.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Exact(value) | Self::Derived(value) => Some(*value),
            Self::Trained(summary) => Some(summary.min),
            Self::Missing => None,
        }
    }
}

/// One published number beside ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The experiment's name.
    pub experiment: String,
    /// What is compared, with its place in the grid.
    pub quantity: String,
    /// The published value; absent where the paper says none.
    pub published: Option<f64>,
    /// Ours.
    pub ours: Ours,
    /// What differs in the set-up, in a few words; empty where nothing is known to.
    pub differs: String,
    /// Whether ours agrees with the published value, by the rule of [`Comparison::within`] or one of the experiment's.
    pub verdict: Verdict,
}

impl Comparison {
    /// Agrees where the smallest value over seeds, or the exact one, is within `factor` (from 1 up) of the published
    /// value, above or below.
    pub fn within(
        factor: f64,
        experiment: &str,
        quantity: impl Into<String>,
        published: f64,
        ours: Ours,
        differs: &str,
    ) -> Self {
        let verdict = match ours.value() {
            Some(value) if (published / factor..=published * factor).contains(&value) => Verdict::Holds,
            Some(_) => Verdict::DoesNotHold,
            None => Verdict::NotMeasured,
        };
        Self {
            experiment: experiment.to_owned(),
            quantity: quantity.into(),
            published: Some(published),
            ours,
            differs: differs.to_owned(),
            verdict,
        }
    }

    /// A table of all of them.
    pub fn table(all: &[Self]) -> Table {
        let columns = ["experiment", "quantity", "published", "ours: min", "agrees", "mean", "95 % interval", "seeds"];
        let rows = all.iter().map(Self::row).collect();
        Table { title: "Published values beside ours".into(), columns: columns.map(String::from).into(), rows }
    }

    fn row(&self) -> Vec<String> {
        let published = self.published.map_or_else(|| "-".into(), brief);
        let verdict = match (self.verdict, self.published.zip(self.ours.value())) {
            (Verdict::Holds, _) => "yes",
            (Verdict::DoesNotHold, Some((published, ours))) if ours < published => "no, below",
            (Verdict::DoesNotHold, Some(_)) => "no, above",
            (Verdict::DoesNotHold, None) => "no",
            (Verdict::NotMeasured, _) => "not measured",
        };
        let dash = || "-".to_owned();
        let [min, mean, interval, seeds] = match &self.ours {
            Ours::Exact(value) => [brief(*value), dash(), dash(), "exact".into()],
            Ours::Derived(value) => [brief(*value), dash(), dash(), "all".into()],
            Ours::Trained(summary) => {
                let interval =
                    summary.interval.map_or_else(dash, |(low, high)| format!("{} to {}", brief(low), brief(high)));
                [brief(summary.min), brief(summary.mean), interval, summary.n.to_string()]
            }
            Ours::Missing => [dash(), dash(), dash(), "0".into()],
        };
        vec![self.experiment.clone(), self.quantity.clone(), published, min, verdict.into(), mean, interval, seeds]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::stats::summarise;

    #[test]
    fn agreement_is_within_a_factor_either_way() {
        let of = |ours| Comparison::within(10.0, "H1", "h=1", 1e-2, ours, "").verdict;
        assert_eq!(of(Ours::Exact(0.09)), Verdict::Holds);
        assert_eq!(of(Ours::Exact(0.11)), Verdict::DoesNotHold);
        assert_eq!(of(Ours::Exact(0.0009)), Verdict::DoesNotHold);
        assert_eq!(of(Ours::Trained(summarise(&[0.9, 0.05]).unwrap())), Verdict::Holds);
        assert_eq!(of(Ours::Missing), Verdict::NotMeasured);
    }

    #[test]
    fn tables_say_on_which_side_ours_is() {
        let of = |ours| Comparison::within(10.0, "H1", "h=1", 1e-2, ours, "").row().swap_remove(4);
        assert_eq!(of(Ours::Exact(0.02)), "yes");
        assert_eq!(of(Ours::Exact(0.2)), "no, above");
        assert_eq!(of(Ours::Trained(summarise(&[0.2, 1e-4]).unwrap())), "no, below");
        assert_eq!(of(Ours::Missing), "not measured");
    }
}
