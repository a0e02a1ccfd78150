//! The tables: errors over alpha, and errors beside floors.

use super::floors::Floor;
use super::study::{Study, size};
use super::{Label, NMSE};
use crate::experiment::Table;
use crate::experiment::evidence::brief;

/// A table per memory: the mean NMSE of each model at its default size, by alpha.
pub(super) fn over_alpha(study: &Study<'_>) -> impl Iterator<Item = Table> {
    study.memories().into_iter().map(|memory| of_memory(study, &memory))
}

fn of_memory(study: &Study<'_>, memory: &Label) -> Table {
    let mut rows = Vec::new();
    for model in study.models() {
        let Some(first) = study.row(memory, &model).first().map(|cell| size(cell)) else { continue };
        let entries = study.of_memory(memory).map(|problem| {
            let cell = study.at(memory, problem.alpha, &model);
            cell.map_or_else(String::new, |cell| cell.entry_as(NMSE, |summary| brief(summary.mean)))
        });
        rows.push(std::iter::once(format!("{model}, {first}")).chain(entries).collect());
    }
    let columns = study.of_memory(memory).map(|problem| format!("alpha {}", problem.alpha()));
    Table {
        title: format!("{memory}: mean NMSE"),
        columns: std::iter::once("model".into()).chain(columns).collect(),
        rows,
    }
}

/// Models of which the best error for their size is known, each beside it; none if there is no such model.
pub(super) fn beside_floors(study: &Study<'_>) -> Option<Table> {
    let columns = "memory, alpha, model, size, mean NMSE, smallest, floor, kind of floor, Hankel bound, parameters";
    // The floor of a window that sees everything is an empty sum: -0.
    let number = |value: f64| format!("{:.4e}", value + 0.0);
    let mut rows = Vec::new();
    for cell in study.cells.iter() {
        let Some(floor) = study.floor(cell) else { continue };
        let hankel = match floor {
            Floor::Lti { hankel, .. } => number(hankel),
            Floor::Window { .. } => String::new(),
        };
        rows.push(vec![
            cell.setting.memory.to_string(),
            cell.setting.alpha(),
            cell.setting.model.to_string(),
            size(cell),
            cell.entry_as(NMSE, |summary| number(summary.mean)),
            cell.entry_as(NMSE, |summary| number(summary.min)),
            number(floor.nmse()),
            floor.describe(),
            hankel,
            cell.facts.num_params.to_string(),
        ]);
    }
    let title = "errors beside the best that a model of the size can reach".into();
    (!rows.is_empty()).then(|| Table { title, columns: columns.split(", ").map(String::from).collect(), rows })
}
