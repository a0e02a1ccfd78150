//! Text: plain corpora for language modelling, and queries with passages for retrieval.
//!
//! Retrieval reads the files of MS MARCO's passage ranking (Bajaj et al., "MS MARCO: a human generated machine reading
//! comprehension dataset", 2016, <https://arxiv.org/abs/1611.09268>) as they are: [`read_texts`] and [`read_qrels`].
//! Where no text is at hand, [`generate_text`] and [`GeneratedRetrieval`] make some.

mod bm25;
mod embeddings;
mod generated;
mod language;
mod ms_marco;
mod plain;
mod retrieval;
mod retrieval_text;
mod tokens;
mod vectors;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use bm25::{Bm25, Searcher};
pub use embeddings::EmbeddingTable;
pub use generated::{GeneratedRetrieval, generate_text};
pub use language::{LanguageCorpus, LanguageTextConfig, LanguageWindows};
pub use ms_marco::{read_qrels, read_texts};
pub use plain::{find_text, read_text};
pub use retrieval::{RetrievalCorpus, RetrievalFiles, RetrievalLimits};
pub use retrieval_text::{Embeddings, RetrievalTextConfig};
pub use tokens::TextTokenizer;
pub use vectors::{RetrievalData, RetrievalSet};

/// Where a task's text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TextSource {
    /// From files; it is an error that they are nowhere.
    #[default]
    Files,
    /// From files where they are, and generated elsewhere.
    Found,
    /// Generated, whatever files there are.
    Generated,
}
