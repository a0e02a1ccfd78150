//! Datasets whose samples are drawn one by one.

use std::fmt;

use burn_dataset::Dataset;
use lookback_registry::{Error, Result};

use crate::random::{Key, SampleRng};
use crate::{Sample, Split};

type Draw = dyn Fn(usize, &mut SampleRng) -> Sample + Send + Sync;

/// Samples each drawn from a generator of its own: sample i is a pure function of (seed, split, i) and of the
/// configuration that made the dataset, the same bits on every platform and in every thread.
pub struct DrawnDataset {
    name: &'static str,
    samples: usize,
    key: Key,
    draw: Box<Draw>,
}

impl DrawnDataset {
    /// The samples of `split`, drawn by `draw(index, generator)`.
    ///
    /// # Errors
    /// `split` has no samples.
    pub(crate) fn new(
        name: &'static str,
        split: Split,
        draw: impl Fn(usize, &mut SampleRng) -> Sample + Send + Sync + 'static,
    ) -> Result<Self> {
        if split.samples() == 0 {
            return Err(Error::invalid("samples", 0, "a whole number from 1 up"));
        }
        Ok(Self { name, samples: split.samples(), key: split.key(name), draw: Box::new(draw) })
    }
}

impl fmt::Debug for DrawnDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrawnDataset").field("name", &self.name).field("samples", &self.samples).finish_non_exhaustive()
    }
}

impl Dataset<Sample> for DrawnDataset {
    fn get(&self, index: usize) -> Option<Sample> {
        (index < self.samples).then(|| (self.draw)(index, &mut SampleRng::new(self.key, index as u64)))
    }

    fn len(&self) -> usize {
        self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_depend_on_name_seed_split_and_index_alone() {
        let dataset = |name, split| {
            let draw = |_: usize, rng: &mut SampleRng| Sample { inputs: vec![rng.uniform() as f32], targets: vec![] };
            DrawnDataset::new(name, split, draw).unwrap()
        };
        let data = dataset("a", Split::train(1, 3));
        assert_eq!(data.get(2), dataset("a", Split::stream(1)).get(2));
        assert_eq!((data.len(), data.get(3)), (3, None));
        for other in
            [dataset("b", Split::train(1, 3)), dataset("a", Split::train(2, 3)), dataset("a", Split::valid(1, 3))]
        {
            assert_ne!(data.get(2), other.get(2));
        }
        let empty = DrawnDataset::new("a", Split::train(0, 0), |_, _| unreachable!());
        assert_eq!(empty.unwrap_err().to_string(), "`samples` is 0, but it must be a whole number from 1 up.");
    }
}
