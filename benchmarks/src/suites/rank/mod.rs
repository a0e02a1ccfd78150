//! Suite `rank`: approximation rate of the Transformer.
//!
//! Source: <https://arxiv.org/abs/2305.18475>.

use crate::experiment::ExperimentSuite;
use crate::suite::SuiteInfo;

/// The suite `rank`.
pub fn suite() -> ExperimentSuite {
    let info = SuiteInfo {
        name: "rank",
        title: "Approximation rate of the Transformer",
        summary: "",
        source: "https://arxiv.org/abs/2305.18475",
    };
    ExperimentSuite::new(info, vec![])
}
