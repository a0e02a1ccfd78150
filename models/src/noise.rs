//! Random masks of training steps.
//!
//! burn's own dropout draws from one generator per process and backend; these masks are a pure function of the seed,
//! the step and the place, so that a resumed run draws what an uninterrupted one does, on every backend. A GPU works them
//! out where it needs them: a large model's masks are hundreds of millions of numbers a step, on which it would wait for
//! the host.

use burn::tensor::{ElementConversion, Int, Tensor, TensorData, backend::Backend};
use rand::RngExt;

use crate::init::{self, InitRng};

/// Bits of the numbers that decide: so many that all arithmetic is the same in signed integers of 32 and of 64 bits.
const BITS: u32 = 31;
const ALL: u32 = (1 << BITS) - 1;

/// Shifts and odd factors of the mixing, of little bias.
///
/// Source: Wellons, "Prospecting for hash functions", 2018, <https://nullprogram.com/blog/2018/07/31/>.
const SHIFTS: [u32; 3] = [16, 15, 15];
const FACTORS: [u32; 2] = [0x21f0_aaad, 0x735a_2d97];

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
        let (shape, device) = (shape(input.dims()), input.device());
        let mask = Mask {
            keys: [self.rng.random::<u32>() & ALL, self.rng.random::<u32>() & ALL],
            dropped: (rate * f64::from(1_u32 << BITS)).round() as u32,
        };
        let name = B::name(&device);
        let is_host = ["flex", "ndarray"].iter().any(|backend| name.contains(backend));
        input * if is_host { mask.on_host(shape, &device) } else { mask.on_device(shape, &device) }
    }
}

/// 0 where an element is dropped, else what keeps the mean: a function of an element's place alone.
struct Mask {
    keys: [u32; 2],
    /// An element is dropped where its number of [`BITS`] bits is below this.
    dropped: u32,
}

impl Mask {
    /// What the elements that are kept are multiplied by.
    fn scale(&self) -> f32 {
        (1.0 / (1.0 - f64::from(self.dropped) / f64::from(1_u32 << BITS))) as f32
    }

    /// Worked out on the host.
    fn on_host<B: Backend, const D: usize>(&self, shape: [usize; D], device: &B::Device) -> Tensor<B, D> {
        let scale = self.scale();
        let of = |place: u32| {
            let mut mixed = place ^ self.keys[0];
            mixed ^= mixed >> SHIFTS[0];
            mixed = mixed.wrapping_mul(FACTORS[0]) & ALL ^ self.keys[1];
            mixed ^= mixed >> SHIFTS[1];
            mixed = mixed.wrapping_mul(FACTORS[1]) & ALL;
            mixed ^= mixed >> SHIFTS[2];
            if mixed < self.dropped { 0.0 } else { scale }
        };
        let values: Vec<f32> = (0..shape.iter().product::<usize>()).map(|place| of(place as u32 & ALL)).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// The same numbers, worked out on the device.
    fn on_device<B: Backend, const D: usize>(&self, shape: [usize; D], device: &B::Device) -> Tensor<B, D> {
        let scalar = |value: u32| (value as i32).elem::<B::IntElem>();
        let folded = |mixed: Tensor<B, 1, Int>, shift: u32| {
            mixed.clone().bitwise_xor(mixed.bitwise_right_shift_scalar(scalar(shift)))
        };
        let times =
            |mixed: Tensor<B, 1, Int>, factor: u32| mixed.mul_scalar(scalar(factor)).bitwise_and_scalar(scalar(ALL));
        let places = Tensor::<B, 1, Int>::arange(0..shape.iter().product::<usize>() as i64, device);
        let mixed = folded(places.bitwise_xor_scalar(scalar(self.keys[0])), SHIFTS[0]);
        let mixed = folded(times(mixed, FACTORS[0]).bitwise_xor_scalar(scalar(self.keys[1])), SHIFTS[1]);
        let mixed = folded(times(mixed, FACTORS[1]), SHIFTS[2]);
        mixed.greater_equal_elem(scalar(self.dropped)).float().mul_scalar(self.scale()).reshape(shape)
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
    fn masks_of_host_and_device_are_the_same() {
        for (keys, dropped) in [([0, 0], 1 << 30), ([ALL, 1], 12_345_678), ([0x1234_5678, 0x7654_3210], 2_000_000_000)]
        {
            let shape = [3, 1000, 7];
            let mask = Mask { keys, dropped };
            let host = mask.on_host::<Flex, 3>(shape, &Default::default());
            let device = mask.on_device::<Flex, 3>(shape, &Default::default());
            assert_eq!(values(host), values(device), "{keys:?}");
        }
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
