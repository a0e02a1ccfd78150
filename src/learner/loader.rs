//! The training split in its order. Batch k is a pure function of (seed, k), so nothing of it needs saving.

use std::sync::{Arc, mpsc};

use burn_dataset::Dataset;
use lookback_datasets::{Sample, permutation};
use lookback_registry::{Error, ErrorKind, Result};

/// Batches that each loader thread makes ahead.
const AHEAD: usize = 2;

/// The batches of a run.
pub(crate) struct TrainData {
    dataset: Arc<dyn Dataset<Sample>>,
    batch_size: usize,
    order: Order,
}

enum Order {
    /// A fixed set as an endless row of shuffled epochs, batches running across their ends.
    Shuffled { seed: u64, cache: Vec<Option<Sample>>, epoch: usize, order: Vec<usize> },
    /// An endless stream in its own order.
    Stream { loaders: usize, ahead: Option<Ahead> },
}

impl TrainData {
    /// The batches of a set or a stream.
    ///
    /// # Errors
    /// There are no samples.
    pub fn new(dataset: Box<dyn Dataset<Sample>>, streams: bool, seed: u64, batch_size: usize) -> Result<Self> {
        if dataset.is_empty() {
            return Err(Error::new(ErrorKind::InvalidValue, "The task has no training samples; at least 1 is needed."));
        }
        let order = match streams {
            true => Order::Stream { loaders: 0, ahead: None },
            false => Order::Shuffled { seed, cache: vec![None; dataset.len()], epoch: usize::MAX, order: Vec::new() },
        };
        Ok(Self { dataset: Arc::from(dataset), batch_size, order })
    }

    /// Makes the batches of a stream ahead of time in this many threads. A fixed set is kept in memory instead.
    pub fn set_loaders(&mut self, count: usize) {
        if let Order::Stream { loaders, ahead } = &mut self.order {
            (*loaders, *ahead) = (count, None);
        }
    }

    /// The batch of update `step`.
    pub fn batch(&mut self, step: usize) -> Vec<Sample> {
        let positions = step * self.batch_size..(step + 1) * self.batch_size;
        match &mut self.order {
            Order::Shuffled { seed, cache, epoch, order } => positions
                .map(|position| {
                    let (round, place) = (position / cache.len(), position % cache.len());
                    if round != *epoch {
                        *epoch = round;
                        *order = permutation(cache.len(), *seed, round as u64);
                    }
                    let index = order[place];
                    cache[index].get_or_insert_with(|| sample(self.dataset.as_ref(), index)).clone()
                })
                .collect(),
            Order::Stream { loaders: 0, .. } => {
                positions.map(|position| sample(self.dataset.as_ref(), position)).collect()
            }
            Order::Stream { loaders, ahead } => {
                if ahead.as_ref().is_none_or(|ahead| ahead.next != step) {
                    *ahead = Some(Ahead::new(&self.dataset, self.batch_size, *loaders, step));
                }
                ahead.as_mut().expect("it was just made").batch()
            }
        }
    }
}

fn sample(dataset: &dyn Dataset<Sample>, index: usize) -> Sample {
    dataset.get(index).expect("the index is within the dataset")
}

/// Batches made in threads of their own; they end with the receivers.
struct Ahead {
    first: usize,
    next: usize,
    /// Thread i makes every batch whose distance from the first leaves i when divided by their number.
    batches: Vec<mpsc::Receiver<Vec<Sample>>>,
}

impl Ahead {
    fn new(dataset: &Arc<dyn Dataset<Sample>>, batch_size: usize, loaders: usize, first: usize) -> Self {
        let batches = (0..loaders)
            .map(|loader| {
                let dataset = Arc::clone(dataset);
                let (sender, receiver) = mpsc::sync_channel(AHEAD);
                std::thread::spawn(move || {
                    for step in (first + loader..).step_by(loaders) {
                        let positions = step * batch_size..(step + 1) * batch_size;
                        let batch = positions.map(|position| sample(dataset.as_ref(), position)).collect();
                        if sender.send(batch).is_err() {
                            return;
                        }
                    }
                });
                receiver
            })
            .collect();
        Self { first, next: first, batches }
    }

    fn batch(&mut self) -> Vec<Sample> {
        let loader = (self.next - self.first) % self.batches.len();
        self.next += 1;
        self.batches[loader].recv().expect("a loader thread has panicked, and has said why")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sample i holds the number i.
    struct Numbers(usize);

    impl Dataset<Sample> for Numbers {
        fn get(&self, index: usize) -> Option<Sample> {
            (index < self.0).then(|| Sample { inputs: vec![index as f32], targets: Vec::new() })
        }

        fn len(&self) -> usize {
            self.0
        }
    }

    fn numbers(batch: &[Sample]) -> Vec<usize> {
        batch.iter().map(|sample| sample.inputs[0] as usize).collect()
    }

    #[test]
    fn epochs_are_permutations_and_batches_run_across_their_ends() {
        let mut data = TrainData::new(Box::new(Numbers(10)), false, 3, 4).expect("samples");
        let mut seen: Vec<usize> = (0..5).flat_map(|step| numbers(&data.batch(step))).collect();
        assert_eq!(seen[..10], permutation(10, 3, 0));
        assert_eq!(seen[10..], permutation(10, 3, 1));
        seen.sort_unstable();
        assert_eq!(seen, (0..20).map(|number| number / 2).collect::<Vec<_>>());
    }

    #[test]
    fn loaders_change_no_batch_wherever_a_run_goes_on() {
        let mut data = TrainData::new(Box::new(Numbers(usize::MAX)), true, 0, 3).expect("samples");
        for loaders in [0, 1, 2, 5] {
            data.set_loaders(loaders);
            for step in [0, 1, 2, 3, 4, 5, 6, 7, 40, 41, 42, 3] {
                assert_eq!(numbers(&data.batch(step)), (3 * step..3 * step + 3).collect::<Vec<_>>(), "{loaders}");
            }
        }
    }

    #[test]
    fn a_set_must_have_samples() {
        let error = TrainData::new(Box::new(Numbers(0)), false, 0, 1).err().expect("it is empty");
        assert_eq!(error.to_string(), "The task has no training samples; at least 1 is needed.");
    }
}
