use std::f64::consts::TAU;

use burn::tensor::{Tensor, backend::Backend};

use super::{counting, fast_form};

/// The kernel of a real diagonal system: `kernel(s) = sum_n weight_n exp(s rate_n)`, `s = 0..length`.
///
/// A lag is split into `s = coarse * fine_steps + fine`, so that only about `2 sqrt(length)` exponentials are
/// taken per state; a matrix product does the rest.
///
/// # Shapes
/// - weight, rate `[channels, states]`
/// - output `[channels, length]`
pub fn real_exponentials<B: Backend>(weight: Tensor<B, 2>, rate: Tensor<B, 2>, length: usize) -> Tensor<B, 2> {
    fast_form!(fast::exponentials::Exponentials { length }, rate, weight);
    let (fine, coarse) = split(length);
    let low = multiples(rate.clone(), fine).exp();
    let high = multiples(rate * fine as f64, coarse).exp() * weight.unsqueeze_dim(2);
    join(high, low, length)
}

/// The kernel of a complex diagonal system: `kernel(s) = Re sum_n weight_n exp(s rate_n)`, `s = 0..length`.
///
/// # Shapes
/// - weight, rate: real and imaginary part, each `[channels, states]`
/// - output `[channels, length]`
pub fn complex_exponentials<B: Backend>(
    weight: [Tensor<B, 2>; 2],
    rate: [Tensor<B, 2>; 2],
    length: usize,
) -> Tensor<B, 2> {
    let ([decay, angle], [re, im]) = (rate, weight);
    fast_form!(fast::exponentials::Exponentials { length }, decay, angle, re, im);
    let (fine, coarse) = split(length);
    let angle = wrap(angle);
    let [low_re, low_im] = polar(multiples(decay.clone(), fine), multiples(angle.clone(), fine));
    // `fine` is a power of two, so this angle is exact before it is wrapped.
    let [high_re, high_im] =
        polar(multiples(decay * fine as f64, coarse), multiples(wrap(angle * fine as f64), coarse));
    let [re, im] = [re, im].map(|part| part.unsqueeze_dim::<3>(2));
    let real = high_re.clone() * re.clone() - high_im.clone() * im.clone();
    let minus_imaginary = (high_re * im + high_im * re).neg();
    join(Tensor::cat(vec![real, minus_imaginary], 1), Tensor::cat(vec![low_re, low_im], 1), length)
}

/// `exp(decay + i angle)`, real and imaginary part; the same numbers as [`complex_exponentials`] has at lag 1.
pub fn complex_exp<B: Backend, const D: usize>(decay: Tensor<B, D>, angle: Tensor<B, D>) -> [Tensor<B, D>; 2] {
    polar(decay, wrap(angle))
}

/// The kernel of a feed-through: `weight` at lag 0, zero at `1..length`.
///
/// # Shapes
/// - weight `[channels]`
/// - output `[channels, length]`
pub fn lag_zero<B: Backend>(weight: Tensor<B, 1>, length: usize) -> Tensor<B, 2> {
    let first = counting::<B>(length, &weight.device()).equal_elem(0).float();
    weight.unsqueeze_dim::<2>(1) * first.unsqueeze()
}

fn polar<B: Backend, const D: usize>(decay: Tensor<B, D>, angle: Tensor<B, D>) -> [Tensor<B, D>; 2] {
    let radius = decay.exp();
    [radius.clone() * angle.clone().cos(), radius * angle.sin()]
}

/// The angle less whole turns, in `[-pi, pi]`: multiples of a small angle lose fewer digits.
fn wrap<B: Backend, const D: usize>(angle: Tensor<B, D>) -> Tensor<B, D> {
    // A turn in two parts; whole multiples of the first are exact in single precision.
    const TURN: f64 = 6.28125;
    let turns = (angle.clone().detach() / TAU).round();
    angle - turns.clone() * TURN - turns * (TAU - TURN)
}

/// Fine steps (a power of two) and coarse steps whose product is at least `length`.
fn split(length: usize) -> (usize, usize) {
    let fine = ((length as f64).sqrt().ceil() as usize).next_power_of_two();
    (fine, length.div_ceil(fine))
}

/// `rate * k` for `k = 0..count`: `[channels, states]` to `[channels, states, count]`.
fn multiples<B: Backend>(rate: Tensor<B, 2>, count: usize) -> Tensor<B, 3> {
    let steps = counting::<B>(count, &rate.device()).float();
    rate.unsqueeze_dim::<3>(2) * steps.reshape([1, 1, count])
}

/// Sums over the states and joins coarse and fine steps to lags.
fn join<B: Backend>(high: Tensor<B, 3>, low: Tensor<B, 3>, length: usize) -> Tensor<B, 2> {
    let [channels, _, coarse] = high.dims();
    let fine = low.dims()[2];
    let kernel = high.swap_dims(1, 2).matmul(low).reshape([channels, coarse * fine]);
    if coarse * fine == length { kernel } else { kernel.narrow(1, 0, length) }
}
