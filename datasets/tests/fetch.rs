//! Fetching CIFAR-10: a server on this machine, archives and folders, whole and at fault.

mod common;
#[path = "common/server.rs"]
mod server;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use lookback_datasets::images::{Cifar10, Cifar10Split};
use lookback_datasets::{FetchEvent, FetchOptions, RemoteArchive, fetch_cifar10};
use lookback_registry::Result;
use md5::{Digest, Md5};
use tar::{EntryType, Header};
use tempfile::TempDir;

use common::batch;
use server::{Answer, Server};

const FOLDER: &str = "cifar-10-batches-bin";
const ADVICE: &str = "Without a network, download it elsewhere and name the file: `lookback data fetch cifar10 --from \
                      FILE`.";

/// An entry of an archive: its kind, name and content.
type Entry = (EntryType, String, Vec<u8>);

/// The entries of a tiny CIFAR-10, as the official archive has them.
fn entries() -> Vec<Entry> {
    let file = |name: &str, bytes: Vec<u8>| (EntryType::Regular, format!("{FOLDER}/{name}"), bytes);
    let mut entries = vec![(EntryType::Directory, format!("{FOLDER}/"), Vec::new())];
    entries.extend((1..=5).map(|number| file(&format!("data_batch_{number}.bin"), batch(&[number, 0]))));
    entries.push(file("test_batch.bin", batch(&[9])));
    entries.push(file("readme.html", b"<html>".to_vec()));
    entries
}

fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (kind, name, bytes) in entries {
        let mut header = Header::new_gnu();
        // `set_path` would refuse what a hostile archive has.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        tar.append(&header, bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// Options for an archive of these bytes.
fn options(data: &Path, url: &str, bytes: &[u8]) -> FetchOptions {
    let md5 = Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    FetchOptions {
        archive: RemoteArchive { url: url.to_owned(), size: bytes.len() as u64, md5 },
        ..FetchOptions::new(data)
    }
}

/// Fetches, and returns what happened besides progress.
fn fetch(options: &FetchOptions) -> (Result<PathBuf>, Vec<FetchEvent>) {
    let mut events = Vec::new();
    let result = fetch_cifar10(options, &mut |event| {
        if !matches!(event, FetchEvent::Progress { .. }) {
            events.push(event);
        }
    });
    (result, events)
}

fn message(options: &FetchOptions) -> String {
    fetch(options).0.unwrap_err().chain()
}

fn partial(data: &TempDir) -> PathBuf {
    data.path().join("cifar-10-binary.tar.gz.partial")
}

/// That the tiny CIFAR-10 is there, and nothing else but the lock.
fn assert_whole(data: &TempDir) {
    let folder = data.path().join(FOLDER);
    assert_eq!(Cifar10::open_folder(&folder, Cifar10Split::Train).unwrap().images().len(), 10);
    for (_, name, bytes) in &entries()[1..7] {
        assert_eq!(fs::read(data.path().join(name)).unwrap(), *bytes);
    }
    let mut names: Vec<_> = data.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".cifar-10-lock", FOLDER]);
}

#[test]
fn a_download_ends_in_place_and_is_not_made_twice() {
    let data = tempfile::tempdir().unwrap();
    let bytes = archive(&entries());
    let server = Server::new(bytes.clone(), [Answer::Honest]);
    let options = options(&data.path().join("new/folder"), &server.url, &bytes);
    let folder = options.data.join(FOLDER);
    let mut last = None;
    let result = fetch_cifar10(&options, &mut |event| {
        if let FetchEvent::Progress { bytes, total } = event {
            assert!(last < Some(bytes));
            last = Some(bytes);
            assert_eq!(total, options.archive.size);
        }
    });
    assert_eq!((result.unwrap(), last), (folder.clone(), Some(options.archive.size)));
    let (result, events) = fetch(&options);
    assert_eq!(result.unwrap(), folder);
    assert_eq!(events, [FetchEvent::AlreadyThere { folder }]);
    assert_eq!(server.ranges(), [None]);
}

#[test]
fn a_download_that_was_cut_off_carries_on() {
    let data = tempfile::tempdir().unwrap();
    let bytes = archive(&entries());
    let server = Server::new(bytes.clone(), [Answer::Cut(100), Answer::Cut(50), Answer::Honest]);
    let options = options(data.path(), &server.url, &bytes);
    for kept in [100, 150] {
        let expected = format!(
            "`{}` could not be downloaded: Peer disconnected. {kept} of {} bytes are kept in `{}`, and the same command \
             carries on from there. {ADVICE}",
            server.url,
            bytes.len(),
            partial(&data).display()
        );
        assert_eq!(message(&options), expected);
        assert_eq!(fs::read(partial(&data)).unwrap(), bytes[..kept]);
    }
    let (result, events) = fetch(&options);
    let folder = result.unwrap();
    assert_eq!(
        events,
        [FetchEvent::Resumed { bytes: 150 }, FetchEvent::Verifying, FetchEvent::Unpacking, FetchEvent::Done { folder }]
    );
    assert_eq!(server.ranges(), [None, Some("bytes=100-".into()), Some("bytes=150-".into())]);
    assert_whole(&data);
}

