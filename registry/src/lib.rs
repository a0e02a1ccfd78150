//! What every Lookback crate shares.
//!
//! - [`Error`]: one error with a [kind](ErrorKind), fields and a full sentence.
//! - [`Registry`]: one mechanism for lists (models, tasks, ..), to which other programs can add.
//! - [`Configurable`]: typed parameters whose names, documentation, defaults and ranges come from the Rust type itself;
//!   [`parse`] reads and checks them, [`fields`] lists them.
//!
//! ```
//! use lookback_registry::{ErrorKind, fields, parse};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use serde_json::json;
//!
//! #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
//! #[serde(default)]
//! struct DelayConfig {
//!     /// How far back it looks, in steps.
//!     #[schemars(range(min = 1, max = 4096))]
//!     lag: usize,
//! }
//!
//! impl Default for DelayConfig {
//!     fn default() -> Self {
//!         Self { lag: 1 }
//!     }
//! }
//!
//! let params = |value: serde_json::Value| value.as_object().unwrap().clone();
//! assert_eq!(parse::<DelayConfig>("the model `delay`", &params(json!({"lag": 8})))?.lag, 8);
//!
//! let error = parse::<DelayConfig>("the model `delay`", &params(json!({"lag": 0}))).unwrap_err();
//! assert_eq!((error.kind(), error.what()), (ErrorKind::InvalidValue, Some("lag")));
//! assert_eq!(
//!     error.chain(),
//!     "The parameters of the model `delay` are not valid: `lag` is 0, but it must be a whole number from 1 to 4096."
//! );
//! assert_eq!(fields::<DelayConfig>()[0].doc, "How far back it looks, in steps.");
//! # Ok::<(), lookback_registry::Error>(())
//! ```

mod error;
mod list;
mod params;

pub use error::{Error, ErrorKind, Result, nearest};
pub use list::{Entry, Registry};
pub use params::{Configurable, Field, Params, check, fields, parse, to_params};
