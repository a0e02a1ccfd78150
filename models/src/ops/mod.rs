//! Operations that several models share.
//!
//! Each runs on any backend. Some have a fast form for burn-flex (feature `flex`), which they choose by the type of
//! the backend; [`composed`] does without.

mod attention;
mod broadcast;
mod by_head;
mod conv;
mod exponentials;
#[cfg(feature = "flex")]
mod fast;
mod maps;
mod pool;
mod recurrent;
mod sums;
mod time;

use std::cell::Cell;

use burn::tensor::FloatDType;

pub(crate) use attention::{FORBIDDEN, heads, masks_itself, scores};
pub use attention::{Paired, ScoreBias, attention};
pub use broadcast::{add_trailing, mul_trailing};
pub use by_head::{head_directions, head_values};
pub use conv::{causal_conv, dilated_conv};
pub use exponentials::{complex_exp, complex_exponentials, lag_zero, real_exponentials};
pub use maps::{EPSILON, gelu, joined, layer_norm, linear, map, relu};
pub use pool::{pool, pool_scores};
pub use recurrent::{complex_scan, diagonal_scan};
pub(crate) use recurrent::{gru, linear_rnn, lstm, scans, tanh_rnn};
pub use sums::sum_of_squares;
pub use time::{shift, unbind};

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