#[test]
fn a_download_starts_over_where_it_cannot_carry_on() {
    let bytes = archive(&entries());
    for answers in [
        vec![Answer::Whole],
        vec![Answer::OtherPart, Answer::Honest],
        vec![Answer::Status("416 Range Not Satisfiable"), Answer::Honest],
    ] {
        let data = tempfile::tempdir().unwrap();
        fs::write(partial(&data), "of another file").unwrap();
        let server = Server::new(bytes.clone(), answers.clone());
        let (result, events) = fetch(&options(data.path(), &server.url, &bytes));
        result.unwrap();
        assert_eq!(events[0], FetchEvent::StartedOver { bytes: 15 }, "{answers:?}");
        assert_eq!(server.ranges().len(), answers.len());
        assert_whole(&data);
    }
    // More than the archive has is no beginning of it.
    let data = tempfile::tempdir().unwrap();
    fs::write(partial(&data), vec![0; bytes.len() + 1]).unwrap();
    let server = Server::new(bytes.clone(), [Answer::Honest]);
    let (_, events) = fetch(&options(data.path(), &server.url, &bytes));
    assert_eq!(events[0], FetchEvent::StartedOver { bytes: bytes.len() as u64 + 1 });
    assert_eq!(server.ranges(), [None]);
    assert_whole(&data);
}

#[test]
fn a_download_that_was_whole_is_not_repeated() {
    let data = tempfile::tempdir().unwrap();
    let bytes = archive(&entries());
    fs::write(partial(&data), &bytes).unwrap();
    let server = Server::new(bytes.clone(), []);
    let (result, events) = fetch(&options(data.path(), &server.url, &bytes));
    result.unwrap();
    assert_eq!(events[0], FetchEvent::Resumed { bytes: bytes.len() as u64 });
    assert_whole(&data);
}

#[test]
fn a_wrong_sum_removes_the_download() {
    let data = tempfile::tempdir().unwrap();
    let bytes = archive(&entries());
    let mut other = bytes.clone();
    other[40] ^= 1;
    let server = Server::new(other.clone(), [Answer::Honest]);
    let expected = options(data.path(), &server.url, &bytes);
    let found = options(data.path(), &server.url, &other).archive.md5;
    assert_eq!(
        message(&expected),
        format!(
            "`{}` has the MD5 sum {found}, but the archive has {}: it is damaged or another file. It was removed; the same \
             command downloads it anew.",
            partial(&data).display(),
            expected.archive.md5
        )
    );
    assert!(!partial(&data).exists() && !data.path().join(FOLDER).exists());
}

#[test]
fn servers_that_fail_are_told_with_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let bytes = archive(&entries());
    let server = Server::new(bytes.clone(), [Answer::Status("404 Not Found"), Answer::Honest]);
    let mut options = options(data.path(), &server.url, &bytes);
    let told =
        |why: &str| format!("`{}` could not be downloaded: {why}. The same command tries again. {ADVICE}", server.url);
    assert_eq!(message(&options), told("the server answered 404 Not Found"));
    options.archive.size += 1;
    let (served, size) = (bytes.len(), options.archive.size);
    assert_eq!(message(&options), told(&format!("the server's file has {served} bytes, but the archive has {size}")));
    // The server is no more.
    assert!(message(&options).starts_with(&format!("`{}` could not be downloaded: io: ", server.url)));
    assert!(!partial(&data).exists());
}

#[test]
fn a_silent_server_is_not_waited_for() {
    let data = tempfile::tempdir().unwrap();
    let bytes = archive(&entries());
    let server = Server::new(bytes.clone(), [Answer::Stall(10)]);
    let options = FetchOptions { patience: Duration::from_millis(300), ..options(data.path(), &server.url, &bytes) };
    let begin = Instant::now();
    let message = message(&options);
    assert!(message.contains("could not be downloaded: timeout: ") && message.contains("10 of "), "{message}");
    assert!(begin.elapsed() < server::SILENCE);
}

