//! The cells of an experiment beside the problems that they learn.

use lookback_registry::Result;

use super::floors::{self, Floor, Lti, Problem};
use super::{Label, Setting};
use crate::experiment::{self, Cells};

/// A cell of the suite.
pub(super) type Cell<'a> = experiment::Cell<'a, Setting>;

/// Cells with the problems that they learn.
pub(super) struct Study<'a> {
    pub cells: &'a Cells<'a, Setting>,
    /// In the order of memories, by ascending alpha.
    pub problems: Vec<Problem>,
}

impl<'a> Study<'a> {
    /// Finds the problems and the best fits of all classes of models; on memories with at least three alphas that have a
    /// limit in `ladders`, also those of growing sizes up to the first below it.
    ///
    /// # Errors
    /// The parameters of a task are not valid.
    pub fn of(cells: &'a Cells<'a, Setting>, ladders: &[(&str, f64)]) -> Result<Self> {
        let mut problems: Vec<Problem> = Vec::new();
        for cell in cells.iter() {
            let known = problems.iter().position(|problem| problem.is_of(&cell.setting));
            let index = match (known, cell.outcomes.first()) {
                (Some(index), _) => index,
                (None, Some(outcome)) => {
                    problems.push(Problem::new(&cell.setting, &outcome.planned.spec.task.params)?);
                    problems.len() - 1
                }
                (None, None) => continue,
            };
            problems[index].classes.extend(Lti::of(&cell.facts));
        }
        let mut study = Self { cells, problems };
        for (memory, below) in ladders {
            // A trend over alpha takes three values.
            if study.of_memory(memory).count() >= 3 {
                let of_memory = study.problems.iter_mut().filter(|problem| problem.memory == **memory);
                of_memory.for_each(|problem| problem.ladder = Some(*below));
            }
        }
        floors::fit(&mut study.problems);
        Ok(study)
    }

    /// Memories, in order.
    pub fn memories(&self) -> Vec<Label> {
        self.cells.values(|setting| setting.memory.clone())
    }

    /// Models, in order.
    pub fn models(&self) -> Vec<Label> {
        self.cells.values(|setting| setting.model.clone())
    }

    /// The problems of a memory, by ascending alpha.
    pub fn of_memory(&self, memory: &str) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(move |problem| problem.memory == *memory)
    }

    /// The problem that a cell learns.
    pub fn problem(&self, cell: &Cell<'_>) -> &Problem {
        let found = self.problems.iter().find(|problem| problem.is_of(&cell.setting));
        found.expect("every cell has a run and so a problem")
    }

    /// The best error that a model of the kind and size of a cell's can reach, where it is known.
    pub fn floor(&self, cell: &Cell<'_>) -> Option<Floor> {
        self.problem(cell).floor(&cell.facts)
    }

    /// The cells of a model on one memory, by ascending alpha.
    pub fn row(&self, memory: &str, model: &str) -> Vec<&Cell<'a>> {
        let of_model = |cell: &&Cell<'_>| cell.setting.memory == *memory && cell.setting.model == *model;
        self.cells.iter().filter(of_model).collect()
    }

    /// The cell of a model on one memory at one alpha.
    pub fn at(&self, memory: &str, alpha: Option<f64>, model: &str) -> Option<&Cell<'a>> {
        self.cells.find(|setting| setting.memory == *memory && setting.alpha == alpha && setting.model == *model)
    }
}

/// The name of a cell's model in the list of models.
pub(super) fn model_name<'a>(cell: &Cell<'a>) -> &'a str {
    cell.outcomes.first().map_or("", |outcome| outcome.planned.spec.model.name.as_str())
}

/// The size of a cell's model: "16 states", "16 units", "width 32", "250 parameters".
pub(super) fn size(cell: &Cell<'_>) -> String {
    match (cell.setting.budget, cell.facts.lti_states, model_name(cell), cell.facts.params.get("d_model")) {
        (Some(budget), ..) => format!("{budget} parameters"),
        (_, Some(states), ..) => format!("{states} states"),
        (_, _, "tanh-rnn" | "lstm" | "gru", Some(width)) => format!("{width} units"),
        (_, _, "tcn", Some(width)) => format!("{width} channels"),
        (_, _, "transformer", Some(width)) => format!("width {width}"),
        _ => format!("{} parameters", cell.facts.num_params),
    }
}
