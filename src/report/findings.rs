//! Findings and published values: how many hold, and each of them.

use lookback_benchmarks::{Analysis, Comparison, Finding, Verdict};
use maud::{Markup, html};

use super::page::table;

/// The class of a verdict in the page's style, its sign, and its name.
fn spelled(verdict: Verdict) -> (&'static str, char, &'static str) {
    match verdict {
        Verdict::Holds => ("holds", '✓', "holds"),
        Verdict::DoesNotHold => ("does-not-hold", '✗', "does not hold"),
        Verdict::NotMeasured => ("not-measured", '○', "not measured"),
    }
}

/// Verdicts to be counted.
pub(super) struct Tally(pub Vec<Verdict>);

impl Tally {
    fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|one| **one == verdict).count()
    }

    /// Those that hold among those that were measured.
    pub fn share(&self) -> String {
        let holds = self.count(Verdict::Holds);
        format!("{holds} of {}", holds + self.count(Verdict::DoesNotHold))
    }

    /// A bar with a part for each kind, and their numbers.
    pub fn bar(&self, target: &str) -> Markup {
        html! {
            span class="bar-of-verdicts" {
                @for (verdict, count) in self.parts() { span class=(spelled(verdict).0) style={ "flex:" (count) } {} }
            }
            (self.numbers(target))
        }
    }

    /// How many there are of each kind, as a link to them.
    pub fn numbers(&self, target: &str) -> Markup {
        html! {
            a class="tally" href={ "#" (target) } {
                @for (verdict, count) in self.parts() {
                    @let (class, sign, name) = spelled(verdict);
                    span class=(class) title=(name) { (sign) " " (count) " " }
                }
            }
        }
    }

    fn parts(&self) -> impl Iterator<Item = (Verdict, usize)> {
        let all = [Verdict::Holds, Verdict::DoesNotHold, Verdict::NotMeasured];
        all.map(|verdict| (verdict, self.count(verdict))).into_iter().filter(|(_, count)| *count > 0)
    }
}

/// What was measured, a row that opens for each; then the rest, folded away.
pub(super) fn findings(analysis: &Analysis) -> Markup {
    let (open, measured): (Vec<&Finding>, Vec<&Finding>) =
        analysis.findings().partition(|finding| finding.verdict == Verdict::NotMeasured);
    let list = |findings: &[&Finding]| {
        html! {
            @for Finding { name, statement, verdict, evidence } in findings {
                @let (class, sign, verdict) = spelled(*verdict);
                details class={ "finding " (class) } {
                    summary {
                        span class="badge" { (sign) " " (verdict) }
                        span class="statement" { (statement) }
                        span class="id" { (name) }
                    }
                    p class="evidence" { (evidence) }
                }
                "\n"
            }
        }
    };
    html! {
        @if analysis.findings().next().is_none() { p { "This suite states no findings." } }
        div class="findings" { (list(&measured)) }
        @if !open.is_empty() {
            details { summary { (open.len()) " not measured" } div class="findings" { (list(&open)) } }
        }
    }
}

/// Those that were measured; then the rest, folded away.
pub(super) fn published(analysis: &Analysis) -> Markup {
    let (open, measured): (Vec<_>, Vec<_>) =
        analysis.comparisons().cloned().partition(|comparison| comparison.verdict == Verdict::NotMeasured);
    html! {
        @if !measured.is_empty() {
            @let verdicts: Vec<_> = measured.iter().map(|comparison| spelled(comparison.verdict).0).collect();
            (table("published-table", &Comparison::table(&measured), &verdicts))
        }
        @if !open.is_empty() {
            details { summary { (open.len()) " not measured" } (table("published-open", &Comparison::table(&open), &[])) }
        }
    }
}
