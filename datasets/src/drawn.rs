//! Datasets whose samples are drawn one by one.

use std::fmt;

use burn_dataset::Dataset;
use lookback_registry::{Error, Result};

use crate::Sample;
use crate::random::{Key, SampleRng};

/// Which samples of a dataset: a split of a seed, and how many.
///
/// Splits have random streams of their own: no sample of one is a sample of the other, whatever the seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    validation: bool,
    seed: u64,
    samples: usize,
}

impl Split {
    /// The first `samples` training samples of `seed`.
    pub fn train(seed: u64, samples: usize) -> Self {
        Self { validation: false, seed, samples }
    }

    /// All training samples of `seed`, an endless stream that begins as [`Split::train`] does: its length is
    /// `usize::MAX`.
    pub fn stream(seed: u64) -> Self {
        Self::train(seed, usize::MAX)
    }

    /// The first `samples` validation samples of `seed`.
    pub fn valid(seed: u64, samples: usize) -> Self {
        Self { validation: true, seed, samples }
    }

    /// Whether these are validation samples.
    pub fn is_validation(self) -> bool {
        self.validation
    }

    /// How many samples there are.
    pub fn samples(self) -> usize {
        self.samples
    }

    /// The key of the random values of a dataset of this name.
    pub fn key(self, dataset: &str) -> Key {
        let split = if self.validation { "validation" } else { "training" };
        Key::new(&format!("{dataset}, {split}"), self.seed)
    }
}

/// Refuses sequences of more than 2^28 values over all channels, 1 GiB.
pub(crate) fn check_size(length: usize, d_input: usize) -> Result<()> {
    const LARGEST: usize = 1 << 28;
    if length.checked_mul(d_input).is_some_and(|size| size <= LARGEST) {
        return Ok(());
    }
    let valid = format!("at most {} at d_input {d_input} (2^28 values in all)", LARGEST / d_input);
    Err(Error::invalid("length", length, valid))
}

type Draw = dyn Fn(usize, &mut SampleRng) -> Sample + Send + Sync;

/// Samples each drawn from a generator of its own: sample i is a pure function of (name, seed, split, i) and of what `draw`
/// holds, the same bits on every platform and in every thread.
///
/// ```
/// use burn_dataset::Dataset;
/// use lookback_datasets::{DrawnDataset, InputProcess, Sample, Split};
///
/// // The running sum of 8 signs.
/// let data = DrawnDataset::new("running sum", Split::train(0, 100), |_, rng| {
///     let inputs = InputProcess::Rademacher.draw(8, 1, 0.0, rng);
///     let mut sum = 0.0;
///     let add = |x: &f32| {
///         sum += x;
///         sum
///     };
///     let targets = inputs.iter().map(add).collect();
///     Sample { inputs, targets }
/// })?;
/// let Sample { inputs, targets } = data.get(99).unwrap();
/// assert_eq!(targets[7], inputs.iter().sum::<f32>());
/// # Ok::<(), lookback_registry::Error>(())
/// ```
pub struct DrawnDataset {
    name: &'static str,
    samples: usize,
    key: Key,
    draw: Box<Draw>,
}

impl DrawnDataset {
    /// The samples of `split`, drawn by `draw(index, generator)`; datasets of different names share no random values.
    ///
    /// # Errors
    /// `split` has no samples.
    pub fn new(
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
    use crate::testing::refused;

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
        assert_eq!(refused(empty), "samples");
    }
}
