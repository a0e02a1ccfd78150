use burn::tensor::{Tensor, backend::Backend};

/// Adds `addend` to every stretch of `input` that has its size: a sum broadcast over the leading dimensions.
///
/// CPU backends are fast where one row is shared by all others and slow for general broadcasts, so both are
/// seen as matrices here; for `[16, 2, 128, 128] + [128, 128]` this is some 30 times faster on flex.
///
/// # Shapes
/// - input and output `[leading.., trailing..]`, addend as many elements as `trailing..` has
pub fn add_trailing<B: Backend, const D: usize, const E: usize>(
    input: Tensor<B, D>,
    addend: Tensor<B, E>,
) -> Tensor<B, D> {
    rowwise(input, addend, |input, addend| input + addend)
}

/// Multiplies every stretch of `input` that has the size of `factor` with it; see [`add_trailing`].
///
/// # Shapes
/// - input and output `[leading.., trailing..]`, factor as many elements as `trailing..` has
pub fn mul_trailing<B: Backend, const D: usize, const E: usize>(
    input: Tensor<B, D>,
    factor: Tensor<B, E>,
) -> Tensor<B, D> {
    rowwise(input, factor, |input, factor| input * factor)
}

fn rowwise<B: Backend, const D: usize, const E: usize>(
    input: Tensor<B, D>,
    row: Tensor<B, E>,
    operation: impl FnOnce(Tensor<B, 2>, Tensor<B, 2>) -> Tensor<B, 2>,
) -> Tensor<B, D> {
    let (dims, count) = (input.dims(), row.shape().num_elements());
    let total: usize = dims.iter().product();
    assert!(total.is_multiple_of(count), "{dims:?} does not end in {:?}", row.dims());
    operation(input.reshape([total / count, count]), row.reshape([1, count])).reshape(dims)
}
