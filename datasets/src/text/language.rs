//! Windows of a text for language modelling.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn_dataset::Dataset;
use lookback_registry::{Error, ErrorKind, Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plain::{find_text, locate_text, read_text};
use super::tokens::TextTokenizer;
use super::{TextSource, generate_text};
use crate::random::{Key, SampleRng};
use crate::{DataFolder, Sample};

/// Bytes of a generated text.
const GENERATED_BYTES: usize = 1 << 18;
/// The most values of a sample, inputs or targets: 2^26.
const MOST_VALUES: usize = 1 << 26;

/// What text a language model learns, and how it is cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LanguageTextConfig {
    /// Where the text comes from: files (an error if it is nowhere), found (generated if it is nowhere) or generated.
    pub source: TextSource,
    /// The file: its name in the folder `text` of the data folder, or its whole path.
    pub file: PathBuf,
    /// Tokens of a window, from 1 up.
    #[schemars(range(min = 1))]
    pub length: usize,
    /// Tokens of the byte-pair encoding that is learnt from the training part, from 256 (all bytes) up.
    #[schemars(range(min = TextTokenizer::BYTES, max = TextTokenizer::MOST))]
    pub vocabulary: usize,
    /// The share of the text, at its end, that validates, in (0, 1).
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub valid_share: f64,
    /// Seeds a generated text.
    pub data_seed: u64,
}

impl Default for LanguageTextConfig {
    fn default() -> Self {
        Self {
            source: TextSource::Files,
            file: "tiny-shakespeare.txt".into(),
            length: 64,
            vocabulary: 512,
            valid_share: 0.1,
            data_seed: 0,
        }
    }
}

impl LanguageTextConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    pub fn validate(&self) -> Result<()> {
        check(self)?;
        if self.length.checked_mul(self.vocabulary).is_none_or(|values| values > MOST_VALUES) {
            let valid =
                format!("at most {} at vocabulary {} (2^26 values)", MOST_VALUES / self.vocabulary, self.vocabulary);
            return Err(Error::invalid("length", self.length, valid));
        }
        Ok(())
    }

    /// Replaces the source `found` by what `data` has.
    pub fn find_data(&mut self, data: &DataFolder) {
        if self.source == TextSource::Found {
            let there = find_text(data, &self.file).is_some();
            self.source = if there { TextSource::Files } else { TextSource::Generated };
        }
    }
}

/// A text as tokens, in a training and a validation part.
#[derive(Debug, Clone)]
pub struct LanguageCorpus {
    length: usize,
    vocabulary: usize,
    train: Arc<[u32]>,
    valid: Arc<[u32]>,
    generated: bool,
}

impl LanguageCorpus {
    /// Finds, reads, splits and encodes the text. The encoding is learnt from the training part alone.
    ///
    /// # Errors
    /// A field of `config` is out of range, the file is nowhere or no text (see [`read_text`]), or a part is too short for
    /// a window.
    pub fn open(config: &LanguageTextConfig, data: &DataFolder) -> Result<Self> {
        config.validate()?;
        let path = match config.source {
            TextSource::Files => Some(locate_text(data, &config.file)?),
            TextSource::Found => find_text(data, &config.file),
            TextSource::Generated => None,
        };
        match path {
            Some(path) => Self::of(&read_text(&path)?, &path, config),
            None => {
                let text = generate_text(GENERATED_BYTES, config.data_seed);
                Ok(Self { generated: true, ..Self::of(&text, Path::new("the generated text"), config)? })
            }
        }
    }

    /// Splits and encodes a text, which errors call `name`.
    fn of(text: &str, name: &Path, config: &LanguageTextConfig) -> Result<Self> {
        let cut = text.floor_char_boundary((text.len() as f64 * (1.0 - config.valid_share)) as usize);
        let (train, valid) = text.split_at(cut);
        let tokenizer = TextTokenizer::train([train].into_iter(), config.vocabulary)?;
        let part = |text: &str, what: &str, share: &str| {
            let tokens = tokenizer.encode(text)?;
            if tokens.len() <= config.length {
                let (name, length) = (name.display(), config.length);
                let message = format!(
                    "The {what} part of `{name}` has {} tokens, but windows of `length` {length} need {}; take a smaller \
                     `length`, a {share} `valid_share` or a longer text.",
                    tokens.len(),
                    length + 1
                );
                return Err(Error::new(ErrorKind::Mismatch, message).at(name));
            }
            Ok(Arc::from(tokens))
        };
        Ok(Self {
            length: config.length,
            vocabulary: config.vocabulary,
            train: part(train, "training", "smaller")?,
            valid: part(valid, "validation", "larger")?,
            generated: false,
        })
    }

    /// Whether the text is made up.
    pub fn is_generated(&self) -> bool {
        self.generated
    }

    /// Windows at random places of the training part: an endless stream.
    pub fn train(&self, seed: u64) -> LanguageWindows {
        let key = Key::new("language windows", seed);
        self.windows(&self.train, Some(key), usize::MAX)
    }

