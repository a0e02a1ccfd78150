use burn::tensor::{Tensor, backend::Backend};

use super::is_on_host;

/// The sum of the squares of all elements, `[1]`, of a vector that may be long.
///
/// Unless it is known to be on a CPU, it is a sum of sums: a GPU may add up an axis one element after the other, which is
/// inexact, and Mesa's software driver for Vulkan ends every loop after 65,536 rounds.
pub fn sum_of_squares<B: Backend>(vector: Tensor<B, 1>) -> Tensor<B, 1> {
    let squares = vector.clone() * vector;
    if is_on_host::<B>() {
        return squares.sum();
    }
    let [length] = squares.dims();
    let width = length.isqrt().max(1);
    let rest = length % width;
    let sums = squares.clone().narrow(0, 0, length - rest).reshape([length / width, width]).sum_dim(1).sum();
    if rest == 0 { sums } else { sums + squares.narrow(0, length - rest, rest).sum() }
}
