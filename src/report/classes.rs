//! A classifier's mistakes, class by class.

use lookback_benchmarks::Classification;
use maud::{Markup, html};

use super::phrases::share;

/// The confusion matrix, its cells coloured by their share, with a bar for the accuracy of each class.
pub(super) fn classes(result: &Classification) -> Markup {
    let shares: Vec<Vec<f64>> = result.confusion.iter().map(|row| shares(row)).collect();
    let largest = |right: bool| {
        let cells = shares.iter().enumerate().flat_map(|(truth, row)| {
            row.iter().enumerate().filter(move |(class, _)| (*class == truth) == right).map(|(_, share)| *share)
        });
        cells.fold(f64::MIN_POSITIVE, f64::max)
    };
    let (right, wrong) = (largest(true), largest(false));
    let rows = result.classes.iter().zip(&result.confusion).enumerate();
    let style = |part: f64| format!("--share:{part:.3}");
    html! {
        p class="lead" {
            "Validation samples by true class (rows) and predicted class (columns). Right ones are blue, mistakes red, the \
             stronger the larger their share of the row; of either colour the largest share is full."
        }
        div class="scroll" { table class="confusion" {
            thead { tr {
                th scope="col" { "true \\ predicted" }
                @for class in &result.classes { th scope="col" class="number" { (class) } }
                th scope="col" { "accuracy" }
            } }
            tbody {
                @for (truth, (class, counts)) in rows {
                    tr {
                        th scope="row" { (class) }
                        @for (predicted, count) in counts.iter().enumerate() {
                            @let (kind, most) = if predicted == truth { ("right", right) } else { ("wrong", wrong) };
                            td class={ "number " (kind) } style=(style(shares[truth][predicted] / most)) { (count) }
                        }
                        @let accuracy = result.class_accuracy.get(truth).copied().flatten();
                        td class="bar" style=(style(accuracy.unwrap_or(0.0))) {
                            (accuracy.map_or_else(|| "-".to_owned(), share)) span {}
                        }
                    }
                    "\n"
                }
            }
        } }
    }
}

/// The parts of their sum; zeros where there are none.
fn shares(counts: &[usize]) -> Vec<f64> {
    let sum = counts.iter().sum::<usize>().max(1) as f64;
    counts.iter().map(|count| *count as f64 / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_share_of_either_kind_is_full() {
        let names = ["a", "<b>", "c"].map(String::from);
        // Of class 0, two right and two taken for class 1; of class 1, one right; none of class 2.
        let logits = [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]].concat();
        let mut targets = [1.0, 0.0, 0.0].repeat(4);
        targets.extend([0.0, 1.0, 0.0]);
        let page = classes(&Classification::of(&logits, &targets, &names)).into_string();
        for cell in [
            "<td class=\"number right\" style=\"--share:0.500\">2</td>",
            "<td class=\"number wrong\" style=\"--share:1.000\">2</td>",
            "<td class=\"number right\" style=\"--share:1.000\">1</td>",
            "<td class=\"bar\" style=\"--share:0.500\">50.0 %<span></span></td>",
            "<td class=\"bar\" style=\"--share:0.000\">-<span></span></td>",
            "<th scope=\"row\">&lt;b&gt;</th>",
        ] {
            assert_eq!(page.matches(cell).count(), 1, "{cell}");
        }
    }
}
