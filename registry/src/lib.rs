//! What every Lookback crate shares: one [`Error`], one mechanism for lists ([`Registry`]), and typed parameters whose
//! names, documentation, defaults and ranges come from the Rust type itself ([`Configurable`]).

mod error;
mod list;
mod params;

pub use error::{Error, ErrorKind, Result};
pub use list::{Entry, Registry, nearest};
pub use params::{Configurable, Field, Params, check, fields, parse, to_params};
