//! Brings data sets into a data folder: from the network, an archive or another folder.

mod download;
mod unpack;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lookback_registry::{Error, ErrorKind, Result};

use crate::DataFolder;
use crate::images::cifar10::batches;
use crate::images::{Cifar10, Cifar10Split};

/// An archive of a data set on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteArchive {
    /// Where it is, `https://` or `http://`.
    pub url: String,
    /// Its bytes.
    pub size: u64,
    /// Its MD5 sum, 32 lower-case hexadecimal digits.
    pub md5: String,
}

impl RemoteArchive {
    /// The binary version of CIFAR-10, with the sum that its page gives, <https://www.cs.toronto.edu/~kriz/cifar.html>.
    pub fn cifar10() -> Self {
        Self {
            url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz".into(),
            size: 170_052_171,
            md5: "c32a1d4ab5d03f1284b67883e8d87530".into(),
        }
    }
}

/// How a data set is brought into a data folder.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// The official archive.
    pub archive: RemoteArchive,
    /// Brings it and returns its folder, e.g. [`fetch_cifar10`].
    pub run: fn(&FetchOptions, &mut dyn FnMut(FetchEvent)) -> Result<PathBuf>,
}

/// From where and to where a data set is brought.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// The folder that the data set goes to, in a folder of its own; it is created.
    pub data: PathBuf,
    /// The archive or the folder of the data set, or one that has it, in place of the network.
    pub from: Option<PathBuf>,
    /// The archive to download, and what any archive must be.
    pub archive: RemoteArchive,
    /// How long the server may be silent.
    pub patience: Duration,
}

impl FetchOptions {
    /// `archive` from the network, with a patience of a minute.
    pub fn new(data: impl Into<PathBuf>, archive: RemoteArchive) -> Self {
        Self { data: data.into(), from: None, archive, patience: Duration::from_secs(60) }
    }
}

/// What a fetch is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchEvent {
    /// `folder` has the data set, whole; nothing is to be done.
    AlreadyThere {
        /// The folder of the data set.
        folder: PathBuf,
    },
    /// Another fetch into the same folder is at work; this one waits for it.
    Waiting,
    /// The download carries on after the first `bytes`, which an earlier one brought.
    Resumed {
        /// How many are there.
        bytes: u64,
    },
    /// The server does not carry on, or has another file: the `bytes` of an earlier download are given up.
    StartedOver {
        /// How many there were.
        bytes: u64,
    },
    /// `bytes` of `total` have come, those of earlier downloads included.
    Progress {
        /// How many are there.
        bytes: u64,
        /// How many there will be.
        total: u64,
    },
    /// The archive's sum is being computed.
    Verifying,
    /// The archive is being unpacked.
    Unpacking,
    /// The files of a folder are being copied.
    Copying,
    /// `folder` has the data set now.
    Done {
        /// The folder of the data set.
        folder: PathBuf,
    },
}

/// Brings CIFAR-10's binary version into a data folder and returns the folder `cifar-10-batches-bin`, which appears
/// whole or not at all. Where `options.data` already has CIFAR-10, in any layout that [`Cifar10`] reads, that is
/// checked instead. Fetches into the same folder wait for each other.
///
/// A download that was cut off stays in the data folder, and the next call carries on from it.
///
/// # Errors
/// What failed, what has been kept, and how to carry on; what of CIFAR-10 is already there is damaged; an archive is
/// not the one of `options.archive`, or holds anything but plain files of CIFAR-10; the disk is full.
pub fn fetch_cifar10(options: &FetchOptions, observe: &mut dyn FnMut(FetchEvent)) -> Result<PathBuf> {
    let data = &options.data;
    // Before anything is written, as the folder may be a shared one that cannot be; and again with the lock, which
    // another fetch may have had.
    if let Some(folder) = present(data, observe)? {
        return Ok(folder);
    }
    fs::create_dir_all(data).map_err(|error| Error::io("write", data, error))?;
    let _lock = lock(data, observe)?;
    if let Some(folder) = present(data, observe)? {
        return Ok(folder);
    }
    let staging = Staging::new(data)?;
    let unpacked = staging.0.join(batches::FOLDER);
    fs::create_dir(&unpacked).map_err(|error| Error::io("write", &unpacked, error))?;
    let partial = data.join("cifar-10-binary.tar.gz.partial");
    bring(options, &partial, &unpacked, observe)?;
    check(&unpacked).map_err(|error| error.context("What was unpacked is not CIFAR-10"))?;
    let folder = data.join(batches::FOLDER);
    fs::rename(&unpacked, &folder).map_err(|error| Error::io("write", &folder, error))?;
    // Also where the data set came another way: a rest of an earlier download is of no more use.
    if partial.exists() {
        fs::remove_file(&partial).map_err(|error| Error::io("write", &partial, error))?;
    }
    observe(FetchEvent::Done { folder: folder.clone() });
    Ok(folder)
}

