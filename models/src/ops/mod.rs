//! Operations that several models share.
//!
//! Each runs on any backend. Some have a fast form for burn-flex (feature `flex`), which they choose by the type of
//! the backend; [`composed`] does without.

mod attention;
mod broadcast;
mod conv;
mod exponentials;
#[cfg(feature = "flex")]
mod fast;
mod maps;
mod recurrent;
mod time;

use std::cell::Cell;

pub(crate) use attention::{FORBIDDEN, heads, masks_itself, weights};
pub use attention::{Paired, ScoreBias, attention};
pub use broadcast::{add_trailing, mul_trailing};
pub use conv::{causal_conv, dilated_conv};
pub use exponentials::{complex_exp, complex_exponentials, lag_zero, real_exponentials};
pub use maps::{gelu, joined, layer_norm, linear, map};
pub use recurrent::complex_scan;
pub(crate) use recurrent::{gru, linear_rnn, lstm, scans, tanh_rnn};
pub use time::{shift, unbind};

thread_local! {
    static COMPOSED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` with the forms that are composed of burn's operations, as on backends that have no fast ones: to
/// compare the two.
pub fn composed<R>(work: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            COMPOSED.set(self.0);
        }
    }
    let _restore = Restore(COMPOSED.replace(true));
    work()
}
