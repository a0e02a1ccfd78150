//! Reading files that may be anything.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;

use lookback_registry::{Error, ErrorKind, Result};

/// Reads a plain file whose size in bytes passes `check`, which comes before any memory is taken for it.
pub(crate) fn read_checked(path: &Path, check: impl FnOnce(u64) -> Result<()>) -> Result<Vec<u8>> {
    let size = plain_size(path)?;
    check(size)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // No more than was checked, should the file be growing.
    File::open(path)
        .and_then(|file| file.take(size).read_to_end(&mut bytes))
        .map_err(|error| Error::io("read", path, error))?;
    Ok(bytes)
}

/// Reads a plain file of one of these `sizes` in bytes; errors name `what` it must be, e.g. "a text".
pub(crate) fn read_sized(path: &Path, what: &str, sizes: RangeInclusive<u64>) -> Result<Vec<u8>> {
    read_checked(path, |size| {
        if sizes.contains(&size) {
            return Ok(());
        }
        let (least, most) = sizes.into_inner();
        Err(corrupt(path, format!("has {size} bytes, but {what} must have from {least} to {most}")))
    })
}

/// The size in bytes of what must be a plain file: reading a pipe or a device could take forever.
pub(crate) fn plain_size(path: &Path) -> Result<u64> {
    let found = fs::metadata(path).map_err(|error| Error::io("read", path, error))?;
    if found.is_file() { Ok(found.len()) } else { Err(corrupt(path, "is not a file")) }
}

/// The names in a folder that do not begin with a point, in order of their bytes.
pub(crate) fn names(folder: &Path, most: usize) -> Result<Vec<OsString>> {
    let unreadable = |error| Error::io("read", folder, error);
    let mut names = Vec::new();
    for entry in folder.read_dir().map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if names.len() == most {
            return Err(corrupt(folder, format!("has more than {most} entries, the most that are read")));
        }
        names.push(name);
    }
    names.sort_unstable();
    Ok(names)
}

/// The error that a file or folder has a `fault`: "`PATH` is not a file."
pub(crate) fn corrupt(path: &Path, fault: impl std::fmt::Display) -> Error {
    about(ErrorKind::Corrupt, path, fault)
}

/// As [`corrupt`], of another kind.
pub(crate) fn about(kind: ErrorKind, path: &Path, fault: impl std::fmt::Display) -> Error {
    Error::new(kind, format!("`{}` {fault}.", path.display())).at(path.display())
}
