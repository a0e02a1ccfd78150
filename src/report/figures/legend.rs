//! Which look is what: of a figure, or of each panel.

use lookback_benchmarks::experiment::figure::{Mark, Panel};

use super::markers::{self, AREA_OPACITY};
use super::palette::Role;
use super::scene::{Anchor, Path, Scene, Type};
use super::style::{self, Style};
use super::text;
use super::text::HALF_LETTER;

const SIZE: f64 = 12.5;
/// The length of a piece of a line.
const SAMPLE: f64 = 30.0;
/// From there to its text.
const SPACE: f64 = 7.0;
const ROW: f64 = 19.0;
const GAP: f64 = 24.0;

/// A look and its text.
pub(super) struct Entry {
    label: String,
    /// The smallest values where absent.
    look: Option<(Style, Mark)>,
    /// The left end of the look, and its middle.
    at: (f64, f64),
}

/// One entry per label of these panels.
pub(super) fn entries(panels: &[Panel]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = vec![];
    let series = panels.iter().flat_map(|panel| &panel.series);
    for series in series.clone() {
        let label = text::clean(&series.label);
        if !entries.iter().any(|entry| entry.label == label) {
            entries.push(Entry { label, look: Some((style::of(&series.key), series.mark)), at: (0.0, 0.0) });
        }
    }
    // Bounds and references after what is compared with them.
    entries.sort_by_key(|entry| matches!(entry.look, Some((_, Mark::Dashed))));
    if series.flat_map(|series| &series.points).any(|point| point.min.is_some_and(|min| min < point.y)) {
        entries.push(Entry { label: "minimum".into(), look: None, at: (0.0, 0.0) });
    }
    entries
}

/// Whether one look is several things.
pub(super) fn is_ambiguous(entries: &[Entry]) -> bool {
    entries.iter().enumerate().any(|(index, one)| entries[..index].iter().any(|other| one.look == other.look))
}

/// Places entries in rows from the corner on, centred in as much room as there is; gives the height.
pub(super) fn arrange(entries: &mut [Entry], (left, top): (f64, f64), room: f64) -> f64 {
    if entries.is_empty() {
        return 0.0;
    }
    // As many columns as fit, each as wide as its widest entry; then as few as the number of rows allows.
    let widths: Vec<f64> = entries.iter().map(|entry| SAMPLE + SPACE + text::width(&entry.label, SIZE)).collect();
    let columns = |count: usize| -> Vec<f64> {
        (0..count).map(|column| widths.iter().skip(column).step_by(count).copied().fold(0.0, f64::max)).collect()
    };
    let total = |count: usize| columns(count).iter().sum::<f64>() + GAP * (count - 1) as f64;
    let most = (1..=entries.len()).rev().find(|count| total(*count) <= room).unwrap_or(1);
    let rows = entries.len().div_ceil(most);
    let count = (entries.len().div_ceil(rows)..most).find(|count| total(*count) <= room).unwrap_or(most);
    let start = left + ((room - total(count)) / 2.0).max(0.0);
    let columns = columns(count);
    for (index, entry) in entries.iter_mut().enumerate() {
        let x = start + columns[..index % count].iter().map(|column| column + GAP).sum::<f64>();
        entry.at = (x, top + ((index / count) as f64 + 0.5) * ROW);
    }
    rows as f64 * ROW + 8.0
}

impl Entry {
    /// Draws a piece of the series, and the text.
    pub fn draw(&self, scene: &mut Scene) {
        let (left, y) = self.at;
        let middle = [(left + SAMPLE / 2.0, y)];
        let mut path = Path::default();
        match self.look {
            None => markers::minima(scene, middle, Role::Muted),
            Some((style, mark)) => {
                match mark {
                    Mark::Points => {}
                    Mark::Area => {
                        path.rectangle((left, y - 4.0), (left + SAMPLE, y + 4.0));
                        scene.fill(path, (style.role(), AREA_OPACITY));
                    }
                    Mark::Line | Mark::LinePoints | Mark::Dashed => {
                        path.line([(left, y), (left + SAMPLE, y)]);
                        markers::line(scene, path, style, mark);
                    }
                }
                if matches!(mark, Mark::LinePoints | Mark::Points) {
                    markers::markers(scene, middle, style);
                }
            }
        }
        let at = (left + SAMPLE + SPACE, y + HALF_LETTER * SIZE);
        scene.text(&self.label, at, Type::new(SIZE, Role::Text, Anchor::Start));
    }
}
