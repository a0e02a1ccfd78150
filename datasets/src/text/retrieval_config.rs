//! What is retrieved from what: parameters, and the corpus that they name.

use std::path::PathBuf;

use lookback_registry::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plain::{find_in, missing};
use super::retrieval::{RetrievalCorpus, RetrievalFiles, RetrievalLimits};
use super::tokens::check_vocabulary;
use super::{EmbeddingTable, GeneratedRetrieval, TextSource};
use crate::DataFolder;

/// The folder of MS MARCO's files in a data folder.
pub(super) const FOLDER: &str = "ms-marco";

/// The tokenizer that goes with embeddings from a file, unless another is named.
pub(super) const TOKENIZER: &str = "tokenizer.json";

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
pub struct RetrievalConfig {
    /// Where the corpus comes from: files (an error where one is missing), found (generated unless all three are there) or
    /// generated.
    pub source: TextSource,
    /// Rows of number, tab and text: a file's name in the folder `ms-marco` of the data folder, or its whole path.
    pub queries: String,
    /// Rows of number, tab and text: a file as `queries`.
    pub collection: String,
    /// Rows of query, 0, passage and relevance: a file as `queries`.
    pub qrels: String,
    /// Whether malformed rows are skipped and counted instead of being an error.
    pub lenient: bool,
    /// Passages to choose from, one relevant and the others hard negatives, from 2 up.
    pub candidates: usize,
    /// Queries to train on, the first so many, from 1 up.
    pub train_queries: usize,
    /// Queries to validate on, the next so many, from 1 up.
    pub valid_queries: usize,
    /// Passages that are kept and searched for hard negatives, at most.
    pub max_passages: usize,
    /// Tokens of a text that count, the first so many, from 1 up.
    pub max_tokens: usize,
    /// Tokens of the byte-pair encoding that is learnt from the passages, from 256 up; with trained embeddings also the
    /// most tokens that another tokenizer may have.
    pub vocabulary: usize,
    /// A `tokenizer.json`, named as `queries`; null for the byte-pair encoding, or, with embeddings from a file, for the
    /// `tokenizer.json` in the folder `ms-marco`.
    pub tokenizer: Option<String>,
    /// What vectors tokens have: random, trained, file or found (file where it is, else random).
    pub embeddings: Embeddings,
    /// Channels of a token's vector, from 1 up, where embeddings are not trained; those of a file must have as many.
    pub d_embedding: usize,
    /// The safetensors file of the embeddings, named as `queries`.
    pub embedding_file: String,
    /// The tensor in it, one row per token.
    pub embedding_tensor: String,
    /// Seeds random embeddings, the order of candidates, and a generated corpus.
    pub data_seed: u64,
}

impl Default for RetrievalConfig {
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

impl RetrievalConfig {
    /// Checks every field that needs no file.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    pub fn validate(&self) -> Result<()> {
        for (field, value, least) in [
            ("candidates", self.candidates, 2),
            ("train_queries", self.train_queries, 1),
            ("valid_queries", self.valid_queries, 1),
            ("max_passages", self.max_passages, 1),
            ("max_tokens", self.max_tokens, 1),
            ("d_embedding", self.d_embedding, 1),
        ] {
            if !(least..=1 << 30).contains(&value) {
                return Err(Error::invalid(field, value, format!("a whole number from {least} to 2^30")));
            }
        }
        check_vocabulary(self.vocabulary)
    }

    /// Channels of a text's vector.
    pub fn width(&self) -> usize {
        if self.embeddings == Embeddings::Trained { self.vocabulary } else { self.d_embedding }
    }

    /// Replaces the source and the embeddings `found` by what `data` has; with embeddings of a file `d_embedding` becomes
    /// their number of channels.
    ///
    /// # Errors
    /// The embeddings are found and cannot be read.
    pub fn settle(&mut self, data: &DataFolder) -> Result<()> {
        if self.source == TextSource::Found {
            self.source = if self.files(data).is_ok() { TextSource::Files } else { TextSource::Generated };
        }
        if self.embeddings == Embeddings::Found {
            let tokenizer = self.tokenizer.as_deref().unwrap_or(TOKENIZER);
            let table = find_in(data, FOLDER, &self.embedding_file)
                .filter(|_| self.source == TextSource::Files && find_in(data, FOLDER, tokenizer).is_some());
            self.embeddings = if table.is_some() { Embeddings::File } else { Embeddings::Random };
            if let Some(path) = table {
                self.d_embedding = EmbeddingTable::width_in(&path, &self.embedding_tensor)?;
            }
        }
        Ok(())
    }

    fn files(&self, data: &DataFolder) -> Result<RetrievalFiles> {
        Ok(RetrievalFiles {
            queries: self.find(data, &self.queries, "queries in MS MARCO's format")?,
            collection: self.find(data, &self.collection, "passages in MS MARCO's format")?,
            qrels: self.find(data, &self.qrels, "relevances in MS MARCO's format")?,
        })
    }

    /// The path of a file, which an error says what it must be.
    pub(super) fn find(&self, data: &DataFolder, name: &str, what: &str) -> Result<PathBuf> {
        find_in(data, FOLDER, name).ok_or_else(|| missing(data, FOLDER, name, what))
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