    /// The first `most` windows of the validation part, one behind the other; fewer where it has no more.
    pub fn valid(&self, most: usize) -> LanguageWindows {
        self.windows(&self.valid, None, most.min((self.valid.len() - 1) / self.length))
    }

    fn windows(&self, tokens: &Arc<[u32]>, random: Option<Key>, count: usize) -> LanguageWindows {
        let Self { length, vocabulary, .. } = *self;
        LanguageWindows { tokens: Arc::clone(tokens), length, vocabulary, random, count }
    }
}

/// Windows of `length` tokens, each token a unit vector: inputs `[length, vocabulary]`, and as targets the same one token
/// later.
///
/// Training window i begins at a place that is a pure function of (seed, i); validation window i at token `i * length`.
#[derive(Debug, Clone)]
pub struct LanguageWindows {
    tokens: Arc<[u32]>,
    length: usize,
    vocabulary: usize,
    random: Option<Key>,
    count: usize,
}

impl Dataset<Sample> for LanguageWindows {
    fn get(&self, index: usize) -> Option<Sample> {
        if index >= self.count {
            return None;
        }
        let start = match self.random {
            Some(key) => SampleRng::new(key, index as u64).below(self.tokens.len() - self.length),
            None => index * self.length,
        };
        let units = |tokens: &[u32]| {
            let mut values = vec![0.0; tokens.len() * self.vocabulary];
            for (row, token) in values.chunks_exact_mut(self.vocabulary).zip(tokens) {
                row[*token as usize] = 1.0;
            }
            values
        };
        let window = &self.tokens[start..=start + self.length];
        Some(Sample { inputs: units(&window[..self.length]), targets: units(&window[1..]) })
    }

    fn len(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    fn tokens(values: &[f32], vocabulary: usize) -> Vec<usize> {
        let token = |row: &[f32]| {
            assert_eq!(row.iter().sum::<f32>(), 1.0);
            row.iter().position(|value| *value == 1.0).unwrap()
        };
        values.chunks(vocabulary).map(token).collect()
    }

    #[test]
    fn targets_are_the_inputs_one_token_later() {
        let config =
            LanguageTextConfig { source: TextSource::Generated, length: 16, vocabulary: 300, ..Default::default() };
        let corpus = LanguageCorpus::open(&config, &DataFolder::new(Some("nowhere".into()))).unwrap();
        assert!(corpus.is_generated());
        let valid = corpus.valid(5);
        assert_eq!(valid.len(), 5);
        for (index, data) in [(0, &valid), (3, &valid), (0, &corpus.train(1)), (usize::MAX - 1, &corpus.train(1))] {
            let sample = data.get(index).unwrap();
            assert_eq!((sample.inputs.len(), sample.targets.len()), (16 * 300, 16 * 300));
            let (inputs, targets) = (tokens(&sample.inputs, 300), tokens(&sample.targets, 300));
            assert_eq!(inputs[1..], targets[..15]);
            if data.random.is_none() {
                assert!(inputs.iter().zip(&valid.tokens[16 * index..]).all(|(unit, token)| *unit == *token as usize));
            }
        }
        assert_eq!(valid.get(5), None);
        let windows = corpus.valid(usize::MAX);
        assert!(windows.get(windows.len() - 1).is_some());
        assert_ne!(corpus.train(1).get(7), corpus.train(2).get(7));
        assert_eq!(corpus.train(1).get(7), corpus.train(1).get(7));
    }

    #[test]
    fn parts_that_are_too_short_are_errors() {
        let open = |length| {
            let config = LanguageTextConfig { length, valid_share: 0.25, ..Default::default() };
            LanguageCorpus::of("0123456789abcdefghijklmnopqrstuvwxyz+-*/", Path::new("a.txt"), &config).unwrap_err()
        };
        assert_eq!((open(12).kind(), open(12).place()), (ErrorKind::Mismatch, Some("a.txt")));
        assert!(open(12).to_string().starts_with("The validation part of `a.txt` has 10 tokens, but windows"));
        assert_eq!(
            open(31).to_string(),
            "The training part of `a.txt` has 30 tokens, but windows of `length` 31 need 32; take a smaller `length`, a \
             smaller `valid_share` or a longer text."
        );
    }

    #[test]
    fn fields_out_of_range_are_errors() {
        let good = LanguageTextConfig::default;
        assert_eq!(refused(LanguageTextConfig { length: 0, ..good() }.validate()), "length");
        assert_eq!(refused(LanguageTextConfig { valid_share: 1.0, ..good() }.validate()), "valid_share");
        assert_eq!(refused(LanguageTextConfig { vocabulary: 9, ..good() }.validate()), "vocabulary");
        assert_eq!(
            LanguageTextConfig { length: 1 << 20, ..good() }.validate().unwrap_err().to_string(),
            "`length` is 1048576, but it must be at most 131072 at vocabulary 512 (2^26 values)."
        );
    }
}
