//! Vectors of tokens.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use lookback_registry::{Error, ErrorKind, Result, nearest};
use safetensors::tensor::{Dtype, Metadata};

use crate::files;
use crate::random::{Key, SampleRng};

/// The largest header, that of the format.
const MOST_HEADER: u64 = 100_000_000;
/// The most values of a table: 2^28, 1 GiB.
pub(super) const MOST_VALUES: usize = 1 << 28;
/// Names that an error lists.
const LISTED: usize = 8;

/// One vector per token, `[rows, width]`.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingTable {
    width: usize,
    values: Vec<f32>,
}

impl EmbeddingTable {
    /// Independent normal vectors of mean 0 and variance 1 per channel; row i is a pure function of (seed, i).
    pub fn random(rows: usize, width: usize, seed: u64) -> Self {
        let key = Key::new("token embeddings", seed);
        let mut values = Vec::with_capacity(rows * width);
        for row in 0..rows {
            let mut rng = SampleRng::new(key, row as u64);
            values.extend((0..width).map(|_| rng.normal() as f32));
        }
        Self { width, values }
    }

    /// Reads the tensor `name`, `[rows, width]` of 32-bit floats or bfloat16, from a safetensors file
    /// (<https://github.com/huggingface/safetensors>). Only the header and that tensor are read.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, it has no such tensor (the message lists the nearest names), or the tensor
    /// has other dimensions or numbers.
    pub fn open(path: &Path, name: &str) -> Result<Self> {
        let Located { mut file, rows, width, bytes, start } = Located::new(path, name)?;
        let unreadable = |error| Error::io("read", path, error);
        file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
        let mut raw = vec![0; rows * width * bytes];
        file.read_exact(&mut raw).map_err(unreadable)?;
        let values = match bytes {
            4 => raw.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect(),
            _ => raw
                .as_chunks()
                .0
                .iter()
                .map(|value| f32::from_bits(u32::from(u16::from_le_bytes(*value)) << 16))
                .collect(),
        };
        Ok(Self { width, values })
    }

    /// The channels of the tensor `name`, from the header of the file alone.
    ///
    /// # Errors
    /// As [`EmbeddingTable::open`].
    pub fn width_in(path: &Path, name: &str) -> Result<usize> {
        Ok(Located::new(path, name)?.width)
    }

    /// Tokens that have a vector.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Channels of a vector.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The vector of a token below [`EmbeddingTable::rows`].
    pub fn row(&self, token: usize) -> &[f32] {
        &self.values[token * self.width..][..self.width]
    }
}

/// A tensor in a file that was found good.
struct Located {
    file: File,
    rows: usize,
    width: usize,
    /// Bytes of a number: 4 of a 32-bit float, 2 of a bfloat16.
    bytes: usize,
    /// Where it begins in the file.
    start: u64,
}

