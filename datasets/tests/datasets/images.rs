//! CIFAR-10 and pictures from files: what is read, and the error for every fault.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use burn_dataset::Dataset;
use image::{DynamicImage, ImageFormat, RgbImage};
use lookback_datasets::DataFolder;
use lookback_datasets::images::{Cifar10, Cifar10Split, Image, decode_picture, read_picture};
use lookback_registry::{Error, ErrorKind, Result};
use tempfile::TempDir;

use crate::common::{batch, value};

const FILES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];

/// A data folder with the binary version: a record in each of the first five files, two in the last.
fn binary() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("cifar-10-batches-bin");
    fs::create_dir(&folder).unwrap();
    for (label, name) in FILES.into_iter().enumerate() {
        let labels: &[u8] = if name == "test_batch.bin" { &[9, 0] } else { &[label as u8] };
        fs::write(folder.join(name), batch(labels)).unwrap();
    }
    data
}

/// A data folder with a picture per class and split, and a second train/cat; the values at the corner tell them apart.
fn pictures() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    for (split, first) in [("train", 0), ("test", 100)] {
        for (label, class) in Cifar10::CLASSES.into_iter().enumerate() {
            let folder = data.path().join("cifar-10-png").join(split).join(class);
            fs::create_dir_all(&folder).unwrap();
            picture(32, 32, first + label as u8).save(folder.join("b.png")).unwrap();
        }
    }
    picture(32, 32, 33).save(data.path().join("cifar-10-png/train/cat/a.PNG")).unwrap();
    data
}

fn picture(width: u32, height: u32, corner: u8) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| image::Rgb([corner.wrapping_add(x as u8), y as u8, 7]))
}

fn open(data: &Path, split: Cifar10Split) -> Result<Cifar10> {
    Cifar10::open(&DataFolder::new(Some(data.to_owned())), split)
}

/// That an error is of this kind and about this place.
#[track_caller]
fn assert_about<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind, place: impl AsRef<Path>) -> Error {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.place()), (kind, place.as_ref().to_str()), "{error}");
    error
}

#[test]
fn the_binary_version_is_read_in_its_order() {
    let data = binary();
    let train = open(data.path(), Cifar10Split::Train).unwrap();
    assert_eq!(train.images().iter().map(|image| image.label).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let test = open(data.path(), Cifar10Split::Test).unwrap();
    assert_eq!((test.len(), test.get(2)), (2, None));
    assert_eq!(test.folder(), data.path().join("cifar-10-batches-bin"));
    let second = test.get(1).unwrap();
    assert_eq!(second.label, 0);
    assert_eq!((second.image.width(), second.image.height()), (32, 32));
    for (x, y) in [(0, 0), (31, 0), (5, 17)] {
        assert_eq!(second.image.pixel(x, y), [0, 1, 2].map(|channel| value(1, channel, x, y)));
    }
    // The folder itself can be named too.
    assert_eq!(open(&data.path().join("cifar-10-batches-bin"), Cifar10Split::Test).unwrap().images(), test.images());
}

#[test]
fn pictures_are_read_by_class_and_name() {
    let data = pictures();
    let root = data.path().join("cifar-10-png");
    fs::write(root.join("train/cat/notes.txt"), "no picture").unwrap();
    fs::write(root.join("train/.hidden"), "").unwrap();
    let train = open(data.path(), Cifar10Split::Train).unwrap();
    let found: Vec<_> = train.images().iter().map(|item| (item.label, item.image.pixel(0, 0)[0])).collect();
    assert_eq!(found, [(0, 0), (1, 1), (2, 2), (3, 33), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (9, 9)]);
    assert_eq!(train.images()[1].image.pixels(), picture(32, 32, 1).as_raw());
    let test = open(&root, Cifar10Split::Test).unwrap();
    assert_eq!(
        test.images().iter().map(|item| item.image.pixel(0, 0)[0]).collect::<Vec<_>>(),
        Vec::from_iter(100..110)
    );
    // The binary version comes first.
    fs::rename(binary().path().join("cifar-10-batches-bin"), data.path().join("cifar-10-batches-bin")).unwrap();
    assert_eq!(open(data.path(), Cifar10Split::Train).unwrap().len(), 5);
}

#[test]
fn data_that_are_nowhere_are_told_with_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let here = data.path().display();
    let message = |folder: &Path| {
        let error = open(folder, Cifar10Split::Test).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        error.to_string()
    };
    let advice = "`lookback data fetch cifar10` downloads it; without a network, `lookback data fetch cifar10 --from \
                  FILE|DIR` takes its archive cifar-10-binary.tar.gz or a folder cifar-10-batches-bin, and --data DIR \
                  names where it lies.";
    assert_eq!(
        message(&data.path().join("typo")),
        format!("There is no CIFAR-10 in `{here}/typo` (no such folder). {advice}")
    );
    // A folder named `test` is not a data set yet.
    fs::create_dir_all(data.path().join("test/unit")).unwrap();
    fs::create_dir(data.path().join("cifar-10-batches-py")).unwrap();
    fs::write(data.path().join("cifar-10-batches-py/batches.meta"), "").unwrap();
    assert_eq!(
        message(data.path()),
        format!(
            "There is no CIFAR-10 in `{here}`. {advice} (`{here}/cifar-10-batches-py` is the version for Python, whose \
             pickles are not read.)"
        )
    );
}

