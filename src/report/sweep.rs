//! The page of a sweep: what was run, its figures by paper and experiment, findings, published values, numbers.

use lookback_benchmarks::experiment::{Chapter, ExperimentReading};
use lookback_benchmarks::{Analysis, SuiteInfo, Table};
use maud::{Markup, html};

use super::findings::{Tally, findings, published};
use super::page::{figure, linked, repeat, section, table, whole};
use super::phrases::{count, duration};

/// Tables of more columns than this do not fit beside another.
const NARROW_COLUMNS: usize = 6;

/// How many runs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Runs of the plan.
    pub planned: usize,
    /// Runs with a result.
    pub done: usize,
    /// Runs that ended without one.
    pub failed: usize,
}

/// Everything that the page says.
#[derive(Debug, Clone, Copy)]
pub struct SweepReport<'a> {
    /// The suite.
    pub info: SuiteInfo,
    /// What was read from its runs.
    pub analysis: &'a Analysis,
    /// The command line that makes these results.
    pub command: &'a str,
    /// The preset's name.
    pub preset: &'a str,
    /// The backend's name.
    pub backend: &'a str,
    /// How many runs there are.
    pub counts: Counts,
    /// Seconds of training of all runs together.
    pub training_seconds: f64,
    /// Versions, processor and so on: name and value.
    pub environment: &'a [(String, String)],
    /// The specs of all runs, as JSON.
    pub specs_json: &'a str,
}

/// The page as HTML. The same input gives the same bytes.
pub fn sweep_html(report: &SweepReport) -> String {
    let Analysis { chapters, cells } = report.analysis;
    let specs = format!("Specs of all {} runs (JSON)", report.counts.planned);
    let content = html! {
        (header(report))
        main {
            @for chapter in chapters { (figures(chapter, chapters.len() > 1)) }
            (section("findings", "Findings", &findings(report.analysis)))
            @if report.analysis.comparisons().next().is_some() {
                (section("published", "Published values beside ours", &published(report.analysis)))
            }
            (section("numbers", "Numbers", &numbers(chapters, cells)))
            (repeat(report.command, report.environment, &specs, report.specs_json))
        }
    };
    whole(report.info.title, &content)
}

/// What was run, what came of it in a few numbers, and the contents.
fn header(report: &SweepReport) -> Markup {
    let Counts { planned, done, failed } = report.counts;
    let open = planned.saturating_sub(done + failed);
    let findings = Tally(report.analysis.findings().map(|finding| finding.verdict).collect());
    let published = Tally(report.analysis.comparisons().map(|comparison| comparison.verdict).collect());
    let (experiments, figures) = (report.analysis.experiments().count(), report.analysis.figures().count());
    html! {
        header {
            h1 { (report.info.title) }
            p class="lead" { (report.info.summary) }
            p class="source" { (linked(report.info.source)) }
            p class="lead" {
                "Suite " b { (report.info.name) } ", preset " b { (report.preset) } ", backend " b { (report.backend) } "."
            }
            div class="tiles" {
                (tile("Runs done", &format!("{} of {}", count(done), count(planned)), html! {
                    span class=[(failed > 0).then_some("failed")] { (failed) " failed" } ", " (open) " not run yet"
                }))
                (tile("Findings that hold", &findings.share(), findings.bar("findings")))
                @if !published.0.is_empty() {
                    (tile("Published values met", &published.share(), published.bar("published")))
                }
                (tile("Experiments", &count(experiments), html! { (count(figures)) " figures" }))
                (tile("Training time", &duration(report.training_seconds), html! { "of all runs together" }))
            }
            nav aria-label="Contents" {
                @for Chapter { info, experiments } in &report.analysis.chapters {
                    ul {
                        @if report.analysis.chapters.len() > 1 { li { a href={ "#" (info.name) } { b { (info.title) } } } }
                        @for ExperimentReading { info, .. } in experiments {
                            li { a href={ "#experiment-" (info.name) } title=(info.title) { (info.name) } }
                        }
                    }
                }
                ul {
                    li { a href="#findings" { "Findings" } }
                    @if !published.0.is_empty() { li { a href="#published" { "Published values" } } }
                    li { a href="#numbers" { "Numbers" } }
                    li { a href="#repeat" { "How to repeat it" } }
                }
            }
        }
        "\n"
    }
}

