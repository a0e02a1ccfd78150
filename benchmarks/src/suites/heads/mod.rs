//! Suite `heads`: how many heads a task asks for.
//!
//! Source: <https://arxiv.org/abs/2510.06662>.

mod by_heads;
mod images;
mod text;

use crate::experiment::ExperimentSuite;
use crate::suite::SuiteInfo;

/// The suite `heads`.
pub fn suite() -> ExperimentSuite {
    let info = SuiteInfo {
        name: "heads",
        title: "How many heads a task asks for",
        summary: "",
        source: "https://arxiv.org/abs/2510.06662",
    };
    ExperimentSuite::new(info, [text::experiments(), images::experiments()].into_iter().flatten().collect())
}
