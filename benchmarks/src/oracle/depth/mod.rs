//! Deep and shallow linear state-space models in f64: conversions that are exact, norms, and a floor under a bound on the
//! parameters.
//!
//! A layer is `h(t) = Lambda h(t-1) + B x(t), y(t) = C h(t) + D x(t)` with diagonal Lambda. In `w = z^-1` its transfer
//! function is `D + sum_i c_i b_i / (1 - lambda_i w)`, and a cascade multiplies those of its layers.
//!
//! | question | function |
//! |---|---|
//! | one layer that does what a cascade does | [`Cascade::shallow`] |
//! | a cascade with one channel and feed-through that does what a layer does | [`Shallow::cascade`] |
//! | a cascade with two channels and no feed-through that does | [`Shallow::summing`] |
//! | why one channel without feed-through cannot | [`Shallow::zeros`] |
//! | how large residues are, split over layers | [`largest_residue`], [`depth_within`] |
//! | what no layer under a bound on its residues can do | [`bounded_floor`] |
//!
//! Source: Bao, Yu, Jiang, Li, "The effect of depth on the expressivity of deep linear state-space models", 2025,
//! <https://arxiv.org/abs/2506.19296>; the constructions are ours.

mod bounded;
mod cascade;
mod residues;
mod shallow;

pub use bounded::{BoundedFloor, bounded_floor};
pub use cascade::{Cascade, CascadeLayer};
pub use residues::{depth_within, equally_spaced, largest_residue};
pub use shallow::{Shallow, gap};