fn tile(name: &str, value: &str, below: Markup) -> Markup {
    html! { div class="number-tile" { p class="title" { (name) } p class="value" { (value) } p class="below" { (below) } } }
}

/// The figures of a paper, experiment by experiment; with what the paper is about where it is one of several.
fn figures(chapter: &Chapter, one_of_several: bool) -> Markup {
    let SuiteInfo { name, title, summary, source } = chapter.info;
    let content = html! {
        @if one_of_several { p class="lead" { (summary) " " span class="source" { (linked(source)) } } }
        @for ExperimentReading { info, reading } in &chapter.experiments {
            article class="experiment" id={ "experiment-" (info.name) } {
                h3 {
                    span class="name" { (info.name) } " " (info.title) " "
                    (Tally(reading.findings.iter().map(|finding| finding.verdict).collect()).numbers("findings"))
                }
                @if !info.remark.is_empty() { p class="lead" { (info.remark) } }
                @if !info.differs.is_empty() {
                    details class="aside" { summary { "What differs from the paper" } p { (info.differs) } }
                }
                div class="figures" { @for one in &reading.figures { (figure(one)) } }
            }
        }
    };
    section(name, if one_of_several { title } else { "Figures" }, &content)
}

/// The tables of all experiments, and every cell of the grids.
fn numbers(chapters: &[Chapter], cells: &Table) -> Markup {
    let experiments = chapters.iter().flat_map(|chapter| &chapter.experiments);
    html! {
        @for ExperimentReading { info, reading } in experiments.filter(|one| !one.reading.tables.is_empty()) {
            h3 { span class="name" { (info.name) } " " (info.title) }
            div class="tables" {
                @for (number, one) in reading.tables.iter().enumerate() {
                    div class=[(one.columns.len() > NARROW_COLUMNS).then_some("wide")] {
                        h4 { (one.title) }
                        (table(&format!("table-{}-{number}", info.name), one, &[]))
                    }
                }
            }
        }
        details id="cells" {
            summary { "All cells: " (count(cells.rows.len())) " rows" }
            p class="filter script-only" {
                label {
                    "Rows with " input type="search" data-filters="cells-table" placeholder="words, e.g. impulse lstm";
                }
                " " span id="cells-table-shown" role="status" {}
            }
            (table("cells-table", cells, &[]))
        }
    }
}

#[cfg(test)]
mod tests {
    use lookback_benchmarks::experiment::{ExperimentInfo, Reading};
    use lookback_benchmarks::{Comparison, Finding, Ours, Verdict};

    use super::super::page::tests::assert_sound;
    use super::*;
    use crate::report::figures::samples;

    fn table(rows: usize) -> Table {
        let row = |row: usize| {
            let model = ["linear-rnn", "lstm", "s4d", "tcn"][row % 4];
            let mean = if row == 3 { "—".into() } else { format!("{:.1e} ± 1e-4", 0.1 / (row + 1) as f64) };
            vec!["impulse".into(), (2 * row).to_string(), model.into(), mean]
        };
        let columns = ["memory", "alpha", "model", "NMSE (mean)"].map(String::from).to_vec();
        Table { title: "impulse: mean <NMSE>".into(), columns, rows: (0..rows).map(row).collect() }
    }

    fn analysis() -> Analysis {
        let finding = |name: &str, verdict, evidence: &str| Finding {
            name: name.into(),
            statement: format!("A statement of {name} with 1 < 2 & \"quotes\"."),
            verdict,
            evidence: evidence.into(),
        };
        let exact = |published, ours| Comparison::within(10.0, "H1", "h = 1", published, ours, "");
        let reading = Reading {
            tables: vec![table(3), table(4)],
            figures: samples::figures(),
            findings: vec![
                finding("airy-states-rise", Verdict::NotMeasured, "1 of 3 seeds."),
                finding("impulse-needs-states", Verdict::Holds, "NMSE .62 at 16 states, 3e-7 at 32."),
                finding("alibi-degrades", Verdict::DoesNotHold, "<img src=x onerror=alert(1)>"),
            ],
            comparisons: vec![exact(1e-2, Ours::Exact(0.02)), exact(1e-2, Ours::Missing)],
        };
        let info = ExperimentInfo {
            name: "H1",
            title: "Error against heads",
            differs: "recipe & seeds",
            remark: "Noise from 4 heads on.",
        };
        let chapter = Chapter { info: INFO, experiments: vec![ExperimentReading { info, reading }] };
        Analysis { chapters: vec![chapter], cells: table(12) }
    }

