//! What is retrieved from what: parameters, and the corpus that they name.

use std::path::{Path, PathBuf};

use lookback_registry::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plain::{find_in, locate};
use super::retrieval::{RetrievalCorpus, RetrievalFiles, RetrievalLimits};
use super::{EmbeddingTable, GeneratedRetrieval, TextSource, TextTokenizer};
use crate::DataFolder;

/// The folder of MS MARCO's files in a data folder.
pub(super) const FOLDER: &str = "ms-marco";

/// The tokenizer that goes with embeddings from a file, unless another is named.
pub(super) const TOKENIZER: &str = "tokenizer.json";

/// The most of anything that is counted.
const MOST: usize = 1 << 30;

/// What vectors tokens have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Embeddings {
    /// Random ones that stay as they are.
    #[default]
    Random,
    /// The model's own: a text is how often each token comes in it, and the model's first map holds the embeddings.
    Trained,
    /// Those of a file, which stay as they are.
    File,
    /// Those of a file where it and its tokenizer are, and random ones elsewhere.
    Found,
}

/// What is retrieved from what, and how it is shown to a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RetrievalTextConfig {
    /// Where the corpus comes from: files (an error if one is missing), found (generated unless all three are there) or
    /// generated.
    pub source: TextSource,
    /// Rows of number, tab and text: a file's name in the folder `ms-marco` of the data folder, or its whole path.
    pub queries: PathBuf,
    /// Rows of number, tab and text: a file as `queries`.
    pub collection: PathBuf,
    /// Rows of query, 0, passage and relevance: a file as `queries`.
    pub qrels: PathBuf,
    /// Whether malformed rows are skipped and counted instead of being an error.
    pub lenient: bool,
    /// Passages to choose from, one relevant and the others hard negatives, from 2 up.
    #[schemars(range(min = 2, max = MOST))]
    pub candidates: usize,
    /// Queries to train on, the first so many, from 1 up.
    #[schemars(range(min = 1, max = MOST))]
    pub train_queries: usize,
    /// Queries to validate on, the next so many, from 1 up.
    #[schemars(range(min = 1, max = MOST))]
    pub valid_queries: usize,
    /// Passages that are kept and searched for hard negatives, at most.
    #[schemars(range(min = 1, max = MOST))]
    pub max_passages: usize,
    /// Tokens of a text that count, the first so many, from 1 up.
    #[schemars(range(min = 1, max = MOST))]
    pub max_tokens: usize,
    /// Tokens of the byte-pair encoding that is learnt from the passages, from 256 up; with trained embeddings also the
    /// most tokens that another tokenizer may have.
    #[schemars(range(min = TextTokenizer::BYTES, max = TextTokenizer::MOST))]
    pub vocabulary: usize,
    /// A `tokenizer.json`, named as `queries`; null for the byte-pair encoding, or, with embeddings from a file, for the
    /// `tokenizer.json` in the folder `ms-marco`.
    pub tokenizer: Option<PathBuf>,
    /// What vectors tokens have: random, trained, file or found (file where it is, else random).
    pub embeddings: Embeddings,
    /// Channels of a token's vector, from 1 up, where embeddings are not trained; those of a file must have as many.
    #[schemars(range(min = 1, max = MOST))]
    pub d_embedding: usize,
    /// The safetensors file of the embeddings, named as `queries`.
    pub embedding_file: PathBuf,
    /// The tensor in it, one row per token.
    pub embedding_tensor: String,
    /// Seeds random embeddings, the order of candidates, and a generated corpus.
    pub data_seed: u64,
}

impl Default for RetrievalTextConfig {
    fn default() -> Self {
        Self {
            source: TextSource::Files,
            queries: "queries.train.tsv".into(),
            collection: "collection.tsv".into(),
            qrels: "qrels.train.tsv".into(),
            lenient: false,
            candidates: 8,
            train_queries: 1000,
            valid_queries: 200,
            max_passages: 100_000,
            max_tokens: 64,
            vocabulary: 4096,
            tokenizer: None,
            embeddings: Embeddings::Random,
            d_embedding: 64,
            embedding_file: "model.safetensors".into(),
            embedding_tensor: "bert.embeddings.word_embeddings.weight".into(),
            data_seed: 0,
        }
    }
}

impl RetrievalTextConfig {
    /// Channels of a text's vector.
    pub fn width(&self) -> usize {
        if self.embeddings == Embeddings::Trained { self.vocabulary } else { self.d_embedding }
    }

    /// Replaces the source and the embeddings `found` by what `data` has; with embeddings of a file `d_embedding` becomes
    /// their number of channels.
    ///
    /// # Errors
    /// The embeddings are found and cannot be read.
    pub fn find_data(&mut self, data: &DataFolder) -> Result<()> {
        if self.source == TextSource::Found {
            self.source = if self.files(data).is_ok() { TextSource::Files } else { TextSource::Generated };
        }
        if self.embeddings == Embeddings::Found {
            let table = self.found_embeddings(data).filter(|_| self.source == TextSource::Files);
            self.embeddings = if table.is_some() { Embeddings::File } else { Embeddings::Random };
            if let Some(path) = table {
                self.d_embedding = EmbeddingTable::width_in(&path, &self.embedding_tensor)?;
            }
        }
        Ok(())
    }

    /// The file of the embeddings, if it and its tokenizer are there.
    pub(crate) fn found_embeddings(&self, data: &DataFolder) -> Option<PathBuf> {
        let tokenizer = self.tokenizer.as_deref().unwrap_or(Path::new(TOKENIZER));
        find_in(data, FOLDER, &self.embedding_file).filter(|_| find_in(data, FOLDER, tokenizer).is_some())
    }

    /// The files of the corpus.
    ///
    /// # Errors
    /// One is nowhere; the message lists the places.
    pub(crate) fn files(&self, data: &DataFolder) -> Result<RetrievalFiles> {
        Ok(RetrievalFiles {
            queries: locate(data, FOLDER, &self.queries, "queries in MS MARCO's format")?,
            collection: locate(data, FOLDER, &self.collection, "passages in MS MARCO's format")?,
            qrels: locate(data, FOLDER, &self.qrels, "relevances in MS MARCO's format")?,
        })
    }

    /// The corpus, and whether it is generated.
    pub(super) fn corpus(&self, data: &DataFolder) -> Result<(RetrievalCorpus, bool)> {
        let queries = self.train_queries + self.valid_queries;
        let limits = RetrievalLimits { queries, passages: self.max_passages, lenient: self.lenient };
        let files = match self.source {
            TextSource::Files => Some(self.files(data)?),
            TextSource::Found => self.files(data).ok(),
            TextSource::Generated => None,
        };
        match files {
            Some(files) => Ok((RetrievalCorpus::open(&files, limits)?, false)),
            None => {
                let passages = queries.max(2 * self.candidates).min(self.max_passages);
                let files = GeneratedRetrieval::new(queries, passages, self.data_seed);
                Ok((RetrievalCorpus::generated(&files, limits)?, true))
            }
        }
    }
}