#[test]
fn fetches_at_the_same_time_share_one_download() {
    let data = tempfile::tempdir().unwrap();
    let bytes = archive(&entries());
    let server = Server::new(bytes.clone(), [Answer::Honest]);
    let options = options(data.path(), &server.url, &bytes);
    let events = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (result, mut new) = fetch(&options);
                result.unwrap();
                events.lock().unwrap().append(&mut new);
            });
        }
    });
    let events = events.into_inner().unwrap();
    let count = |wanted: fn(&FetchEvent) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert_eq!(count(|event| matches!(event, FetchEvent::Done { .. })), 1);
    assert_eq!(count(|event| matches!(event, FetchEvent::AlreadyThere { .. })), 3);
    assert_eq!(server.ranges(), [None]);
    assert_whole(&data);
}

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
    assert_eq!(
        message(&options),
        format!(
            "`{}` has the MD5 sum {md5}, but the archive has {}: it is damaged or another file.",
            file.display(),
            "0".repeat(32)
        )
    );
    options.archive = RemoteArchive::cifar10();
    assert_eq!(
        message(&options),
        format!(
            "`{}` has the size {}, but the archive has 170052171: it is damaged or another file.",
            file.display(),
            file.metadata().unwrap().len()
        )
    );
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
        assert_eq!(
            result.unwrap_err().chain(),
            format!("`{}` is no archive of CIFAR-10: its entry 0, `{name}`, {why}.", file.display())
        );
        let left: Vec<_> =
            data.path().join("data").read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [".cifar-10-lock"]);
        assert!(!data.path().join("evil").exists());
    }
}

#[test]
fn archives_of_something_else_are_refused() {
    let told = |entries: &[Entry]| {
        let data = tempfile::tempdir().unwrap();
        let message = from_archive(&data, entries).1.unwrap_err().chain();
        assert!(!data.path().join("data").join(FOLDER).exists());
        message.replace(&data.path().display().to_string(), "DIR")
    };
    let many: Vec<Entry> = (0..17).map(|k| (EntryType::Regular, format!("{FOLDER}/{k}"), vec![])).collect();
    assert_eq!(
        told(&many),
        format!("`DIR/given.tar.gz` is no archive of CIFAR-10: its entry 16, `{FOLDER}/16`, is one too many after 16.")
    );
    assert_eq!(
        told(&entries()[..6]),
        "What was unpacked is not CIFAR-10: The test split of CIFAR-10 needs test_batch.bin, but \
         `DIR/data/.cifar-10-unpacking/cifar-10-batches-bin` lacks test_batch.bin."
    );
    let mut twice = entries();
    twice.push(twice[1].clone());
    assert!(
        told(&twice).starts_with("Cannot write `DIR/data/.cifar-10-unpacking/cifar-10-batches-bin/data_batch_1.bin`: ")
    );

    // The right sum, and yet cut off.
    let data = tempfile::tempdir().unwrap();
    let bytes = archive(&entries());
    let file = data.path().join("half.tar.gz");
    let half = &bytes[..bytes.len() / 2];
    fs::write(&file, half).unwrap();
    let options = FetchOptions { from: Some(file), ..options(data.path(), "http://127.0.0.1:1", half) };
    assert!(message(&options).contains("half.tar.gz` cannot be unpacked: "));
}

#[test]
fn a_folder_is_copied_whole_or_not_at_all() {
    let source = tempfile::tempdir().unwrap();
    fs::create_dir(source.path().join(FOLDER)).unwrap();
    for (_, name, bytes) in &entries()[1..] {
        fs::write(source.path().join(name), bytes).unwrap();
    }
    let from =
        |data: &TempDir, from: &Path| FetchOptions { from: Some(from.to_owned()), ..FetchOptions::new(data.path()) };
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
    assert_eq!(
        message(&from(&data, empty.path())),
        format!("`{}` is neither a folder `{FOLDER}` nor one that has it.", empty.path().display())
    );
    let test = source.path().join(FOLDER).join("test_batch.bin");
    File::options().append(true).open(&test).unwrap().set_len(3072).unwrap();
    assert_eq!(
        message(&from(&data, source.path())),
        format!(
            "`{}` has 3072 bytes and ends within record 0, which begins at byte 0, but a batch of CIFAR-10 has 1 to 10000 \
             records of 3073 bytes (counted from 0).",
            test.display()
        )
    );
    assert!(!data.path().join(FOLDER).exists());
    // What is in the way is the user's.
    assert!(message(&FetchOptions::new(source.path())).starts_with(&format!(
        "`{}` is there, but not whole; move it away, and the same command fetches it: `{}` has 3072 bytes",
        source.path().join(FOLDER).display(),
        test.display()
    )));
    let nothing = source.path().join("nothing.tar.gz");
    assert!(message(&from(&data, &nothing)).starts_with(&format!("Cannot read `{}`: ", nothing.display())));
}
