//! Operations of sequence models on [burn](https://burn.dev): linear maps, attention, convolutions, scans of recurrent
//! networks and state-space models, pooling.
//!
//! Each runs on any backend. With the Cargo feature `flex` some have a fast form with a hand-written gradient for burn-flex,
//! which they choose by the type of the backend; [`composed`] does without.
//!
//! ```
//! use burn::tensor::Tensor;
//!
//! // A running sum by hand: the state decays by nothing and takes in each step.
//! let steps = Tensor::<burn_flex::Flex, 1>::from_floats([1.0, 2.0, 3.0], &Default::default()).reshape([1, 3, 1]);
//! let sums = lookback_ops::selective_scan(steps.ones_like(), steps);
//! assert_eq!(sums.into_data().to_vec::<f32>().unwrap(), [1.0, 3.0, 6.0]);
//! ```

mod attention;
mod broadcast;
mod by_head;
mod cells;
mod conv;
mod counting;
#[cfg(feature = "cube")]
mod cube;
#[cfg(any(feature = "flex", feature = "cube"))]
mod erased;
mod exponentials;
#[cfg(feature = "flex")]
mod fast;
mod maps;
mod mask;
mod pool;
mod recurrent;
mod scan;
mod sums;
mod time;

use std::cell::Cell;

use burn::tensor::{FloatDType, Tensor, backend::Backend};

pub use attention::{FORBIDDEN, Paired, ScoreBias, attention, causal_mask, causal_table, heads, scores};
pub use broadcast::{add_trailing, mul_trailing};
pub use by_head::{head_directions, head_values};
pub use cells::{LstmState, gru_cell, lstm_cell, tanh_cell};
pub use conv::{causal_conv, dilated_conv};
use counting::counting;
pub use exponentials::{complex_exp, complex_exponentials, lag_zero, real_exponentials};
pub use maps::{EPSILON, gelu, layer_norm, linear, map, relu, softplus};
pub use mask::Mask;
pub use pool::{pool, pool_scores};
pub use recurrent::{gru, linear_rnn, lstm, tanh_rnn};
pub use scan::{diagonal_scan, scan, selective_scan};
pub use sums::sum_of_squares;
pub use time::{shift, unbind};

/// Returns from the function with the fast form `$op` of the operation, where it has one for the backend and the type of
/// numbers of its first input: `fast_form!(op, first, second, ..)`, with an optional input behind a semicolon.
macro_rules! fast_form {
    ($op:expr, $first:ident $(, $more:expr)* $(; $optional:ident)?) => {
        #[cfg(feature = "flex")]
        {
            use $crate::{erased::erased, fast};
            if fast::applies(&$first) {
                let inputs = [erased($first) $(, erased($more))*];
                return $crate::fast_form!(@apply $op, inputs $(, $optional)?);
            }
        }
    };
    (@apply $op:expr, $inputs:ident) => {
        fast::apply($op, $inputs)
    };
    (@apply $op:expr, $inputs:ident, $optional:ident) => {{
        let [first, second] = $inputs;
        match $optional {
            Some(third) => fast::apply($op, [first, second, $crate::erased::erased(third)]),
            None => fast::apply($op, [first, second]),
        }
    }};
}
use fast_form;

/// Returns from the function with the kernel `$op` for the operation, where it has one for the backend and the type of
/// numbers of its first input.
macro_rules! cube_form {
    ($op:expr, $first:ident $(, $more:expr)*) => {
        #[cfg(feature = "cube")]
        {
            use $crate::{cube, erased::erased};
            if cube::applies(&$first) {
                return cube::apply($op, [erased($first) $(, erased($more))*]);
            }
        }
    };
}
use cube_form;

/// Whether operations have fast forms for tensors of this backend and type of numbers.
fn is_fast<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> bool {
    #[cfg(feature = "flex")]
    return fast::applies(tensor);
    #[cfg(not(feature = "flex"))]
    {
        let _ = tensor;
        false
    }
}

/// Whether this is a backend that has fast forms, whose tensors are in the host's memory.
#[cfg_attr(not(feature = "flex"), expect(clippy::extra_unused_type_parameters, reason = "there are no fast forms"))]
fn is_on_host<B: Backend>() -> bool {
    #[cfg(feature = "flex")]
    return fast::knows::<B>();
    #[cfg(not(feature = "flex"))]
    false
}

/// Whether attention forbids later keys by itself on this backend.
fn masks_itself<B: Backend>() -> bool {
    #[cfg(feature = "cube")]
    if cube::knows::<B>() {
        return true;
    }
    is_on_host::<B>()
}

thread_local! {
    static PRECISION: Cell<Option<FloatDType>> = const { Cell::new(None) };
    static COMPOSED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with the matrix products of linear maps and attention in numbers of this type, their inputs and outputs
/// converted from and to single precision (mixed precision); `None` for products in single precision.
pub fn in_precision<R>(dtype: Option<FloatDType>, work: impl FnOnce() -> R) -> R {
    let _restore = Restore(&PRECISION, PRECISION.replace(dtype));
    work()
}

/// The type of matrix products where it is not that of their inputs.
fn precision() -> Option<FloatDType> {
    PRECISION.get()
}

/// Puts a value back, also after a panic.
struct Restore<T: Copy + 'static>(&'static std::thread::LocalKey<Cell<T>>, T);

impl<T: Copy + 'static> Drop for Restore<T> {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

/// Runs `work` with the forms that are composed of burn's operations, as on backends that have no fast ones: to
/// compare the two.
pub fn composed<R>(work: impl FnOnce() -> R) -> R {
    let _restore = Restore(&COMPOSED, COMPOSED.replace(true));
    work()
}
