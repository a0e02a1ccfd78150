//! Causal convolutions.

use rayon::prelude::*;

use super::fourier::{Direction, Transforms};
use super::linear::{column_sums, total};
use super::matmul::{Old, Strides, product, transposed};
use super::{Array, FastOp, Pass, View};

/// Time steps per block of a Toeplitz matrix.
const BLOCK: usize = 64;

/// The longest sequences for which the products are faster than Fourier transforms.
const LONGEST: usize = 256;

/// A convolution of each channel with its own kernel: `y(t) = sum_(s <= t) k(s) x(t-s)`; input
/// `[batch, length, channels]`, kernel `[channels, length]`.
///
/// Per channel it is a product with a lower triangular Toeplitz matrix, in blocks; a block is read from the kernel
/// itself, each row one element before the last. Long sequences take Fourier transforms instead ([`super::fourier`]).
#[derive(Debug, Clone, Copy)]
pub(crate) struct CausalConv;

/// The sizes of a convolution.
#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    length: usize,
    channels: usize,
}

/// A pair of blocks: outputs from `to` on depend on inputs from `from` on.
#[derive(Clone, Copy)]
struct Pair {
    from: usize,
    inputs: usize,
    to: usize,
    outputs: usize,
}

impl Sizes {
    fn of(input: View) -> Self {
        let [batch, length, channels] = *input.shape else { panic!("inputs are [batch, length, channels]") };
        Self { batch, length, channels }
    }

    /// What long sequences are convolved with.
    fn transforms(self) -> Option<Transforms> {
        (self.length > LONGEST).then(|| Transforms::new(self.length))
    }

    fn pairs(self) -> impl Iterator<Item = Pair> {
        let size = move |start: usize| BLOCK.min(self.length - start);
        (0..self.length).step_by(BLOCK).flat_map(move |to| {
            (0..=to).step_by(BLOCK).map(move |from| Pair { from, inputs: size(from), to, outputs: size(to) })
        })
    }
}

/// The kernel of a channel behind a block of zeros, for the lags that lie in the future.
fn padded(kernel: &[f32]) -> Vec<f32> {
    let mut padded = vec![0.0; BLOCK + kernel.len()];
    padded[BLOCK..].copy_from_slice(kernel);
    padded
}

/// The Toeplitz block of a pair within a padded kernel: element (input, output) is the lag between them.
fn toeplitz(pair: Pair) -> Strides {
    Strides { start: BLOCK + pair.to - pair.from, rows: -1, columns: 1 }
}

impl FastOp<2> for CausalConv {
    /// The input by channel, `[channels, batch, length]`.
    type Kept = Vec<f32>;

    fn forward(&self, [input, kernel]: [View; 2]) -> (Array, Vec<f32>) {
        let sizes = Sizes::of(input);
        let rows = Strides::of_rows(sizes.length);
        let by_channel = transposed(input.data, sizes.channels);
        let mut output = vec![0.0; by_channel.len()];
        let channel_size = sizes.batch * sizes.length;
        let transforms = sizes.transforms();
        let channels = output.par_chunks_mut(channel_size).zip(by_channel.par_chunks(channel_size));
        channels.zip(kernel.data.par_chunks(sizes.length)).for_each(|((output, input), kernel)| {
            if let Some(transforms) = &transforms {
                return transforms.convolve(Direction::Forward, kernel, input, output);
            }
            let kernel = padded(kernel);
            for pair in sizes.pairs() {
                let into = (&mut *output, rows.from(pair.to), Old::Keep);
                let right = (kernel.as_slice(), toeplitz(pair));
                product((sizes.batch, pair.inputs, pair.outputs), into, (input, rows.from(pair.from)), right, 1.0);
            }
        });
        let output = transposed(&output, channel_size);
        (Array { shape: input.shape.to_vec(), data: output }, by_channel)
    }

    fn backward(
        &self,
        Pass { inputs, kept: by_channel, gradient, wanted, .. }: Pass<Vec<f32>, 2>,
    ) -> [Option<Array>; 2] {
        let [input, kernel] = inputs;
        let sizes = Sizes::of(input);
        let rows = Strides::of_rows(sizes.length);
        let channel_size = sizes.batch * sizes.length;
        let gradient = transposed(gradient.data, sizes.channels);
        let transforms = sizes.transforms();
        let d_input = wanted[0].then(|| {
            let mut into = vec![0.0; gradient.len()];
            let channels = into.par_chunks_mut(channel_size).zip(gradient.par_chunks(channel_size));
            channels.zip(kernel.data.par_chunks(sizes.length)).for_each(|((into, gradient), kernel)| {
                if let Some(transforms) = &transforms {
                    return transforms.convolve(Direction::Backward, kernel, gradient, into);
                }
                let kernel = padded(kernel);
                for pair in sizes.pairs() {
                    let into = (&mut *into, rows.from(pair.from), Old::Keep);
                    let right = (kernel.as_slice(), toeplitz(pair).transposed());
                    product((sizes.batch, pair.outputs, pair.inputs), into, (gradient, rows.from(pair.to)), right, 1.0);
                }
            });
            Array { shape: input.shape.to_vec(), data: transposed(&into, channel_size) }
        });
        let d_kernel = wanted[1].then(|| {
            let mut into = Array::zeros(kernel.shape);
            let channels = by_channel.par_chunks(channel_size).zip(gradient.par_chunks(channel_size));
            into.data.par_chunks_mut(sizes.length).zip(channels).for_each(|(into, (input, gradient))| {
                if let Some(transforms) = &transforms {
                    return transforms.correlate(input, gradient, into);
                }
                let mut block = vec![0.0; BLOCK * BLOCK];
                for pair in sizes.pairs() {
                    let whole = (block.as_mut_slice(), Strides::of_rows(BLOCK), Old::Replace);
                    let left = (input, rows.from(pair.from).transposed());
                    let right = (gradient, rows.from(pair.to));
                    product((pair.inputs, sizes.batch, pair.outputs), whole, left, right, 1.0);
                    // Element (i, j) belongs to the lag between output j and input i.
                    let lag = pair.to - pair.from;
                    for (i, row) in block.chunks_exact(BLOCK).take(pair.inputs).enumerate() {
                        let future = i.saturating_sub(lag);
                        let into = &mut into[lag + future - i..];
                        for (into, value) in into.iter_mut().zip(&row[future..pair.outputs]) {
                            *into += value;
                        }
                    }
                }
            });
            into
        });
        [d_input, d_kernel]
    }
}

