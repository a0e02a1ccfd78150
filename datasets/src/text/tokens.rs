//! Tokens of text.

use std::collections::HashSet;
use std::panic::catch_unwind;
use std::path::Path;

use lookback_registry::{Error, ErrorKind, Result};
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::tokenizer::Tokenizer;

use crate::files;

/// Text is encoded in parts of about so many bytes, cut at ends of lines.
const PART: usize = 1 << 16;
/// The most bytes that merges are learnt from; the crate counts pairs in 32 bits.
const MOST_TRAINING_BYTES: usize = 1 << 28;
/// The largest tokenizer file: 256 MiB.
const MOST_FILE_BYTES: u64 = 1 << 28;

/// Cuts text into tokens, numbers below [`TextTokenizer::vocabulary`].
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    vocabulary: usize,
}

impl TextTokenizer {
    /// Tokens of single bytes, which every byte-level vocabulary begins with.
    pub const BYTES: usize = 256;
    /// The most tokens that are learnt.
    pub const MOST: usize = 1 << 20;

    /// Learns a byte-level byte-pair encoding (Sennrich, Haddow, Birch, "Neural machine translation of rare words with
    /// subword units", 2016, <https://arxiv.org/abs/1508.07909>) of at most `vocabulary` tokens from the first 2^28 bytes
    /// of `texts`: the same from the same texts, always. Pairs that come once are not merged, so small texts give fewer
    /// tokens.
    ///
    /// # Errors
    /// `vocabulary` is below [`TextTokenizer::BYTES`] or above [`TextTokenizer::MOST`].
    pub fn train<'a>(texts: impl Iterator<Item = &'a str> + Send, vocabulary: usize) -> Result<Self> {
        if !(Self::BYTES..=Self::MOST).contains(&vocabulary) {
            let valid = format!("a whole number from {} (all bytes) to {}", Self::BYTES, Self::MOST);
            return Err(Error::invalid("vocabulary", vocabulary, valid));
        }
        let failed = |error| Error::caused(ErrorKind::Failed, "The byte-pair encoding cannot be learnt", error);
        let trainer = BpeTrainer::builder()
            .show_progress(false)
            .vocab_size(vocabulary)
            .min_frequency(2)
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect::<HashSet<_>>())
            .build();
        let mut tokenizer = Tokenizer::new(BPE::default());
        tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, false, true)));
        let mut left = MOST_TRAINING_BYTES;
        let parts = texts.flat_map(parts).take_while(|part| {
            left = left.saturating_sub(part.len());
            left > 0
        });
        tokenizer.train(&mut TrainerWrapper::BpeTrainer(trainer), parts).map_err(failed)?;
        Ok(Self::of(tokenizer))
    }

    /// Reads a `tokenizer.json` of the Hugging Face tokenizers library: WordPiece, BPE and others.
    ///
    /// # Errors
    /// The file cannot be read, or is none.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = files::read_sized(path, "a tokenizer", 1..=MOST_FILE_BYTES)?;
        // The library panics on some files, such as ones whose merges make no token of the vocabulary.
        let read =
            catch_unwind(|| Tokenizer::from_bytes(&bytes)).unwrap_or_else(|_| Err("the library panics on it".into()));
        let mut tokenizer = read.map_err(|error| {
            let name = path.display();
            let message = format!("`{name}` is no `tokenizer.json` of the Hugging Face tokenizers library");
            Error::caused(ErrorKind::Corrupt, message, error).at(name)
        })?;
        // How long texts are is for their reader to say.
        tokenizer.with_padding(None).with_truncation(None).expect("no truncation always fits");
        Ok(Self::of(tokenizer))
    }

    fn of(tokenizer: Tokenizer) -> Self {
        let largest = tokenizer.get_vocab(true).into_values().max();
        Self { tokenizer, vocabulary: largest.map_or(0, |id| id as usize + 1) }
    }

    /// One more than the largest token.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The tokens of a text, without special ones around it.
    ///
    /// # Errors
    /// The tokenizer, if it was read from a file, has no token for a part of the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let mut tokens = Vec::new();
        for part in parts(text) {
            let encoded = self.tokenizer.encode_fast(part, false);
            let encoded = encoded
                .map_err(|error| Error::caused(ErrorKind::Mismatch, "The text cannot be cut into tokens", error))?;
            tokens.extend_from_slice(encoded.get_ids());
        }
        Ok(tokens)
    }
}

