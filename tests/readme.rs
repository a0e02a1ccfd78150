//! The tables of README.md are written by the program: `UPDATE_README=1 cargo test --release --test readme`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use lookback::benchmarks::suites::suite;
use lookback::benchmarks::{Outcome, PlanRequest, Planned, Preset, RunResult, RunStatus, Table};
use lookback::datasets::memory_functions;
use lookback::models::Catalogue;
use lookback::report::markdown_table;

/// The committed results of the preset `quick`.
const RESULTS: &str = "docs/memory-quick/results.csv";

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn table(columns: [&str; 3], rows: Vec<[String; 3]>) -> Table {
    let columns = columns.map(String::from).into();
    Table { title: String::new(), columns, rows: rows.into_iter().map(Vec::from).collect() }
}

/// A source with its address as a link.
fn linked(source: &str) -> String {
    match source.rsplit_once(", https://") {
        Some((text, address)) => format!("[{text}](https://{address})"),
        None => source.to_owned(),
    }
}

fn models() -> String {
    let models = Catalogue::default();
    let row =
        |info: &lookback::models::ModelInfo| [format!("`{}`", info.name), info.summary.to_owned(), linked(info.source)];
    markdown_table(&table(
        ["model", "what it computes", "source"],
        models.iter().map(|entry| row(&entry.info)).collect(),
    ))
}

fn functions() -> String {
    let row = |info: &lookback::datasets::MemoryInfo| {
        [format!("`{}`", info.name), format!("`{}`", info.formula), info.structure.to_owned()]
    };
    let rows = memory_functions().iter().map(|entry| row(&entry.info)).collect();
    markdown_table(&table(["memory function", "definition", "kind"], rows))
}

/// The committed results as outcomes; panics where they are not those of the suite as it is now.
fn outcomes() -> Vec<Outcome> {
    let plan = suite("memory").expect("the suite").plan(&PlanRequest::new(Preset::Quick), &Catalogue::default());
    let plan: BTreeMap<String, Planned> =
        plan.expect("a valid preset").into_iter().map(|run| (run.spec.id(), run)).collect();
    let mut file = csv::Reader::from_path(path(RESULTS)).expect("the results can be read");
    let titles = file.headers().expect("a header").clone();
    let results: BTreeMap<String, RunResult> = file
        .records()
        .map(|row| {
            let row = row.expect("a row");
            let text = |name: &str| &row[titles.iter().position(|title| title == name).expect("a known column")];
            let number = |name: &str| text(name).parse::<f64>().ok();
            let status = if text("status") == "finished" { RunStatus::Finished } else { RunStatus::Diverged };
            let metrics = ["nmse", "mse"].into_iter().filter_map(|name| Some((name.to_owned(), number(name)?)));
            let result = RunResult {
                status,
                steps: number("steps").expect("a count") as usize,
                num_params: number("num_params").expect("a count") as usize,
                metrics: metrics.collect(),
                best: number("best"),
                train_loss: number("train_loss"),
            };
            (text("id").to_owned(), result)
        })
        .collect();
    assert!(
        plan.keys().eq(results.keys()),
        "`{RESULTS}` is not of the suite's runs as they are now; make it again with `just readme`."
    );
    // In the suite's order.
    let order = suite("memory").expect("the suite").plan(&PlanRequest::new(Preset::Quick), &Catalogue::default());
    let outcome = |planned: Planned| {
        let result = results.get(&planned.spec.id()).cloned();
        Outcome { planned, result, probe: None, curve: Vec::new(), seconds: None }
    };
    order.expect("a valid preset").into_iter().map(outcome).collect()
}

fn results() -> String {
    let analysis = suite("memory").expect("the suite").analyse(&outcomes(), &Catalogue::default());
    let mut text = String::new();
    for table in analysis.expect("results of the suite").summary {
        let _ = write!(text, "**{}**\n\n{}\n", table.title, markdown_table(&table));
    }
    text.trim_end().to_owned() + "\n"
}

#[test]
fn its_tables_are_those_of_the_program() {
    let readme = path("README.md");
    let before = std::fs::read_to_string(&readme).expect("README.md can be read");
    let mut after = before.clone();
    for (name, block) in [("models", models()), ("memory-functions", functions()), ("results", results())] {
        let (begin, end) = (format!("<!-- {name}: written by the program -->\n"), format!("<!-- end of {name} -->"));
        let start = after.find(&begin).unwrap_or_else(|| panic!("README.md has a place for {name}")) + begin.len();
        let stop = start + after[start..].find(&end).unwrap_or_else(|| panic!("the place for {name} ends"));
        after.replace_range(start..stop, &format!("\n{block}\n"));
    }
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&readme, &after).expect("README.md can be written");
        return;
    }
    assert!(before == after, "README.md is stale; write it with `UPDATE_README=1 cargo test --release --test readme`");
}
