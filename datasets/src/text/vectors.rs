//! Queries and candidates as vectors: what a model chooses from.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use burn_dataset::Dataset;
use lookback_registry::{Error, ErrorKind, Result, check};

use super::EmbeddingTable;
use super::embeddings::MOST_VALUES;
use super::plain::locate;
use super::retrieval::{Candidates, RetrievalCorpus};
use super::retrieval_text::{Embeddings, FOLDER, RetrievalTextConfig, TOKENIZER};
use super::tokens::TextTokenizer;
use crate::{DataFolder, Sample};

/// A corpus with candidates for each query, ready to be shown.
pub struct RetrievalData {
    shown: Arc<Shown>,
    train_queries: usize,
    generated: bool,
    file_embeddings: bool,
    skipped: usize,
}

/// Texts as vectors.
struct Shown {
    vectors: Vectors,
    candidates: Vec<Candidates>,
    /// By passage that is a candidate, its text; the text of query i is text i.
    passages: HashMap<usize, usize>,
}

enum Vectors {
    /// `[texts, width]`.
    Dense { width: usize, values: Vec<f32> },
    /// Tokens of each text, below the width.
    Counted { width: usize, tokens: Vec<Vec<u32>> },
}

impl RetrievalData {
    /// Reads or generates the corpus, mines hard negatives and embeds the texts.
    ///
    /// # Errors
    /// A field of `config` is out of range, a file is nowhere or cannot be read (see [`RetrievalCorpus::open`],
    /// [`TextTokenizer::open`], [`EmbeddingTable::open`]), or tokenizer, embeddings and `config` do not fit each other.
    pub fn open(config: &RetrievalTextConfig, data: &DataFolder) -> Result<Self> {
        check(config)?;
        let (corpus, generated) = config.corpus(data)?;
        let count = corpus.queries().len();
        let candidates = corpus.candidates(0..count, config.candidates, config.data_seed)?;
        let mut texts: Vec<&str> = corpus.queries().iter().map(String::as_str).collect();
        let mut passages = HashMap::new();
        for passage in candidates.iter().flat_map(|candidates| &candidates.passages) {
            passages.entry(*passage).or_insert_with(|| {
                texts.push(&corpus.passages()[*passage]);
                texts.len() - 1
            });
        }
        let (vectors, file_embeddings) = embedded(config, data, &corpus, &texts, generated)?;
        Ok(Self {
            shown: Arc::new(Shown { vectors, candidates, passages }),
            train_queries: config.train_queries,
            generated,
            file_embeddings,
            skipped: corpus.skipped(),
        })
    }

    /// Whether the corpus is made up.
    pub fn is_generated(&self) -> bool {
        self.generated
    }

    /// Whether the embeddings are those of a file.
    pub fn has_file_embeddings(&self) -> bool {
        self.file_embeddings
    }

    /// Malformed rows that were skipped.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The training queries, or the first `most` of them.
    pub fn train(&self, most: usize) -> RetrievalSet {
        RetrievalSet { shown: Arc::clone(&self.shown), first: 0, count: self.train_queries.min(most) }
    }

    /// The validation queries, or the first `most` of them.
    pub fn valid(&self, most: usize) -> RetrievalSet {
        let count = (self.shown.candidates.len() - self.train_queries).min(most);
        RetrievalSet { shown: Arc::clone(&self.shown), first: self.train_queries, count }
    }
}

