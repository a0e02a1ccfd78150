//! What the trained models of D3 say.

use super::bounded::Problem;
use crate::experiment::Cells;
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::stats::Summary;
use crate::experiment::Finding;

/// An NMSE below this counts as learnt.
const SOLVED: f64 = 1e-2;

/// How far below a floor sampling may take an error that is measured on a finite validation split.
const SAMPLING: f64 = 0.1;

pub(super) fn all(cells: &Cells, problems: &[Problem]) -> Vec<Finding> {
    vec![
        uncapped(cells, problems),
        shallow_stalls(cells, problems),
        falls_with_depth(cells, problems),
        below_the_floor(cells, problems),
        small_norm(cells, problems),
    ]
}

fn best(summary: &Summary) -> String {
    format!("{} (mean {})", brief(summary.min), brief(summary.mean))
}

fn uncapped(cells: &Cells, problems: &[Problem]) -> Finding {
    let mut evidence = Evidence::default();
    for problem in problems {
        for depth in &problem.depths {
            let Some(cell) = problem.cell(cells, "inf", *depth) else { continue };
            let Some(summary) = cell.measured("nmse", &mut evidence) else { continue };
            evidence.check(summary.min < SOLVED, format!("{}, depth {depth}: {}", problem.place(), best(summary)));
        }
    }
    evidence.finding(
        "d3-uncapped",
        "Without a cap, depth and width reach the same floor: at every depth the best seed learns every target (NMSE < 1e-2).",
    )
}

/// Calls `each` with all places where one layer under a cap provably cannot learn the target.
fn large<'p>(problems: &'p [Problem], mut each: impl FnMut(&'p Problem, &'p str, f64)) {
    for problem in problems {
        for (cap, floor) in &problem.caps {
            if let Some(floor) = floor.map(|floor| floor.floor).filter(|floor| *floor >= SOLVED) {
                each(problem, cap, floor);
            }
        }
    }
}

fn shallow_stalls(cells: &Cells, problems: &[Problem]) -> Finding {
    let mut evidence = Evidence::default();
    large(problems, |problem, cap, floor| {
        let Some(cell) = problem.cell(cells, cap, 1) else { return };
        let Some(summary) = cell.measured("nmse", &mut evidence) else { return };
        let number = format!("{}, M = {cap}: {}, floor {}", problem.place(), best(summary), brief(floor));
        evidence.check(summary.min >= floor * (1.0 - SAMPLING), number);
    });
    evidence.finding(
        "d3-shallow-stalls",
        "Under a cap, one layer stalls on targets of large norm: wherever its proven floor is an NMSE of 1e-2 or more, the \
         best seed does not get below that floor (within sampling error).",
    )
}

fn falls_with_depth(cells: &Cells, problems: &[Problem]) -> Finding {
    let mut evidence = Evidence::default();
    large(problems, |problem, cap, _| {
        let row: Vec<(usize, &Summary)> = problem
            .depths
            .iter()
            .filter_map(|depth| Some((*depth, problem.cell(cells, cap, *depth)?.measured("nmse", &mut evidence)?)))
            .collect();
        let [(1, first), .., (_, last)] = row[..] else {
            evidence.missing(format!("{}, M = {cap}: depth 1 and a larger one", problem.place()));
            return;
        };
        let list: Vec<String> =
            row.iter().map(|(depth, summary)| format!("{} at {depth}", brief(summary.min))).collect();
        let number = format!("{}, M = {cap}: {}", problem.place(), list.join(", "));
        evidence.check(last.min < 0.1 * first.min, number);
    });
    evidence.finding(
        "d3-falls-with-depth",
        "Under a cap and for a target of large norm (floor of one layer: NMSE >= 1e-2) the error falls with depth: at the \
         largest depth the best seed's is less than a tenth of that of one layer.",
    )
}

fn below_the_floor(cells: &Cells, problems: &[Problem]) -> Finding {
    let mut evidence = Evidence::default();
    large(problems, |problem, cap, floor| {
        let deep = problem.depths.iter().filter(|depth| **depth > 1);
        let reached: Vec<(usize, f64)> = deep
            .filter_map(|depth| Some((*depth, problem.cell(cells, cap, *depth)?.measured("nmse", &mut evidence)?.min)))
            .collect();
        let Some((depth, nmse)) = reached.into_iter().min_by(|one, other| one.1.total_cmp(&other.1)) else { return };
        let number =
            format!("{}, M = {cap}: {} at depth {depth}, floor {}", problem.place(), brief(nmse), brief(floor));
        evidence.check(nmse < 0.5 * floor, number);
    });
    evidence.finding(
        "d3-below-the-floor",
        "Depth gains what no training of one layer could: wherever the proven floor of one layer under the cap is an NMSE of \
         1e-2 or more, some deeper model of no more states under the same cap, with at most one more parameter per further \
         layer, is below half of it.",
    )
}

fn small_norm(cells: &Cells, problems: &[Problem]) -> Finding {
    let mut evidence = Evidence::default();
    for problem in problems {
        for (cap, floor) in &problem.caps {
            // Within reach of one layer by far.
            if floor.is_none_or(|floor| floor.fit >= 0.1 * SOLVED) {
                continue;
            }
            for depth in &problem.depths {
                let Some(cell) = problem.cell(cells, cap, *depth) else { continue };
                let Some(summary) = cell.measured("nmse", &mut evidence) else { continue };
                let number = format!("{}, M = {cap}, depth {depth}: {}", problem.place(), best(summary));
                evidence.check(summary.min < SOLVED, number);
            }
        }
    }
    evidence.finding(
        "d3-small-norm",
        "For targets of small norm depth does not matter under a cap: where exponentials within the cap reach an NMSE of \
         1e-3, the best seed learns the target at every depth (NMSE < 1e-2).",
    )
}

#[cfg(test)]
mod tests {
    use lookback_models::Catalogue;

    use super::*;
    use crate::oracle::depth::BoundedFloor;
    use crate::experiment::{Outcome, Verdict};

    #[test]
    fn one_depth_says_nothing_of_depth() {
        let verdict = |depths: &[(usize, f64)]| {
            let of = |(depth, nmse): &(usize, f64)| {
                let depth = depth.to_string();
                let axes = [("teacher", "poles-6"), ("states", "16"), ("cap", "1"), ("depth", depth.as_str())];
                [0, 1].map(|seed| Outcome::finished(&axes, seed, &[("nmse", *nmse)]))
            };
            let outcomes: Vec<Outcome> = depths.iter().flat_map(of).collect();
            let cells = Cells::collect(&outcomes.iter().collect::<Vec<_>>(), &Catalogue::default()).unwrap();
            let problem = Problem {
                teacher: "poles-6".into(),
                states: "16".into(),
                caps: vec![("1".into(), Some(BoundedFloor { floor: 0.4, fit: 0.5 }))],
                depths: depths.iter().map(|(depth, _)| *depth).collect(),
                fit: None,
            };
            falls_with_depth(&cells, &[problem]).verdict
        };
        assert_eq!(verdict(&[(1, 0.5)]), Verdict::NotMeasured);
        assert_eq!(verdict(&[(2, 0.5)]), Verdict::NotMeasured);
        assert_eq!(verdict(&[(1, 0.5), (2, 0.01)]), Verdict::Holds);
        assert_eq!(verdict(&[(1, 0.5), (2, 0.4)]), Verdict::DoesNotHold);
    }
}
