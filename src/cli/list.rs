//! `lookback list`.

use lookback_benchmarks::{RECIPES, SUITES, TASKS};
use lookback_datasets::{DATA_SETS, MEMORY_FUNCTIONS};
use lookback_models::MODELS;
use lookback_registry::Result;
use serde_json::{Value, json};

use super::Exit;
use super::args::{ListArguments, ListKind};
use super::out;
use crate::backends::{BACKENDS, BackendKind};

/// One entry of a list.
struct Line {
    name: String,
    text: String,
    json: Value,
}

/// Prints one list, or all.
pub(super) fn list(arguments: &ListArguments) -> Result<Exit> {
    let all = [
        (ListKind::Models, "models"),
        (ListKind::MemoryFunctions, "memory-functions"),
        (ListKind::Tasks, "tasks"),
        (ListKind::Recipes, "recipes"),
        (ListKind::Suites, "suites"),
        (ListKind::DataSets, "data-sets"),
        (ListKind::Backends, "backends"),
    ];
    let mut json = serde_json::Map::new();
    let mut text = Vec::new();
    for (kind, title) in all {
        if arguments.kind.is_some_and(|only| only != kind) {
            continue;
        }
        let lines = lines(kind, arguments.kind.is_some())?;
        json.insert(title.to_owned(), lines.iter().map(|line| line.json.clone()).collect());
        let width = lines.iter().map(|line| line.name.len()).max().unwrap_or(0);
        let body: Vec<String> =
            lines.iter().map(|line| out::after(&format!("  {:width$}  ", line.name), &line.text)).collect();
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

/// `one` is whether no other list is printed.
fn lines(kind: ListKind, one: bool) -> Result<Vec<Line>> {
    let line = |name: &str, text: &str, json: Value| Line { name: name.to_owned(), text: text.to_owned(), json };
    Ok(match kind {
        ListKind::Models => MODELS
            .all()
            .iter()
            .map(|model| {
                let info = model.info;
                let json = json!({"name": info.name, "title": info.title, "summary": info.summary,
                    "source": info.source, "parameters": (model.fields)()});
                line(info.name, info.summary, json)
            })
            .collect(),
        ListKind::MemoryFunctions => MEMORY_FUNCTIONS
            .all()
            .iter()
            .map(|entry| {
                let info = entry.info;
                let json = json!({"name": info.name, "title": info.title, "formula": info.formula,
                    "structure": info.structure, "source": info.source, "parameters": (entry.fields)()});
                line(info.name, &format!("{}  ({})", info.formula, info.structure), json)
            })
            .collect(),
        ListKind::Tasks => TASKS
            .all()
            .iter()
            .map(|task| {
                let info = task.info;
                let json = json!({"name": info.name, "summary": info.summary, "source": info.source,
                    "parameters": (task.fields)()});
                line(info.name, info.summary, json)
            })
            .collect(),
        ListKind::Recipes => RECIPES
            .all()
            .iter()
            .map(|recipe| {
                let [task_params, model_params, training] = recipe.params();
                let json = json!({"name": recipe.name, "summary": recipe.summary, "source": recipe.source,
                    "task": {"name": recipe.task, "params": task_params},
                    "model": {"name": recipe.model, "params": model_params},
                    "training": training, "epochs": recipe.epochs, "warmup_epochs": recipe.warmup_epochs});
                line(recipe.name, recipe.summary, json)
            })
            .collect(),
        ListKind::Suites => SUITES
            .all()
            .iter()
            .map(|suite| {
                let info = suite.info();
                let json = json!({"name": info.name, "title": info.title, "summary": info.summary,
                    "source": info.source});
                line(info.name, info.summary, json)
            })
            .collect(),
        ListKind::DataSets => DATA_SETS
            .all()
            .iter()
            .map(|set| {
                let json = json!({"name": set.name, "summary": set.summary, "source": set.source,
                    "licence": set.licence, "layout": set.layout});
                line(set.name, set.summary, json)
            })
            .collect(),
        ListKind::Backends => BACKENDS
            .all()
            .iter()
            .map(|backend| {
                // A device is looked for only where that is asked: a GPU's runtime takes a while to start.
                let devices = match BackendKind::parse(backend.name) {
                    Ok(kind) if one => Some(kind.devices().unwrap_or_default()),
                    _ => None,
                };
                let needs = match backend.needs {
                    "" => String::new(),
                    needs => format!("; needs {needs}"),
                };
                let state = match &devices {
                    _ if !backend.compiled && one => {
                        format!("  (not in this build: --features {}{needs})", backend.name)
                    }
                    _ if !backend.compiled => "  (not in this build)".to_owned(),
                    None => String::new(),
                    Some(devices) if devices.is_empty() => format!("  (no device on this machine{needs})"),
                    Some(devices) => {
                        let listed = devices.iter().enumerate().map(|(number, device)| format!("{number}: {device}"));
                        format!("  devices: {}", listed.collect::<Vec<_>>().join("; "))
                    }
                };
                let mut json = serde_json::to_value(backend).expect("plain data serialises");
                if let Some(devices) = &devices {
                    json["devices"] = json!(devices);
                }
                line(backend.name, &format!("{}{state}", backend.summary), json)
            })
            .collect(),
    })
}
