//! The order in which an epoch visits its samples.

use std::sync::{Arc, Mutex, PoisonError};

use burn_dataset::Dataset;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::random::below;

/// A uniform permutation of `0..length` (Fisher and Yates), a pure function of (seed, epoch).
///
/// ```
/// assert_eq!(lookback_datasets::permutation(5, 0, 0), [0, 4, 1, 2, 3]);
/// ```
pub fn permutation(length: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut bits = ChaCha8Rng::seed_from_u64(seed);
    // Stream 0 of the seed belongs to the initial weights.
    bits.set_stream(epoch.wrapping_add(1));
    let mut order: Vec<usize> = (0..length).collect();
    for last in (1..length).rev() {
        order.swap(last, below(&mut bits, last as u64 + 1) as usize);
    }
    order
}

/// What the samples of an epoch share. Even and odd epochs each have a place, so that the current epoch and the next
/// are both at hand.
pub(crate) struct PerEpoch<E>([Mutex<Place<E>>; 2]);

/// The number of an epoch with what its samples share.
type Place<E> = Option<(usize, Arc<E>)>;

impl<E> Default for PerEpoch<E> {
    fn default() -> Self {
        Self([Mutex::new(None), Mutex::new(None)])
    }
}

impl<E> PerEpoch<E> {
    /// That of epoch `number`, made by the first thread that asks for it.
    pub(crate) fn get(&self, number: usize, make: impl FnOnce() -> E) -> Arc<E> {
        // The place holds a whole epoch or none even if a thread panicked.
        let mut place = self.0[number % 2].lock().unwrap_or_else(PoisonError::into_inner);
        match place.as_ref().filter(|(held, _)| *held == number) {
            Some((_, epoch)) => Arc::clone(epoch),
            None => Arc::clone(&place.insert((number, Arc::new(make()))).1),
        }
    }
}

/// A fixed set as an endless stream, in epochs of all samples in random order.
///
/// Position p holds sample `permutation(N, seed, p / N)[p % N]` of a set of N samples (see [`permutation`]), made anew
/// each time: nothing is kept. Its length is `usize::MAX`, or 0 for an empty set.
pub struct Epochs<D> {
    set: D,
    seed: u64,
    orders: PerEpoch<Vec<usize>>,
}

impl<D> Epochs<D> {
    /// Streams `set`.
    pub fn new(set: D, seed: u64) -> Self {
        Self { set, seed, orders: PerEpoch::default() }
    }
}

impl<I, D: Dataset<I>> Dataset<I> for Epochs<D> {
    fn get(&self, position: usize) -> Option<I> {
        let count = self.set.len();
        if position >= self.len() {
            return None;
        }
        let number = position / count;
        let order = self.orders.get(number, || permutation(count, self.seed, number as u64));
        self.set.get(order[position % count])
    }

    fn len(&self) -> usize {
        if self.set.is_empty() { 0 } else { usize::MAX }
    }
}

#[cfg(test)]
mod tests {
    use burn_dataset::InMemDataset;

    use super::*;

    #[test]
    fn a_streamed_set_comes_in_whole_epochs() {
        let stream = Epochs::new(InMemDataset::new((0..10).collect::<Vec<usize>>()), 3);
        let at = |positions: std::ops::Range<usize>| positions.map(|place| stream.get(place).unwrap()).collect();
        let ahead: Vec<usize> = at(20..30);
        assert_eq!(ahead, permutation(10, 3, 2));
        assert_eq!(at(0..10), permutation(10, 3, 0));
        assert_eq!(at(17..20), permutation(10, 3, 1)[7..]);
        assert_eq!((stream.len(), stream.get(usize::MAX)), (usize::MAX, None));
        assert_eq!(Epochs::new(InMemDataset::new(Vec::<usize>::new()), 3).get(0), None);
    }

    #[test]
    fn permutations_are_uniform_draws_that_depend_on_seed_and_epoch_alone() {
        let order = permutation(100, 7, 3);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(order, permutation(100, 7, 3));
        assert_ne!(order, permutation(100, 7, 4));
        assert_ne!(order, permutation(100, 8, 3));
        assert!(permutation(0, 7, 3).is_empty());
    }

    /// The numbers that `random_range` of the crate rand 0.10 gives: runs made with it keep their order.
    #[test]
    fn permutations_are_pinned() {
        assert_eq!(permutation(12, 7, 3), [2, 1, 7, 8, 0, 3, 5, 10, 9, 4, 6, 11]);
        let sum = |length: usize, seed, epoch| {
            let order = permutation(length, seed, epoch);
            order.iter().fold(0_u64, |sum, index| sum.wrapping_mul(1_000_003).wrapping_add(*index as u64))
        };
        assert_eq!(sum(50_000, 0, 0), 11_383_035_865_953_537_014);
        assert_eq!(sum(999, u64::MAX, 1 << 40), 6_483_799_606_637_518_901);
    }
}
