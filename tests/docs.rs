//! Documentation that is made from the program, or checked against it. `UPDATE_DOCS=1 cargo test --release --test docs` writes
//! the tables of README.md and docs/.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use lookback::backends::BACKENDS;
use lookback::benchmarks::experiment::stats::summarise;
use lookback::benchmarks::experiment::text;
use lookback::benchmarks::{
    Outcome, PlanRequest, Preset, RECIPES, RunResult, RunStatus, SUITES, Suite, TASKS, Table, TrainingConfig,
};
use lookback::datasets::{DATA_SETS, MEMORY_FUNCTIONS};
use lookback::models::MODELS;
use lookback::registry::{Field, fields};
use lookback::report::markdown_table;

/// The committed results of preset `quick` of suite `memory`.
const RESULTS: &str = "docs/memory-quick/results.csv";

/// A generated block: its page, its name there, and what makes it.
type Block = (&'static str, &'static str, fn() -> String);

const BLOCKS: [Block; 10] = [
    ("README.md", "results", errors_by_memory),
    ("docs/results.md", "results", tables_of_results),
    ("docs/models.md", "models", models),
    ("docs/memory-functions.md", "memory functions", memory_functions),
    ("docs/tasks.md", "tasks", tasks),
    ("docs/suites.md", "suites", suites),
    ("docs/guide.md", "training", || parameters(&fields::<TrainingConfig>())),
    ("docs/guide.md", "recipes", recipes),
    ("docs/guide.md", "data sets", data_sets),
    ("docs/guide.md", "backends", backends),
];

/// The pages whose links and commands are checked.
const PAGES: [&str; 9] = [
    "README.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    "docs/guide.md",
    "docs/models.md",
    "docs/memory-functions.md",
    "docs/tasks.md",
    "docs/suites.md",
    "docs/results.md",
];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(page: &str) -> String {
    std::fs::read_to_string(path(page)).unwrap_or_else(|error| panic!("{page} cannot be read: {error}"))
}

