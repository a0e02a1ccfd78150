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
pub(crate) struct Transforms {
    length: usize,
    size: usize,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

impl Transforms {
    /// For sequences of `length` time steps.
    pub fn new(length: usize) -> Self {
        let size = (2 * length).next_power_of_two();
        let mut planner = FftPlanner::new();
        Self { length, size, forward: planner.plan_fft_forward(size), inverse: planner.plan_fft_inverse(size) }
    }

    /// Room for one spectrum.
    fn zeros(&self) -> Vec<Complex32> {
        vec![Complex32::default(); self.size]
    }

    /// Room for a transform.
    fn scratch(&self) -> Vec<Complex32> {
        let room = self.forward.get_inplace_scratch_len().max(self.inverse.get_inplace_scratch_len());
        vec![Complex32::default(); room]
    }

    /// The spectrum of two sequences, or of one and zeros.
    fn pair(&self, sequences: &[f32], spectrum: &mut [Complex32], scratch: &mut [Complex32]) {
        let (first, second) = sequences.split_at(self.length);
        spectrum.fill(Complex32::default());
        for (value, re) in spectrum.iter_mut().zip(first) {
            value.re = *re;
        }
        for (value, im) in spectrum.iter_mut().zip(second) {
            value.im = *im;
        }
        self.forward.process_with_scratch(spectrum, scratch);
    }

    /// Convolves each of the sequences, `[batch, length]`, with one kernel, `[length]`.
    pub fn convolve(&self, direction: Direction, kernel: &[f32], sequences: &[f32], into: &mut [f32]) {
        let (mut response, mut spectrum, mut scratch) = (self.zeros(), self.zeros(), self.scratch());
        self.pair(kernel, &mut response, &mut scratch);
        let scale = 1.0 / self.size as f32;
        for value in &mut response {
            // Reversing time conjugates the spectrum.
            let im = if direction == Direction::Forward { value.im } else { -value.im };
            *value = Complex32::new(value.re, im) * scale;
        }
        for (sequences, into) in sequences.chunks(2 * self.length).zip(into.chunks_mut(2 * self.length)) {
            self.pair(sequences, &mut spectrum, &mut scratch);
            spectrum.iter_mut().zip(&response).for_each(|(value, response)| *value *= response);
            self.inverse.process_with_scratch(&mut spectrum, &mut scratch);
            let (first, second) = into.split_at_mut(self.length);
            first.iter_mut().zip(&spectrum).for_each(|(into, value)| *into = value.re);
            second.iter_mut().zip(&spectrum).for_each(|(into, value)| *into = value.im);
        }
    }

    /// `into(s) = sum x(t) g(t+s)` over all times and sequences, each `[batch, length]`: the kernel's gradient.
    pub fn correlate(&self, inputs: &[f32], gradients: &[f32], into: &mut [f32]) {
        let (mut input, mut gradient, mut sum) = (self.zeros(), self.zeros(), self.zeros());
        let mut scratch = self.scratch();
        for (inputs, gradients) in inputs.chunks(2 * self.length).zip(gradients.chunks(2 * self.length)) {
            self.pair(inputs, &mut input, &mut scratch);
            self.pair(gradients, &mut gradient, &mut scratch);
            // (a - ib)(g + ih) has the real part ag + bh, the sum over both sequences.
            for ((sum, input), gradient) in sum.iter_mut().zip(&input).zip(&gradient) {
                *sum += input.conj() * gradient;
            }
        }
        self.inverse.process_with_scratch(&mut sum, &mut scratch);
        let scale = 1.0 / self.size as f32;
        into.iter_mut().zip(&sum).for_each(|(into, value)| *into = value.re * scale);
    }
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
            let transforms = Transforms::new(length);
            let mut y = vec![0.0; batch * length];
            transforms.convolve(Direction::Forward, &kernel, &x, &mut y);
            close(&y, &|index| (0..=index % length).map(|s| kernel[s] * x[index - s]).sum());
            transforms.convolve(Direction::Backward, &kernel, &g, &mut y);
            close(&y, &|index| (0..length - index % length).map(|s| kernel[s] * g[index + s]).sum());
            let mut d_kernel = vec![0.0; length];
            transforms.correlate(&x, &g, &mut d_kernel);
            let lagged = |row: usize, s: usize| (s..length).map(move |t| (row * length + t - s, row * length + t));
            close(&d_kernel, &|s| (0..batch).flat_map(|row| lagged(row, s)).map(|(i, j)| x[i] * g[j]).sum());
        }
    }
}
