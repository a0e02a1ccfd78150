//! Reading files that may be anything.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
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
        .map_err(|error| unreadable(path, error))?;
    Ok(bytes)
}

/// The size in bytes of what must be a plain file: reading a pipe or a device could take forever.
pub(crate) fn plain_size(path: &Path) -> Result<u64> {
    let found = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if found.is_file() {
        Ok(found.len())
    } else {
        Err(Error::new(ErrorKind::Corrupt, format!("`{}` is not a file.", path.display())))
    }
}

/// The names in a folder that do not begin with a point, in order of their bytes.
pub(crate) fn names(folder: &Path, most: usize) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in folder.read_dir().map_err(|error| unreadable(folder, error))? {
        let name = entry.map_err(|error| unreadable(folder, error))?.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if names.len() == most {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("`{}` has more than {most} entries, the most that are read.", folder.display()),
            ));
        }
        names.push(name);
    }
    names.sort_unstable();
    Ok(names)
}

pub(crate) fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::caused(ErrorKind::Corrupt, format!("Cannot read `{}`", path.display()), error)
}

pub(crate) fn unwritable(path: &Path, error: io::Error) -> Error {
    Error::caused(ErrorKind::Corrupt, format!("Cannot write `{}`", path.display()), error)
}
