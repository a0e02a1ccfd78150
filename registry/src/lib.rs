//! What every Lookback crate shares: one [`Error`], named lists with nearest-name lookup, and typed
//! parameters whose names, documentation and defaults come from the Rust type itself.

mod error;
mod params;

pub use error::{Error, Result, nearest, unknown_name};
pub use params::{Configurable, Field, Params, fields, parse, to_params};
