//! Kernels of diagonal systems: sums of exponentials at all lags.
//!
//! A lag is `coarse * fine_steps + fine`; powers come by recurrence in double precision, the sum over the states is a
//! product of `[coarse, states]` and `[states, fine]` for each channel.

use rayon::prelude::*;

use super::matmul::{Old, Strides, product};
use super::{Array, FastOp, Pass, View};

/// `kernel(s) = Re sum_n weight_n exp(s rate_n)`, `s = 0..length`: for four inputs real and imaginary parts of the rate,
/// then of the weight, for two the real rate and weight, each `[channels, states]`; output `[channels, length]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exponentials {
    pub length: usize,
}

/// A complex number; the imaginary part of real systems is 0.
type Number = [f64; 2];

fn times([a, b]: Number, [c, d]: Number) -> Number {
    [a * c - b * d, a * d + b * c]
}

fn power(rate: Number, steps: usize) -> Number {
    let radius = (rate[0] * steps as f64).exp();
    let (sine, cosine) = (rate[1] * steps as f64).sin_cos();
    [radius * cosine, radius * sine]
}

/// The system of one channel.
struct Channel {
    rate: Vec<Number>,
    weight: Vec<Number>,
    fine: usize,
    coarse: usize,
    /// 1 for real systems, 2 for complex ones: rows of the factors per state.
    parts: usize,
}

impl Channel {
    fn new(op: Exponentials, inputs: &[View], channel: usize) -> Self {
        let states = inputs[0].width();
        let row = |view: &View| -> Vec<f64> {
            view.data[channel * states..][..states].iter().map(|value| f64::from(*value)).collect()
        };
        let numbers = |re: &View, im: Option<&View>| -> Vec<Number> {
            let im = im.map_or(vec![0.0; states], row);
            row(re).into_iter().zip(im).map(|(re, im)| [re, im]).collect()
        };
        let (rate, weight) = match inputs {
            [rate, weight] => (numbers(rate, None), numbers(weight, None)),
            [rate_re, rate_im, re, im] => (numbers(rate_re, Some(rate_im)), numbers(re, Some(im))),
            _ => unreachable!("two or four inputs"),
        };
        let fine = ((op.length as f64).sqrt().ceil() as usize).next_power_of_two();
        Self { rate, weight, fine, coarse: op.length.div_ceil(fine), parts: inputs.len() / 2 }
    }

    /// Rows of the factors.
    fn rows(&self) -> usize {
        self.parts * self.rate.len()
    }

    /// `start exp(s stride rate)`, `s = 0..count`, of each state: real parts, then `sign` times the imaginary parts,
    /// `[rows, count]`.
    fn powers(&self, count: usize, stride: usize, start: impl Fn(usize) -> Number, sign: f64) -> Vec<f32> {
        let mut powers = vec![0.0; self.rows() * count];
        let (re, im) = powers.split_at_mut(self.rate.len() * count);
        for (state, rate) in self.rate.iter().enumerate() {
            let base = power(*rate, stride);
            let mut value = start(state);
            for step in 0..count {
                re[state * count + step] = value[0] as f32;
                if self.parts == 2 {
                    im[state * count + step] = (sign * value[1]) as f32;
                }
                value = times(value, base);
            }
        }
        powers
    }

    /// The factors: `exp(s rate)` at fine steps `[rows, fine]`, and `weight exp(s rate)` at coarse steps `[rows, coarse]`
    /// with negative imaginary parts, so that the product is the real part.
    fn factors(&self) -> [Vec<f32>; 2] {
        let low = self.powers(self.fine, 1, |_| [1.0, 0.0], 1.0);
        [low, self.powers(self.coarse, self.fine, |state| self.weight[state], -1.0)]
    }

    fn kernel(&self, into: &mut [f32]) {
        let [low, high] = self.factors();
        let mut lags = vec![0.0; self.coarse * self.fine];
        let left = (high.as_slice(), Strides::of_rows(self.coarse).transposed());
        let right = (low.as_slice(), Strides::of_rows(self.fine));
        let whole = (lags.as_mut_slice(), Strides::of_rows(self.fine), Old::Replace);
        product((self.coarse, self.rows(), self.fine), whole, left, right, 1.0);
        into.copy_from_slice(&lags[..into.len()]);
    }

