use burn::tensor::{ElementConversion, Int, Tensor, TensorData, backend::Backend};

use super::{counting, cube_form, is_on_host};

/// Bits of the numbers that decide: so many that all arithmetic is the same in signed integers of 32 and of 64 bits.
const BITS: u32 = 31;
pub(crate) const ALL: u32 = (1 << BITS) - 1;

/// Shifts and odd factors of the mixing, of little bias.
///
/// Source: Wellons, "Prospecting for hash functions", 2018, <https://nullprogram.com/blog/2018/07/31/>.
pub(crate) const SHIFTS: [u32; 3] = [16, 15, 15];
pub(crate) const FACTORS: [u32; 2] = [0x21f0_aaad, 0x735a_2d97];

/// A random mask: 0 where an element is dropped, else what keeps the mean. It is a function of an element's place alone,
/// with the same numbers on every backend.
#[derive(Debug, Clone, Copy)]
pub struct Mask {
    /// Of [`BITS`] bits each.
    pub(crate) keys: [u32; 2],
    /// An element is dropped where its number of [`BITS`] bits is below this.
    pub(crate) dropped: u32,
}

impl Mask {
    /// Drops elements with probability `rate`, in [0, 1); the keys tell one mask from another.
    pub fn new(keys: [u32; 2], rate: f64) -> Self {
        Self { keys: keys.map(|key| key & ALL), dropped: (rate * f64::from(1_u32 << BITS)).round() as u32 }
    }

    /// The product of `input` with the mask of the shape `shape`: that of the input, or one whose last dimensions are 1.
    pub fn times<B: Backend, const D: usize>(&self, input: Tensor<B, D>, shape: [usize; D]) -> Tensor<B, D> {
        cube_form!(
            cube::dropout::Dropout { mask: *self, each: input.shape().num_elements() / elements(shape).max(1) },
            input
        );
        let device = input.device();
        input * self.tensor(shape, &device)
    }

    /// Which of the two ways makes it is a matter of speed alone. Tensors of backends with fast forms are in the host's
    /// memory, where one loop is fastest. Of others nothing is known: a GPU works the numbers out where it needs them, as a
    /// large model's masks are hundreds of millions of numbers a step, on which it would wait for the host.
    fn tensor<B: Backend, const D: usize>(&self, shape: [usize; D], device: &B::Device) -> Tensor<B, D> {
        if is_on_host::<B>() { self.on_host(shape, device) } else { self.on_device(shape, device) }
    }

    /// What the elements that are kept are multiplied by.
    pub(crate) fn scale(&self) -> f32 {
        (1.0 / (1.0 - f64::from(self.dropped) / f64::from(1_u32 << BITS))) as f32
    }

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
        let values: Vec<f32> = (0..elements(shape)).map(|place| of(place as u32 & ALL)).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    fn on_device<B: Backend, const D: usize>(&self, shape: [usize; D], device: &B::Device) -> Tensor<B, D> {
        let scalar = |value: u32| (value as i32).elem::<B::IntElem>();
        let folded = |mixed: Tensor<B, 2, Int>, shift: u32| {
            mixed.clone().bitwise_xor(mixed.bitwise_right_shift_scalar(scalar(shift)))
        };
        let times =
            |mixed: Tensor<B, 2, Int>, factor: u32| mixed.mul_scalar(scalar(factor)).bitwise_and_scalar(scalar(ALL));
        let columns = shape.last().copied().unwrap_or(1);
        let rows = elements(shape).checked_div(columns).unwrap_or(0);
        let starts = counting::<B>(rows, device).mul_scalar(scalar(columns as u32)).unsqueeze_dim::<2>(1);
        let places = starts + counting::<B>(columns, device).unsqueeze_dim(0);
        let mixed = folded(places.bitwise_xor_scalar(scalar(self.keys[0])), SHIFTS[0]);
        let mixed = folded(times(mixed, FACTORS[0]).bitwise_xor_scalar(scalar(self.keys[1])), SHIFTS[1]);
        let mixed = folded(times(mixed, FACTORS[1]), SHIFTS[2]);
        mixed.greater_equal_elem(scalar(self.dropped)).float().mul_scalar(self.scale()).reshape(shape)
    }
}

fn elements<const D: usize>(shape: [usize; D]) -> usize {
    shape.iter().product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::{Flex, FlexDevice};

    #[test]
    fn masks_of_host_and_device_are_the_same() {
        for (keys, dropped) in [([0, 0], 1 << 30), ([ALL, 1], 12_345_678), ([0x1234_5678, 0x7654_3210], 2_000_000_000)]
        {
            let mask = Mask { keys, dropped };
            let host = mask.on_host::<Flex, 3>([3, 1000, 7], &FlexDevice).into_data();
            let device = mask.on_device::<Flex, 3>([3, 1000, 7], &FlexDevice).into_data();
            assert_eq!(host.to_vec::<f32>().unwrap(), device.to_vec::<f32>().unwrap(), "{keys:?}");
        }
    }
}
