//! How well a classifier does, class by class.

use std::sync::Arc;

use burn_dataset::{Dataset, InMemDataset};
use lookback_datasets::images::{AugmentConfig, Image, ImageSet, LabelledImage};
use lookback_registry::Result;
use serde::{Deserialize, Serialize};

use crate::experiment::Table;
use crate::tasks::Metrics;

/// Guesses per sample that count in the top-k accuracy.
const TOP: usize = 5;

/// Images to be classified: what the values of a sample mean.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageClasses {
    /// The classes, by output channel.
    pub classes: Vec<String>,
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// What is subtracted from the values 0..=1 of each channel.
    pub mean: [f32; 3],
    /// What they are divided by then.
    pub std: [f32; 3],
    /// (width, height) of the pictures that samples are made of.
    pub picture: (usize, usize),
    /// What is done to a picture to make a sample of it.
    pub evaluation: AugmentConfig,
}

impl ImageClasses {
    /// The sample of a picture of any size: `[height * width, 3]`, row-major.
    ///
    /// # Errors
    /// The picture cannot be made a sample.
    pub fn sample(&self, picture: &Image) -> Result<Vec<f32>> {
        let (width, height) = self.picture;
        let image = LabelledImage { image: picture.resized(width, height), label: 0 };
        let images = Arc::new(InMemDataset::new(vec![image]));
        let set = ImageSet::new(images, &self.evaluation, self.mean, self.std, self.classes.len())?;
        Ok(set.get(0).map(|sample| sample.inputs).unwrap_or_default())
    }
}

/// A classifier's results on a set of samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// The classes.
    pub classes: Vec<String>,
    /// Samples by true class (outer) and by predicted class (inner).
    pub confusion: Vec<Vec<usize>>,
    /// Share of correct samples among those of each class; absent for a class without samples.
    pub class_accuracy: Vec<Option<f64>>,
    /// Share of correct samples.
    pub accuracy: f64,
    /// Share of samples whose class is among the five most probable.
    pub top5_accuracy: f64,
    /// Mean negative logarithm of the probability of the true class.
    pub cross_entropy: f64,
}

impl Classification {
    /// Compares logits with targets whose largest entry is the true class; of equal logits the first counts as larger.
    ///
    /// # Shapes
    /// - both slices `[samples, classes]`, row-major
    pub fn of(logits: &[f32], targets: &[f32], classes: &[String]) -> Self {
        let count = classes.len();
        assert_eq!(logits.len(), targets.len(), "there must be one row of logits per target");
        let mut confusion = vec![vec![0; count]; count];
        let (mut top, mut entropy) = (0_usize, 0.0);
        for (logits, target) in logits.chunks_exact(count).zip(targets.chunks_exact(count)) {
            let truth = largest(target);
            confusion[truth][largest(logits)] += 1;
            top += usize::from(rank(logits, truth) <= TOP);
            entropy -= log_probability(logits, truth);
        }
        let rows: Vec<usize> = confusion.iter().map(|row| row.iter().sum()).collect();
        let correct: usize = (0..count).map(|class| confusion[class][class]).sum();
        let samples = rows.iter().sum::<usize>() as f64;
        Self {
            class_accuracy: (0..count)
                .map(|class| (rows[class] > 0).then(|| confusion[class][class] as f64 / rows[class] as f64))
                .collect(),
            classes: classes.to_vec(),
            confusion,
            accuracy: correct as f64 / samples,
            top5_accuracy: top as f64 / samples,
            cross_entropy: entropy / samples,
        }
    }

    /// Samples by true class (rows) and predicted class (columns), with the accuracy of each class.
    pub fn table(&self) -> Table {
        let ends = |first: &str, last: &str| (vec![first.to_owned()], vec![last.to_owned()]);
        let (mut columns, last) = ends("true \\ predicted", "accuracy");
        columns.extend(self.classes.iter().cloned().chain(last));
        let rows =
            self.classes.iter().zip(&self.confusion).zip(&self.class_accuracy).map(|((class, counts), share)| {
                let share = share.map_or_else(|| "-".to_owned(), |share| format!("{:.1}%", 100.0 * share));
                let (mut row, last) = ends(class, &share);
                row.extend(counts.iter().map(usize::to_string).chain(last));
                row
            });
        Table { title: "Samples by true and predicted class".to_owned(), rows: rows.collect(), columns }
    }

    /// The metrics of a run; the first is the primary one.
    pub fn metrics(&self) -> Metrics {
        // Without finite logits nothing was predicted, whatever the counts say.
        let finite = |value: f64| if self.cross_entropy.is_finite() { value } else { f64::NAN };
        vec![
            ("error", finite(1.0 - self.accuracy)),
            ("accuracy", finite(self.accuracy)),
            ("top5_accuracy", finite(self.top5_accuracy)),
            ("cross_entropy", self.cross_entropy),
        ]
    }
}

/// The place of a class, from 1, among logits in decreasing order; of equal ones the first comes first.
pub(crate) fn rank(logits: &[f32], class: usize) -> usize {
    let ahead = |other: usize| logits[other] > logits[class] || (logits[other] == logits[class] && other < class);
    1 + (0..logits.len()).filter(|other| ahead(*other)).count()
}

/// The index of the first largest value.
pub(crate) fn largest(values: &[f32]) -> usize {
    (0..values.len()).fold(0, |best, index| if values[index] > values[best] { index } else { best })
}

/// The logarithm of a class's probability.
pub(crate) fn log_probability(logits: &[f32], class: usize) -> f64 {
    let most = logits.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - most).exp()).sum();
    f64::from(logits[class]) - most - sum.ln()
}

/// The softmax of logits, in f64.
pub fn probabilities(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().copied().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|logit| (f64::from(*logit) - most).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(count: usize) -> Vec<String> {
        (0..count).map(|class| class.to_string()).collect()
    }

    #[test]
    fn counts_and_entropy_are_those_of_a_small_case_by_hand() {
        let logits = [0.0, 2.0f32.ln(), 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
        let targets = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
        let found = Classification::of(&logits, &targets, &classes(3));
        assert_eq!(found.confusion, [[1, 0, 0], [0, 1, 0], [1, 0, 0]]);
        assert_eq!(found.class_accuracy, [Some(1.0), Some(1.0), Some(0.0)]);
        assert_eq!((found.accuracy, found.top5_accuracy), (2.0 / 3.0, 1.0));
        let e = std::f64::consts::E;
        let expected = ((2.0f64).ln() + (e + 2.0).ln() + (2.0 + 1.0 / e).ln()) / 3.0;
        assert!((found.cross_entropy - expected).abs() < 1e-6, "{}", found.cross_entropy);
    }

    #[test]
    fn the_sixth_guess_does_not_count() {
        let logits: Vec<f32> = (0..7).map(|class| -(class as f32)).collect();
        let target = |class: usize| (0..7).map(|other| f32::from(other == class)).collect::<Vec<_>>();
        let top = |class| Classification::of(&logits, &target(class), &classes(7)).top5_accuracy;
        assert_eq!((top(4), top(5)), (1.0, 0.0));
    }

    #[test]
    fn logits_that_are_not_finite_make_no_accuracy() {
        let found = Classification::of(&[f32::NAN, 0.0], &[1.0, 0.0], &classes(2));
        assert!(found.metrics().iter().all(|(_, value)| value.is_nan()));
    }
}