fn table<const N: usize>(columns: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let columns = columns.map(String::from).into();
    markdown_table(&Table { title: String::new(), columns, rows: rows.into_iter().map(Vec::from).collect() })
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A source with its address as a link; as it is where it has several addresses or none.
fn linked(source: &str) -> String {
    match source.split_once(", https://") {
        Some((text, rest)) if !rest.contains("https://") => {
            let (address, rest) = rest.split_at(rest.find([';', ' ']).unwrap_or(rest.len()));
            format!("[{text}](https://{address}){rest}")
        }
        _ => source.to_owned(),
    }
}

/// A link to the section of an entry on the same page.
fn section(name: &str) -> String {
    format!("[`{name}`](#{name})")
}

fn parameters(fields: &[Field]) -> String {
    if fields.is_empty() {
        return "No parameters.\n".to_owned();
    }
    let row = |field: &Field| {
        let valid = match &field.valid {
            Some(valid) => valid.clone(),
            None if field.default.is_boolean() => "true or false".to_owned(),
            None => String::new(),
        };
        [code(&field.name), code(&field.default.to_string()), valid, field.doc.clone()]
    };
    table(["parameter", "default", "range", "meaning"], fields.iter().map(row))
}

fn models() -> String {
    let models = MODELS.all();
    let rows =
        models.iter().map(|model| [section(model.info.name), model.info.summary.into(), linked(model.info.source)]);
    let mut page = table(["model", "what it computes", "source"], rows);
    for model in &models {
        let io = (model.example_io)();
        let facts = model.facts(&Default::default(), io).expect("the defaults are valid");
        let mut notes = vec![format!(
            "{} parameters by default ({} steps of {} channels to {} of {})",
            facts.num_params,
            io.length,
            io.d_input,
            io.output_length(),
            io.d_output
        )];
        notes.push(if facts.causal { "causal" } else { "not causal" }.into());
        notes.extend(facts.window.map(|window| format!("receptive field {window} steps")));
        notes.extend(facts.lti_states.map(|states| format!("linear and time-invariant, {states} real states")));
        let _ = write!(page, "\n## `{}`\n\n{}. {}.\n\n", model.info.name, model.info.title, notes.join("; "));
        page += &parameters(&(model.fields)());
    }
    page
}

fn memory_functions() -> String {
    let functions = MEMORY_FUNCTIONS.all();
    let rows = functions.iter().map(|function| {
        let info = function.info;
        [section(info.name), code(info.formula), info.structure.into(), linked(info.source)]
    });
    let mut page = table(["memory function", "definition", "structure", "source"], rows);
    for function in &functions {
        let _ = write!(page, "\n## `{}`\n\n{}", function.info.name, parameters(&(function.fields)()));
    }
    page
}

fn tasks() -> String {
    let tasks = TASKS.all();
    let rows = tasks.iter().map(|task| [section(task.info.name), task.info.summary.into(), linked(task.info.source)]);
    let mut page = table(["task", "what is learned", "source"], rows);
    for task in &tasks {
        let io = task.io(&Default::default()).expect("the defaults are valid");
        let _ = write!(
            page,
            "\n## `{}`\n\nInputs `[batch, {}, {}]`, targets `[batch, {}, {}]` by default.",
            task.info.name,
            io.length,
            io.d_input,
            io.output_length(),
            io.d_output
        );
        if let Some(set) = task.data_set {
            let _ = write!(page, " Needs the data set [`{set}`](guide.md#data-sets).");
        }
        let _ = write!(page, "\n\n{}", parameters(&(task.fields)()));
    }
    page
}

fn suites() -> String {
    let suites = SUITES.all();
    let rows = suites.iter().map(|suite| {
        let info = suite.info();
        [section(info.name), info.summary.into(), linked(info.source)]
    });
    let mut page = table(["suite", "what it asks", "source"], rows);
    let mut listed = HashSet::new();
    for entry in &suites {
        let (suite, name) = (entry.suite(), entry.info().name);
        let _ = write!(page, "\n## `{name}`\n\n");
        if suite.experiments().all(|experiment| listed.contains(experiment.info().name)) {
            let names: Vec<_> = suite.experiments().map(|experiment| experiment.info().name).collect();
            let _ = writeln!(page, "Experiments of the suites above: {}.", names.join(", "));
            continue;
        }
        let rows = suite.experiments().map(|experiment| {
            let info = experiment.info();
            listed.insert(info.name);
            let runs = Preset::ALL.map(|preset| {
                experiment.plan(name, &PlanRequest::new(preset)).expect("a valid preset").len().to_string()
            });
            [info.name.into(), info.title.into(), runs.join(" / "), info.differs.into()]
        });
        let presets = format!("runs ({})", Preset::ALL.map(Preset::name).join(" / "));
        page += &table(["experiment", "what is asked", &presets, "what differs from the paper"], rows);
    }
    page
}

fn recipes() -> String {
    let rows = RECIPES.all().into_iter().map(|recipe| {
        let count = format!("{}", recipe.epochs);
        [code(recipe.name), recipe.summary.into(), code(recipe.task), code(recipe.model), count, linked(recipe.source)]
    });
    table(["recipe", "what it trains", "task", "model", "epochs", "source"], rows)
}

fn data_sets() -> String {
    let rows = DATA_SETS.all().into_iter().map(|set| {
        let fetch =
            if set.fetch.is_some() { code(&format!("lookback data fetch {}", set.name)) } else { "by hand".into() };
        [code(set.name), set.summary.into(), set.layout.into(), fetch, set.licence.into(), linked(set.source)]
    });
    table(["data set", "contents", "files in the data folder", "download", "licence", "source"], rows)
}

fn backends() -> String {
    let rows =
        BACKENDS.all().into_iter().map(|backend| [code(backend.name), backend.summary.into(), backend.needs.into()]);
    table(["backend", "runs on", "needs"], rows)
}

/// Suite `memory` with the committed results; panics where they are not those of the suite as it is now.
fn outcomes() -> (Suite, Vec<Outcome>) {
    let suite = SUITES.get("memory").expect("the suite").suite();
    let plan = suite.plan(&PlanRequest::new(Preset::Quick)).expect("a valid preset");
    let mut file = csv::Reader::from_path(path(RESULTS)).expect("the results can be read");
    let titles = file.headers().expect("a header").clone();
    let mut results = BTreeMap::new();
    for row in file.records() {
        let row = row.expect("a row");
        let text = |name: &str| &row[titles.iter().position(|title| title == name).expect("a known column")];
        let number = |name: &str| text(name).parse::<f64>().ok();
        let metrics = ["nmse", "mse"].into_iter().filter_map(|name| Some((name.to_owned(), number(name)?)));
        let result = RunResult {
            status: if text("status") == "finished" { RunStatus::Finished } else { RunStatus::Diverged },
            steps: number("steps").expect("a count") as usize,
            num_params: number("num_params").expect("a count") as usize,
            metrics: metrics.collect(),
            best: number("best"),
            train_loss: number("train_loss"),
        };
        results.insert(text("id").to_owned(), result);
    }
    let planned: HashSet<String> = plan.iter().map(|run| run.spec.id()).collect();
    assert!(
        planned.len() == results.len() && planned.iter().all(|id| results.contains_key(id)),
        "`{RESULTS}` does not hold the runs of the suite as it is now; make it again with `just results`"
    );
    let outcome = |planned: lookback::benchmarks::Planned| {
        let result = results.get(&planned.spec.id()).cloned();
        Outcome { planned, result, probe: None, curve: Vec::new(), seconds: None }
    };
    (suite, plan.into_iter().map(outcome).collect())
}

/// All tables of the suite's first experiment.
fn tables_of_results() -> String {
    let (suite, outcomes) = outcomes();
    let analysis = suite.analyse(&outcomes).expect("results of the suite");
    let first = analysis.experiments().next().expect("an experiment with results");
    let tables = first.reading.tables.iter().map(|table| format!("**{}**\n\n{}", table.title, markdown_table(table)));
    tables.collect::<Vec<_>>().join("\n")
}

/// Of the suite's first experiment, for each model and memory the largest mean error over alpha.
fn errors_by_memory() -> String {
    let (suite, outcomes) = outcomes();
    let first = suite.experiments().next().expect("an experiment").info().name;
    let (mut models, mut memories) = (Vec::new(), Vec::new());
    let mut errors: BTreeMap<(String, String), BTreeMap<String, Vec<f64>>> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.planned.place.experiment == first) {
        let [model, memory, alpha] =
            ["model", "memory", "alpha"].map(|axis| text(&outcome.planned.place.setting[axis]));
        for (name, known) in [(&model, &mut models), (&memory, &mut memories)] {
            if !known.contains(name) {
                known.push(name.clone());
            }
        }
        let result = outcome.result.as_ref().expect("every run of the plan has a result");
        errors.entry((model, memory)).or_default().entry(alpha).or_default().push(result.metrics["nmse"]);
    }
    let worst = |model: &str, memory: &str| {
        let means = errors[&(model.to_owned(), memory.to_owned())].values();
        let means = means.map(|seeds| summarise(seeds).expect("at least one seed").mean);
        let worst = means.reduce(f64::max).expect("at least one strength");
        if worst < 0.1 { format!("{worst:.1e}") } else { format!("{worst:.2}") }
    };
    let rows = models
        .iter()
        .map(|model| std::iter::once(code(model)).chain(memories.iter().map(|memory| worst(model, memory))).collect());
    let columns = std::iter::once("model".to_owned()).chain(memories.iter().map(|memory| code(memory)));
    markdown_table(&Table { title: String::new(), columns: columns.collect(), rows: rows.collect() })
}

