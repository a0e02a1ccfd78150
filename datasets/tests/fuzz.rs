//! The readers of files that may hold anything: they return, and take little memory.
//!
//! Cases are made from their number, so a failure names what to repeat. `LOOKBACK_FUZZ_SECONDS=600` runs as many as go
//! into ten minutes, which end with their number.

#[path = "datasets/common.rs"]
mod common;

use std::io::{Cursor, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::time::{Duration, Instant};

use image::{DynamicImage, GrayAlphaImage, ImageFormat, RgbImage, RgbaImage};
use lookback_datasets::images::{decode_cifar10_batch, decode_picture};
use lookback_datasets::text::{EmbeddingTable, TextTokenizer, read_qrels, read_texts};
use peak_alloc::PeakAlloc;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use common::batch;

/// Counts the bytes in use.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The cases of a run whose time is not set.
const CASES: u64 = 4000;
/// The memory that `decode_picture` may take: a progressive JPEG of the most pixels, 2^26, has up to 4 components of 2
/// bytes, and becomes 3 bytes per pixel.
const MOST_BYTES: usize = 768 << 20;
/// The memory that a reader of small files of text may take.
const MOST_TEXT_BYTES: usize = 32 << 20;
/// One picture in so many says that it is much larger than it is.
const RESIZED: usize = 1000;

/// A number below `bound`.
fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    (rng.next_u64() % bound as u64) as usize
}

/// One to eight faults: bytes set, bits turned, parts cut out, repeated or filled.
fn mutate(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    for _ in 0..=below(rng, 8) {
        if bytes.is_empty() {
            return;
        }
        let at = below(rng, bytes.len());
        let end = at + below(rng, (bytes.len() - at).min(64)) + 1;
        match below(rng, 6) {
            0 => bytes[at] = rng.next_u64() as u8,
            1 => bytes[at] ^= 1 << below(rng, 8),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.splice(at..at, bytes[at..end].to_vec()).for_each(drop),
            4 => bytes[at..end].fill([0, 1, 0x7f, 0xff][below(rng, 4)]),
            _ => bytes.truncate(at),
        }
    }
}

fn noise(rng: &mut ChaCha8Rng, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; below(rng, most)];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Bytes that are nearly a batch, or noise.
fn batch_case(rng: &mut ChaCha8Rng) -> Vec<u8> {
    if below(rng, 8) == 0 {
        return noise(rng, 10_000);
    }
    let labels: Vec<u8> = (0..below(rng, 5)).map(|_| below(rng, 10) as u8).collect();
    let mut bytes = batch(&labels);
    match below(rng, 4) {
        0 => {}
        // A label, which few faults at a random place meet.
        1 if !labels.is_empty() => bytes[3073 * below(rng, labels.len())] = rng.next_u64() as u8,
        _ => mutate(&mut bytes, rng),
    }
    bytes
}

/// Pictures of all kinds that the decoders treat differently.
fn pictures() -> Vec<Vec<u8>> {
    let colour = RgbImage::from_fn(19, 13, |x, y| image::Rgb([(9 * x) as u8, (7 * y) as u8, (x * y) as u8]));
    let colour = DynamicImage::from(colour);
    let kinds = [
        colour.clone(),
        RgbaImage::from_fn(5, 7, |x, y| image::Rgba([x as u8, y as u8, 200, (40 * x) as u8])).into(),
        GrayAlphaImage::from_fn(6, 6, |x, y| image::LumaA([x as u8, (50 * y) as u8])).into(),
        DynamicImage::from(colour.to_luma8()),
        DynamicImage::from(colour.to_rgb16()),
    ];
    let encode = |picture: &DynamicImage, format| {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).expect("a picture can be written");
        bytes.into_inner()
    };
    let mut files: Vec<_> = kinds.iter().map(|picture| encode(picture, ImageFormat::Png)).collect();
    files.push(encode(&colour, ImageFormat::Jpeg));
    files.push(encode(&kinds[3], ImageFormat::Jpeg));
    files
}

/// Makes the sum of every chunk of a PNG right, so that faults get past it.
fn mend(png: &mut [u8]) {
    let mut at = 8;
    while let Some(length) = png.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
        let Some(chunk) = png.get(at + 4..(at + 8).saturating_add(length)) else { return };
        let mut sum = flate2::Crc::new();
        sum.update(chunk);
        let end = at + 8 + length;
        let Some(place) = png.get_mut(end..end + 4) else { return };
        place.copy_from_slice(&sum.sum().to_be_bytes());
        at = end + 4;
    }
}

