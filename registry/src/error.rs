use std::fmt::{self, Display};
use std::path::Path;

/// A result with the library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, for programs; people read the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A list has no entry of this name.
    UnknownName,
    /// A value is of the wrong type or out of its range.
    InvalidValue,
    /// A request that cannot be carried out as it is put, e.g. two options that exclude each other.
    Usage,
    /// A file, a folder or a data set is not there.
    NotFound,
    /// A file is damaged, or not of the format that it must have.
    Corrupt,
    /// Two parts do not fit each other, e.g. weights and a model.
    Mismatch,
    /// This build, machine or device cannot do it.
    Unsupported,
    /// Another process holds what is needed.
    Busy,
    /// The operating system or the network failed.
    Io,
    /// A computation failed, e.g. a worker process ended without a result.
    Failed,
}

/// The one error of the Lookback libraries: a kind, what it is about, and a full sentence that names what is wrong, where,
/// and what would be valid.
#[derive(Debug)]
pub struct Error(Box<Fields>);

#[derive(Debug)]
struct Fields {
    kind: ErrorKind,
    message: String,
    what: Option<String>,
    place: Option<String>,
    value: Option<String>,
    valid: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error that is fully told by the sentence `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let (what, place, value, valid) = (None, None, None, None);
        Self(Box::new(Fields { kind, message: message.into(), what, place, value, valid, source: None }))
    }

    /// `field` has `value`, which is not one of `valid`:
    /// "`alpha` is -1, but it must be a finite number greater than 0."
    pub fn invalid(field: &str, value: impl Display, valid: impl Display) -> Self {
        let (value, valid) = (value.to_string(), valid.to_string());
        let mut error = Self::new(
            ErrorKind::InvalidValue,
            format!("`{field}` is {value}, but it must be {}.", valid.trim_end_matches('.')),
        );
        error.0.what = Some(field.to_owned());
        error.0.value = Some(value);
        error.0.valid = Some(valid);
        error
    }

    /// The `kind` of list, e.g. "model", has no entry `name`; the sentence lists the `known` ones, nearest first.
    pub fn unknown_name<'a>(kind: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known = nearest(name, known);
        let message = match known.first() {
            Some(first) => {
                format!("There is no {kind} named `{name}`. Did you mean `{first}`? Known: {}.", known.join(", "))
            }
            None => format!("There is no {kind} named `{name}`; the list is empty."),
        };
        let mut error = Self::new(ErrorKind::UnknownName, message);
        error.0.what = Some(kind.to_owned());
        error.0.value = Some(name.to_owned());
        error.0.valid = Some(known.join(", "));
        error
    }

    /// An error `message` (a sentence without its full stop) caused by `source`.
    pub fn caused(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let mut error = Self::new(kind, message);
        error.0.source = Some(source.into());
        error
    }

    /// The operating system would not do `what` (a verb, e.g. "read") with `path`: "Cannot read `runs/x`: ..".
    pub fn io(what: &str, path: &Path, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Self::caused(kind, format!("Cannot {what} `{}`", path.display()), source).at(path.display())
    }

    /// Says where: a file, a line of it, a place in a grid. It shows in [`Error::place`], not in the sentence.
    #[must_use]
    pub fn at(mut self, place: impl Display) -> Self {
        self.0.place = Some(place.to_string());
        self
    }

    /// Puts `message` (a sentence without its full stop) in front of this error, which becomes its source; kind and fields
    /// stay.
    #[must_use]
    pub fn context(self, message: impl Into<String>) -> Self {
        let Fields { kind, what, place, value, valid, .. } = &*self.0;
        let fields = Fields {
            kind: *kind,
            message: message.into(),
            what: what.clone(),
            place: place.clone(),
            value: value.clone(),
            valid: valid.clone(),
            source: None,
        };
        Self(Box::new(Fields { source: Some(Box::new(self)), ..fields }))
    }

    /// Says whose parameters are not valid: "The parameters of the model `gru` are not valid: `d_model` is 0, ..".
    #[must_use]
    pub fn of_parameters(self, owner: &str) -> Self {
        self.context(format!("The parameters of {owner} are not valid"))
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What it is about: a parameter, or the kind of a list.
    pub fn what(&self) -> Option<&str> {
        self.0.what.as_deref()
    }

    /// Where it was found.
    pub fn place(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    /// The value that is wrong.
    pub fn value(&self) -> Option<&str> {
        self.0.value.as_deref()
    }

    /// What would be valid.
    pub fn valid(&self) -> Option<&str> {
        self.0.valid.as_deref()
    }

    /// The whole chain in one line, outermost first, joined by ": ".
    pub fn chain(&self) -> String {
        let mut text = self.0.message.clone();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.truncate(text.trim_end_matches('.').len());
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}

/// The known names, nearest to `name` first (Damerau-Levenshtein distance, then list order).
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut known: Vec<_> = known.into_iter().collect();
    known.sort_by_key(|candidate| strsim::damerau_levenshtein(name, candidate));
    known
}

impl Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_list_the_nearest_first() {
        let error = Error::unknown_name("model", "lsmt", ["gru", "lstm", "s4d"]);
        assert_eq!(error.to_string(), "There is no model named `lsmt`. Did you mean `lstm`? Known: lstm, s4d, gru.");
        assert_eq!((error.kind(), error.what(), error.value()), (ErrorKind::UnknownName, Some("model"), Some("lsmt")));
    }

    #[test]
    fn context_keeps_kind_and_fields() {
        let error = Error::invalid("alpha", -1, "positive").at("line 3").context("The task is invalid");
        assert_eq!(error.chain(), "The task is invalid: `alpha` is -1, but it must be positive.");
        assert_eq!((error.kind(), error.what(), error.value()), (ErrorKind::InvalidValue, Some("alpha"), Some("-1")));
        assert_eq!((error.valid(), error.place()), (Some("positive"), Some("line 3")));
    }

    #[test]
    fn a_file_that_is_not_there_is_not_found() {
        let path = Path::new("nowhere/at all");
        let error = Error::io("read", path, std::fs::read(path).unwrap_err());
        assert_eq!((error.kind(), error.place()), (ErrorKind::NotFound, Some("nowhere/at all")));
        assert!(error.chain().starts_with("Cannot read `nowhere/at all`: "), "{}", error.chain());
    }
}
