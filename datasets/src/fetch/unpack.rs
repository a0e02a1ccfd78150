//! The files of a data set, out of an archive or a folder that need not be trusted.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use lookback_registry::{Error, ErrorKind, Result};
use md5::{Digest, Md5};
use tar::EntryType;

use super::{RemoteArchive, check};
use crate::DataFolder;
use crate::files::{about, corrupt, plain_size};
use crate::images::cifar10::batches;

/// The most entries of an archive: the official one has a folder, six batches, the names of the classes and a page.
const MOST_ENTRIES: usize = 16;
/// The most bytes of an archive after decompression; the official one has 184 MB.
const MOST_UNPACKED: u64 = 256 << 20;

/// How the file `path` differs from `archive`, as a sentence.
pub(super) fn difference(path: &Path, archive: &RemoteArchive) -> Result<Option<String>> {
    let size = plain_size(path)?;
    let said = |what: &str, found: &str, expected: &str| {
        let path = path.display();
        format!("`{path}` has the {what} {found}, but the archive has {expected}: it is damaged or another file.")
    };
    if size != archive.size {
        return Ok(Some(said("size", &size.to_string(), &archive.size.to_string())));
    }
    let mut file = File::open(path).map_err(|error| Error::io("read", path, error))?;
    let mut hash = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(|error| Error::io("read", path, error))? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((found != archive.md5).then(|| said("MD5 sum", &found, &archive.md5)))
}

/// Unpacks the batches of a `.tar.gz` into the folder `into`. Nothing is written under a name of the archive's own.
pub(super) fn unpack(archive: &Path, into: &Path) -> Result<()> {
    let damaged = |error| {
        let name = archive.display();
        Error::caused(ErrorKind::Corrupt, format!("`{name}` cannot be unpacked"), error).at(name)
    };
    let file = File::open(archive).map_err(|error| Error::io("read", archive, error))?;
    let mut tar = tar::Archive::new(GzDecoder::new(BufReader::new(file)).take(MOST_UNPACKED));
    for (index, entry) in tar.entries().map_err(damaged)?.enumerate() {
        let mut entry = entry.map_err(damaged)?;
        let path = entry.path().map_err(damaged)?.into_owned();
        let refused = |why: String| {
            let path = path.display();
            Err(corrupt(archive, format!("is no archive of CIFAR-10: its entry {index}, `{path}`, {why}")))
        };
        if index == MOST_ENTRIES {
            return refused(format!("is one too many after {MOST_ENTRIES}"));
        }
        let kind = entry.header().entry_type();
        match kind {
            // Remarks on the whole archive.
            EntryType::XGlobalHeader => continue,
            EntryType::Regular | EntryType::Directory => {}
            _ => return refused(format!("is neither a file nor a folder ({kind:?})")),
        }
        let parts: Vec<_> = path.components().filter(|part| *part != Component::CurDir).collect();
        let folder = Component::Normal(batches::FOLDER.as_ref());
        if parts.first() != Some(&folder) || !parts.iter().all(|part| matches!(part, Component::Normal(_))) {
            return refused(format!("lies outside of `{}`", batches::FOLDER));
        }
        // The names of the classes and the page that come with the batches are not needed.
        let batch = batches::file_names().find(|name| parts[1..] == [Component::Normal(name.as_ref())]);
        let (Some(name), EntryType::Regular) = (batch, kind) else { continue };
        if entry.size() > batches::MOST_BYTES {
            return refused(format!("has {} bytes, but a batch has at most {}", entry.size(), batches::MOST_BYTES));
        }
        write(&mut entry, &into.join(name), damaged)?;
    }
    Ok(())
}

/// Copies the batches of CIFAR-10's folder, or of a folder that has it, into the folder `into`.
pub(super) fn copy(from: &Path, into: &Path) -> Result<()> {
    let Some(folder) = DataFolder::new(Some(from.to_owned())).find(&[batches::FOLDER], batches::are_in) else {
        let fault = format!("is neither a folder `{}` nor one that has it", batches::FOLDER);
        return Err(about(ErrorKind::NotFound, from, fault));
    };
    // Here an error names the file that is at fault, and no file is larger than it may be.
    check(&folder)?;
    for name in batches::file_names() {
        let source = folder.join(name);
        let mut file = File::open(&source).map_err(|error| Error::io("read", &source, error))?;
        write(&mut file, &into.join(name), |error| Error::io("read", &source, error))?;
    }
    Ok(())
}

/// Writes at most a batch from `source` to the new file `path`.
fn write(source: &mut impl Read, path: &Path, cannot_read: impl Fn(io::Error) -> Error) -> Result<()> {
    let mut bytes = Vec::new();
    source.take(batches::MOST_BYTES).read_to_end(&mut bytes).map_err(cannot_read)?;
    let mut file = File::create_new(path).map_err(|error| Error::io("write", path, error))?;
    io::Write::write_all(&mut file, &bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| Error::io("write", path, error))
}