/// Makes a picture say that it has other sides, of at most 8192 pixels, and a JPEG also that it is progressive.
fn resize(picture: &mut [u8], rng: &mut ChaCha8Rng) {
    let (width, height) = (below(rng, 8192) as u16 + 1, below(rng, 8192) as u16 + 1);
    if let Some(frame) = picture.windows(2).position(|pair| pair == [0xff, 0xc0]) {
        picture[frame + 1] = [0xc0, 0xc2][below(rng, 2)];
        picture[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
        picture[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    } else {
        picture[18..20].copy_from_slice(&width.to_be_bytes());
        picture[22..24].copy_from_slice(&height.to_be_bytes());
    }
}

/// Bytes that are nearly a picture, or noise.
fn picture_case(rng: &mut ChaCha8Rng, pictures: &[Vec<u8>]) -> Vec<u8> {
    if below(rng, 16) == 0 {
        return noise(rng, 1000);
    }
    let mut bytes = pictures[below(rng, pictures.len())].clone();
    // Seldom, as these take their time.
    if below(rng, RESIZED) == 0 {
        resize(&mut bytes, rng);
    } else {
        mutate(&mut bytes, rng);
    }
    if below(rng, 4) > 0 {
        mend(&mut bytes);
    }
    bytes
}

/// Queries or passages in the format of MS MARCO.
const TEXTS: &[u8] = b"1\tone\n22\ttwo words\r\n3\t\xc3\xa9\tand more";
/// Relevances in it.
const QRELS: &[u8] = b"1\t0\t10\t1\n22 0 20 1\r\n3 Q0 30 0\n";
/// A tokenizer of the Hugging Face tokenizers library.
const TOKENIZER: &[u8] = br###"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [{"id": 4,
    "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
    "lowercase": true}, "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": null,
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
    "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "look": 1, "##back": 2, ".": 3}}}"###;

/// A safetensors file of two tensors, the second with the name `w`.
fn embeddings() -> Vec<u8> {
    let header = br#"{"a": {"dtype": "BF16", "shape": [2, 1], "data_offsets": [0, 4]},
        "w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [4, 28]}}"#;
    [&(header.len() as u64).to_le_bytes()[..], header, &[7; 28]].concat()
}

/// Bytes that are nearly a file of text, or noise.
fn text_case(rng: &mut ChaCha8Rng, file: &[u8]) -> Vec<u8> {
    if below(rng, 8) == 0 {
        return noise(rng, 1000);
    }
    let mut bytes = file.to_vec();
    if below(rng, 4) > 0 {
        mutate(&mut bytes, rng);
    }
    bytes
}

/// Runs a reader; the bytes in use at most, above those before.
fn checked(case: u64, reader: &str, bound: usize, read: impl FnOnce()) -> usize {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    assert!(catch_unwind(AssertUnwindSafe(read)).is_ok(), "{reader} panics in case {case}");
    let used = MEMORY.peak_usage() - before;
    assert!(used <= bound, "{reader} takes {used} bytes in case {case}, more than {bound}");
    used
}

// One test: memory is counted for the whole process.
#[test]
fn readers_return_within_their_memory() {
    let seconds = std::env::var("LOOKBACK_FUZZ_SECONDS")
        .ok()
        .map(|text| Duration::from_secs(text.parse().expect("LOOKBACK_FUZZ_SECONDS is a whole number of seconds")));
    let (pictures, embeddings) = (pictures(), embeddings());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("file");
    let begin = Instant::now();
    let (mut valid, mut most) = ([0; 6], 0);
    let mut case = 0;
    while seconds.map_or(case < CASES, |seconds| begin.elapsed() < seconds) {
        let mut rng = ChaCha8Rng::seed_from_u64(case);
        let bytes = batch_case(&mut rng);
        checked(case, "decode_cifar10_batch", 2 * bytes.len() + 4096, || {
            valid[0] += u64::from(decode_cifar10_batch(&bytes, "batch").is_ok());
        });
        let bytes = picture_case(&mut rng, &pictures);
        most = most.max(checked(case, "decode_picture", MOST_BYTES, || {
            valid[1] += u64::from(decode_picture(&bytes, "picture").is_ok());
        }));
        let lenient = below(&mut rng, 2) == 0;
        let bytes = text_case(&mut rng, TEXTS);
        checked(case, "read_texts", MOST_TEXT_BYTES, || {
            valid[2] += u64::from(read_texts(&bytes[..], "texts", lenient, |_, _| Ok(true)).is_ok());
        });
        let bytes = text_case(&mut rng, QRELS);
        checked(case, "read_qrels", MOST_TEXT_BYTES, || {
            valid[3] += u64::from(read_qrels(&bytes[..], "qrels", lenient, |_, _| Ok(true)).is_ok());
        });
        std::fs::write(&path, text_case(&mut rng, &embeddings)).expect("a file can be written");
        checked(case, "EmbeddingTable::open", MOST_TEXT_BYTES, || {
            valid[4] += u64::from(EmbeddingTable::open(&path, "w").is_ok());
        });
        std::fs::write(&path, text_case(&mut rng, TOKENIZER)).expect("a file can be written");
        checked(case, "TextTokenizer::open", MOST_TEXT_BYTES, || {
            // The library's panics, which the reader catches, would be told with symbols of 30 MiB.
            let hook = take_hook();
            set_hook(Box::new(|_| {}));
            let read = catch_unwind(|| TextTokenizer::open(&path).is_ok());
            set_hook(hook);
            valid[5] += u64::from(read.expect("the reader panics"));
        });
        case += 1;
    }
    // Cases that are all refused at the door would test nothing behind it.
    assert!(valid.iter().all(|valid| *valid > case / 20), "{valid:?} of {case} cases are valid");
    // Not through the test harness, which would swallow it.
    writeln!(
        std::io::stderr(),
        "{case} cases of each reader in {:.1} s, valid batches, pictures, texts, relevances, embeddings and \
         tokenizers {valid:?}, at most {most} bytes for a picture",
        begin.elapsed().as_secs_f64()
    )
    .expect("standard error can be written");
}
