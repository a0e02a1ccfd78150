use burn::module::Module;
use burn::tensor::{Tensor, backend::Backend, module::linear};

use super::{constant, first};
use crate::ops;

/// Rotations of consecutive time steps: the channel pairs `(i, i + d_head/2)` turn by the angle
/// `t 10000^(-2i/d_head)`, so that scores depend on the lag alone.
#[derive(Module, Debug)]
pub struct Rotary<B: Backend> {
    cosines: Tensor<B, 2>, // [length, d_head]
    sines: Tensor<B, 2>,   // [length, d_head]
    turn: Tensor<B, 2>,    // the quarter turn (a, b) -> (-b, a) of all pairs, [d_head, d_head]
}

impl<B: Backend> Rotary<B> {
    /// The rotations for at most `length` time steps; `d_head` is even.
    pub fn new(length: usize, d_head: usize, device: &B::Device) -> Self {
        assert!(d_head.is_multiple_of(2), "rotations need pairs of channels, not {d_head}");
        let half = d_head / 2;
        let angle = |index: usize| {
            let (time, channel) = (index / d_head, index % d_head % half);
            time as f64 * 10_000f64.powf(-2.0 * channel as f64 / d_head as f64)
        };
        let table = |function: fn(f64) -> f64| {
            constant((0..length * d_head).map(|index| function(angle(index))).collect(), [length, d_head], device)
        };
        let mut turn = vec![0.0; d_head * d_head];
        for pair in 0..half {
            turn[(pair + half) * d_head + pair] = -1.0;
            turn[pair * d_head + pair + half] = 1.0;
        }
        Self { cosines: table(f64::cos), sines: table(f64::sin), turn: constant(turn, [d_head, d_head], device) }
    }

    /// # Shapes
    /// - input and output `[batch, n_heads, length, d_head]`
    pub fn rotate(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let length = input.dims()[2];
        let turned = linear(input.clone(), self.turn.clone(), None);
        let cosines = first(self.cosines.clone(), 0, length);
        let sines = first(self.sines.clone(), 0, length);
        ops::mul_trailing(input, cosines) + ops::mul_trailing(turned, sines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;

    #[test]
    fn rotated_scores_depend_on_the_lag_alone() {
        let device = Default::default();
        let rotary = Rotary::<Flex>::new(6, 4, &device);
        let constant_in_time =
            |row: [f32; 4]| Tensor::<Flex, 1>::from_floats(row, &device).reshape([1, 1, 1, 4]).repeat_dim(2, 6);
        let query = rotary.rotate(constant_in_time([1.0, -2.0, 0.5, 3.0]));
        let key = rotary.rotate(constant_in_time([0.3, 1.0, -1.0, 2.0]));
        let scores = query.matmul(key.swap_dims(2, 3)).to_data().to_vec::<f32>().unwrap();
        for time in 0..5 {
            assert!((scores[time * 7] - scores[(time + 1) * 7]).abs() < 1e-5);
        }
        assert!((scores[1] - scores[6]).abs() > 0.1, "past and future differ");
    }
}
