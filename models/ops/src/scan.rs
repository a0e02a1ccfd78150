use burn::tensor::{Tensor, backend::Backend};

use super::{causal_conv, fast_form, is_fast, shift, unbind};

/// Runs `cell` from `state` over all time steps; `cell(input, state)` gives the output and the next state. For recurrences
/// that have no parallel form.
///
/// # Shapes
/// - input `[batch, length, channels]`, output `[batch, length, hidden]`
/// - the cell's input `[batch, channels]`, its output `[batch, hidden]`
pub fn scan<B: Backend, S>(
    input: Tensor<B, 3>,
    mut state: S,
    mut cell: impl FnMut(Tensor<B, 2>, S) -> (Tensor<B, 2>, S),
) -> Tensor<B, 3> {
    let [batch, length, _] = input.dims();
    let mut outputs = Vec::with_capacity(length);
    for step in unbind(input) {
        let (output, next) = cell(step, state);
        state = next;
        outputs.push(output);
    }
    let hidden = outputs[0].dims()[1];
    // One concatenation of channels instead of `stack`, which would first reshape every step.
    Tensor::cat(outputs, 1).reshape([batch, length, hidden])
}

/// `h(t) = a(t) h(t-1) + b(t)`, `h(-1) = 0`, element by element: a linear recurrence whose decay depends on the input.
///
/// Composed, it is parallel over time (Hillis and Steele's scan of the pairs `(a, b)`).
///
/// # Shapes
/// - decay a, input b and output `[batch, length, n]`
///
/// # Example
/// A selective state space (Gu, Dao, "Mamba: linear-time sequence modeling with selective state spaces", 2023,
/// <https://arxiv.org/abs/2312.00752>) of `d` channels with `s` states each, `n = d s`: the step `dt(t) = softplus(x(t) W)`
/// sets how much each state forgets, `h(t) = exp(-dt(t) r) h(t-1) + dt(t) x(t)`, and the output is `y(t) = sum_s c h(t)`.
/// ```
/// use burn::tensor::{Distribution, Tensor};
/// use burn_flex::Flex;
/// use lookback_ops as ops;
///
/// let (batch, length, d, s) = (2, 50, 3, 4);
/// let device = Default::default();
/// let random = |shape: [usize; 3]| Tensor::<Flex, 3>::random(shape, Distribution::Default, &device);
/// let x = random([batch, length, d]);
/// let [weight, rate, output] = [[1, d, d], [1, d, s], [1, d, s]].map(random);
///
/// let step = ops::softplus(ops::linear(x.clone(), weight.squeeze_dim(0), None));
/// // `[batch, length, d]` times `[d, s]`: each channel drives its own states.
/// let driven = (step.clone() * x).unsqueeze_dim::<4>(3).expand([batch, length, d, s]);
/// let decay = (step.unsqueeze_dim::<4>(3) * rate.unsqueeze()).neg().exp();
/// let all = [batch, length, d * s];
/// let states = ops::selective_scan(decay.reshape(all), driven.reshape(all));
/// let y = ops::mul_trailing(states, output).reshape([batch, length, d, s]).sum_dim(3).squeeze_dim::<3>(3);
/// assert_eq!(y.dims(), [batch, length, d]);
/// ```
pub fn selective_scan<B: Backend>(decay: Tensor<B, 3>, input: Tensor<B, 3>) -> Tensor<B, 3> {
    assert_eq!(decay.dims(), input.dims(), "there is a decay for each element of the input");
    fast_form!(fast::diagonal::SelectiveScan, decay, input);
    let length = input.dims()[1];
    let (mut states, mut product) = (input, decay);
    let mut reach = 1;
    // After each round, states hold the last `reach` terms, and products the decays over as many steps.
    while reach < length {
        states = states.clone() + product.clone() * shift(states, reach);
        reach *= 2;
        if reach < length {
            product = product.clone() * shift(product, reach / 2);
        }
    }
    states
}

/// `h(t) = lambda h(t-1) + u(t)`, `h(-1) = 0`, for each state with a lambda of its own, real or complex.
///
/// Composed, it is a convolution with the powers of lambda.
///
/// # Shapes
/// - input u and output `[batch, length, n]` where lambda is real, `[batch, length, 2 n]` with the real, then the
///   imaginary parts where it is complex
/// - re, im: real and, of complex ones, imaginary parts of lambda, each `[n]`
pub fn diagonal_scan<B: Backend>(input: Tensor<B, 3>, re: Tensor<B, 1>, im: Option<Tensor<B, 1>>) -> Tensor<B, 3> {
    let [batch, length, channels] = input.dims();
    let Some(im) = im else {
        if is_fast(&input) {
            // The imaginary parts stay 0: one fast form for both costs less than a second one is worth.
            let padded = Tensor::cat(vec![input.clone(), input.zeros_like()], 2);
            return diagonal_scan(padded, re.clone(), Some(re.zeros_like())).narrow(2, 0, channels);
        }
        return causal_conv(input, powers(re, None, length).0);
    };
    fast_form!(fast::diagonal::ComplexScan, input, Tensor::stack::<2>(vec![re, im], 0));
    let n = channels / 2;
    let (re, im) = powers(re, Some(im), length);
    let im = im.expect("complex numbers have complex powers");
    // Both parts of the input meet both parts of the powers: the batch runs twice, the second time with its parts swapped.
    let [first, second] = [0, n].map(|from| input.clone().narrow(2, from, n));
    let driving = Tensor::cat(vec![input, Tensor::cat(vec![second, first], 2)], 0);
    let convolved = causal_conv(driving, Tensor::cat(vec![re, im], 0));
    let part = |run: usize, of: usize| convolved.clone().narrow(0, run * batch, batch).narrow(2, of * n, n);
    Tensor::cat(vec![part(0, 0) - part(0, 1), part(1, 0) + part(1, 1)], 2)
}

/// `lambda^s`, s = 0..length: real and imaginary parts, each `[n, length]`. By doubling, so that any lambda has its
/// powers and their gradients, 0 and negative ones included.
fn powers<B: Backend>(re: Tensor<B, 1>, im: Option<Tensor<B, 1>>, length: usize) -> Numbers<B> {
    let mut base = (re.unsqueeze_dim::<2>(1), im.map(|im| im.unsqueeze_dim::<2>(1)));
    let mut all = (base.0.ones_like(), base.1.as_ref().map(Tensor::zeros_like));
    let mut count = 1;
    while count < length {
        let later = times(&all, &base);
        all = (
            Tensor::cat(vec![all.0, later.0], 1),
            all.1.zip(later.1).map(|(all, later)| Tensor::cat(vec![all, later], 1)),
        );
        base = times(&base, &base);
        count *= 2;
    }
    (all.0.narrow(1, 0, length), all.1.map(|im| im.narrow(1, 0, length)))
}

/// A number per element: its real part and, where it has one, its imaginary part.
type Numbers<B> = (Tensor<B, 2>, Option<Tensor<B, 2>>);

/// The products of `[n, m]` numbers with `[n, 1]` or `[n, m]` ones.
fn times<B: Backend>((re, im): &Numbers<B>, (by_re, by_im): &Numbers<B>) -> Numbers<B> {
    let real = re.clone() * by_re.clone();
    match (im, by_im) {
        (Some(im), Some(by_im)) => {
            (real - im.clone() * by_im.clone(), Some(re.clone() * by_im.clone() + im.clone() * by_re.clone()))
        }
        _ => (real, None),
    }
}
