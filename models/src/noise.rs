//! Random masks of training steps.
//!
//! burn's own dropout draws from one generator per process and backend; these masks are a pure function of the seed,
//! the step and the place, so that a resumed run draws what an uninterrupted one does, on every backend.

use burn::tensor::{Tensor, backend::Backend};
use rand::RngExt;

use crate::init::{self, InitRng};
use crate::ops::Mask;

/// The generator of one training step's masks.
#[derive(Debug, Clone)]
pub struct Noise {
    rng: InitRng,
}

impl Noise {
    /// The masks of update `step` in the run of this seed.
    pub fn new(seed: u64, step: u64) -> Self {
        let mut rng = init::rng(seed);
        // The low streams of a seed belong to initial weights and the order of the data.
        rng.set_stream((1 << 63) | step);
        Self { rng }
    }

    /// Sets each element to 0 with probability `rate`, in [0, 1), and divides the others by `1 - rate`.
    ///
    /// Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014,
    /// <https://jmlr.org/papers/v15/srivastava14a.html>.
    pub fn dropout<B: Backend, const D: usize>(&mut self, input: Tensor<B, D>, rate: f64) -> Tensor<B, D> {
        self.masked(input, |dims| dims, rate)
    }

    /// Sets whole samples to 0 with probability `rate`, in [0, 1), and divides the others by `1 - rate`.
    ///
    /// Source: Huang et al., "Deep networks with stochastic depth", 2016, <https://arxiv.org/abs/1603.09382>.
    ///
    /// # Shapes
    /// - input `[batch, ..]`
    pub fn drop_path<B: Backend, const D: usize>(&mut self, input: Tensor<B, D>, rate: f64) -> Tensor<B, D> {
        let per_sample = |dims: [usize; D]| std::array::from_fn(|axis| if axis == 0 { dims[0] } else { 1 });
        self.masked(input, per_sample, rate)
    }

    fn masked<B: Backend, const D: usize>(
        &mut self,
        input: Tensor<B, D>,
        shape: impl FnOnce([usize; D]) -> [usize; D],
        rate: f64,
    ) -> Tensor<B, D> {
        if rate == 0.0 {
            return input;
        }
        let shape = shape(input.dims());
        Mask::new([self.rng.random(), self.rng.random()], rate).times(input, shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;

    fn ones(shape: [usize; 3]) -> Tensor<Flex, 3> {
        Tensor::ones(shape, &Default::default())
    }

    fn values(tensor: Tensor<Flex, 3>) -> Vec<f32> {
        tensor.into_data().to_vec().expect("single precision")
    }

    #[test]
    fn masks_keep_the_mean_and_depend_on_seed_and_step_alone() {
        let draw = |seed, step| values(Noise::new(seed, step).dropout(ones([7, 101, 33]), 0.1));
        let mask = draw(3, 5);
        let count = mask.len() as f32;
        let dropped = mask.iter().filter(|value| **value == 0.0).count() as f32 / count;
        // Five standard errors.
        assert!((dropped - 0.1).abs() < 0.01, "{dropped}");
        assert!((mask.iter().sum::<f32>() / count - 1.0).abs() < 0.011);
        assert_eq!(mask, draw(3, 5));
        assert_ne!(mask, draw(3, 6));
        assert_ne!(mask, draw(4, 5));
    }

    #[test]
    fn neighbours_are_dropped_independently() {
        let mask = values(Noise::new(1, 2).dropout(ones([64, 64, 64]), 0.5));
        for distance in [1, 2, 3, 64, 4096] {
            let same = mask.iter().zip(&mask[distance..]).filter(|(left, right)| left == right).count() as f64;
            let share = same / (mask.len() - distance) as f64;
            // Five standard errors of 1/2 over 2^18 pairs.
            assert!((share - 0.5).abs() < 5e-3, "{distance}: {share}");
        }
        let next = values(Noise::new(1, 3).dropout(ones([64, 64, 64]), 0.5));
        let same = mask.iter().zip(&next).filter(|(left, right)| left == right).count() as f64 / mask.len() as f64;
        assert!((same - 0.5).abs() < 5e-3, "{same}");
    }

    #[test]
    fn paths_are_dropped_sample_by_sample() {
        let mask = values(Noise::new(0, 0).drop_path(ones([64, 2, 3]), 0.5));
        assert!(mask.chunks(6).all(|sample| sample.iter().all(|value| *value == sample[0])));
        let dropped = mask.chunks(6).filter(|sample| sample[0] == 0.0).count();
        assert!((12..52).contains(&dropped), "{dropped}");
        assert_eq!(values(Noise::new(0, 0).drop_path(ones([4, 1, 1]), 0.0)), [1.0; 4]);
    }
}