/// A text in parts of at least [`PART`] bytes that end with a line, but for the last.
fn parts(text: &str) -> impl Iterator<Item = &str> + Send {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.as_bytes().iter().skip(PART - 1).position(|byte| *byte == b'\n');
        let (part, after) = rest.split_at(end.map_or(rest.len(), |end| PART + end));
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;
    use crate::text::generate_text;

    #[test]
    fn byte_pairs_merge_by_frequency() {
        let text = "aaab aaab aaab ab";
        let tokenizer = TextTokenizer::train([text].into_iter(), 300).unwrap();
        // The merges, by count: `a`+`b` and `a`+`a` come 4 and 6 times in the words `aaab`, ` aaab`, ` aaab`, ` ab`.
        let tokens = tokenizer.encode("aaab").unwrap();
        assert_eq!(tokens.len(), 1);
        assert!(tokens[0] >= 256 && (tokens[0] as usize) < tokenizer.vocabulary());
        // Bytes that the text has not are tokens too.
        assert_eq!(tokenizer.encode("\u{e9}z").unwrap().len(), 3);
        assert!(tokenizer.vocabulary() < 300, "once-only pairs are not merged");
    }

    #[test]
    fn training_is_deterministic_and_loses_no_byte() {
        let text = generate_text(1 << 17, 3);
        let train = || TextTokenizer::train([text.as_str()].into_iter(), 350).unwrap();
        let (first, second) = (train(), train());
        let tokens = first.encode(&text).unwrap();
        assert_eq!(tokens, second.encode(&text).unwrap());
        assert_eq!(first.vocabulary(), 350);
        let bytes: usize =
            tokens.iter().map(|token| first.tokenizer.id_to_token(*token).unwrap().chars().count()).sum();
        assert_eq!(bytes, text.len(), "each character of a token is a byte");
        // Hash maps of other processes have other orders, which must not matter either.
        let sum = tokens.iter().fold(0_u64, |sum, token| sum.wrapping_mul(1_000_003).wrapping_add(u64::from(*token)));
        assert_eq!((tokens.len(), sum), (42192, 4273708909976664782));
    }

    #[test]
    fn parts_end_with_lines_and_are_the_whole() {
        let text = ["x".repeat(PART - 2), "y\n\n".into(), "z".repeat(PART + 5), "\nend".into()].concat();
        let cut: Vec<&str> = parts(&text).collect();
        assert_eq!(cut.concat(), text);
        assert_eq!(cut.iter().map(|part| part.len()).collect::<Vec<_>>(), [PART, PART + 7, 3]);
        assert_eq!(parts("").count(), 0);
    }

    #[test]
    fn bad_vocabularies_and_files_are_errors() {
        assert_eq!(refused(TextTokenizer::train(["a"].into_iter(), 255)), "vocabulary");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        let open = |text: &str| {
            std::fs::write(&path, text).unwrap();
            TextTokenizer::open(&path)
        };
        for text in ["{}", ""] {
            let error = open(text).err().unwrap();
            assert_eq!((error.kind(), error.place()), (ErrorKind::Corrupt, path.to_str()));
        }
        let merges = r#"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}}"#;
        assert_eq!(
            open(merges).err().unwrap().chain().replace(path.to_str().unwrap(), "t.json"),
            "`t.json` is no `tokenizer.json` of the Hugging Face tokenizers library: the library panics on it"
        );
        let words = r#"{"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"a": 0}}}"#;
        let error = open(words).unwrap().encode("b").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert_eq!(
            error.chain(),
            "The text cannot be cut into tokens: WordLevel error: Missing [UNK] token from the vocabulary"
        );
    }

    #[test]
    fn word_pieces_come_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        let file = r###"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "look": 1, "##back": 2, ".": 3}}}"###;
        std::fs::write(&path, file).unwrap();
        let tokenizer = TextTokenizer::open(&path).unwrap();
        assert_eq!(tokenizer.encode("Lookback. xyz").unwrap(), [1, 2, 3, 0]);
        assert_eq!(tokenizer.vocabulary(), 4);
    }
}
