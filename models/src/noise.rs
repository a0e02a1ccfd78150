//! Random masks of training steps, from a seeded generator on the host.
//!
//! burn's own dropout draws from one generator per process and backend; these masks are a pure function of the seed
//! and the step, so that a resumed run draws what an uninterrupted one does, on every backend.

use burn::tensor::{Tensor, TensorData, backend::Backend};
use rand::RngExt;

use crate::init::{self, InitRng};

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
        let count: usize = shape.iter().product();
        // Sixteen bits for each element: a chance of `rate` to within 2^-17.
        let dropped = (rate * 65536.0).round() as u32;
        let scale = (1.0 / (1.0 - f64::from(dropped) / 65536.0)) as f32;
        let mut values = Vec::with_capacity(count);
        while values.len() < count {
            let bits: u64 = self.rng.random();
            let quarters = [0, 16, 32, 48].map(|shift| (bits >> shift) as u32 & 0xffff);
            values.extend(
                quarters.iter().take(count - values.len()).map(|draw| if *draw < dropped { 0.0 } else { scale }),
            );
        }
        let mask = Tensor::<B, D>::from_data(TensorData::new(values, shape), &input.device());
        input * mask
    }
}

/// The largest rate that [`Noise`] is given.
pub(crate) fn check_rate(field: &str, rate: f64) -> lookback_registry::Result<()> {
    if (0.0..=0.99).contains(&rate) {
        return Ok(());
    }
    Err(lookback_registry::Error::invalid(field, rate, "in [0, 0.99]"))
}

#[cfg(feature = "flex")]
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
    fn paths_are_dropped_sample_by_sample() {
        let mask = values(Noise::new(0, 0).drop_path(ones([64, 2, 3]), 0.5));
        assert!(mask.chunks(6).all(|sample| sample.iter().all(|value| *value == sample[0])));
        let dropped = mask.chunks(6).filter(|sample| sample[0] == 0.0).count();
        assert!((12..52).contains(&dropped), "{dropped}");
        assert_eq!(values(Noise::new(0, 0).drop_path(ones([4, 1, 1]), 0.0)), [1.0; 4]);
    }
}
