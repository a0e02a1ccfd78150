//! The tables: every cell with all its statistics, and a compact one for the terminal.

use super::cells::{Cell, Cells};
use super::findings::brief;
use super::floors::Floor;
use crate::experiment::Table;

/// One row per cell.
pub(super) fn cells(cells: &Cells) -> Table {
    let columns = [
        "memory",
        "alpha",
        "model",
        "size",
        "parameters",
        "states",
        "window",
        "seeds",
        "diverged",
        "missing",
        "nmse_mean",
        "nmse_sd",
        "nmse_min",
        "nmse_low",
        "nmse_high",
        "mse_mean",
        "mse_sd",
        "mse_min",
        "mse_low",
        "mse_high",
        "floor",
        "floor_kind",
        "hankel_bound",
        "note",
    ];
    Table {
        title: "all cells".into(),
        columns: columns.map(String::from).into(),
        rows: cells.cells.iter().map(row).collect(),
    }
}

fn row(cell: &Cell) -> Vec<String> {
    let count = |value: Option<usize>| value.map_or(String::new(), |value| value.to_string());
    let mut row = vec![
        cell.memory.clone(),
        cell.alpha.clone(),
        cell.model.clone(),
        cell.size.clone(),
        cell.num_params().to_string(),
        count(cell.facts.lti_states),
        count(cell.facts.window),
        cell.nmse.as_ref().map_or(0, |summary| summary.n).to_string(),
        cell.diverged.to_string(),
        cell.missing.to_string(),
    ];
    for summary in [&cell.nmse, &cell.mse] {
        let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.4e}"));
        let some = summary.as_ref();
        row.push(number(some.map(|summary| summary.mean)));
        row.push(number(some.filter(|summary| summary.n > 1).map(|summary| summary.sd)));
        row.push(number(some.map(|summary| summary.min)));
        row.push(number(some.and_then(|summary| summary.interval).map(|interval| interval.0)));
        row.push(number(some.and_then(|summary| summary.interval).map(|interval| interval.1)));
    }
    let hankel = match cell.floor {
        Some(Floor::Lti { hankel, .. }) => format!("{hankel:.4e}"),
        _ => String::new(),
    };
    row.push(cell.floor.map_or(String::new(), |floor| format!("{:.4e}", floor.nmse())));
    row.push(cell.floor.map_or(String::new(), |floor| floor.describe()));
    row.push(hankel);
    row.push(note(cell));
    row
}

fn note(cell: &Cell) -> String {
    match &cell.nmse {
        Some(summary) if summary.n == 1 => "one seed".into(),
        Some(_) => String::new(),
        None if cell.diverged > 0 => "all diverged".into(),
        None => "not run".into(),
    }
}

/// A table per memory: the mean NMSE of each model at its default size, by alpha.
pub(super) fn summary(cells: &Cells) -> Vec<Table> {
    cells.memories().into_iter().map(|memory| of_memory(cells, memory)).collect()
}

fn of_memory(cells: &Cells, memory: &str) -> Table {
    let alphas = cells.alphas(memory);
    let mut rows = Vec::new();
    for model in cells.models() {
        let row = cells.row(memory, model);
        let Some(first) = row.first() else { continue };
        let mut line = vec![format!("{model}, {}", first.size)];
        line.extend(
            alphas
                .iter()
                .map(|(text, _)| row.iter().find(|cell| cell.alpha == *text).map_or(String::new(), |cell| entry(cell))),
        );
        rows.push(line);
    }
    let columns = std::iter::once("model".into()).chain(alphas.iter().map(|(text, _)| format!("alpha {text}")));
    Table { title: format!("{memory}: mean NMSE"), columns: columns.collect(), rows }
}

fn entry(cell: &Cell) -> String {
    match &cell.nmse {
        Some(summary) => {
            // A mark for cells that a single seed, or only part of the seeds, stands for.
            let mark = if summary.n == 1 || cell.diverged + cell.missing > 0 { "*" } else { "" };
            format!("{}{mark}", brief(summary.mean))
        }
        None if cell.diverged > 0 => "diverged".into(),
        None => "-".into(),
    }
}
