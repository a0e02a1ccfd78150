//! From what stands on the command line to complete specs.

use std::collections::{BTreeMap, BTreeSet};

use lookback_benchmarks::experiment::text;
use lookback_benchmarks::{ExtraModel, Named, Planned, RunSpec, TASKS};
use lookback_models::MODELS;
use lookback_registry::{Error, ErrorKind, Params, Result, nearest};
use serde_json::Value;

/// The spec with every default filled in and every parameter checked.
pub(super) fn resolve(spec: &RunSpec) -> Result<RunSpec> {
    let entry = TASKS.get(&spec.task.name)?;
    let task = Named { name: spec.task.name.clone(), params: entry.resolve(&spec.task.params)? };
    let params = MODELS.get(&spec.model.name)?.facts(&spec.model.params, entry.io(&task.params)?)?.params;
    spec.training.validate().map_err(|error| error.of_parameters("the training"))?;
    Ok(RunSpec { task, model: Named { name: spec.model.name.clone(), params }, ..spec.clone() })
}

/// `NAME`, or `NAME:KEY=VALUE:...`, after `--flag`.
pub(super) fn named(flag: &str, text: &str) -> Result<Named> {
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default().to_owned();
    Ok(Named { name, params: set_pairs(flag, &parts.map(String::from).collect::<Vec<_>>())? })
}

/// `NAME`, or `NAME:KEY=VALUE:...` with parameters of the model and, as `training.KEY`, of its training.
pub(super) fn extra_model(text: &str) -> Result<ExtraModel> {
    let mut model = named("also", text)?;
    let training = take_group(&mut model.params, "training")?;
    Ok(ExtraModel { label: text.to_owned(), model, training })
}

/// `KEY=VALUE` pairs as parameters; dots in a key nest. A value is JSON where it reads as such, else text.
pub(super) fn set_pairs(flag: &str, pairs: &[String]) -> Result<Params> {
    let mut params = Params::new();
    for pair in pairs {
        let (key, text) = pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("`{pair}` after --{flag} is not of the form KEY=VALUE."))
        })?;
        let value = read_value(text);
        let mut place = &mut params;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                place.insert(part.to_owned(), value);
                break;
            }
            let next = place.entry(part.to_owned()).or_insert_with(|| Value::Object(Params::new()));
            place = next.as_object_mut().ok_or_else(|| {
                Error::new(
                    ErrorKind::Usage,
                    format!("`{pair}` after --{flag}: `{part}` already has a value and cannot hold `{key}`."),
                )
            })?;
        }
    }
    Ok(params)
}

/// JSON, a number as people write it (`.1`), or else text.
fn read_value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| match text.parse::<f64>() {
        Ok(number) if number.is_finite() => number.into(),
        _ => Value::String(text.to_owned()),
    })
}

/// Takes the object under `name` out of `params`; empty where absent.
pub(super) fn take_group(params: &mut Params, name: &str) -> Result<Params> {
    match params.remove(name) {
        None => Ok(Params::new()),
        Some(Value::Object(group)) => Ok(group),
        Some(other) => Err(Error::new(
            ErrorKind::Usage,
            format!("`{name}={other}` names a group of parameters; name one, as {name}.KEY=VALUE."),
        )),
    }
}

/// The runs that `--only AXIS=VALUE` conditions select: values of one axis are alternatives, axes combine. An experiment
/// that trains nothing, one of `exact`, has none.
pub(super) fn select(runs: Vec<Planned>, exact: &[&str], conditions: &[String]) -> Result<Vec<Planned>> {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (axis, value) in runs.iter().flat_map(|run| run.place.coordinates()) {
        known.entry(axis.to_owned()).or_default().insert(text(&value));
    }
    known.entry(EXPERIMENT.to_owned()).or_default().extend(exact.iter().map(|name| (*name).to_owned()));
    let mut by_axis: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for condition in conditions {
        let (axis, value) = condition.split_once('=').ok_or_else(|| {
            let message = format!("`--only {condition}` is not of the form AXIS=VALUE, e.g. --only model=s4d.");
            Error::new(ErrorKind::Usage, message)
        })?;
        let values =
            known.get(axis).ok_or_else(|| Error::unknown_name("axis", axis, known.keys().map(String::as_str)))?;
        if !values.iter().any(|known| same(known, value)) {
            let nearest = nearest(value, values.iter().map(String::as_str)).join(", ");
            let message = format!("No run has {axis}={value}. Values of this axis, nearest first: {nearest}.");
            return Err(Error::new(ErrorKind::UnknownName, message));
        }
        by_axis.entry(axis).or_default().push(value);
    }
    let fits = |run: &Planned| {
        let own: BTreeMap<&str, String> =
            run.place.coordinates().into_iter().map(|(axis, value)| (axis, text(&value))).collect();
        by_axis
            .iter()
            .all(|(axis, values)| own.get(axis).is_some_and(|own| values.iter().any(|value| same(own, value))))
    };
    let selected: Vec<Planned> = runs.iter().filter(|run| fits(run)).cloned().collect();
    let exact_alone = by_axis.len() == 1
        && by_axis.get(EXPERIMENT).is_some_and(|names| names.iter().all(|name| exact.contains(name)));
    if selected.is_empty() && !exact_alone {
        return Err(Error::new(ErrorKind::Usage, format!("No run fits all of --only {}.", conditions.join(","))));
    }
    Ok(selected)
}

const EXPERIMENT: &str = "experiment";

/// Equal as text or as numbers: `.1` is `0.1`.
fn same(left: &str, right: &str) -> bool {
    left == right || matches!((left.parse::<f64>(), right.parse::<f64>()), (Ok(left), Ok(right)) if left == right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_nest_and_values_are_json_or_text() {
        let params =
            set_pairs("set", &["model.d_model=8".into(), "task.function=airy".into(), "task.f.alpha=.5".into()]);
        assert_eq!(
            Value::Object(params.unwrap()),
            json!({"model": {"d_model": 8}, "task": {"function": "airy", "f": {"alpha": 0.5}}})
        );
        assert_eq!(
            set_pairs("set", &["nothing".into()]).unwrap_err().to_string(),
            "`nothing` after --set is not of the form KEY=VALUE."
        );
    }

    #[test]
    fn further_models_carry_parameters() {
        let extra = extra_model("s4d:d_state=64:training.steps=9").unwrap();
        assert_eq!((extra.label.as_str(), extra.model.name.as_str()), ("s4d:d_state=64:training.steps=9", "s4d"));
        assert_eq!((&extra.model.params["d_state"], &extra.training["steps"]), (&json!(64), &json!(9)));
        assert_eq!(extra_model("s4d").unwrap().model.params, Params::new());
    }

    #[test]
    fn numbers_match_by_value() {
        assert!(same("0.1", ".1") && same("impulse", "impulse") && !same("0.1", "0.2"));
    }
}
