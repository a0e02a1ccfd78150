use burn::tensor::{Tensor, backend::Backend};

use super::causal_conv;
#[cfg(feature = "flex")]
use super::fast::{self, diagonal::ComplexScan, recurrent as cells};

/// Runs a recurrence in its fast form where the backend has one.
macro_rules! fast_scan {
    ($cell:ident, $projected:ident $(, $more:ident)*) => {{
        #[cfg(feature = "flex")]
        if fast::applies($projected) {
            let inputs = [fast::erased($projected.clone()) $(, fast::erased($more.clone()))*];
            return Some(fast::apply(cells::Scan::<cells::$cell>::default(), inputs));
        }
        let _ = ($projected $(, $more)*);
        None
    }};
}

/// The outputs of an LSTM from the projected inputs `[batch, length, 4 n]` and the recurrent matrix `[n, 4 n]`, where
/// the backend has a fast form of it.
pub(crate) fn lstm<B: Backend>(projected: &Tensor<B, 3>, recurrent: &Tensor<B, 2>) -> Option<Tensor<B, 3>> {
    fast_scan!(LstmCell, projected, recurrent)
}

/// As [`lstm`], of a GRU: `[batch, length, 3 n]`, `[n, 3 n]` and the bias within the reset gate `[n]`.
pub(crate) fn gru<B: Backend>(
    projected: &Tensor<B, 3>,
    recurrent: &Tensor<B, 2>,
    bias: &Tensor<B, 1>,
) -> Option<Tensor<B, 3>> {
    fast_scan!(GruCell, projected, recurrent, bias)
}

/// As [`lstm`], of a tanh recurrence: `[batch, length, n]` and `[n, n]`.
pub(crate) fn tanh_rnn<B: Backend>(projected: &Tensor<B, 3>, recurrent: &Tensor<B, 2>) -> Option<Tensor<B, 3>> {
    fast_scan!(TanhCell, projected, recurrent)
}

/// As [`tanh_rnn`], of a linear recurrence.
pub(crate) fn linear_rnn<B: Backend>(projected: &Tensor<B, 3>, recurrent: &Tensor<B, 2>) -> Option<Tensor<B, 3>> {
    fast_scan!(LinearCell, projected, recurrent)
}

/// Whether [`complex_scan`] has a fast form for sequences on this backend.
pub(crate) fn scans<B: Backend>(input: &Tensor<B, 3>) -> bool {
    #[cfg(feature = "flex")]
    return fast::applies(input);
    #[cfg(not(feature = "flex"))]
    {
        let _ = input;
        false
    }
}

/// `h(t) = lambda h(t-1) + input(t)`, `h(-1) = 0`, in complex numbers, where the backend has a fast form of it.
///
/// # Shapes
/// - input and output `[batch, length, 2 n]`: real, then imaginary parts
/// - lambda `[2, n]`: real, then imaginary parts
pub fn complex_scan<B: Backend>(input: &Tensor<B, 3>, lambda: &Tensor<B, 2>) -> Option<Tensor<B, 3>> {
    #[cfg(feature = "flex")]
    if fast::applies(input) {
        return Some(fast::apply(ComplexScan, [fast::erased(input.clone()), fast::erased(lambda.clone())]));
    }
    let _ = (input, lambda);
    None
}

/// `h(t) = lambda h(t-1) + input(t)`, `h(-1) = 0`, on any backend.
///
/// # Shapes
/// - input and output `[batch, length, n]` where lambda is real, `[batch, length, 2 n]` with the real, then the
///   imaginary parts where it is complex
/// - re, im: real and, where they are not all 0, imaginary parts of lambda, each `[n]`
pub fn diagonal_scan<B: Backend>(input: Tensor<B, 3>, re: Tensor<B, 1>, im: Option<Tensor<B, 1>>) -> Tensor<B, 3> {
    let [_, length, channels] = input.dims();
    let n = re.dims()[0];
    if scans(&input) {
        let states = match &im {
            Some(im) => complex_scan(&input, &Tensor::stack(vec![re, im.clone()], 0)),
            // The imaginary parts stay 0: one fast form for both costs less than a second one is worth.
            None => {
                let padded = Tensor::cat(vec![input.clone(), input.zeros_like()], 2);
                complex_scan(&padded, &Tensor::stack(vec![re.clone(), re.zeros_like()], 0))
            }
        };
        return states.expect("there is a fast form here").narrow(2, 0, channels);
    }
    let (re, im) = powers(re, im, length);
    let Some(im) = im else { return causal_conv(input, re) };
    // Both parts of the input meet both parts of the powers.
    let [first, second] = [0, n].map(|from| input.clone().narrow(2, from, n));
    let driving = Tensor::cat(vec![first.clone(), second.clone(), first, second], 2);
    let parts = causal_conv(driving, Tensor::cat(vec![re.clone(), im.clone().neg(), im, re], 0));
    let part = |at: usize| parts.clone().narrow(2, at * n, n);
    Tensor::cat(vec![part(0) + part(1), part(2) + part(3)], 2)
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
