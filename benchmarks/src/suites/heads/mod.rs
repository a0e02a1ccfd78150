//! Suite `heads`: how many heads a task asks for.
//!
//! H1 to H7 train one architecture, `class-attention`, on sums of D maxima (task `retrieval`). What the paper leaves open
//! was chosen here: the vectors a_i are random unit vectors of one seed, the tokens of H4 and H5 are those of H1, targets
//! are standardised (mean 0, variance 1), models are trained by Adam in batches of 256 along a cosine from a learning rate
//! of 1e-2 (3e-3 in H7), where 1e-3 is usual, and earlier layers of H5 have residual terms. Where more than one head and
//! all lengths are compared, errors are the smallest over seeds, as in the paper.
//!
//! Source: Yu, Bao, Li, Jiang, Yu, "The effect of attention head count on Transformer approximation", 2025,
//! <https://arxiv.org/abs/2510.06662>.

mod by_heads;
mod errors;
mod grid;
mod images;
mod memorisation;
mod published;
mod reversal;
mod specialisation;
mod text;
mod transition;
mod width;

use crate::experiment::{Suite, SuiteInfo};

/// The suite `heads`.
pub fn suite() -> Suite {
    let [h1, h3, h4, h5] = transition::ALL;
    Suite::new(SuiteInfo {
        name: "heads",
        title: "How many heads a task asks for",
        summary: "How the error falls with the number of attention heads, and that it drops where every retrieved value \
                  has a head of its own.",
        source: "Yu, Bao, Li, Jiang, Yu, \"The effect of attention head count on Transformer approximation\", 2025, \
                 https://arxiv.org/abs/2510.06662",
    })
    .with(h1)
    .with(width::Width)
    .with(h3)
    .with(h4)
    .with(h5)
    .with(reversal::Reversal)
    .with(memorisation::Memorisation)
    .with(text::TextRetrieval)
    .with(images::PaddedImages)
}
