//! What holds for every model of the registry, and what single models compute. A new model is tested without a new test;
//! `cargo test --release -p lookback-models --test laws NAME` tests one model alone, e.g. `lstm`.

mod common;
mod fast;
mod formula;
mod invalid;
mod models;
mod pytorch;
mod ssm;
mod vit;