/// `y(t) = b + sum_k x(t - k dilation) W_k`: input `[batch, length, d_input]`, weight `[taps d_input, d_output]` with
/// the tap of the oldest time step first, bias `[d_output]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DilatedConv {
    pub dilation: usize,
}

/// Sequences per task; fixed, so that sums do not depend on the number of threads.
const SEQUENCES: usize = 4;

/// A gradient from the inputs and the output's gradients of some sequences.
type OfPart<'a> = dyn Fn(&[f32], &[f32]) -> Vec<f32> + Sync + 'a;

impl DilatedConv {
    /// Each tap that reaches into the sequence: where its weights start, and its lag.
    fn taps(self, weight: View, d_input: usize, length: usize) -> impl Iterator<Item = (usize, usize)> {
        let d_output = weight.width();
        let taps = weight.shape[0] / d_input;
        let lag = move |tap: usize| (taps - 1 - tap).saturating_mul(self.dilation);
        (0..taps).map(move |tap| (tap * d_input * d_output, lag(tap))).filter(move |(_, lag)| *lag < length)
    }
}

impl FastOp<3> for DilatedConv {
    type Kept = ();

    fn forward(&self, [input, weight, bias]: [View; 3]) -> (Array, ()) {
        let [batch, length, d_input] = *input.shape else { panic!("inputs are [batch, length, d_input]") };
        let d_output = weight.width();
        let mut output = Array::zeros(&[batch, length, d_output]);
        let sequences = output.data.par_chunks_mut(length * d_output).zip(input.data.par_chunks(length * d_input));
        sequences.for_each(|(output, input)| {
            output.chunks_exact_mut(d_output).for_each(|row| row.copy_from_slice(bias.data));
            for (start, lag) in self.taps(weight, d_input, length) {
                let into = (&mut *output, Strides::of_rows(d_output).from(lag * d_output), Old::Keep);
                let right = (weight.data, Strides::of_rows(d_output).from(start));
                product((length - lag, d_input, d_output), into, (input, Strides::of_rows(d_input)), right, 1.0);
            }
        });
        (output, ())
    }

    fn backward(
        &self,
        Pass { inputs: [input, weight, bias], gradient, wanted, .. }: Pass<(), 3>,
    ) -> [Option<Array>; 3] {
        let [_, length, d_input] = *input.shape else { panic!("inputs are [batch, length, d_input]") };
        let d_output = weight.width();
        let of_lag = |lag: usize| Strides::of_rows(d_output).from(lag * d_output);
        let d_input_array = wanted[0].then(|| {
            let mut into = Array::zeros(input.shape);
            let sequences = into.data.par_chunks_mut(length * d_input).zip(gradient.data.par_chunks(length * d_output));
            sequences.for_each(|(into, gradient)| {
                for (start, lag) in self.taps(weight, d_input, length) {
                    let into = (&mut *into, Strides::of_rows(d_input), Old::Keep);
                    let right = (weight.data, Strides::of_rows(d_output).from(start).transposed());
                    product((length - lag, d_output, d_input), into, (gradient, of_lag(lag)), right, 1.0);
                }
            });
            into
        });
        let parts = |of: &OfPart| -> Vec<Vec<f32>> {
            let inputs = input.data.par_chunks(SEQUENCES * length * d_input);
            inputs.zip(gradient.data.par_chunks(SEQUENCES * length * d_output)).map(|(x, dy)| of(x, dy)).collect()
        };
        let of_weight = |inputs: &[f32], gradients: &[f32]| {
            let mut part = vec![0.0; weight.data.len()];
            for (input, gradient) in
                inputs.chunks_exact(length * d_input).zip(gradients.chunks_exact(length * d_output))
            {
                for (start, lag) in self.taps(weight, d_input, length) {
                    let into = (part.as_mut_slice(), Strides::of_rows(d_output).from(start), Old::Keep);
                    let left = (input, Strides::of_rows(d_input).transposed());
                    product((d_input, length - lag, d_output), into, left, (gradient, of_lag(lag)), 1.0);
                }
            }
            part
        };
        let of_bias = |_: &[f32], gradients: &[f32]| column_sums(gradients, d_output);
        [
            d_input_array,
            wanted[1].then(|| total(weight.shape, &parts(&of_weight))),
            wanted[2].then(|| total(bias.shape, &parts(&of_bias))),
        ]
    }
}
