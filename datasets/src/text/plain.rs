//! Files of plain text.

use std::path::{Path, PathBuf};

use lookback_registry::{Error, ErrorKind, Result};

use crate::{DataFolder, files};

/// The folder of plain texts in a data folder.
const FOLDER: &str = "text";
/// The largest file that is read: 1 GiB.
const MOST_BYTES: u64 = 1 << 30;

/// Where the text `name` lies: `name` itself where it is a whole path, else the file of that name in the folder `text`
/// of a place of `data`, or in the place itself.
pub fn find_text(data: &DataFolder, name: impl AsRef<Path>) -> Option<PathBuf> {
    find_in(data, FOLDER, name.as_ref())
}

/// As [`find_text`] for another folder than `text`.
pub(super) fn find_in(data: &DataFolder, folder: &str, path: &Path) -> Option<PathBuf> {
    if path.is_absolute() {
        return path.is_file().then(|| path.to_owned());
    }
    Some(data.find(&[folder], |folder| folder.join(path).is_file())?.join(path))
}

/// As [`find_in`] for a file that must be there, and be `what`.
///
/// # Errors
/// It is nowhere; the message lists the places.
pub(super) fn locate(data: &DataFolder, folder: &str, name: &Path, what: &str) -> Result<PathBuf> {
    find_in(data, folder, name).ok_or_else(|| {
        let message = format!(
            "There is no `{}` in {}, nor in a folder `{folder}` there. It must be {what}; --data DIR names where it lies, or its \
             parameter its whole path.",
            name.display(),
            data.description()
        );
        Error::new(ErrorKind::NotFound, message).at(name.display())
    })
}

/// The path of the text `name`.
///
/// # Errors
/// It is nowhere; the message lists the places.
pub(super) fn locate_text(data: &DataFolder, name: &Path) -> Result<PathBuf> {
    locate(data, FOLDER, name, "a file of plain text in UTF-8")
}

/// Reads a file of text in UTF-8.
///
/// # Errors
/// It cannot be read, is empty, has more than 2^30 bytes, or is not UTF-8 (the message says from which byte on).
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = files::read_sized(path, "a text", 1..=MOST_BYTES)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let shown: Vec<String> = error.as_bytes()[at..].iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let fault = format!("is not UTF-8: at byte {at}, counted from 0, `{}` begins no character", shown.join(" "));
        files::corrupt(path, fault).at(format_args!("{}, byte {at}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_name_or_by_their_whole_path() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(Some(folder.path().to_owned()));
        assert_eq!(find_text(&data, "a.txt"), None);
        assert_eq!(
            locate_text(&data, Path::new("a.txt")).unwrap_err().to_string(),
            format!(
                "There is no `a.txt` in `{}`, nor in a folder `text` there. It must be a file of plain text in UTF-8; \
                 --data DIR names where it lies, or its parameter its whole path.",
                folder.path().display()
            )
        );
        std::fs::create_dir(folder.path().join("text")).unwrap();
        let path = folder.path().join("text/a.txt");
        std::fs::write(&path, "text").unwrap();
        assert_eq!(find_text(&data, "a.txt"), Some(path.clone()));
        assert_eq!(find_text(&DataFolder::new(Some("nowhere".into())), &path), Some(path));
    }

    #[test]
    fn files_that_are_no_text_say_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let fault = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let error = read_text(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            [error.place().unwrap(), &error.to_string()].map(|text| text.replace(path.to_str().unwrap(), "a.txt"))
        };
        assert_eq!(
            fault(b"caf\xc3\xa9 \xff\x00 end"),
            ["a.txt, byte 6", "`a.txt` is not UTF-8: at byte 6, counted from 0, `ff 00 20 65` begins no character."]
        );
        // The file ends within a character.
        assert_eq!(fault(b"ab\xe2\x82")[0], "a.txt, byte 2");
        assert_eq!(fault(b"")[1], "`a.txt` has 0 bytes, but a text must have from 1 to 1073741824.");
        let missing = folder.path().join("b.txt");
        assert_eq!(read_text(&missing).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(read_text(folder.path()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
