//! Random values that are the same bits on every platform: what [`DrawnDataset`](crate::DrawnDataset) hands to each sample, and
//! what a dataset draws once, such as the weights of its target.
//!
//! ```
//! use lookback_datasets::random::{Key, SampleRng};
//!
//! let mut rng = SampleRng::new(Key::new("my dataset, weights", 7), 0);
//! let weights: Vec<f64> = (0..3).map(|_| rng.normal()).collect();
//! assert!(rng.uniform() < 1.0 && rng.below(6) < 6 && rng.sign().abs() == 1.0);
//! assert_eq!(weights[0], SampleRng::new(Key::new("my dataset, weights", 7), 0).normal());
//! ```

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// The key of all random values that one seed has for one purpose, e.g. a split of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// Hashes `seed` with the name of what it is for, so that neither near seeds nor other uses of the same seed
    /// share anything.
    pub fn new(purpose: &str, seed: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(purpose.as_bytes());
        Self(hash.finalize().into())
    }
}

/// Uniform on `0..end`, for `end` from 1 up, by Canon's method: no value is off its probability by more than 2^-64.
pub(crate) fn below(bits: &mut ChaCha8Rng, end: u64) -> u64 {
    let product = u128::from(bits.next_u64()) * u128::from(end);
    let (high, low) = ((product >> 64) as u64, product as u64);
    if low <= end.wrapping_neg() {
        return high;
    }
    // Further bits of the product can only matter by their carry.
    let further = (u128::from(bits.next_u64()) * u128::from(end)) >> 64;
    high + u64::from(low.checked_add(further as u64).is_none())
}

/// A generator of uniform and normal variates, by ChaCha with 8 rounds.
///
/// The steps from bits to variates are written out here and use `libm`, so no version of a random-number crate and
/// no platform's mathematics library can change a value.
#[derive(Debug, Clone)]
pub struct SampleRng {
    bits: ChaCha8Rng,
    /// The second variate of a Box-Muller pair.
    spare: Option<f64>,
}

impl SampleRng {
    /// The generator of sample `index`; different samples have independent streams.
    pub fn new(key: Key, index: u64) -> Self {
        let mut bits = ChaCha8Rng::from_seed(key.0);
        bits.set_stream(index);
        Self { bits, spare: None }
    }

    /// Uniform on the multiples of 2^-53 in `[0, 1)`.
    pub fn uniform(&mut self) -> f64 {
        (self.bits.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform on `0..end`, for `end` from 1 up.
    pub fn below(&mut self, end: usize) -> usize {
        below(&mut self.bits, end as u64) as usize
    }

    /// Whether an event of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// -1 or 1, each with probability 1/2.
    pub fn sign(&mut self) -> f64 {
        if self.bits.next_u64() >> 63 == 0 { -1.0 } else { 1.0 }
    }

    /// Normal with mean 0 and variance 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        // 1 - u lies in (0, 1], where the logarithm is finite.
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        let (sin, cos) = libm::sincos(std::f64::consts::TAU * self.uniform());
        self.spare = Some(radius * sin);
        radius * cos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut rng = SampleRng::new(Key::new("moments", 0), 0);
        let count = 200_000;
        let mut moments = |draw: fn(&mut SampleRng) -> f64| {
            let mut sums = [0.0; 4];
            for _ in 0..count {
                let value = draw(&mut rng);
                for (power, sum) in (1..).zip(&mut sums) {
                    *sum += libm::pow(value, f64::from(power)) / f64::from(count);
                }
            }
            sums
        };
        // Each tolerance is above five standard errors.
        let near = |moments: [f64; 4], expected: [f64; 4], tolerance: f64| {
            for (moment, expected) in moments.into_iter().zip(expected) {
                assert!((moment - expected).abs() < tolerance, "{moments:?}");
            }
        };
        near(moments(SampleRng::normal), [0.0, 1.0, 0.0, 3.0], 0.12);
        near(moments(SampleRng::uniform), [1.0 / 2.0, 1.0 / 3.0, 1.0 / 4.0, 1.0 / 5.0], 0.004);
        near(moments(SampleRng::sign), [0.0, 1.0, 0.0, 1.0], 0.012);
        near(moments(|rng| rng.below(3) as f64 - 1.0), [0.0, 2.0 / 3.0, 0.0, 2.0 / 3.0], 0.012);
        near(moments(|rng| f64::from(u8::from(rng.happens(0.2)))), [0.2; 4], 0.006);
    }

    #[test]
    fn seeds_purposes_and_samples_differ() {
        let first = |purpose, seed, index| SampleRng::new(Key::new(purpose, seed), index).uniform();
        let values = [first("a", 0, 0), first("b", 0, 0), first("a", 1, 0), first("a", 0, 1), first("a", 1, 1)];
        for (i, value) in values.iter().enumerate() {
            assert!(!values[..i].contains(value));
        }
    }
}
