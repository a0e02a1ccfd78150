//! Operations over time that several models share.

mod time;

pub use time::{shift, unbind};
