//! Causal convolutions of long sequences by Fourier transforms.
//!
//! Two real sequences are one complex one: a real kernel acts on both parts alike.

use std::sync::Arc;

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

/// Which way information moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// `y(t) = sum_(s <= t) k(s) x(t-s)`.
    Forward,
    /// `y(t) = sum_s k(s) x(t+s)`.
    Backward,
}

/// Transforms of one size, at least twice the length: sums do not wrap around.
struct Transforms {
    size: usize,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    scratch: Vec<Complex32>,
}

impl Transforms {
    fn new(length: usize) -> Self {
        let size = (2 * length).next_power_of_two();
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        let room = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        Self { size, forward, inverse, scratch: vec![Complex32::default(); room] }
    }

    fn zeros(&self) -> Vec<Complex32> {
        vec![Complex32::default(); self.size]
    }

    fn forward(&mut self, values: &mut [Complex32]) {
        self.forward.process_with_scratch(values, &mut self.scratch);
    }

    /// Unscaled: `size` times the inverse.
    fn inverse(&mut self, values: &mut [Complex32]) {
        self.inverse.process_with_scratch(values, &mut self.scratch);
    }

    /// The transform of two sequences, or of one and zeros.
    fn pair(&mut self, sequences: &[f32], length: usize, spectrum: &mut [Complex32]) {
        let (first, second) = sequences.split_at(length);
        spectrum.fill(Complex32::default());
        for (value, re) in spectrum.iter_mut().zip(first) {
            value.re = *re;
        }
        for (value, im) in spectrum.iter_mut().zip(second) {
            value.im = *im;
        }
        self.forward(spectrum);
    }
}

/// Convolves each of the sequences, `[batch, length]`, with one kernel, `[length]`.
pub(crate) fn convolve(direction: Direction, kernel: &[f32], sequences: &[f32], into: &mut [f32]) {
    let length = kernel.len();
    let mut transforms = Transforms::new(length);
    let (mut response, mut spectrum) = (transforms.zeros(), transforms.zeros());
    transforms.pair(kernel, length, &mut response);
    let scale = 1.0 / transforms.size as f32;
    for value in &mut response {
        // Reversing time conjugates the spectrum.
        let im = if direction == Direction::Forward { value.im } else { -value.im };
        *value = Complex32::new(value.re, im) * scale;
    }
    for (sequences, into) in sequences.chunks(2 * length).zip(into.chunks_mut(2 * length)) {
        transforms.pair(sequences, length, &mut spectrum);
        spectrum.iter_mut().zip(&response).for_each(|(value, response)| *value *= response);
        transforms.inverse(&mut spectrum);
        let (first, second) = into.split_at_mut(length);
        first.iter_mut().zip(&spectrum).for_each(|(into, value)| *into = value.re);
        second.iter_mut().zip(&spectrum).for_each(|(into, value)| *into = value.im);
    }
}

/// `into(s) = sum x(t) g(t+s)` over all times and sequences, each `[batch, length]`: the kernel's gradient.
pub(crate) fn correlate(inputs: &[f32], gradients: &[f32], into: &mut [f32]) {
    let length = into.len();
    let mut transforms = Transforms::new(length);
    let (mut input, mut gradient, mut sum) = (transforms.zeros(), transforms.zeros(), transforms.zeros());
    for (inputs, gradients) in inputs.chunks(2 * length).zip(gradients.chunks(2 * length)) {
        transforms.pair(inputs, length, &mut input);
        transforms.pair(gradients, length, &mut gradient);
        // (a - ib)(g + ih) has the real part ag + bh, the sum over both sequences.
        for ((sum, input), gradient) in sum.iter_mut().zip(&input).zip(&gradient) {
            *sum += input.conj() * gradient;
        }
    }
    transforms.inverse(&mut sum);
    let scale = 1.0 / transforms.size as f32;
    into.iter_mut().zip(&sum).for_each(|(into, value)| *into = value.re * scale);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_the_direct_ones() {
        let values = |count: usize, seed: usize| -> Vec<f32> {
            (0..count).map(|index| (((index + seed) * 7919 % 1009) as f32 / 1009.0) - 0.5).collect()
        };
        for (batch, length) in [(1, 1), (1, 7), (2, 8), (5, 33)] {
            let (kernel, x, g) = (values(length, 3), values(batch * length, 5), values(batch * length, 11));
            let close = |ours: &[f32], expected: &dyn Fn(usize) -> f32| {
                for (index, value) in ours.iter().enumerate() {
                    assert!((value - expected(index)).abs() < 1e-5, "{batch} {length} {index}");
                }
            };
            let mut y = vec![0.0; batch * length];
            convolve(Direction::Forward, &kernel, &x, &mut y);
            close(&y, &|index| (0..=index % length).map(|s| kernel[s] * x[index - s]).sum());
            convolve(Direction::Backward, &kernel, &g, &mut y);
            close(&y, &|index| (0..length - index % length).map(|s| kernel[s] * g[index + s]).sum());
            let mut d_kernel = vec![0.0; length];
            correlate(&x, &g, &mut d_kernel);
            let lagged = |row: usize, s: usize| (s..length).map(move |t| (row * length + t - s, row * length + t));
            close(&d_kernel, &|s| (0..batch).flat_map(|row| lagged(row, s)).map(|(i, j)| x[i] * g[j]).sum());
        }
    }
}
