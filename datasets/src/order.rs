//! The order in which an epoch visits its samples.

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

#[cfg(test)]
mod tests {
    use super::*;

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