/// The vectors of all texts, and whether they are from a file.
fn embedded(
    config: &RetrievalTextConfig,
    data: &DataFolder,
    corpus: &RetrievalCorpus,
    texts: &[&str],
    generated: bool,
) -> Result<(Vectors, bool)> {
    let of_file = match config.embeddings {
        Embeddings::Random | Embeddings::Trained => false,
        Embeddings::File => true,
        Embeddings::Found => !generated && config.found_embeddings(data).is_some(),
    };
    let tokenizer = match config.tokenizer.as_deref().or(of_file.then_some(Path::new(TOKENIZER))) {
        Some(name) => TextTokenizer::open(&locate(data, FOLDER, name, "a tokenizer.json")?)?,
        None => TextTokenizer::train(corpus.passages().iter().map(String::as_str), config.vocabulary)?,
    };
    let vocabulary = tokenizer.vocabulary();
    let tokens = texts.iter().map(|text| {
        let mut tokens = tokenizer.encode(text)?;
        tokens.truncate(config.max_tokens);
        Ok(tokens)
    });
    if config.embeddings == Embeddings::Trained {
        if vocabulary > config.vocabulary {
            let valid = format!("at least {vocabulary}, the tokens of the tokenizer");
            return Err(Error::invalid("vocabulary", config.vocabulary, valid));
        }
        let tokens = tokens.collect::<Result<Vec<_>>>()?;
        return Ok((Vectors::Counted { width: config.vocabulary, tokens }, false));
    }
    let table = if of_file {
        let path = locate(data, FOLDER, &config.embedding_file, "a safetensors file")?;
        let table = EmbeddingTable::open(&path, &config.embedding_tensor)?;
        if table.width() != config.d_embedding {
            let valid = format!("{}, the channels of `{}`", table.width(), config.embedding_tensor);
            return Err(Error::invalid("d_embedding", config.d_embedding, valid));
        }
        if table.rows() < vocabulary {
            let message = format!(
                "The tokenizer has {vocabulary} tokens, but the tensor `{}` has {} rows: they do not belong together.",
                config.embedding_tensor,
                table.rows()
            );
            return Err(Error::new(ErrorKind::Mismatch, message).at(path.display()));
        }
        table
    } else {
        if vocabulary.checked_mul(config.d_embedding).is_none_or(|values| values > MOST_VALUES) {
            let valid = format!("at most {} with {vocabulary} tokens (2^28 values)", MOST_VALUES / vocabulary);
            return Err(Error::invalid("d_embedding", config.d_embedding, valid));
        }
        EmbeddingTable::random(vocabulary, config.d_embedding, config.data_seed)
    };
    let mut values = Vec::with_capacity(texts.len() * table.width());
    for tokens in tokens {
        let mut sum = vec![0.0; table.width()];
        for token in tokens? {
            sum.iter_mut().zip(table.row(token as usize)).for_each(|(sum, value)| *sum += value);
        }
        scale(&mut sum);
        values.extend(sum);
    }
    Ok((Vectors::Dense { width: table.width(), values }, of_file))
}

/// Scales a vector, unless it is 0, to a root mean square of 1.
fn scale(values: &mut [f32]) {
    let square: f64 = values.iter().map(|value| f64::from(*value) * f64::from(*value)).sum();
    if square > 0.0 {
        let factor = (values.len() as f64 / square).sqrt() as f32;
        values.iter_mut().for_each(|value| *value *= factor);
    }
}

impl Vectors {
    fn append(&self, text: usize, to: &mut Vec<f32>) {
        match self {
            Self::Dense { width, values } => to.extend_from_slice(&values[text * width..][..*width]),
            Self::Counted { width, tokens } => {
                let start = to.len();
                to.resize(start + width, 0.0);
                tokens[text].iter().for_each(|token| to[start + *token as usize] += 1.0);
                scale(&mut to[start..]);
            }
        }
    }
}

/// Queries with their candidates: inputs `[candidates + 1, width]`, the candidates and, last, the query, each the sum of the
/// vectors of its tokens scaled to a root mean square of 1; targets `[1, candidates]`, 1 at the relevant one.
#[derive(Clone)]
pub struct RetrievalSet {
    shown: Arc<Shown>,
    first: usize,
    count: usize,
}

impl Dataset<Sample> for RetrievalSet {
    fn get(&self, index: usize) -> Option<Sample> {
        if index >= self.count {
            return None;
        }
        let Shown { vectors, candidates, passages } = self.shown.as_ref();
        let query = self.first + index;
        let Candidates { passages: chosen, positive } = &candidates[query];
        let mut inputs = Vec::new();
        chosen.iter().for_each(|passage| vectors.append(passages[passage], &mut inputs));
        vectors.append(query, &mut inputs);
        let mut targets = vec![0.0; chosen.len()];
        targets[*positive] = 1.0;
        Some(Sample { inputs, targets })
    }

