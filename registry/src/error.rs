use std::fmt::Display;

/// The one error of the Lookback libraries: a full sentence that names what is wrong, where, and what
/// would be valid.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A result with the library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that is fully told by `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// `field` has `value`, which is not one of `valid`:
    /// "`alpha` is -1, but it must be a finite number greater than 0."
    pub fn invalid(field: &str, value: impl Display, valid: impl Display) -> Self {
        Self::new(format!("`{field}` is {value}, but it must be {valid}."))
    }

    /// Puts `message` in front of this error, which becomes its source.
    pub fn context(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), source: Some(Box::new(self)) }
    }

    /// An error `message` caused by `source`.
    pub fn caused(message: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { message: message.into(), source: Some(source.into()) }
    }

    /// The whole chain in one line, outermost first, joined by ": ".
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
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

/// The error for a `name` that the list of `kind`s does not have; it lists the known ones, nearest first.
pub fn unknown_name<'a>(kind: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let known = nearest(name, known);
    match known.first() {
        Some(first) => Error::new(format!(
            "There is no {kind} named `{name}`. Did you mean `{first}`? Known: {}.",
            known.join(", ")
        )),
        None => Error::new(format!("There is no {kind} named `{name}`; the list is empty.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_list_the_nearest_first() {
        let error = unknown_name("model", "lsmt", ["gru", "lstm", "s4d"]);
        assert_eq!(error.to_string(), "There is no model named `lsmt`. Did you mean `lstm`? Known: lstm, s4d, gru.");
    }

    #[test]
    fn chain_runs_from_the_outermost_to_the_cause() {
        let error = Error::invalid("alpha", -1, "positive").context("The task is invalid.");
        assert_eq!(error.chain(), "The task is invalid.: `alpha` is -1, but it must be positive.");
    }
}
