//! Which head attends to which maximum.

use lookback_datasets::retrieval::Retrieval;
use lookback_registry::Result;

use super::errors;
use super::grid::{HeadsCells, at};
use crate::experiment::evidence::Evidence;
use crate::experiment::figure::{Figure, Panel};
use crate::experiment::{Finding, Outcome, Probe};
use crate::tasks::TaskConfig as _;
use crate::tasks::retrieval::RetrievalTaskConfig;

/// From this share of sequences on a head counts as that of a maximum.
const SHARE: f64 = 0.5;

/// For each head, in which share of the probed sequences the token that it attends to most is that of maximum i:
/// `[heads][n_functions]`.
fn map(outcome: &Outcome, probe: &Probe) -> Result<Vec<Vec<f64>>> {
    let retrieval = Retrieval::new(RetrievalTaskConfig::read(&outcome.planned.spec.task.params)?.data.retrieval)?;
    let times: Vec<Vec<usize>> = probe
        .examples
        .iter()
        .map(|example| retrieval.retrieve(&example.input).into_iter().map(|retrieved| retrieved.time).collect())
        .collect();
    let shares = |weights: &Vec<Vec<Vec<f64>>>| -> Vec<f64> {
        let attended: Vec<usize> = weights.iter().filter_map(|sample| largest(sample.first()?)).collect();
        let share = |function: usize| {
            let same = times.iter().zip(&attended).filter(|(times, attended)| times[function] == **attended);
            same.count() as f64 / times.len().max(1) as f64
        };
        (0..retrieval.vectors().len()).map(share).collect()
    };
    Ok(probe.attention.iter().map(|head| shares(&head.weights)).collect())
}

/// The place of the largest value.
fn largest(values: &[f64]) -> Option<usize> {
    values.iter().enumerate().max_by(|left, right| left.1.total_cmp(right.1)).map(|(place, _)| place)
}

/// The maps of the best runs with as many heads as maxima, by length, and whether each head has found a maximum.
pub(super) fn read(cells: &HeadsCells, n_functions: usize) -> Result<(Option<Figure>, Finding)> {
    let mut evidence = Evidence::default();
    let mut panels = Vec::new();
    for length in cells.values(|setting| setting.length) {
        let best = at(cells, length, n_functions).and_then(|cell| cell.best(errors::NMSE));
        let Some((outcome, probe)) = best else {
            evidence.missing(format!("a finished run at T={length}, h={n_functions}"));
            continue;
        };
        let map = map(outcome, probe)?;
        let own: Vec<(usize, f64)> = map.iter().filter_map(|row| Some((largest(row)?, row[largest(row)?]))).collect();
        let mut found: Vec<usize> = own.iter().filter(|(_, share)| *share >= SHARE).map(|(which, _)| *which).collect();
        found.sort_unstable();
        found.dedup();
        let text: Vec<String> =
            own.iter().map(|(which, share)| format!("maximum {} in {share:.2}", which + 1)).collect();
        evidence.check(found.len() == n_functions, format!("T={length}: {}", text.join(", ")));
        panels.push(Panel::matrix(format!("T = {length}, h = {n_functions}"), "maximum", "head", map));
    }
    let figure = (!panels.is_empty()).then(|| Figure {
        id: "h1-specialisation".into(),
        title: "Which head attends to which maximum".into(),
        caption: "In which share of validation sequences the token that a head attends to most is the one of each \
                  maximum: the run with the smallest NMSE at each length, with as many heads as maxima."
            .into(),
        panels,
        columns: 3,
    });
    let statement = "With D = 4 heads, in the run with the smallest NMSE at each length, every maximum has a head whose \
                     most attended token is that of this maximum in at least half of the sequences.";
    Ok((figure, evidence.finding("h1-specialisation", statement)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::grid::HeadsSetting;
    use super::*;
    use crate::experiment::{Example, HeadProbe};
    use crate::spec::Named;

    #[test]
    fn shares_are_counted_by_head_and_maximum() {
        let mut outcome = Outcome::finished(&HeadsSetting { length: 3, heads: 2 }, 0, &[]);
        let task = Named::new("retrieval", json!({"n_functions": 2, "length": 3, "d_input": 1}));
        let retrieval = Retrieval::new(RetrievalTaskConfig::read(&task.params).unwrap().data.retrieval).unwrap();
        outcome.planned.spec.task = task;
        // On the line a maximum is at one end or the other: that of the largest or of the smallest token.
        let inputs = [[0.0, 2.0, -1.0], [3.0, -2.0, 1.0]];
        let times = inputs.map(|input| retrieval.retrieve(&input));
        let at = |time: usize| vec![(0..3).map(|other| if other == time { 0.8 } else { 0.1 }).collect()];
        let head = |head, attended: [usize; 2]| HeadProbe {
            layer: 0,
            head,
            weights: attended.map(at).into(),
            singular_values: vec![],
        };
        // The first head follows the first maximum, the second does so in one of the two sequences.
        let other = (0..3).find(|time| *time != times[1][0].time && *time != times[1][1].time).unwrap();
        let attention = vec![head(0, [times[0][0].time, times[1][0].time]), head(1, [times[0][0].time, other])];
        let example = |input: &[f32; 3]| Example { input: input.to_vec(), target: vec![], output: vec![] };
        let probe = Probe { attention, examples: inputs.iter().map(example).collect(), ..Probe::default() };
        let same = |sample: usize| f64::from(u8::from(times[sample][0].time == times[sample][1].time));
        let expected = [[1.0, (same(0) + same(1)) / 2.0], [0.5, same(0) / 2.0]];
        assert_eq!(map(&outcome, &probe).unwrap(), expected);
    }
}
