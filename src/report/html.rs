//! The page of a sweep: one file without network, light and dark, for screen and paper.

use std::fmt::Write as _;

use lookback_benchmarks::experiment::ExperimentInfo;
use lookback_benchmarks::{Analysis, Finding, SuiteInfo, Table, Verdict};

use super::page::{command, fact, figure, how, linked, table, whole};
use crate::report::figures::escape;

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
pub struct ReportInput<'a> {
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
    /// Versions, processor and so on: name and value.
    pub environment: &'a [(String, String)],
    /// The specs of all runs, as JSON.
    pub specs_json: &'a str,
}

/// The page as HTML. The same input gives the same bytes.
pub fn html(input: &ReportInput) -> String {
    let mut page = String::new();
    header(&mut page, input);
    page.push_str("<main>\n");
    findings(&mut page, &input.analysis.findings().cloned().collect::<Vec<_>>());
    experiments(&mut page, &input.analysis.experiments().map(|one| one.info).collect::<Vec<_>>());
    let summary: Vec<&Table> = input.analysis.experiments().flat_map(|one| &one.reading.tables).collect();
    if !summary.is_empty() {
        page.push_str(
            "<section aria-labelledby=\"summary\">\n<h2 id=\"summary\">Summary</h2>\n<div class=\"tables\">\n",
        );
        for (number, summary) in summary.into_iter().enumerate() {
            let class = if summary.columns.len() > NARROW_COLUMNS { " class=\"wide\"" } else { "" };
            let _ = writeln!(page, "<div{class}>\n<h3>{}</h3>", escape(&summary.title));
            table(&mut page, &format!("summary-{number}"), summary);
            page.push_str("</div>\n");
        }
        page.push_str("</div>\n</section>\n");
    }
    figures_of(&mut page, input.analysis);
    cells(&mut page, &input.analysis.cells);
    let specs = format!("Specs of all {} runs (JSON)", input.counts.planned);
    how(&mut page, input.environment, &specs, input.specs_json);
    page.push_str("</main>\n");
    whole(input.info.title, &page)
}

fn header(page: &mut String, input: &ReportInput) {
    let Counts { planned, done, failed } = input.counts;
    let open = planned.saturating_sub(done + failed);
    let _ = write!(
        page,
        "<header>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n<p class=\"source\">Source: {}</p>\n",
        escape(input.info.title),
        escape(input.info.summary),
        linked(input.info.source)
    );
    page.push_str("<dl class=\"facts\">\n");
    fact(page, "Suite", "", input.info.name);
    fact(page, "Preset", "", input.preset);
    fact(page, "Backend", "", input.backend);
    fact(page, "Runs done", "", &format!("{done} of {planned}"));
    fact(page, "Failed", if failed > 0 { "failed" } else { "" }, &failed.to_string());
    fact(page, "Not run yet", "", &open.to_string());
    page.push_str("</dl>\n");
    command(page, input.command);
    page.push_str("<nav aria-label=\"Contents\"><ul><li><a href=\"#findings\">Findings</a></li>");
    if input.analysis.experiments().next().is_some() {
        page.push_str("<li><a href=\"#experiments\">Experiments</a></li>");
    }
    if input.analysis.experiments().any(|one| !one.reading.tables.is_empty()) {
        page.push_str("<li><a href=\"#summary\">Summary</a></li>");
    }
    page.push_str(
        "<li><a href=\"#figures\">Figures</a></li><li><a href=\"#cells\">All cells</a></li>\
         <li><a href=\"#how\">How it was run</a></li></ul></nav>\n</header>\n",
    );
}

