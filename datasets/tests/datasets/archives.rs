//! Fetching CIFAR-10 from archives and folders, whole and at fault.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use lookback_datasets::images::{Cifar10, Cifar10Split};
use lookback_datasets::{FetchEvent, FetchOptions, RemoteArchive, fetch_cifar10};
use lookback_registry::{ErrorKind, Result};
use tar::EntryType;
use tempfile::TempDir;

use crate::fetch::{Entry, FOLDER, archive, assert_whole, entries, fault, fetch, options, partial};

/// Fetches from an archive of `entries` that has the right sum.
fn from_archive(data: &TempDir, entries: &[Entry]) -> (FetchOptions, Result<PathBuf>) {
    let file = data.path().join("given.tar.gz");
    let bytes = archive(entries);
    fs::write(&file, &bytes).unwrap();
    let options = FetchOptions { from: Some(file), ..options(&data.path().join("data"), "http://127.0.0.1:1", &bytes) };
    let result = fetch_cifar10(&options, &mut |_| ());
    (options, result)
}

#[test]
fn a_given_archive_is_checked_and_kept() {
    let data = tempfile::tempdir().unwrap();
    let (mut options, result) = from_archive(&data, &entries());
    let folder = result.unwrap();
    assert_eq!(Cifar10::open_folder(&folder, Cifar10Split::Test).unwrap().images().len(), 1);
    let file = data.path().join("given.tar.gz");
    assert!(file.exists());
    fs::remove_dir_all(&folder).unwrap();
    let md5 = std::mem::replace(&mut options.archive.md5, "0".repeat(32));
    let name = file.display().to_string();
    let (place, message) = fault(&options, ErrorKind::Corrupt);
    let zeros = "0".repeat(32);
    let sums = format!("`{name}` has the MD5 sum {md5}, but the archive has {zeros}: it is damaged or another file.");
    assert_eq!((place, message), (name, sums));
    options.archive = RemoteArchive::cifar10();
    let sizes = format!("has the size {}, but the archive has 170052171: ", file.metadata().unwrap().len());
    assert!(fault(&options, ErrorKind::Corrupt).1.contains(&sizes));
    assert!(file.exists());
}

#[test]
fn hostile_archives_are_refused() {
    let entry = |kind, name: &str, bytes| (kind, name.to_owned(), bytes);
    let inside = |name: &str| format!("{FOLDER}/{name}");
    let outside = format!("lies outside of `{FOLDER}`");
    for (bad, why) in [
        (entry(EntryType::Regular, "../evil", vec![1]), outside.as_str()),
        (entry(EntryType::Regular, &inside("../../evil"), vec![1]), &outside),
        (entry(EntryType::Regular, "/tmp/evil", vec![1]), &outside),
        (entry(EntryType::Directory, "other", vec![]), &outside),
        (entry(EntryType::Symlink, &inside("link"), vec![]), "is neither a file nor a folder (Symlink)"),
        (entry(EntryType::Link, &inside("test_batch.bin"), vec![]), "is neither a file nor a folder (Link)"),
        (
            entry(EntryType::Regular, &inside("data_batch_1.bin"), vec![0; 10_000 * 3073 + 1]),
            "has 30730001 bytes, but a batch has at most 30730000",
        ),
    ] {
        let data = tempfile::tempdir().unwrap();
        let name = bad.1.clone();
        let (_, result) = from_archive(&data, &[bad]);
        let file = data.path().join("given.tar.gz");
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.place()), (ErrorKind::Corrupt, file.to_str()));
        assert!(error.to_string().ends_with(&format!("its entry 0, `{name}`, {why}.")), "{error}");
        let left: Vec<_> =
            data.path().join("data").read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [".cifar-10-lock"]);
        assert!(!data.path().join("evil").exists());
    }
}

