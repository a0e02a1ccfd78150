//! Outcomes grouped into cells: one model of one size on one memory at one alpha, over seeds.

use std::collections::BTreeMap;

use lookback_models::{Catalogue, ModelFacts};
use lookback_registry::{Error, ErrorKind, Result};

use super::findings::LADDERS;
use super::floors::{self, Fits, Floor, Lti, Problem, Request};
use crate::experiment::stats::{self, Summary};
use crate::oracle;
use crate::experiment::{Outcome, RunStatus};

/// One cell of the grid.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub memory: String,
    /// As on the command line.
    pub alpha: String,
    pub model: String,
    pub size: String,
    /// Index into [`Cells::problems`].
    pub problem: usize,
    pub facts: ModelFacts,
    /// Indices of its outcomes.
    pub outcomes: Vec<usize>,
    /// Over finished runs.
    pub nmse: Option<Summary>,
    /// Over finished runs.
    pub mse: Option<Summary>,
    pub diverged: usize,
    pub missing: usize,
    /// Index of the finished outcome with the smallest NMSE.
    pub best: Option<usize>,
    pub floor: Option<Floor>,
    /// Whether this is the size at which the model is compared with others.
    pub default_size: bool,
}

/// All cells, in the order in which their first runs stand in the outcomes.
#[derive(Debug)]
pub(super) struct Cells {
    pub problems: Vec<Problem>,
    /// The oracle of linear time-invariant models, by problem.
    pub fits: Vec<Fits>,
    pub cells: Vec<Cell>,
}

impl Cells {
    /// Groups outcomes by their axes and computes statistics and floors.
    ///
    /// # Errors
    /// An outcome without the axes of this suite, or with a spec that is not valid.
    pub fn collect(outcomes: &[Outcome], models: &Catalogue) -> Result<Self> {
        let mut problems: Vec<Problem> = Vec::new();
        let mut cells: Vec<Cell> = Vec::new();
        let mut known: BTreeMap<[String; 4], usize> = BTreeMap::new();
        for (index, outcome) in outcomes.iter().enumerate() {
            let axis = |name: &str| {
                outcome.planned.axes.get(name).cloned().ok_or_else(|| {
                    Error::new(
                        ErrorKind::InvalidValue,
                        format!(
                            "A run of suite `memory` has no axis `{name}`; it must have memory, alpha, model, size."
                        ),
                    )
                })
            };
            let [memory, alpha, model, size] = [axis("memory")?, axis("alpha")?, axis("model")?, axis("size")?];
            let key = [memory.clone(), alpha.clone(), model.clone(), size.clone()];
            let cell = match known.get(&key) {
                Some(cell) => *cell,
                None => {
                    let spec = &outcome.planned.spec;
                    let value = alpha
                        .parse()
                        .map_err(|_| Error::invalid("alpha", &alpha, "a number on the axis of suite `memory`"))?;
                    let problem = match problems.iter().position(|known| known.task == spec.task.params) {
                        Some(problem) => problem,
                        None => {
                            problems.push(Problem::new(&memory, value, &spec.task.params)?);
                            problems.len() - 1
                        }
                    };
                    cells.push(Cell {
                        memory,
                        alpha,
                        model,
                        size,
                        problem,
                        facts: models.get(&spec.model.name)?.facts(&spec.model.params, problems[problem].io)?,
                        outcomes: Vec::new(),
                        nmse: None,
                        mse: None,
                        diverged: 0,
                        missing: 0,
                        best: None,
                        floor: None,
                        default_size: false,
                    });
                    known.insert(key, cells.len() - 1);
                    cells.len() - 1
                }
            };
            cells[cell].outcomes.push(index);
        }
        for cell in &mut cells {
            cell.summarise(outcomes);
        }
        let fits = floors::fits(&problems, &requests(&problems, &cells));
        for cell in &mut cells {
            cell.floor = floor(&problems[cell.problem], &fits[cell.problem], &cell.facts);
        }
        mark_default_sizes(&mut cells);
        Ok(Self { problems, fits, cells })
    }

    /// Memories, in order.
    pub fn memories(&self) -> Vec<&str> {
        distinct(self.cells.iter().map(|cell| cell.memory.as_str()))
    }

    /// Models, in order.
    pub fn models(&self) -> Vec<&str> {
        distinct(self.cells.iter().map(|cell| cell.model.as_str()))
    }