fn findings(page: &mut String, findings: &[Finding]) {
    page.push_str("<section aria-labelledby=\"findings\">\n<h2 id=\"findings\">Findings</h2>\n");
    if findings.is_empty() {
        page.push_str("<p>This suite states no findings.</p>\n");
    }
    page.push_str("<div class=\"findings\">\n");
    for finding in findings {
        let (class, verdict) = match finding.verdict {
            Verdict::Holds => ("holds", "✓ holds"),
            Verdict::DoesNotHold => ("does-not-hold", "✗ does not hold"),
            Verdict::NotMeasured => ("not-measured", "○ not measured"),
        };
        let _ = writeln!(
            page,
            "<article class=\"finding {class}\"><header><h3>{}</h3><span class=\"badge\">{verdict}</span></header>\
             <p>{}</p><p class=\"evidence\">{}</p></article>",
            escape(&finding.name),
            escape(&finding.statement),
            escape(&finding.evidence)
        );
    }
    page.push_str("</div>\n</section>\n");
}

/// What the experiments are, what differs from the papers, and remarks.
fn experiments(page: &mut String, all: &[ExperimentInfo]) {
    if all.is_empty() {
        return;
    }
    page.push_str("<section aria-labelledby=\"experiments\">\n<h2 id=\"experiments\">Experiments</h2>\n");
    let row = |one: &ExperimentInfo| [one.name, one.title, one.differs, one.remark].map(String::from).into();
    let columns = ["experiment", "question", "what differs from the paper", "remark"].map(String::from).into();
    let listed = Table { title: String::new(), columns, rows: all.iter().map(row).collect() };
    table(page, "experiments-table", &listed);
    page.push_str("</section>\n");
}

fn figures_of(page: &mut String, analysis: &Analysis) {
    page.push_str("<section aria-labelledby=\"figures\">\n<h2 id=\"figures\">Figures</h2>\n");
    analysis.figures().for_each(|one| figure(page, one));
    page.push_str("</section>\n");
}