    fn len(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;
    use crate::text::TextSource;

    fn config() -> RetrievalTextConfig {
        RetrievalTextConfig {
            source: TextSource::Generated,
            candidates: 6,
            train_queries: 200,
            valid_queries: 10,
            vocabulary: 1000,
            d_embedding: 256,
            ..Default::default()
        }
    }

    fn nowhere() -> DataFolder {
        DataFolder::new(Some("nowhere".into()))
    }

    #[test]
    fn queries_are_often_nearest_to_their_passage() {
        for embeddings in [Embeddings::Random, Embeddings::Trained, Embeddings::Found] {
            let config = RetrievalTextConfig { embeddings, ..config() };
            let data = RetrievalData::open(&config, &nowhere()).unwrap();
            assert!(data.is_generated() && !data.has_file_embeddings());
            let width = config.width();
            assert_eq!((data.train(999).len(), data.train(7).len(), data.valid(99).len()), (200, 7, 10));
            let mut right = 0;
            for index in 0..200 {
                let Sample { inputs, targets } = data.train(999).get(index).unwrap();
                assert_eq!((inputs.len(), targets.len(), targets.iter().sum::<f32>()), (7 * width, 6, 1.0));
                let rows: Vec<&[f32]> = inputs.chunks(width).collect();
                for row in &rows {
                    let square: f32 = row.iter().map(|value| value * value).sum();
                    assert!((square / width as f32 - 1.0).abs() < 1e-4);
                }
                let score = |row: &[f32]| row.iter().zip(rows[6]).map(|(a, b)| a * b).sum::<f32>();
                let best = (0..6).max_by(|a, b| score(rows[*a]).total_cmp(&score(rows[*b]))).unwrap();
                right += usize::from(targets[best] == 1.0);
            }
            // By chance 33; the negatives are those that share most words.
            assert!(right >= 80, "{embeddings:?}: {right} of 200");
            assert_ne!(data.train(99).get(0), data.valid(99).get(0));
        }
    }

    #[test]
    fn files_that_are_missing_or_do_not_fit_are_errors() {
        let error =
            |config: &RetrievalTextConfig, folder: &DataFolder| RetrievalData::open(config, folder).err().unwrap();
        let files = RetrievalTextConfig { source: TextSource::Files, ..config() };
        assert_eq!(
            error(&files, &nowhere()).to_string(),
            "There is no `queries.train.tsv` in `nowhere` (no such folder), nor in a folder `ms-marco` there. It must be \
             queries in MS MARCO's format; --data DIR names where it lies, or its parameter its whole path."
        );
        let refused = |config: RetrievalTextConfig, data: &DataFolder| refused(RetrievalData::open(&config, data));
        assert_eq!(refused(RetrievalTextConfig { candidates: 1, ..config() }, &nowhere()), "candidates");
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join(FOLDER);
        std::fs::create_dir(&inside).unwrap();
        let data = DataFolder::new(Some(folder.path().to_owned()));
        let missing = |config: &RetrievalTextConfig, name: &str| {
            let error = error(config, &data);
            assert_eq!((error.kind(), error.place()), (ErrorKind::NotFound, Some(name)));
        };
        for (there, lacks) in [("queries.train.tsv", "collection.tsv"), ("collection.tsv", "qrels.train.tsv")] {
            std::fs::write(inside.join(there), "").unwrap();
            missing(&files, lacks);
        }
        let file = RetrievalTextConfig { embeddings: Embeddings::File, embedding_tensor: "w".into(), ..config() };
        missing(&file, TOKENIZER);
        let tokenizer = r#"{"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer":
            {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "baba": 1}}}"#;
        std::fs::write(inside.join(TOKENIZER), tokenizer).unwrap();
        missing(&file, "model.safetensors");
        std::fs::write(inside.join("large.json"), tokenizer.replace("1}", "300}")).unwrap();
        let trained = RetrievalTextConfig {
            embeddings: Embeddings::Trained,
            tokenizer: Some("large.json".into()),
            vocabulary: 300,
            ..config()
        };
        assert_eq!(
            error(&trained, &data).to_string(),
            "`vocabulary` is 300, but it must be at least 301, the tokens of the tokenizer."
        );
        let save = |rows: usize| {
            let header =
                format!(r#"{{"w": {{"dtype": "F32", "shape": [{rows}, 2], "data_offsets": [0, {}]}}}}"#, 8 * rows);
            let values: Vec<u8> = (0..2 * rows).flat_map(|value| (value as f32 + 1.0).to_le_bytes()).collect();
            let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &values].concat();
            std::fs::write(inside.join("model.safetensors"), bytes).unwrap();
        };
        save(2);
        assert_eq!(refused(file.clone(), &data), "d_embedding");
        let file = RetrievalTextConfig { d_embedding: 2, ..file };
        assert!(RetrievalData::open(&file, &data).unwrap().has_file_embeddings());
        save(1);
        let error = error(&file, &data);
        assert_eq!((error.kind(), error.place()), (ErrorKind::Mismatch, inside.join("model.safetensors").to_str()));
        assert_eq!(
            error.to_string(),
            "The tokenizer has 2 tokens, but the tensor `w` has 1 rows: they do not belong together."
        );
    }
}
