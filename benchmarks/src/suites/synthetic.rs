//! Suite `synthetic`: the experiments of all suites that need no data from elsewhere, in one sweep and one report.

use super::{depth, heads, memory, rank, sparse};
use crate::experiment::{Suite, SuiteInfo};

/// The suite `synthetic`.
pub(super) fn suite() -> Suite {
    let info = SuiteInfo {
        name: "synthetic",
        title: "Memory, heads, depth, rank and sparse memory",
        summary: "The experiments of all suites that make their own data, in one sweep and one report.",
        source: "the papers of its suites: https://arxiv.org/abs/2506.05678 (memory), \
                 https://arxiv.org/abs/2510.06662 (heads), https://arxiv.org/abs/2506.19296 (depth), \
                 https://arxiv.org/abs/2305.18475 (rank), https://arxiv.org/abs/2402.00522 (sparse)",
    };
    Suite::joined(info, [memory::suite(), heads::suite(), depth::suite(), rank::suite(), sparse::suite()]).synthetic()
}
