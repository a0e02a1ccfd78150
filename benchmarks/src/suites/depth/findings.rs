//! What the trained models of D3 say.

use super::problem::Problem;
use crate::experiment::evidence::{Evidence, brief};
use crate::experiment::stats::Summary;
use crate::experiment::{Extended, Finding};

/// An NMSE below this counts as learnt.
const SOLVED: f64 = 1e-2;

/// How far below a floor sampling may take an error that is measured on a finite validation split.
const SAMPLING: f64 = 0.1;

pub(super) fn all(problems: &[Problem]) -> Vec<Finding> {
    vec![
        uncapped(problems),
        shallow_stalls(problems),
        falls_with_depth(problems),
        below_the_floor(problems),
        small_norm(problems),
    ]
}

fn best(summary: &Summary) -> String {
    format!("{} (mean {})", brief(summary.min), brief(summary.mean))
}

fn uncapped(problems: &[Problem]) -> Finding {
    let mut evidence = Evidence::default();
    for problem in problems {
        for depth in &problem.depths {
            let Some(summary) = problem.measured(Extended::Infinite, *depth, &mut evidence) else { continue };
            evidence.check(summary.min < SOLVED, format!("{}, depth {depth}: {}", problem.place(), best(summary)));
        }
    }
    evidence.finding(
        "d3-uncapped",
        "Without a cap, depth and width reach the same floor: at every depth the best seed learns every target (NMSE < 1e-2).",
    )
}

/// All places where one layer under a cap provably cannot learn the target, with its floor.
fn large<'p>(problems: &'p [Problem<'p>]) -> impl Iterator<Item = (&'p Problem<'p>, Extended<f64>, f64)> {
    let of = |problem: &'p Problem<'p>| problem.caps.iter().map(move |(cap, floor)| (problem, *cap, *floor));
    let floors = problems.iter().flat_map(of).filter_map(|(problem, cap, floor)| Some((problem, cap, floor?.floor)));
    floors.filter(|(_, _, floor)| *floor >= SOLVED)
}

fn shallow_stalls(problems: &[Problem]) -> Finding {
    let mut evidence = Evidence::default();
    for (problem, cap, floor) in large(problems) {
        let Some(summary) = problem.measured(cap, 1, &mut evidence) else { continue };
        let number = format!("{}, M = {cap}: {}, floor {}", problem.place(), best(summary), brief(floor));
        evidence.check(summary.min >= floor * (1.0 - SAMPLING), number);
    }
    evidence.finding(
        "d3-shallow-stalls",
        "Under a cap, one layer stalls on targets of large norm: wherever its proven floor is an NMSE of 1e-2 or more, the \
         best seed does not get below that floor (within sampling error).",
    )
}

fn falls_with_depth(problems: &[Problem]) -> Finding {
    let mut evidence = Evidence::default();
    for (problem, cap, _) in large(problems) {
        let depths = problem.depths.iter();
        let row: Vec<(usize, &Summary)> =
            depths.filter_map(|depth| Some((*depth, problem.measured(cap, *depth, &mut evidence)?))).collect();
        let [(1, first), .., (_, last)] = row[..] else {
            evidence.missing(format!("{}, M = {cap}: depth 1 and a larger one", problem.place()));
            continue;
        };
        let list: Vec<String> =
            row.iter().map(|(depth, summary)| format!("{} at {depth}", brief(summary.min))).collect();
        let number = format!("{}, M = {cap}: {}", problem.place(), list.join(", "));
        evidence.check(last.min < 0.1 * first.min, number);
    }
    evidence.finding(
        "d3-falls-with-depth",
        "Under a cap and for a target of large norm (floor of one layer: NMSE >= 1e-2) the error falls with depth: at the \
         largest depth the best seed's is less than a tenth of that of one layer.",
    )
}

fn below_the_floor(problems: &[Problem]) -> Finding {
    let mut evidence = Evidence::default();
    for (problem, cap, floor) in large(problems) {
        let deep = problem.depths.iter().filter(|depth| **depth > 1);
        let reached: Vec<(usize, f64)> =
            deep.filter_map(|depth| Some((*depth, problem.measured(cap, *depth, &mut evidence)?.min))).collect();
        let Some((depth, nmse)) = reached.into_iter().min_by(|one, other| one.1.total_cmp(&other.1)) else { continue };
        let number =
            format!("{}, M = {cap}: {} at depth {depth}, floor {}", problem.place(), brief(nmse), brief(floor));
        evidence.check(nmse < 0.5 * floor, number);
    }
    evidence.finding(
        "d3-below-the-floor",
        "Depth gains what no training of one layer could: wherever the proven floor of one layer under the cap is an NMSE of \
         1e-2 or more, some deeper model of no more states under the same cap, with at most one more parameter per further \
         layer, is below half of it.",
    )
}

fn small_norm(problems: &[Problem]) -> Finding {
    let mut evidence = Evidence::default();
    for problem in problems {
        for (cap, floor) in &problem.caps {
            // Within reach of one layer by far.
            if floor.is_none_or(|floor| floor.fit >= 0.1 * SOLVED) {
                continue;
            }
            for depth in &problem.depths {
                let Some(summary) = problem.measured(*cap, *depth, &mut evidence) else { continue };
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
    use super::super::problem::BoundedSetting;
    use super::super::teachers::Teacher;
    use super::*;
    use crate::experiment::{Cells, Outcome, Verdict};
    use crate::oracle::depth::BoundedFloor;

    #[test]
    fn one_depth_says_nothing_of_depth() {
        let verdict = |depths: &[(usize, f64)]| {
            let (teacher, states, cap) = (Teacher::Poles(6), 16, Extended::Finite(1.0));
            let of = |&(depth, nmse): &(usize, f64)| {
                let setting = BoundedSetting { teacher, states, cap, depth };
                [0, 1].map(|seed| Outcome::finished(&setting, seed, &[("nmse", nmse)]))
            };
            let outcomes: Vec<Outcome> = depths.iter().flat_map(of).collect();
            let cells = Cells::collect(&outcomes.iter().collect::<Vec<_>>()).unwrap();
            let problem = Problem {
                teacher,
                states,
                caps: vec![(cap, Some(BoundedFloor { floor: 0.4, fit: 0.5 }))],
                depths: depths.iter().map(|(depth, _)| *depth).collect(),
                fit: None,
                cells: cells.iter().collect(),
            };
            falls_with_depth(&[problem]).verdict
        };
        assert_eq!(verdict(&[(1, 0.5)]), Verdict::NotMeasured);
        assert_eq!(verdict(&[(2, 0.5)]), Verdict::NotMeasured);
        assert_eq!(verdict(&[(1, 0.5), (2, 0.01)]), Verdict::Holds);
        assert_eq!(verdict(&[(1, 0.5), (2, 0.4)]), Verdict::DoesNotHold);
    }
}