#[test]
fn faults_of_the_binary_version_are_told_with_their_place() {
    let data = binary();
    let folder = data.path().join("cifar-10-batches-bin");
    let path = folder.join("data_batch_3.bin");
    let train = || open(data.path(), Cifar10Split::Train);
    let corrupt = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        assert!(open(data.path(), Cifar10Split::Test).is_ok());
        assert_about(train(), ErrorKind::Corrupt, &path).to_string()
    };
    assert!(corrupt(&[]).contains("` is empty, but "));
    assert_eq!(
        corrupt(&batch(&[1, 2, 3])[..3 * 3073 - 1]),
        format!(
            "`{}` has 9218 bytes and ends within record 2, which begins at byte 6146, but a batch of CIFAR-10 has 1 to 10000 \
             records of 3073 bytes (counted from 0).",
            path.display()
        )
    );
    assert!(
        corrupt(&vec![0; 10_001 * 3073]).contains(" 30733073 bytes, where byte 30730000 would begin record 10000,")
    );
    let mut wrong_label = batch(&[1, 2, 3]);
    wrong_label[2 * 3073] = 10;
    fs::write(&path, wrong_label).unwrap();
    let error = assert_about(train(), ErrorKind::Corrupt, format!("{}, byte 6146", path.display()));
    assert!(error.to_string().ends_with(" has the label 10, but CIFAR-10's labels are 0 to 9."), "{error}");
    // The size is looked at before the file is: this one would take 1 TiB.
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(assert_about(train(), ErrorKind::Corrupt, &path).to_string().contains("` has 1099511627776 bytes,"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(assert_about(train(), ErrorKind::Corrupt, &path).to_string().ends_with("` is not a file."));
    fs::remove_dir(&path).unwrap();
    fs::remove_file(folder.join("data_batch_5.bin")).unwrap();
    assert_eq!(
        assert_about(train(), ErrorKind::NotFound, &folder).to_string(),
        format!(
            "The train split of CIFAR-10 needs data_batch_1.bin, data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, \
             data_batch_5.bin, but `{}` lacks data_batch_3.bin, data_batch_5.bin.",
            folder.display()
        )
    );
}

#[test]
fn faults_of_pictures_are_told_with_their_path() {
    let data = pictures();
    let root = data.path().join("cifar-10-png");
    let test = || open(data.path(), Cifar10Split::Test);
    picture(32, 31, 0).save(root.join("test/frog/c.png")).unwrap();
    let error = assert_about(test(), ErrorKind::Corrupt, root.join("test/frog/c.png"));
    assert!(error.to_string().ends_with("` has 32 x 31 pixels, but CIFAR-10's pictures have 32 x 32."), "{error}");
    fs::remove_dir_all(root.join("test/frog")).unwrap();
    let error = assert_about(test(), ErrorKind::NotFound, root.join("test/frog"));
    assert!(error.to_string().contains("` has no .png pictures; every class"), "{error}");
    fs::create_dir(root.join("test/frogs")).unwrap();
    let error = assert_about(test(), ErrorKind::UnknownName, root.join("test/frogs"));
    assert_eq!((error.what(), error.value()), (Some("class of CIFAR-10"), Some("frogs")));
    assert_eq!(error.to_string(), format!("`{}/test/frogs` is not the folder of a class", root.display()));
    fs::remove_dir_all(root.join("test")).unwrap();
    let error = assert_about(test(), ErrorKind::NotFound, &root);
    assert!(
        error.to_string().contains("` has neither a folder test of pictures (test/CLASS/*.png) nor batches"),
        "{error}"
    );
}

/// The file of a picture.
fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn every_kind_of_png_becomes_rgb() {
    let read = |picture: DynamicImage| {
        let image = decode_picture(&encoded(picture, ImageFormat::Png), "a.png").unwrap();
        assert_eq!((image.width(), image.height()), (2, 1));
        (image.pixel(0, 0), image.pixel(1, 0))
    };
    let grey = image::GrayImage::from_raw(2, 1, vec![0, 200]).unwrap();
    assert_eq!(read(grey.into()), ([0; 3], [200; 3]));
    let deep = image::ImageBuffer::<image::Rgb<u16>, _>::from_raw(2, 1, vec![0, 257, 514, 65535, 65535, 0]).unwrap();
    assert_eq!(read(deep.into()), ([0, 1, 2], [255, 255, 0]));
    // White behind: 100 * 51/255 + 255 * 204/255 = 224.
    let clear = image::RgbaImage::from_raw(2, 1, vec![1, 2, 3, 0, 100, 0, 255, 51]).unwrap();
    assert_eq!(read(clear.into()), ([255; 3], [224, 204, 255]));
    let clear_grey = image::GrayAlphaImage::from_raw(2, 1, vec![9, 255, 100, 51]).unwrap();
    assert_eq!(read(clear_grey.into()), ([9; 3], [224; 3]));
}

#[test]
fn jpeg_is_told_by_its_bytes_and_turned_as_the_camera_was() {
    // Left half black, right half white.
    let halves = RgbImage::from_fn(32, 16, |x, _| image::Rgb(if x < 16 { [0; 3] } else { [255; 3] }));
    let upright = encoded(halves, ImageFormat::Jpeg);
    // An Exif segment with the one entry Orientation (0x112) = 6: to be shown turned right by a quarter.
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let segment = [&[0xff, 0xe1, 0, exif.len() as u8 + 2], &exif[..]].concat();
    let turned = [&upright[..2], &segment, &upright[2..]].concat();
    let near = |image: &Image, x, y, expected: u8| image.pixel(x, y).iter().all(|v| v.abs_diff(expected) < 8);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("named.png");
    fs::write(&path, &upright).unwrap();
    let image = read_picture(&path).unwrap();
    assert_eq!((image.width(), image.height()), (32, 16));
    assert!(near(&image, 2, 8, 0) && near(&image, 29, 8, 255));
    let image = decode_picture(&turned, "turned").unwrap();
    assert_eq!((image.width(), image.height()), (16, 32));
    assert!(near(&image, 8, 2, 0) && near(&image, 8, 29, 255));
}

#[test]
fn what_is_no_picture_is_told_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    assert_about(read_picture(&path), ErrorKind::NotFound, &path);
    assert_about(read_picture(folder.path()), ErrorKind::Corrupt, folder.path());
    fs::write(&path, "GIF89a").unwrap();
    let error = assert_about(read_picture(&path), ErrorKind::Corrupt, &path);
    assert_eq!(error.to_string(), format!("`{}` is neither a PNG nor a JPEG picture.", path.display()));
    fs::File::create(&path).unwrap().set_len((256 << 20) + 1).unwrap();
    let error = assert_about(read_picture(&path), ErrorKind::Corrupt, &path);
    assert!(
        error.to_string().ends_with("` has 268435457 bytes, but a picture must have from 1 to 268435456."),
        "{error}"
    );
    let whole = encoded(picture(32, 32, 0), ImageFormat::Png);
    let error = assert_about(decode_picture(&whole[..whole.len() / 2], "half.png"), ErrorKind::Corrupt, "half.png");
    assert!(error.chain().starts_with("`half.png` cannot be decoded: "), "{}", error.chain());
}