#[test]
fn archives_of_something_else_are_refused() {
    let told = |entries: &[Entry], kind| {
        let data = tempfile::tempdir().unwrap();
        let error = from_archive(&data, entries).1.unwrap_err();
        assert!(!data.path().join("data").join(FOLDER).exists());
        assert_eq!(error.kind(), kind);
        error.chain().replace(&data.path().display().to_string(), "DIR")
    };
    let many: Vec<Entry> = (0..17).map(|k| (EntryType::Regular, format!("{FOLDER}/{k}"), vec![])).collect();
    assert_eq!(
        told(&many, ErrorKind::Corrupt),
        format!("`DIR/given.tar.gz` is no archive of CIFAR-10: its entry 16, `{FOLDER}/16`, is one too many after 16.")
    );
    assert_eq!(
        told(&entries()[..6], ErrorKind::NotFound),
        "What was unpacked is not CIFAR-10: The test split of CIFAR-10 needs test_batch.bin, but \
         `DIR/data/.cifar-10-unpacking/cifar-10-batches-bin` lacks test_batch.bin."
    );
    let mut twice = entries();
    twice.push(twice[1].clone());
    let unpacked = format!("DIR/data/.cifar-10-unpacking/{FOLDER}/data_batch_1.bin");
    assert!(told(&twice, ErrorKind::Io).starts_with(&format!("Cannot write `{unpacked}`: ")));

    // The right sum, and yet cut off.
    let data = tempfile::tempdir().unwrap();
    let bytes = archive(&entries());
    let file = data.path().join("half.tar.gz");
    let half = &bytes[..bytes.len() / 2];
    fs::write(&file, half).unwrap();
    let options = FetchOptions { from: Some(file), ..options(data.path(), "http://127.0.0.1:1", half) };
    assert!(fault(&options, ErrorKind::Corrupt).1.contains("half.tar.gz` cannot be unpacked: "));
}

#[test]
fn a_folder_is_copied_whole_or_not_at_all() {
    let source = tempfile::tempdir().unwrap();
    fs::create_dir(source.path().join(FOLDER)).unwrap();
    for (_, name, bytes) in &entries()[1..] {
        fs::write(source.path().join(name), bytes).unwrap();
    }
    let official = |data: &TempDir| FetchOptions::new(data.path(), RemoteArchive::cifar10());
    let from = |data: &TempDir, from: &Path| FetchOptions { from: Some(from.to_owned()), ..official(data) };
    for given in [source.path().to_owned(), source.path().join(FOLDER)] {
        let data = tempfile::tempdir().unwrap();
        // Killed processes leave these.
        fs::create_dir_all(data.path().join(".cifar-10-unpacking/old")).unwrap();
        fs::write(partial(&data), "beginning").unwrap();
        let (result, events) = fetch(&from(&data, &given));
        let folder = result.unwrap();
        assert_eq!(events, [FetchEvent::Copying, FetchEvent::Done { folder }]);
        assert_whole(&data);
    }
    let data = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let message = format!("`{}` is neither a folder `{FOLDER}` nor one that has it.", empty.path().display());
    let place = empty.path().display().to_string();
    assert_eq!(fault(&from(&data, empty.path()), ErrorKind::NotFound), (place, message));
    let test = source.path().join(FOLDER).join("test_batch.bin");
    let place = test.display().to_string();
    File::options().append(true).open(&test).unwrap().set_len(3072).unwrap();
    let cut = fault(&from(&data, source.path()), ErrorKind::Corrupt);
    assert!(
        cut.0 == place && cut.1.starts_with(&format!("`{place}` has 3072 bytes and ends within record 0,")),
        "{cut:?}"
    );
    assert!(!data.path().join(FOLDER).exists());
    // What is in the way is the user's.
    assert_eq!(
        fault(&official(&source), ErrorKind::Corrupt),
        (
            place,
            format!(
                "`{}` is there, but not whole; move it away, and the same command fetches it: {}",
                source.path().join(FOLDER).display(),
                cut.1
            )
        )
    );
    let nothing = source.path().join("nothing.tar.gz");
    assert_eq!(fault(&from(&data, &nothing), ErrorKind::NotFound).0, nothing.display().to_string());
}