fn cells(page: &mut String, cells: &Table) {
    page.push_str("<section aria-labelledby=\"cells\">\n<h2 id=\"cells\">All cells</h2>\n");
    page.push_str(
        "<p class=\"filter script-only\"><label>Rows with <input type=\"search\" data-filters=\"cells-table\" \
         placeholder=\"words, e.g. impulse lstm\"></label> <span id=\"cells-table-shown\" role=\"status\"></span></p>\n",
    );
    table(page, "cells-table", cells);
    page.push_str("</section>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figures::samples;

    fn table(rows: usize) -> Table {
        Table {
            title: "impulse: mean <NMSE>".into(),
            columns: ["memory", "alpha", "model", "NMSE (mean)", "NMSE (min)"].map(String::from).to_vec(),
            rows: (0..rows)
                .map(|row| {
                    let model = ["linear-rnn", "lstm", "s4d", "tcn"][row % 4];
                    let mean =
                        if row == 3 { "—".into() } else { format!("{:.1e} ± {:.0e}", 0.1 / (row + 1) as f64, 1e-4) };
                    vec![
                        "impulse".into(),
                        format!("{}", 2 * row),
                        model.into(),
                        mean,
                        format!("{:.1e}", 0.05 / (row + 1) as f64),
                    ]
                })
                .collect(),
        }
    }

    fn analysis() -> Analysis {
        let finding = |name: &str, verdict, evidence: &str| Finding {
            name: name.into(),
            statement: format!("A statement of {name} with 1 < 2 & \"quotes\"."),
            verdict,
            evidence: evidence.into(),
        };
        Analysis {
            cells: table(12),
            summary: vec![table(3), table(4)],
            figures: samples::figures(),
            experiments: vec![ExperimentInfo {
                name: "H1",
                title: "Error against heads",
                differs: "recipe & seeds",
                remark: "Noise from 4 heads on.",
            }],
            findings: vec![
                finding("impulse-needs-states", Verdict::Holds, "NMSE .62 at 16 states, 3e-7 at 32."),
                finding("alibi-degrades", Verdict::DoesNotHold, "<img src=x onerror=alert(1)>"),
                finding("airy-states-rise", Verdict::NotMeasured, "1 of 3 seeds."),
            ],
            ..Analysis::default()
        }
    }

    fn page(analysis: &Analysis) -> String {
        html(&ReportInput {
            info: SuiteInfo {
                name: "memory",
                title: "Controllable memory functions",
                summary: "Which memory each architecture can learn, as its strength α grows.",
                source: "A paper & its title, https://arxiv.org/abs/2506.05678.",
            },
            analysis,
            command: "lookback bench memory --preset quick --only 'model=s4d,lstm' --out \"a & b\"",
            preset: "quick",
            backend: "flex",
            counts: Counts { planned: 14, done: 12, failed: 1 },
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
            "quick",
            "flex",
            "✓ holds",
            "✗ does not hold",
            "○ not measured",
            "<td>Noise from 4 heads on.</td>",
            "<td>recipe &amp; seeds</td>",
        ] {
            assert!(page.contains(text), "{text}");
        }
        for figure in &analysis.figures {
            assert!(page.contains(&format!("<h3>{}</h3>", escape(&figure.title))));
            assert!(page.contains(&escape(&figure.caption)));
        }
        assert_eq!(page.matches("<svg ").count(), analysis.figures.len());
        for cell in analysis.cells.rows.iter().flatten() {
            assert!(page.contains(&format!(">{}</td>", escape(cell))), "{cell}");
        }
        assert_eq!(page, super::tests::page(&analysis));
    }

    #[test]
    fn everything_is_escaped_and_the_specs_keep_their_lines() {
        let page = page(&analysis());
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;") && !page.contains("<img"));
        assert!(page.contains("--out &quot;a &amp; b&quot;"));
        assert!(page.contains("[\n  {&quot;version&quot;: 1"));
        assert_eq!(page.matches("<script").count(), 1);
        assert!(page.contains("&lt;fast&gt; CPU"));
    }

    #[test]
    fn the_page_needs_no_network() {
        let page = page(&analysis());
        for word in ["src=", "@import", "url(", "<link", "fetch("] {
            let page = page.replace("&lt;img src=x", "");
            assert!(!page.contains(word), "{word}");
        }
        let addresses: Vec<_> =
            page.match_indices("http").map(|(at, _)| &page[at..(at + 34).min(page.len())]).collect();
        for address in addresses {
            let known = address.starts_with("https://arxiv.org/abs/2506.05678")
                || address.starts_with("http://www.w3.org/2000/svg");
            assert!(known, "{address}");
        }
    }

    #[test]
    fn tables_sort_by_their_titles_and_numbers_are_marked() {
        let page = page(&analysis());
        assert!(page.contains("<th scope=\"col\" aria-sort=\"none\"><button type=\"button\">memory</button></th>"));
        assert!(page.contains(
            "<th scope=\"col\" class=\"number\" aria-sort=\"none\"><button type=\"button\">NMSE (mean)</button>"
        ));
    }

    #[test]
    fn the_page_is_well_formed_and_its_ids_are_unique() {
        let page = page(&analysis());
        let body = &page[page.find("<body>").unwrap()..page.find("<script>").unwrap()];
        // Without void elements, a body is XML.
        let body = body.replace("lstm\"></label>", "lstm\"/></label>") + "</body>";
        let document = resvg::usvg::roxmltree::Document::parse(&body).unwrap();
        let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
        let unique: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{ids:?}");
        let targets = document.descendants().filter_map(|node| node.attribute("href")?.strip_prefix('#'));
        targets.for_each(|target| assert!(ids.contains(&target), "{target}"));
    }

    #[test]
    fn a_page_without_results_is_whole() {
        let empty = Analysis {
            cells: Table::default(),
            summary: vec![],
            figures: vec![],
            findings: vec![],
            ..Analysis::default()
        };
        let page = page(&empty);
        assert!(page.ends_with("</html>\n") && page.contains("This suite states no findings."));
    }
}