/// The beginning of a PNG that says it is this large: 16 bits RGBA where `deep`, else 8 bits RGB.
fn png_header(width: u32, height: u32, deep: bool) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend(if deep { [16, 6, 0, 0, 0] } else { [8, 2, 0, 0, 0] });
    let mut sum = flate2::Crc::new();
    sum.update(&header);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend(header);
    png.extend(sum.sum().to_be_bytes());
    png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    png
}

#[test]
fn pictures_that_are_too_large_are_refused_by_their_header() {
    let refused =
        |bytes: &[u8], name: &str| assert_about(decode_picture(bytes, name), ErrorKind::Unsupported, name).to_string();
    assert_eq!(
        refused(&png_header(8193, 1, false), "wide.png"),
        "`wide.png` has a side of more than 8192 pixels, the most of a picture that is read."
    );
    assert_eq!(
        refused(&png_header(8192, 8192, true), "deep.png"),
        "`deep.png` needs more than 256 MiB to be decoded, the most that a picture gets."
    );
    // As large as may be; it is just not there.
    assert_about(decode_picture(&png_header(8192, 8192, false), "most.png"), ErrorKind::Corrupt, "most.png");
    // A JPEG's frame header holds its sides: 65535 x 65535 here.
    let mut jpeg = encoded(picture(16, 16, 0), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    assert!(refused(&jpeg, "wide.jpg").contains("` has a side of more than 8192 pixels"));
}

/// Run with `LOOKBACK_DATA=DIR cargo test -p lookback-datasets -- --ignored`.
#[test]
#[ignore = "needs the whole of CIFAR-10 in a folder of data"]
fn mean_and_deviation_are_those_of_the_training_split() {
    let data = DataFolder::new(None);
    let train = Cifar10::open(&data, Cifar10Split::Train).unwrap();
    for (split, per_class) in [(&train, 5000), (&Cifar10::open(&data, Cifar10Split::Test).unwrap(), 1000)] {
        for label in 0..10 {
            assert_eq!(split.images().iter().filter(|item| item.label == label).count(), per_class);
        }
    }
    for channel in 0..3 {
        let values = train.images().iter().flat_map(|item| item.image.pixels().chunks_exact(3));
        let (mut sum, mut squares) = (0, 0);
        for value in values.map(|pixel| u64::from(pixel[channel])) {
            sum += value;
            squares += value * value;
        }
        let count = (train.len() * 32 * 32) as f64;
        let mean = sum as f64 / count / 255.0;
        let deviation = (squares as f64 / count / (255.0 * 255.0) - mean * mean).sqrt();
        assert!((mean - f64::from(Cifar10::MEAN[channel])).abs() < 1e-3, "{channel}: {mean}");
        assert!((deviation - f64::from(Cifar10::STD[channel])).abs() < 1e-3, "{channel}: {deviation}");
    }
}