/// Puts the batches into the folder `unpacked`, from wherever the options say; a download goes to `partial` first.
fn bring(options: &FetchOptions, partial: &Path, unpacked: &Path, observe: &mut dyn FnMut(FetchEvent)) -> Result<()> {
    if let Some(folder) = options.from.as_deref().filter(|from| from.is_dir()) {
        observe(FetchEvent::Copying);
        return unpack::copy(folder, unpacked);
    }
    if options.from.is_none() {
        download::download(&options.archive, partial, options.patience, observe)?;
    }
    let archive = options.from.as_deref().unwrap_or(partial);
    observe(FetchEvent::Verifying);
    if let Some(difference) = unpack::difference(archive, &options.archive)? {
        let mut message = difference;
        if options.from.is_none() {
            // Kept, it would be found complete, and wrong, for ever.
            fs::remove_file(partial).map_err(|error| Error::io("write", partial, error))?;
            message.push_str(" It was removed; the same command downloads it anew.");
        }
        return Err(Error::new(ErrorKind::Corrupt, message).at(archive.display()));
    }
    observe(FetchEvent::Unpacking);
    unpack::unpack(archive, unpacked)
}

/// CIFAR-10 in `data`, where it is, and is whole.
fn present(data: &Path, observe: &mut dyn FnMut(FetchEvent)) -> Result<Option<PathBuf>> {
    let Some(folder) = Cifar10::find(&DataFolder::new(Some(data.to_owned()))) else { return Ok(None) };
    check(&folder).map_err(|error| {
        error.context(format!(
            "`{}` is there, but not whole; move it away, and the same command fetches it",
            folder.display()
        ))
    })?;
    observe(FetchEvent::AlreadyThere { folder: folder.clone() });
    Ok(Some(folder))
}

fn check(folder: &Path) -> Result<()> {
    for split in [Cifar10Split::Train, Cifar10Split::Test] {
        Cifar10::open_folder(folder, split)?;
    }
    Ok(())
}

/// The right to fetch into `data`, which the kernel takes back when the process ends. Its file stays: removing it could
/// take it from under one that waits.
fn lock(data: &Path, observe: &mut dyn FnMut(FetchEvent)) -> Result<File> {
    let path = data.join(".cifar-10-lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| Error::io("write", &path, error))?;
    let failed = |error| Error::io("lock", &path, error);
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            observe(FetchEvent::Waiting);
            file.lock().map_err(failed)?;
        }
        Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
    }
    Ok(file)
}

/// A folder beside the data set's, so that a rename within one disk puts it in place; it goes with this value.
struct Staging(PathBuf);

impl Staging {
    fn new(data: &Path) -> Result<Self> {
        let path = data.join(".cifar-10-unpacking");
        // What a killed process left; the lock says that none is at work.
        if path.exists() {
            fs::remove_dir_all(&path).map_err(|error| Error::io("write", &path, error))?;
        }
        fs::create_dir(&path).map_err(|error| Error::io("write", &path, error))?;
        Ok(Self(path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The next fetch tries again.
        let _ = fs::remove_dir_all(&self.0);
    }
}
