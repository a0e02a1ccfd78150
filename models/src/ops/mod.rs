//! Operations over time that several models share.

mod broadcast;
mod conv;
mod exponentials;
mod time;

pub use broadcast::{add_trailing, mul_trailing};
pub use conv::causal_conv;
pub use exponentials::{complex_exp, complex_exponentials, lag_zero, real_exponentials};
pub use time::{shift, unbind};
