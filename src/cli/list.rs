//! `lookback list`.

use burn::tensor::backend::BackendTypes;
use lookback_benchmarks::{suites::suites, tasks};
use lookback_datasets::memory_functions;
use lookback_registry::{Field, Result};
use serde_json::{Value, json};

use super::Exit;
use super::args::{ListArguments, ListKind};
use super::out;
use crate::backend::{BackendKind, BackendTask, Hosted, backends};
use crate::model_list::Models;

/// One entry of a list.
struct Line {
    name: String,
    text: String,
    json: Value,
}

/// Prints one list, or all.
pub(super) fn list(arguments: &ListArguments, models: &Models) -> Result<Exit> {
    let all = [
        (ListKind::Models, "models"),
        (ListKind::MemoryFunctions, "memory-functions"),
        (ListKind::Tasks, "tasks"),
        (ListKind::Suites, "suites"),
        (ListKind::Backends, "backends"),
    ];
    let mut json = serde_json::Map::new();
    let mut text = Vec::new();
    for (kind, title) in all {
        if arguments.kind.is_some_and(|only| only != kind) {
            continue;
        }
        let lines = lines(kind, models)?;
        json.insert(title.to_owned(), lines.iter().map(|line| line.json.clone()).collect());
        let width = lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
        let body: Vec<String> = lines.iter().map(|line| format!("  {:width$}  {}", line.name, line.text)).collect();
        text.push(format!("{title}\n{}", body.join("\n")));
    }
    if arguments.json {
        // One list alone is an array; all of them are an object of arrays.
        let value = match (arguments.kind, json.len()) {
            (Some(_), 1) => json.into_iter().next().map_or(Value::Null, |(_, list)| list),
            _ => Value::Object(json),
        };
        out::say(&serde_json::to_string_pretty(&value).expect("a value serialises"));
    } else {
        out::say(&text.join("\n\n"));
    }
    Ok(Exit::Success)
}

fn lines(kind: ListKind, models: &Models) -> Result<Vec<Line>> {
    let line = |name: &str, text: &str, json: Value| Line { name: name.to_owned(), text: text.to_owned(), json };
    Ok(match kind {
        ListKind::Models => models
            .catalogue()
            .iter()
            .map(|model| {
                let info = model.info;
                let json = json!({"name": info.name, "title": info.title, "summary": info.summary,
                    "source": info.source, "parameters": (model.fields)()});
                line(info.name, info.summary, json)
            })
            .collect(),
        ListKind::MemoryFunctions => memory_functions()
            .iter()
            .map(|entry| {
                let info = entry.info;
                let json = json!({"name": info.name, "title": info.title, "formula": info.formula,
                    "structure": info.structure, "source": info.source, "alphas": info.alphas,
                    "parameters": (entry.fields)()});
                line(info.name, &format!("{}  ({})", info.formula, info.structure), json)
            })
            .collect(),
        ListKind::Tasks => BackendKind::first()?.dispatch(TaskLines),
        ListKind::Suites => suites()
            .iter()
            .map(|suite| {
                let info = suite.info();
                let json = json!({"name": info.name, "title": info.title, "summary": info.summary,
                    "source": info.source});
                line(info.name, info.summary, json)
            })
            .collect(),
        ListKind::Backends => backends()
            .iter()
            .map(|backend| {
                let state = if backend.compiled { "" } else { "  (not in this build)" };
                let json = serde_json::to_value(backend).expect("plain data serialises");
                line(backend.name, &format!("{}{state}", backend.summary), json)
            })
            .collect(),
    })
}

struct TaskLines;

impl BackendTask for TaskLines {
    type Output = Vec<Line>;

    fn run<B: Hosted>(self, _device: <B as BackendTypes>::Device) -> Vec<Line> {
        tasks::<B>()
            .iter()
            .map(|entry| {
                let info = entry.info;
                let fields: Vec<Field> = (entry.fields)();
                let json = json!({"name": info.name, "summary": info.summary, "source": info.source,
                    "parameters": fields});
                Line { name: info.name.to_owned(), text: info.summary.to_owned(), json }
            })
            .collect()
    }
}
