use std::sync::{OnceLock, PoisonError, RwLock};

use crate::{Error, Result};

/// An entry of a [`Registry`].
pub trait Entry: Clone + Send + Sync + 'static {
    /// What the entries are, in words: "model", "memory function".
    const KIND: &'static str;

    /// Its name in specs and on the command line: lower-case with hyphens, unique in its list.
    fn name(&self) -> &str;
}

/// The one list mechanism: the entries of one kind by name, the library's own and those that a program adds.
///
/// A list is a `static`, so that a name deep within a spec (the memory function of a task) finds its entry. A program adds
/// its entries before it looks anything up; a worker process is the same program and adds the same ones.
///
/// ```
/// use lookback_registry::{Entry, Registry};
///
/// #[derive(Clone, Debug, PartialEq)]
/// struct Colour(&'static str, u32);
/// impl Entry for Colour {
///     const KIND: &'static str = "colour";
///     fn name(&self) -> &str {
///         self.0
///     }
/// }
///
/// static COLOURS: Registry<Colour> = Registry::new(|| vec![Colour("red", 0xff0000), Colour("blue", 0x0000ff)]);
///
/// COLOURS.add(Colour("green", 0x00ff00));
/// assert_eq!(COLOURS.get("green")?.1, 0x00ff00);
/// assert_eq!(
///     COLOURS.get("gren").unwrap_err().to_string(),
///     "There is no colour named `gren`. Did you mean `green`? Known: green, red, blue."
/// );
/// # Ok::<(), lookback_registry::Error>(())
/// ```
pub struct Registry<T> {
    own: fn() -> Vec<T>,
    entries: OnceLock<RwLock<Vec<T>>>,
}

impl<T: Entry> Registry<T> {
    /// A list that begins with these entries, made when it is first used.
    pub const fn new(own: fn() -> Vec<T>) -> Self {
        Self { own, entries: OnceLock::new() }
    }

    fn entries(&self) -> &RwLock<Vec<T>> {
        self.entries.get_or_init(|| RwLock::new((self.own)()))
    }

    /// Adds an entry at the end; one of the same name is replaced in its place.
    pub fn add(&self, entry: T) {
        let mut entries = self.entries().write().unwrap_or_else(PoisonError::into_inner);
        match entries.iter_mut().find(|known| known.name() == entry.name()) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
    }

    /// All entries, in order.
    pub fn all(&self) -> Vec<T> {
        self.entries().read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The entry named `name`.
    ///
    /// # Errors
    /// There is none: [`ErrorKind::UnknownName`](crate::ErrorKind::UnknownName) with the known ones, nearest first.
    pub fn get(&self, name: &str) -> Result<T> {
        let entries = self.entries().read().unwrap_or_else(PoisonError::into_inner);
        entries
            .iter()
            .find(|entry| entry.name() == name)
            .cloned()
            .ok_or_else(|| Error::unknown_name(T::KIND, name, entries.iter().map(T::name)))
    }
}
