use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{Error, Result, unknown_name};

/// Parameters by name, as they stand in a spec file or after `--set`.
pub type Params = Map<String, Value>;

/// A plain-data configuration: serde both ways, a schema made from its doc comments, and defaults.
///
/// Derive `Serialize`, `Deserialize`, `JsonSchema` and mark the struct `#[serde(default)]`. Structs may be
/// nested with `#[serde(flatten)]`; [`parse`] still refuses unknown names.
pub trait Configurable: Serialize + DeserializeOwned + JsonSchema + Clone + Default {}

impl<T: Serialize + DeserializeOwned + JsonSchema + Clone + Default> Configurable for T {}

/// One parameter of a [`Configurable`] type.
#[derive(Debug, Clone, Serialize)]
pub struct Field {
    /// Its name in spec files and after `--set`.
    pub name: String,
    /// Its documentation: the field's doc comment.
    pub doc: String,
    /// Its default value.
    pub default: Value,
}

/// Reads a configuration from `params`; what is absent takes its default.
///
/// # Errors
/// An unknown name (with the known ones, nearest first), or a value of the wrong type.
pub fn parse<C: Configurable>(owner: &str, params: &Params) -> Result<C> {
    let mut all = to_params(&C::default());
    let known = &all;
    if let Some(unknown) = params.keys().find(|key| !known.contains_key(*key)) {
        return Err(unknown_name(&format!("parameter of {owner}"), unknown, known.keys().map(String::as_str)));
    }
    // Not serde's own defaults: in a flattened structure those are the structure's, not the configuration's.
    all.extend(params.clone());
    serde_json::from_value(Value::Object(all))
        .map_err(|error| mistyped::<C>(params, error).context(format!("The parameters of {owner} cannot be read")))
}

/// Names the parameter that cannot be read, which serde's error does not: each is read alone.
fn mistyped<C: Configurable>(params: &Params, error: serde_json::Error) -> Error {
    for (name, value) in params {
        let alone = Params::from_iter([(name.clone(), value.clone())]);
        if let Err(error) = serde_json::from_value::<C>(Value::Object(alone)) {
            let text = error.to_string();
            let Some((_, expected)) = text.split_once("expected ") else { return Error::caused(name.clone(), error) };
            let valid = match expected {
                "usize" | "u64" | "u32" => "a whole number from 0 up",
                "f64" | "f32" => "a number",
                "a boolean" => "true or false",
                other => other,
            };
            return Error::invalid(name, value, valid);
        }
    }
    Error::new(error.to_string())
}

/// All parameters of `config` by name. Optional fields that are `None` stand as null.
pub fn to_params<C: Serialize>(config: &C) -> Params {
    match serde_json::to_value(config) {
        Ok(Value::Object(map)) => map,
        other => unreachable!("a configuration serialises to an object, not {other:?}"),
    }
}

/// The parameters of `C` with documentation and defaults, in alphabetical order.
pub fn fields<C: Configurable>() -> Vec<Field> {
    let schema = schemars::schema_for!(C);
    let properties = schema.get("properties").and_then(Value::as_object);
    to_params(&C::default())
        .into_iter()
        .map(|(name, default)| {
            let doc = properties
                .and_then(|all| all.get(&name)?.get("description")?.as_str())
                .unwrap_or_default()
                .replace('\n', " ");
            Field { name, doc, default }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Inner {
        /// How wide.
        width: usize,
    }
    impl Default for Inner {
        fn default() -> Self {
            Self { width: 4 }
        }
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default)]
    struct Outer {
        #[serde(flatten)]
        inner: Inner,
        /// How
        /// fast.
        rate: f64,
    }

    impl Default for Outer {
        fn default() -> Self {
            Self { inner: Inner { width: 7 }, rate: 0.5 }
        }
    }

    fn params(value: Value) -> Params {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn unknown_and_mistyped_parameters_are_errors() {
        let parsed: Outer = parse("outer", &params(json!({"width": 8}))).unwrap();
        assert_eq!(parsed, Outer { inner: Inner { width: 8 }, rate: 0.5 });
        assert_eq!(
            parse::<Outer>("outer", &params(json!({"widht": 8}))).unwrap_err().to_string(),
            "There is no parameter of outer named `widht`. Did you mean `width`? Known: width, rate."
        );
        let message = |value: Value| parse::<Outer>("outer", &params(value)).unwrap_err().chain();
        assert_eq!(
            message(json!({"rate": 1, "width": -8})),
            "The parameters of outer cannot be read: `width` is -8, but it must be a whole number from 0 up."
        );
        assert_eq!(
            message(json!({"rate": "fast"})),
            "The parameters of outer cannot be read: `rate` is \"fast\", but it must be a number."
        );
    }

    #[test]
    fn what_is_absent_takes_the_default_of_the_whole() {
        assert_eq!(parse::<Outer>("outer", &Params::new()).unwrap(), Outer::default());
        let parsed: Outer = parse("outer", &params(json!({"rate": 2.0}))).unwrap();
        assert_eq!(parsed, Outer { inner: Inner { width: 7 }, rate: 2.0 });
    }

    #[test]
    fn fields_carry_documentation_through_flattening() {
        let fields = fields::<Outer>();
        assert_eq!(fields[0].name, "rate");
        assert_eq!(fields[0].doc, "How fast.");
        assert_eq!(fields[1].doc, "How wide.");
    }
}