    const INFO: SuiteInfo = SuiteInfo {
        name: "memory",
        title: "Controllable memory functions",
        summary: "Which memory each architecture can learn, as its strength α grows.",
        source: "A paper & its title, https://arxiv.org/abs/2506.05678.",
    };

    fn page(analysis: &Analysis) -> String {
        sweep_html(&SweepReport {
            info: INFO,
            analysis,
            command: "lookback bench memory --preset quick --only 'model=s4d,lstm' --out \"a & b\"",
            preset: "quick",
            backend: "flex",
            counts: Counts { planned: 14, done: 12, failed: 1 },
            training_seconds: 3725.0,
            environment: &[("lookback".into(), "0.1.0".into()), ("cpu".into(), "<fast> CPU".into())],
            specs_json: "[\n  {\"version\": 1, \"name\": \"</code><script>\"}\n]",
        })
    }

    #[test]
    fn the_page_says_everything() {
        let analysis = analysis();
        let page = page(&analysis);
        for text in [
            "Controllable memory functions",
            "12 of 14",
            "<span class=\"failed\">1 failed</span>, 1 not run yet",
            "1 of 2",
            "1 of 1",
            "1 h 2 min",
            "quick",
            "flex",
            "✓ holds",
            "✗ does not hold",
            "○ not measured",
            "<p class=\"lead\">Noise from 4 heads on.</p>",
            "<p>recipe &amp; seeds</p>",
        ] {
            assert!(page.contains(text), "{text}");
        }
        let escape = |text: &str| html! { (text) }.into_string();
        for figure in analysis.figures() {
            assert!(page.contains(&format!("<h4>{}</h4>", escape(&figure.title))));
            assert!(page.contains(&escape(&figure.caption)));
        }
        assert_eq!(page.matches("<svg ").count(), analysis.figures().count());
        for cell in analysis.cells.rows.iter().flatten() {
            assert!(page.contains(&format!(">{}</td>", escape(cell))), "{cell}");
        }
        assert_eq!(page, super::tests::page(&analysis));
    }

    #[test]
    fn figures_come_first_and_what_was_not_measured_last_and_folded() {
        let page = page(&analysis());
        let at = |text: &str| page.find(text).expect(text);
        let places = [
            "class=\"tiles\"",
            "<svg ",
            "id=\"findings\"",
            "impulse-needs-states",
            "alibi-degrades",
            "<details><summary>1 not measured",
            "airy-states-rise",
            "id=\"published\"",
            "id=\"numbers\"",
            "id=\"cells\"",
            "id=\"repeat\"",
        ];
        assert!(places.windows(2).all(|pair| at(pair[0]) < at(pair[1])));
    }

    #[test]
    fn everything_is_escaped_and_the_page_is_sound_and_needs_no_network() {
        let page = page(&analysis());
        assert_sound(&page);
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;") && !page.contains("<img"));
        assert!(page.contains("--out &quot;a &amp; b&quot;"));
        assert!(page.contains("[\n  {&quot;version&quot;: 1"));
        assert!(page.contains("&lt;fast&gt; CPU"));
        for (at, _) in page.match_indices("http") {
            let known = ["https://arxiv.org/abs/2506.05678", "http://www.w3.org/2000/svg"];
            assert!(known.iter().any(|address| page[at..].starts_with(address)), "{}", &page[at..at + 40]);
        }
    }

    #[test]
    fn a_page_without_results_is_whole() {
        let page = page(&Analysis::default());
        assert_sound(&page);
        assert!(page.contains("This suite states no findings."));
    }
}
