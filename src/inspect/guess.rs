//! What a classifier says of an image.

use burn_dataset::Dataset;
use lookback_benchmarks::ImageClasses;
use lookback_benchmarks::tasks::classification::probabilities;
use lookback_datasets::Sample;
use lookback_datasets::images::Image;
use lookback_registry::Result;

use super::TrainedModel;
use crate::backends::TrainBackend;

/// An image as a classifier sees it, and what it takes it for.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// The image that the sample shows.
    pub picture: Image,
    /// The probability of each class, by output channel.
    pub probabilities: Vec<f64>,
    /// The class that it is of, where that is known.
    pub truth: Option<usize>,
}

impl Guess {
    /// Classifies a sample `[height * width, 3]`, row-major, of the task's images.
    ///
    /// # Errors
    /// The sample is no image of that size.
    pub fn of<B: TrainBackend>(
        run: &TrainedModel<B>,
        images: &ImageClasses,
        values: Vec<f32>,
        truth: Option<usize>,
    ) -> Result<Self> {
        let picture = picture(images, &values)?;
        Ok(Self { picture, probabilities: probabilities(&run.predict(values)), truth })
    }

    /// Classes with their probabilities, most probable first; of equals the first of the list.
    pub fn ranked(&self) -> Vec<(usize, f64)> {
        let mut classes: Vec<_> = self.probabilities.iter().copied().enumerate().collect();
        classes.sort_by(|left, right| right.1.total_cmp(&left.1));
        classes
    }

    /// Whether the most probable class is the true one, where that is known.
    pub fn right(&self) -> Option<bool> {
        Some(self.ranked().first()?.0 == self.truth?)
    }
}

/// The image that a sample shows: the inverse of the normalisation, to whole values.
fn picture(images: &ImageClasses, values: &[f32]) -> Result<Image> {
    let whole = |(index, value): (usize, &f32)| {
        let channel = index % 3;
        (255.0 * (value * images.std[channel] + images.mean[channel])).round() as u8
    };
    Image::new(images.width, images.height, values.iter().enumerate().map(whole).collect())
}

/// The values and the class of a sample of a classification task; none beyond the end of the data.
pub fn sample(data: &dyn Dataset<Sample>, index: usize) -> Option<(Vec<f32>, usize)> {
    let Sample { inputs, targets } = data.get(index)?;
    let truth = targets.iter().enumerate().fold(0, |best, (class, q)| if *q > targets[best] { class } else { best });
    Some((inputs, truth))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookback_datasets::images::AugmentConfig;

    #[test]
    fn the_picture_is_the_one_that_the_sample_was_made_of() {
        let images = ImageClasses {
            classes: vec!["a".into(), "b".into()],
            width: 16,
            height: 16,
            mean: [0.4914, 0.4822, 0.4465],
            std: [0.2470, 0.2435, 0.2616],
            picture: (16, 16),
            evaluation: AugmentConfig::none(),
        };
        let every_value = Image::new(16, 16, (0..768).map(|value| (value / 3) as u8).collect()).unwrap();
        assert_eq!(picture(&images, &images.sample(&every_value).unwrap()).unwrap(), every_value);
        assert!(picture(&images, &[0.0; 3]).is_err());
    }

    #[test]
    fn guesses_are_ranked_and_compared() {
        let guess = |truth| Guess { picture: Image::filled(1, 1, [0; 3]), probabilities: vec![0.2, 0.5, 0.3], truth };
        assert_eq!(guess(None).ranked(), [(1, 0.5), (2, 0.3), (0, 0.2)]);
        assert_eq!(
            [guess(None), guess(Some(1)), guess(Some(2))].map(|guess| guess.right()),
            [None, Some(true), Some(false)]
        );
    }
}
