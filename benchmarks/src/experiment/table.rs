//! Tables for people.

use serde::{Deserialize, Serialize};

/// A table for people: text cells under column titles.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Table {
    /// What it shows, in a few words.
    pub title: String,
    /// Column titles.
    pub columns: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<String>>,
}
