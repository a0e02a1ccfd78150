use burn::tensor::{Tensor, backend::Backend};

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
