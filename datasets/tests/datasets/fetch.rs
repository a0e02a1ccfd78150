//! Fetching CIFAR-10 from a server on this machine, whole and at fault.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use lookback_datasets::images::{Cifar10, Cifar10Split};
use lookback_datasets::{FetchEvent, FetchOptions, RemoteArchive, fetch_cifar10};
use lookback_registry::{ErrorKind, Result};
use md5::{Digest, Md5};
use tar::{EntryType, Header};
use tempfile::TempDir;

use crate::common::batch;
use crate::server::{self, Answer, Server};

pub const FOLDER: &str = "cifar-10-batches-bin";
const ADVICE: &str = "Without a network, download it elsewhere and name the file: `lookback data fetch cifar10 --from \
                      FILE`.";

/// An entry of an archive: its kind, name and content.
pub type Entry = (EntryType, String, Vec<u8>);

/// The entries of a tiny CIFAR-10, as the official archive has them.
pub fn entries() -> Vec<Entry> {
    let file = |name: &str, bytes: Vec<u8>| (EntryType::Regular, format!("{FOLDER}/{name}"), bytes);
    let mut entries = vec![(EntryType::Directory, format!("{FOLDER}/"), Vec::new())];
    entries.extend((1..=5).map(|number| file(&format!("data_batch_{number}.bin"), batch(&[number, 0]))));
    entries.push(file("test_batch.bin", batch(&[9])));
    entries.push(file("readme.html", b"<html>".to_vec()));
    entries
}

pub fn archive(entries: &[Entry]) -> Vec<u8> {
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
pub fn options(data: &Path, url: &str, bytes: &[u8]) -> FetchOptions {
    let md5 = Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    FetchOptions::new(data, RemoteArchive { url: url.to_owned(), size: bytes.len() as u64, md5 })
}

/// Fetches, and returns what happened besides progress.
pub fn fetch(options: &FetchOptions) -> (Result<PathBuf>, Vec<FetchEvent>) {
    let mut events = Vec::new();
    let result = fetch_cifar10(options, &mut |event| {
        if !matches!(event, FetchEvent::Progress { .. }) {
            events.push(event);
        }
    });
    (result, events)
}

/// The place and the chain of an error of this kind.
#[track_caller]
pub fn fault(options: &FetchOptions, kind: ErrorKind) -> (String, String) {
    let error = fetch(options).0.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    (error.place().unwrap_or_default().to_owned(), error.chain())
}

pub fn partial(data: &TempDir) -> PathBuf {
    data.path().join("cifar-10-binary.tar.gz.partial")
}

/// That the tiny CIFAR-10 is there, and nothing else but the lock.
pub fn assert_whole(data: &TempDir) {
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
        assert_eq!(fault(&options, ErrorKind::Io), (server.url.clone(), expected));
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
    let file = partial(&data).display().to_string();
    let message = format!(
        "`{file}` has the MD5 sum {found}, but the archive has {}: it is damaged or another file. It was removed; the same \
         command downloads it anew.",
        expected.archive.md5
    );
    assert_eq!(fault(&expected, ErrorKind::Corrupt), (file, message));
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
    let message = |options: &FetchOptions| fault(options, ErrorKind::Io).1;
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
    let (_, message) = fault(&options, ErrorKind::Io);
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