    /// Values of alpha of a memory, increasing, as (text, value).
    pub fn alphas(&self, memory: &str) -> Vec<(&str, f64)> {
        let of_memory = self.cells.iter().filter(|cell| cell.memory == memory);
        let mut alphas: Vec<_> = distinct(of_memory.map(|cell| cell.alpha.as_str()))
            .into_iter()
            .map(|text| (text, self.alpha(text)))
            .collect();
        alphas.sort_by(|left, right| left.1.total_cmp(&right.1));
        alphas
    }

    fn alpha(&self, text: &str) -> f64 {
        text.parse().expect("collect has read every alpha")
    }

    /// The problem of a memory at one alpha.
    pub fn problem(&self, memory: &str, alpha: f64) -> Option<usize> {
        self.problems.iter().position(|problem| problem.memory == memory && problem.alpha == alpha)
    }

    /// The cells of a model at its default size on one memory, by increasing alpha.
    pub fn row(&self, memory: &str, model: &str) -> Vec<&Cell> {
        let mut row: Vec<_> = self
            .cells
            .iter()
            .filter(|cell| cell.memory == memory && cell.model == model && cell.default_size)
            .collect();
        row.sort_by(|left, right| self.value(left).total_cmp(&self.value(right)));
        row
    }

    /// The cell of a model at its default size on one memory at one alpha.
    pub fn at(&self, memory: &str, alpha: f64, model: &str) -> Option<&Cell> {
        self.row(memory, model).into_iter().find(|cell| self.value(cell) == alpha)
    }

    /// The alpha of a cell.
    pub fn value(&self, cell: &Cell) -> f64 {
        self.problems[cell.problem].alpha
    }
}

impl Cell {
    fn summarise(&mut self, outcomes: &[Outcome]) {
        let (mut nmse, mut mse, mut best) = (Vec::new(), Vec::new(), f64::INFINITY);
        for index in &self.outcomes {
            let Some(result) = &outcomes[*index].result else {
                self.missing += 1;
                continue;
            };
            // A finished run whose metric is not finite has diverged after its last checked loss.
            let value = result.metrics.get("nmse").copied().filter(|value| value.is_finite());
            match (result.status, value) {
                (RunStatus::Finished, Some(value)) => {
                    nmse.push(value);
                    mse.extend(result.metrics.get("mse"));
                    if value < best {
                        (best, self.best) = (value, Some(*index));
                    }
                }
                _ => self.diverged += 1,
            }
        }
        self.nmse = stats::summarise(&nmse);
        self.mse = stats::summarise(&mse);
    }

    /// The number that orders sizes of one model in figures.
    pub fn num_params(&self) -> usize {
        self.facts.num_params
    }
}

fn floor(problem: &Problem, fits: &Fits, facts: &ModelFacts) -> Option<Floor> {
    if !problem.white {
        return None;
    }
    if let Some(lti) = lti(facts) {
        let states = lti.states;
        return fits.get(&lti).map(|(fit, hankel)| Floor::Lti { states, fit: *fit, hankel: *hankel });
    }
    let window = facts.window?;
    Some(Floor::Window { window, nmse: oracle::window_floor(&problem.rho, window, Some(&problem.weights)) })
}

fn lti(facts: &ModelFacts) -> Option<Lti> {
    Some(Lti { states: facts.lti_states?, stable: facts.stable })
}

/// Which fits the floors of the cells and the statements on required states ask for.
fn requests(problems: &[Problem], cells: &[Cell]) -> Vec<Request> {
    let mut requests = vec![Request::default(); problems.len()];
    for cell in cells {
        requests[cell.problem].models.extend(lti(&cell.facts));
    }
    for (memory, below) in LADDERS {
        let of_memory = |problem: &&Problem| problem.memory == memory;
        // A trend over alpha takes three values.
        if problems.iter().filter(of_memory).count() >= 3 {
            for (request, problem) in requests.iter_mut().zip(problems) {
                request.ladder = of_memory(&problem).then_some(below).or(request.ladder);
            }
        }
    }
    requests
}

/// A model's default size is the one that stands at most values of alpha; of several, the largest.
fn mark_default_sizes(cells: &mut [Cell]) {
    let mut counts: BTreeMap<(String, String), (usize, usize)> = BTreeMap::new();
    for cell in cells.iter() {
        let (count, params) = counts.entry((cell.model.clone(), cell.size.clone())).or_default();
        *count += 1;
        *params = (*params).max(cell.num_params());
    }
    for cell in cells.iter_mut() {
        let of_model = counts.iter().filter(|((model, _), _)| *model == cell.model);
        let default = of_model.max_by_key(|(_, order)| **order).map(|((_, size), _)| size);
        cell.default_size = default == Some(&cell.size);
    }
}

fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}