    /// The gradients of rate and weight of each state.
    fn backward(&self, gradient: &[f32]) -> Vec<[Number; 2]> {
        let [low, high] = self.factors();
        let mut lags = vec![0.0; self.coarse * self.fine];
        lags[..gradient.len()].copy_from_slice(gradient);
        let lags = (lags.as_slice(), Strides::of_rows(self.fine));
        let (of_low, of_high) = (Strides::of_rows(self.fine), Strides::of_rows(self.coarse));
        let (mut d_low, mut d_high) = (vec![0.0; low.len()], vec![0.0; high.len()]);
        let into = (d_low.as_mut_slice(), of_low, Old::Replace);
        product((self.rows(), self.coarse, self.fine), into, (&high, of_high), lags, 1.0);
        let into = (d_high.as_mut_slice(), of_high, Old::Replace);
        let transposed = (lags.0, lags.1.transposed());
        product((self.rows(), self.fine, self.coarse), into, (&low, of_low), transposed, 1.0);

        let states = self.rate.len();
        let gradient = |of: &[f32], state: usize, count: usize, step: usize| -> Number {
            let im = if self.parts == 2 { of[(states + state) * count + step] } else { 0.0 };
            [f64::from(of[state * count + step]), f64::from(im)]
        };
        // For v = c exp(r s) with the gradient g of its parts, those of r are s conj(v) g, and of c conj(exp(r s)) g.
        let conjugate_times = |[a, b]: Number, [c, d]: Number| [a * c + b * d, a * d - b * c];
        let of_state = |(state, rate): (usize, &Number)| {
            let (mut d_rate, mut d_weight) = ([0.0; 2], [0.0; 2]);
            let mut add = |to_rate: Number, steps: usize| {
                d_rate[0] += steps as f64 * to_rate[0];
                d_rate[1] += steps as f64 * to_rate[1];
            };
            let base = power(*rate, 1);
            let mut value = [1.0, 0.0];
            for step in 0..self.fine {
                add(conjugate_times(value, gradient(&d_low, state, self.fine, step)), step);
                value = times(value, base);
            }
            let base = power(*rate, self.fine);
            let mut value = [1.0, 0.0];
            for step in 0..self.coarse {
                let [re, minus_im] = gradient(&d_high, state, self.coarse, step);
                let to_weight = conjugate_times(value, [re, -minus_im]);
                d_weight[0] += to_weight[0];
                d_weight[1] += to_weight[1];
                add(conjugate_times(self.weight[state], to_weight), step * self.fine);
                value = times(value, base);
            }
            [d_rate, d_weight]
        };
        self.rate.iter().enumerate().map(of_state).collect()
    }
}

impl Exponentials {
    fn kernels(self, inputs: &[View]) -> Array {
        let mut output = Array::zeros(&[inputs[0].shape[0], self.length]);
        let channels = output.data.par_chunks_mut(self.length).enumerate();
        channels.for_each(|(channel, kernel)| Channel::new(self, inputs, channel).kernel(kernel));
        output
    }
}

impl<const N: usize> FastOp<N> for Exponentials {
    type Kept = ();

    fn forward(&self, inputs: [View; N]) -> (Array, ()) {
        (self.kernels(&inputs), ())
    }

    fn backward(&self, Pass { inputs, gradient, wanted, .. }: Pass<(), N>) -> [Option<Array>; N] {
        let channels = gradient.data.par_chunks(self.length).enumerate();
        let states: Vec<Vec<[Number; 2]>> =
            channels.map(|(channel, gradient)| Channel::new(*self, &inputs, channel).backward(gradient)).collect();
        // Rate, then weight, each with one or two parts.
        std::array::from_fn(|index| {
            let (which, part) = (index / (N / 2), index % (N / 2));
            wanted[index].then(|| Array {
                shape: inputs[index].shape.to_vec(),
                data: states.iter().flatten().map(|state| state[which][part] as f32).collect(),
            })
        })
    }
}