impl Located {
    fn new(path: &Path, name: &str) -> Result<Self> {
        let damaged = |what: String| files::corrupt(path, format!("is no whole safetensors file: {what}"));
        let unreadable = |error| Error::io("read", path, error);
        let size = files::plain_size(path)?;
        let mut file = File::open(path).map_err(unreadable)?;
        if size < 8 {
            return Err(damaged(format!("it has {size} bytes, but its first 8 are the length of its header")));
        }
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(unreadable)?;
        let length = u64::from_le_bytes(length);
        if length > MOST_HEADER.min(size - 8) {
            return Err(damaged(format!("its header is said to have {length} bytes, of {} that follow", size - 8)));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(unreadable)?;
        let header: Metadata =
            serde_json::from_slice(&header).map_err(|error| damaged(format!("its header cannot be read: {error}")))?;
        let Some(info) = header.info(name) else {
            let mut names: Vec<String> = header.tensors().into_keys().collect();
            names.sort_unstable();
            let near = nearest(name, names.iter().map(String::as_str));
            let (some, more) = near.split_at(near.len().min(LISTED));
            let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
            let some = if some.is_empty() { "none".to_owned() } else { some.join(", ") };
            let fault = format!("has no tensor `{name}`. It has {some}{more}");
            return Err(files::about(ErrorKind::UnknownName, path, fault));
        };
        let unfit = |kind, what: String| {
            let file = path.display();
            Error::new(kind, format!("The tensor `{name}` of `{file}` {what}.")).at(file)
        };
        let [rows, width] = info.shape[..] else {
            let what = format!("has the shape {:?}, but embeddings must be [tokens, channels]", info.shape);
            return Err(unfit(ErrorKind::Mismatch, what));
        };
        let bytes = match info.dtype {
            Dtype::F32 => 4,
            Dtype::BF16 => 2,
            other => {
                let what = format!("has numbers of type {other:?}, but embeddings must be F32 or BF16");
                return Err(unfit(ErrorKind::Unsupported, what));
            }
        };
        let count = rows.checked_mul(width).filter(|count| (1..=MOST_VALUES).contains(count)).ok_or_else(|| {
            let what = format!("is {rows} x {width}, but embeddings must have from 1 to 2^28 values");
            unfit(ErrorKind::Unsupported, what)
        })?;
        let (start, end) = info.data_offsets;
        if end.checked_sub(start) != Some(count * bytes) || end as u64 > size - 8 - length {
            return Err(damaged(format!("the tensor `{name}` lies at {start}..{end} behind its header")));
        }
        Ok(Self { file, rows, width, bytes, start: 8 + length + start as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(tensors: &str, data: &[u8]) -> Vec<u8> {
        [&(tensors.len() as u64).to_le_bytes(), tensors.as_bytes(), data].concat()
    }

    fn open(bytes: &[u8], name: &str) -> Result<EmbeddingTable> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.safetensors");
        std::fs::write(&path, bytes).unwrap();
        let table = EmbeddingTable::open(&path, name);
        assert!(table.as_ref().err().is_none_or(|error| error.place() == path.to_str()));
        table
    }

    #[test]
    fn tensors_are_read_by_name() {
        let values = [0.5_f32, -1.0, 2.0, 3.0, 1.0, 7.0];
        let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let header = r#"{"a": {"dtype": "BF16", "shape": [2, 1], "data_offsets": [0, 4]},
            "w": {"dtype": "F32", "shape": [1, 3], "data_offsets": [4, 16]}}"#;
        // 1 and -2 as bfloat16.
        let bytes = file(header, &[&[0x80, 0x3f, 0x00, 0xc0], &data[..12]].concat());
        let table = open(&bytes, "w").unwrap();
        assert_eq!((table.rows(), table.width(), table.row(0)), (1, 3, &values[..3]));
        let table = open(&bytes, "a").unwrap();
        assert_eq!((table.rows(), table.row(0), table.row(1)), (2, &[1.0][..], &[-2.0][..]));
    }

    #[test]
    fn files_and_tensors_that_do_not_fit_are_errors() {
        let header = |dtype: &str, shape: &str| {
            format!(r#"{{"word": {{"dtype": "{dtype}", "shape": {shape}, "data_offsets": [0, 8]}}}}"#)
        };
        let good = header("F32", "[1, 2]");
        let none = good.replace("[1, 2]", "[0, 2]").replace("[0, 8]", "[0, 0]");
        for (bytes, name, kind, end) in [
            (file(&good, &[0; 8]), "wort", ErrorKind::UnknownName, "` has no tensor `wort`. It has word."),
            (
                file(&header("F32", "[2]"), &[0; 8]),
                "word",
                ErrorKind::Mismatch,
                "` has the shape [2], but embeddings must be [tokens, channels].",
            ),
            (
                file(&header("I64", "[1, 1]"), &[0; 8]),
                "word",
                ErrorKind::Unsupported,
                "` has numbers of type I64, but embeddings must be F32 or BF16.",
            ),
            (
                file(&none, &[]),
                "word",
                ErrorKind::Unsupported,
                "` is 0 x 2, but embeddings must have from 1 to 2^28 values.",
            ),
            (
                file(&good, &[0; 7]),
                "word",
                ErrorKind::Corrupt,
                "` is no whole safetensors file: the tensor `word` lies at 0..8 behind its header.",
            ),
        ] {
            let error = open(&bytes, name).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().ends_with(end), "{error}");
        }
        for bytes in [&[1, 2][..], &[&[200, 0, 0, 0, 0, 0, 0, 0], &b"{}"[..]].concat(), &file("{,", &[])] {
            assert_eq!(open(bytes, "word").unwrap_err().kind(), ErrorKind::Corrupt);
        }
        // Tensors that are each as large as the format allows, and lie behind each other.
        let large = (1_u64 << 61) - 1;
        let tensor = |dtype: &str, shape: &str, start: u64, end: u64| {
            format!(r#"{{"dtype": "{dtype}", "shape": {shape}, "data_offsets": [{start}, {end}]}}"#)
        };
        let mut tensors: Vec<String> = (0..8_u64)
            .map(|at| format!(r#""{at}": {}"#, tensor("U8", &format!("[{large}]"), at * large, (at + 1) * large)))
            .collect();
        tensors.push(format!(r#""word": {}"#, tensor("F32", "[1, 1]", 8 * large, 8 * large + 4)));
        let error = open(&file(&format!("{{{}}}", tensors.join(", ")), &[0; 8]), "word").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("lies at 18446744073709551608..18446744073709551612 behind"), "{error}");
    }

    #[test]
    fn random_vectors_depend_on_seed_and_token_alone() {
        let (few, many) = (EmbeddingTable::random(3, 4, 1), EmbeddingTable::random(9, 4, 1));
        assert_eq!(few.row(2), many.row(2));
        assert_ne!(few, EmbeddingTable::random(3, 4, 2));
    }
}
