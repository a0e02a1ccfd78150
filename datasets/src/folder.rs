use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lookback_registry::{Error, ErrorKind, Result};

/// The environment variable that names a folder of data sets.
pub const DATA_VARIABLE: &str = "LOOKBACK_DATA";

/// Where data sets lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder {
    places: Vec<PathBuf>,
}

impl Default for DataFolder {
    /// The usual places: [`DataFolder::new`] without a name.
    fn default() -> Self {
        Self::new(None)
    }
}

impl DataFolder {
    /// The folder `named` and no other: data from elsewhere would surprise who names a folder. Without a name that of the
    /// variable [`DATA_VARIABLE`], then `lookback` in the platform's folder for data (on Linux
    /// `~/.local/share`).
    pub fn new(named: Option<PathBuf>) -> Self {
        Self::from_parts(named, std::env::var_os(DATA_VARIABLE), dirs::data_dir())
    }

    fn from_parts(named: Option<PathBuf>, variable: Option<OsString>, platform: Option<PathBuf>) -> Self {
        if let Some(named) = named {
            return Self { places: vec![named] };
        }
        let variable = variable.filter(|value| !value.is_empty()).map(PathBuf::from);
        let platform = platform.map(|folder| folder.join("lookback"));
        Self { places: variable.into_iter().chain(platform).collect() }
    }

    /// The folders in the order of the search; none need exist.
    pub fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// The folder that new data sets go to: the first place.
    ///
    /// # Errors
    /// There is none: no folder is named, and the user has no home.
    pub fn home(&self) -> Result<&Path> {
        self.places.first().map(PathBuf::as_path).ok_or_else(|| {
            let message = format!("No folder for data is known; name one by --data DIR or by {DATA_VARIABLE}.");
            Error::new(ErrorKind::NotFound, message)
        })
    }

    /// The first folder with one of `names` in a place, or the place itself, that `accept` holds for. Names come in
    /// their order, and every place is exhausted before the next.
    pub fn find(&self, names: &[&str], accept: impl Fn(&Path) -> bool) -> Option<PathBuf> {
        self.places.iter().find_map(|place| {
            let inside = names.iter().map(|name| place.join(name));
            inside.chain([place.clone()]).find(|folder| accept(folder))
        })
    }

    /// The places as a sentence has them: "`/a` (no such folder) or `/b`".
    pub(crate) fn description(&self) -> String {
        if self.places.is_empty() {
            return "any place, as none is known".to_owned();
        }
        let told = self.places.iter().map(|place| {
            let missing = if place.is_dir() { "" } else { " (no such folder)" };
            format!("`{}`{missing}", place.display())
        });
        told.collect::<Vec<_>>().join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_folder_is_the_only_place() {
        let places = |named: Option<&str>, variable: Option<&str>, platform: Option<&str>| {
            DataFolder::from_parts(named.map(Into::into), variable.map(Into::into), platform.map(Into::into)).places
        };
        assert_eq!(places(Some("a"), Some("b"), Some("c")), ["a"].map(PathBuf::from));
        assert_eq!(places(None, Some("b"), Some("c")), ["b", "c/lookback"].map(PathBuf::from));
        assert_eq!(places(None, Some(""), Some("c")), ["c/lookback"].map(PathBuf::from));
        let nowhere = DataFolder::from_parts(None, None, None);
        assert_eq!(
            nowhere.home().unwrap_err().to_string(),
            "No folder for data is known; name one by --data DIR or by LOOKBACK_DATA."
        );
        assert_eq!(nowhere.description(), "any place, as none is known");
    }

    #[test]
    fn names_come_in_their_order_place_by_place() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (first, second) = (first.path(), second.path());
        let data = DataFolder { places: vec![first.to_owned(), second.to_owned()] };
        let find = || data.find(&["x", "y"], |folder| folder.join("marked").is_dir());
        assert_eq!(find(), None);
        // Every further one comes before those that are there already.
        for folder in [second.to_owned(), second.join("x"), first.to_owned(), first.join("y"), first.join("x")] {
            std::fs::create_dir_all(folder.join("marked")).unwrap();
            assert_eq!(find(), Some(folder));
        }
    }
}
