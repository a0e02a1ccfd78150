//! Suite `depth`: depth of linear state-space models.
//!
//! Source: <https://arxiv.org/abs/2506.19296>.

use crate::experiment::ExperimentSuite;
use crate::suite::SuiteInfo;

/// The suite `depth`.
pub fn suite() -> ExperimentSuite {
    let info = SuiteInfo {
        name: "depth",
        title: "Depth of linear state-space models",
        summary: "",
        source: "https://arxiv.org/abs/2506.19296",
    };
    ExperimentSuite::new(info, vec![])
}
