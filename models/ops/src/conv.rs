use burn::tensor::{Tensor, backend::Backend};

use super::{fast_form, linear, shift};

/// Time steps per block: the memory is `channels * length * CHUNK`, linear in the length.
const CHUNK: usize = 128;

/// Causal convolution of each channel with its own kernel: `output(t) = sum_{s <= t} kernel(s) input(t - s)`.
///
/// The convolution is a product with a Toeplitz matrix, cut into blocks of 128 time steps; one matrix per
/// channel and distance between blocks is built and multiplied at a time.
///
/// # Shapes
/// - input `[batch, length, channels]`
/// - kernel `[channels, length]`
/// - output `[batch, length, channels]`
pub fn causal_conv<B: Backend>(input: Tensor<B, 3>, kernel: Tensor<B, 2>) -> Tensor<B, 3> {
    let [batch, length, channels] = input.dims();
    assert_eq!(kernel.dims(), [channels, length], "the kernel is `[channels, length]` of the input");
    fast_form!(fast::conv::CausalConv, input, kernel);
    if length <= CHUNK {
        // Both transpositions are of matrices: backends copy these faster than tensors of more dimensions.
        let input = transposed(input.reshape([batch * length, channels])).reshape([channels, batch, length]);
        let output = input.matmul(toeplitz(pad_end(kernel, 1, length)));
        return transposed(output.reshape([channels, batch * length])).reshape([batch, length, channels]);
    }

    let blocks = length.div_ceil(CHUNK);
    let padding = blocks * CHUNK - length;
    // The blocks of the past are a leading part of the rows.
    let input = pad_end(input, 1, padding)
        .reshape([batch, blocks, CHUNK * channels])
        .swap_dims(0, 1)
        .reshape([blocks * batch * CHUNK, channels]);
    let input = transposed(input).reshape([channels, blocks * batch, CHUNK]);
    let kernel = pad_end(kernel, 1, padding);
    let kernel = Tensor::cat(vec![Tensor::zeros([channels, CHUNK], &kernel.device()), kernel], 1);
    let reached = |lag: usize| {
        // Lags of this block distance run from `-CHUNK` to `CHUNK - 1` around `lag * CHUNK`.
        let window = kernel.clone().narrow(1, lag * CHUNK, 2 * CHUNK).reshape([channels, 2, CHUNK]);
        let wheel = window.flip([1]).reshape([channels, 2 * CHUNK]);
        input.clone().narrow(1, 0, (blocks - lag) * batch).matmul(toeplitz(wheel))
    };
    let mut output = reached(0);
    for lag in 1..blocks {
        let before = Tensor::zeros([channels, lag * batch, CHUNK], &output.device());
        output = output + Tensor::cat(vec![before, reached(lag)], 1);
    }
    transposed(output.reshape([channels, blocks * batch * CHUNK]))
        .reshape([blocks, batch, CHUNK * channels])
        .swap_dims(0, 1)
        .reshape([batch, blocks * CHUNK, channels])
        .narrow(1, 0, length)
}

/// Causal convolution with dilation: `output(t) = bias + sum_k input(t - k dilation) W_k`, zeros before the start.
///
/// One matrix product per tap, for all time steps at once. Taps further back than the start are left out: they read
/// zeros.
///
/// # Shapes
/// - input `[batch, length, d_input]`
/// - weight `[taps * d_input, d_output]`, the tap of the oldest time step first
/// - bias `[d_output]`
/// - output `[batch, length, d_output]`
pub fn dilated_conv<B: Backend>(
    input: Tensor<B, 3>,
    weight: Tensor<B, 2>,
    bias: Tensor<B, 1>,
    dilation: usize,
) -> Tensor<B, 3> {
    fast_form!(fast::conv::DilatedConv { dilation }, input, weight, bias);
    let [_, length, channels] = input.dims();
    let oldest = weight.dims()[0] / channels - 1;
    let tap = |lag: usize| weight.clone().narrow(0, (oldest - lag) * channels, channels);
    let mut sum = linear(input.clone(), tap(0), Some(bias));
    for lag in 1..=oldest.min((length - 1) / dilation) {
        sum = sum + linear(shift(input.clone(), lag * dilation), tap(lag), None);
    }
    sum
}

/// The transposed matrix; see [`Tensor::transpose`].
fn transposed<B: Backend>(matrix: Tensor<B, 2>) -> Tensor<B, 2> {
    let [rows, columns] = matrix.dims();
    if rows == 1 || columns == 1 {
        // The same order of elements; and burn-cubecl 0.21 gives zeros for `[1, n].transpose().reshape([a, n / a, 1])`.
        return matrix.reshape([columns, rows]);
    }
    matrix.transpose()
}

/// Zeros behind the end of dimension `dim`.
fn pad_end<B: Backend, const D: usize>(tensor: Tensor<B, D>, dim: usize, count: usize) -> Tensor<B, D> {
    if count == 0 {
        return tensor;
    }
    let mut shape = tensor.dims();
    shape[dim] = count;
    let zeros = Tensor::zeros(shape, &tensor.device());
    Tensor::cat(vec![tensor, zeros], dim)
}

/// The matrices `M[from, to] = wheel[(to - from) mod 2 n]`, `0 <= from, to < n`.
///
/// A row of period `2 n`, repeated and read again in rows of `2 n - 1`, moves on by one step per row: no
/// index tensors, and a backward pass without scatter.
///
/// # Shapes
/// - wheel `[channels, 2 n]`: lags `0..n`, then lags `-n..0`
/// - output `[channels, n, n]`
fn toeplitz<B: Backend>(wheel: Tensor<B, 2>) -> Tensor<B, 3> {
    let [channels, period] = wheel.dims();
    let n = period / 2;
    wheel
        .unsqueeze_dim::<3>(1)
        .repeat_dim(1, n)
        .reshape([channels, n * period])
        .narrow(1, 0, n * (period - 1))
        .reshape([channels, n, period - 1])
        .narrow(2, 0, n)
}
