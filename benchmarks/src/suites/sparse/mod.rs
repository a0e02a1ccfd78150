//! Suite `sparse`: long, sparse and complicated memory.
//!
//! Source: Wang, E, "Understanding the expressive power and mechanisms of Transformer for sequence modeling", 2024,
//! <https://arxiv.org/abs/2402.00522>.
//!
//! The paper's experiments read one output from sequences in {-1, 1}^1000, with 10,000 steps of AdamW on squared loss (10^6
//! sequences), as S1 to S5 do in preset `full`, but for the near lags of S1 to S3, for which 32 steps are enough. Chosen
//! here, where the paper is silent: its x_48, x_56 and x_99 are inputs that many steps before the last; in S1 to S3, 32
//! channels (64 in `full`) and 4 per head; a learning rate along half a cosine, as `shared` has it; the forms of the lags'
//! scores in S1 to S3. Those are three: its logarithmic form at its lags, a free score per lag at its lags, and its linear
//! form at near lags. Sums of powers of lags, in numbers of 32 or even 64 bits, cannot tell lags 48 and 56 apart (see the
//! floors of S3), so that the first cannot give the paper's numbers.

mod boolean;
mod kernels;
mod language;
mod nesting;
mod separation;
mod shared;
mod width_heads;

use crate::experiment::{Suite, SuiteInfo};

/// The suite `sparse`.
pub fn suite() -> Suite {
    let info = SuiteInfo {
        name: "sparse",
        title: "Long, sparse and complicated memory",
        summary: "What heads, feed-forward width, layers, dot products and scores of lags do for memories that are long but \
                  sparse, adaptive, or decaying.",
        source: "Wang, E, \"Understanding the expressive power and mechanisms of Transformer for sequence modeling\", 2024, \
                 https://arxiv.org/abs/2402.00522",
    };
    Suite::new(info)
        .with(boolean::Boolean)
        .with(width_heads::WidthHeads::Width)
        .with(width_heads::WidthHeads::Heads)
        .with(kernels::Kernels::Polynomial)
        .with(kernels::Kernels::Exponential)
        .with(separation::Separation)
        .with(nesting::Nesting)
        .with(language::Language)
}