#[test]
fn generated_tables_are_current() {
    let mut pages: BTreeMap<&str, String> = BTreeMap::new();
    for (page, name, make) in BLOCKS {
        let text = pages.entry(page).or_insert_with(|| read(page));
        let (begin, end) = (format!("<!-- {name}: generated -->\n"), format!("<!-- end of {name} -->"));
        let start = text.find(&begin).unwrap_or_else(|| panic!("{page} has no block `{name}`")) + begin.len();
        let stop = start + text[start..].find(&end).unwrap_or_else(|| panic!("the block `{name}` of {page} ends"));
        text.replace_range(start..stop, &format!("\n{}\n", make()));
    }
    let stale: Vec<&str> = pages.iter().filter(|(page, text)| read(page) != **text).map(|(page, _)| *page).collect();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        for page in stale {
            std::fs::write(path(page), &pages[page])
                .unwrap_or_else(|error| panic!("{page} cannot be written: {error}"));
        }
        return;
    }
    assert!(stale.is_empty(), "{stale:?} are stale; write them with `UPDATE_DOCS=1 cargo test --release --test docs`");
}

#[test]
fn links_lead_to_files() {
    for page in PAGES {
        let text = read(page);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or(target);
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let found = path(page).parent().expect("a page is in a folder").join(file).exists();
            assert!(found, "{page} links to `{file}`, which does not exist");
        }
    }
}

/// The commands of a page's shell blocks, each in one line, without comments.
fn commands(page: &str) -> Vec<String> {
    let text = read(page).replace("\\\n", " ");
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap_or(line).trim());
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(String::from).collect()
}

#[test]
fn commands_are_those_of_the_program() {
    let mut checked = 0;
    for page in PAGES {
        for command in commands(page) {
            for part in command.split([';', '|', '>']) {
                let words: Vec<&str> = part.split_whitespace().collect();
                let arguments = match words[..] {
                    ["lookback", ..] => &words[1..],
                    ["cargo", "run", ..] if !words.contains(&"--example") => {
                        let end = words.iter().position(|word| *word == "--").expect("arguments after --");
                        &words[end + 1..]
                    }
                    _ => continue,
                };
                // With --help last, the arguments before it are read and nothing is carried out.
                let mut program = Command::new(env!("CARGO_BIN_EXE_lookback"));
                let output = program.args(arguments).arg("--help").output().expect("the program starts");
                let complaint = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{page}: `{command}`: {complaint}");
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "{checked} commands were found");
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 180, "README.md has {lines} lines; move detail to docs/");
}
