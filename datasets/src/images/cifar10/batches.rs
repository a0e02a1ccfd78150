//! The binary version: files of records, each a label and the red, green and blue plane of an image.

use std::path::Path;

use lookback_registry::{Error, ErrorKind, Result};

use super::{Cifar10, Cifar10Split};
use crate::files;
use crate::images::{Image, LabelledImage};

/// The folder in the official archive.
pub(crate) const FOLDER: &str = "cifar-10-batches-bin";
/// The batches of the training split, in their order.
const TRAIN: [&str; 5] =
    ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];
/// The batch of the test split.
const TEST: [&str; 1] = ["test_batch.bin"];

/// Bytes of a colour plane.
const PLANE: usize = Cifar10::SIDE * Cifar10::SIDE;
/// Bytes of a record.
const RECORD: usize = 1 + 3 * PLANE;
/// The most records of a batch, which every official one has.
const MOST_RECORDS: usize = 10_000;
/// The most bytes of a batch.
pub(crate) const MOST_BYTES: u64 = (MOST_RECORDS * RECORD) as u64;

/// All batches.
pub(crate) fn file_names() -> impl Iterator<Item = &'static str> {
    TRAIN.into_iter().chain(TEST)
}

/// Whether `folder` has a batch; whether it has all is for [`read`] to say.
pub(crate) fn are_in(folder: &Path) -> bool {
    file_names().any(|name| folder.join(name).exists())
}

pub(super) fn read(folder: &Path, split: Cifar10Split) -> Result<Vec<LabelledImage>> {
    let names = match split {
        Cifar10Split::Train => &TRAIN[..],
        Cifar10Split::Test => &TEST[..],
    };
    let missing: Vec<_> = names.iter().copied().filter(|name| !folder.join(name).exists()).collect();
    if !missing.is_empty() {
        let message = format!(
            "The {} split of CIFAR-10 needs {}, but `{}` lacks {}.",
            split.name(),
            names.join(", "),
            folder.display(),
            missing.join(", ")
        );
        return Err(Error::new(ErrorKind::NotFound, message).at(folder.display()));
    }
    let mut images = Vec::new();
    for name in names {
        let path = folder.join(name);
        let bytes = files::read_checked(&path, |size| check_size(size, &path))?;
        images.extend(decode_cifar10_batch(&bytes, &path)?);
    }
    Ok(images)
}

fn check_size(size: u64, file: &Path) -> Result<()> {
    let fault = if size == 0 {
        "is empty".to_owned()
    } else if size > MOST_BYTES {
        format!("has {size} bytes, where byte {MOST_BYTES} would begin record {MOST_RECORDS}")
    } else if !size.is_multiple_of(RECORD as u64) {
        let record = size / RECORD as u64;
        format!("has {size} bytes and ends within record {record}, which begins at byte {}", record * RECORD as u64)
    } else {
        return Ok(());
    };
    let valid = format!("a batch of CIFAR-10 has 1 to {MOST_RECORDS} records of {RECORD} bytes (counted from 0)");
    Err(files::corrupt(file, format!("{fault}, but {valid}")))
}

/// The images of a batch of CIFAR-10's binary version: 1 to 10,000 records of a label, from 0 to 9, and 32 x 32 red,
/// then green, then blue values, row-major. `file` names it in errors.
///
/// # Errors
/// The size is that of no batch, or a label is above 9; the message names the record, counted from 0, and its first
/// byte.
pub fn decode_cifar10_batch(bytes: &[u8], file: impl AsRef<Path>) -> Result<Vec<LabelledImage>> {
    let file = file.as_ref();
    check_size(bytes.len() as u64, file)?;
    let mut images = Vec::with_capacity(bytes.len() / RECORD);
    for (index, record) in bytes.chunks_exact(RECORD).enumerate() {
        let label = usize::from(record[0]);
        if label >= Cifar10::CLASSES.len() {
            let (name, at) = (file.display(), index * RECORD);
            let message = format!(
                "Record {index} of `{name}`, at byte {at}, has the label {label}, but CIFAR-10's labels are 0 to 9."
            );
            return Err(Error::new(ErrorKind::Corrupt, message).at(format_args!("{name}, byte {at}")));
        }
        let (red, rest) = record[1..].split_at(PLANE);
        let (green, blue) = rest.split_at(PLANE);
        let mut pixels = Vec::with_capacity(3 * PLANE);
        for ((red, green), blue) in red.iter().zip(green).zip(blue) {
            pixels.extend([*red, *green, *blue]);
        }
        images.push(LabelledImage { image: Image::new(Cifar10::SIDE, Cifar10::SIDE, pixels)?, label });
    }
    Ok(images)
}
