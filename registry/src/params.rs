use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// Parameters by name, as in a spec file or after `--set`.
pub type Params = Map<String, Value>;

/// A plain-data configuration: serde both ways, a schema made from its doc comments, and defaults.
///
/// Derive `Serialize`, `Deserialize`, `JsonSchema` and mark the struct `#[serde(default)]`. Structs may be nested with
/// `#[serde(flatten)]`; [`parse`] still refuses unknown names. A number's range is declared once, at the field, and is checked
/// by [`parse`] and [`check`] and shown to users:
///
/// - `#[schemars(range(min = 1, max = 4096))]`: inclusive ends, either may be absent;
/// - `#[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]`: ends that do not belong to the range;
/// - `#[schemars(extend("multipleOf" = 1))]`: whole numbers alone, for a field of floating point.
pub trait Configurable: Serialize + DeserializeOwned + JsonSchema + Clone + Default + 'static {}

impl<T: Serialize + DeserializeOwned + JsonSchema + Clone + Default + 'static> Configurable for T {}

/// One parameter of a [`Configurable`] type.
#[derive(Debug, Clone, Serialize)]
pub struct Field {
    /// Its name in spec files and after `--set`.
    pub name: String,
    /// Its documentation: the field's doc comment.
    pub doc: String,
    /// Its default value.
    pub default: Value,
    /// What numbers are valid, in words, e.g. "a whole number from 1 up"; absent for other values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<String>,
}

/// Reads a configuration from `params`; what is absent takes its default. Messages call it `owner`, e.g. "the model `gru`".
///
/// # Errors
/// An unknown name (with the known ones, nearest first), or a value of the wrong type or out of its range.
pub fn parse<C: Configurable>(owner: &str, params: &Params) -> Result<C> {
    let mut all = to_params(&C::default());
    let known = &all;
    if let Some(unknown) = params.keys().find(|key| !known.contains_key(*key)) {
        let kind = format!("parameter of {owner}");
        return Err(Error::unknown_name(&kind, unknown, known.keys().map(String::as_str)));
    }
    // Not serde's own defaults: in a flattened structure those are the structure's, not the configuration's.
    all.extend(params.clone());
    serde_json::from_value(Value::Object(all))
        .map_err(|error| mistyped::<C>(params, error))
        .and_then(|config| check::<C>(&config).map(|()| config))
        .map_err(|error| error.of_parameters(owner))
}

/// Checks every number of a configuration against the range that its field declares.
///
/// # Errors
/// Names the field, its value and what would be valid; or the configuration has no JSON, e.g. with a path that is not Unicode.
pub fn check<C: Configurable>(config: &C) -> Result<()> {
    let schema = Schema::of::<C>();
    let values = serde_json::to_value(config).map_err(|error| {
        Error::caused(ErrorKind::InvalidValue, "The configuration cannot be written as JSON", error)
    })?;
    for (name, range) in &schema.ranges {
        // JSON has no NaN and no infinity: where null is no value, it is one of them.
        let fits = match &values[name] {
            Value::Null => range.nullable,
            value => value.as_f64().is_some_and(|value| range.contains(value)),
        };
        if !fits {
            let value = match &values[name] {
                Value::Null => "NaN or infinite".to_owned(),
                // 1, not 1.0, which nobody wrote.
                value => value.as_f64().filter(|_| value.is_f64()).map_or(value.to_string(), |value| value.to_string()),
            };
            return Err(Error::invalid(name, value, range.in_words()));
        }
    }
    Ok(())
}

/// Names the parameter that cannot be read, which serde's error does not: each is read alone.
fn mistyped<C: Configurable>(params: &Params, error: serde_json::Error) -> Error {
    let schema = Schema::of::<C>();
    for (name, value) in params {
        let alone = Params::from_iter([(name.clone(), value.clone())]);
        if let Err(error) = serde_json::from_value::<C>(Value::Object(alone)) {
            let text = error.to_string();
            let Some((_, expected)) = text.split_once("expected ") else {
                return Error::caused(ErrorKind::InvalidValue, format!("`{name}` is not valid"), error);
            };
            let valid = match (schema.ranges.get(name), expected) {
                (Some(range), "usize" | "u64" | "u32" | "f64" | "f32") => range.in_words(),
                (_, "usize" | "u64" | "u32") => "a whole number from 0 up".to_owned(),
                (_, "f64" | "f32") => "a number".to_owned(),
                (_, "a boolean") => "true or false".to_owned(),
                (_, other) => other.to_owned(),
            };
            return Error::invalid(name, value, valid);
        }
    }
    Error::new(ErrorKind::InvalidValue, error.to_string())
}

/// All parameters of `config` by name. Optional fields that are `None` are null.
pub fn to_params<C: Serialize>(config: &C) -> Params {
    match serde_json::to_value(config) {
        Ok(Value::Object(map)) => map,
        other => unreachable!("a configuration serialises to an object, not {other:?}"),
    }
}

/// The parameters of `C` with documentation, defaults and ranges, in alphabetical order.
pub fn fields<C: Configurable>() -> Vec<Field> {
    let schema = Schema::of::<C>();
    to_params(&C::default())
        .into_iter()
        .map(|(name, default)| Field {
            doc: schema.docs.get(&name).cloned().unwrap_or_default(),
            valid: schema.ranges.get(&name).map(Range::in_words),
            name,
            default,
        })
        .collect()
}

/// What a type's schema says of its fields.
struct Schema {
    docs: BTreeMap<String, String>,
    ranges: BTreeMap<String, Range>,
}

impl Schema {
    /// That of `C`, made once.
    fn of<C: Configurable>() -> Arc<Self> {
        static KNOWN: Mutex<Option<HashMap<TypeId, Arc<Schema>>>> = Mutex::new(None);
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let schema =
            known.get_or_insert_default().entry(TypeId::of::<C>()).or_insert_with(|| Arc::new(Self::read::<C>()));
        Arc::clone(schema)
    }

    fn read<C: Configurable>() -> Self {
        let schema = schemars::schema_for!(C);
        let mut read = Self { docs: BTreeMap::new(), ranges: BTreeMap::new() };
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let doc = property.get("description").and_then(Value::as_str).unwrap_or_default();
            read.docs.insert(name.clone(), doc.replace('\n', " "));
            if let Some(range) = Range::of(property) {
                read.ranges.insert(name.clone(), range);
            }
        }
        read
    }
}

/// The valid values of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range {
    whole: bool,
    nullable: bool,
    /// The smallest, and whether it belongs to the range.
    low: Option<(f64, bool)>,
    /// The largest, and whether it belongs to the range.
    high: Option<(f64, bool)>,
}

impl Range {
    /// That of a property of a schema, where it is a number.
    fn of(property: &Value) -> Option<Self> {
        let types: Vec<&str> = match property.get("type")? {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        let whole = types.contains(&"integer") || property.get("multipleOf").and_then(Value::as_f64) == Some(1.0);
        if !whole && !types.contains(&"number") {
            return None;
        }
        let end = |inclusive: &str, exclusive: &str| {
            let number = |name: &str| property.get(name).and_then(Value::as_f64);
            number(exclusive).map(|value| (value, false)).or_else(|| number(inclusive).map(|value| (value, true)))
        };
        Some(Self {
            whole,
            nullable: types.contains(&"null"),
            low: end("minimum", "exclusiveMinimum"),
            high: end("maximum", "exclusiveMaximum"),
        })
    }

    fn contains(&self, value: f64) -> bool {
        let above = self.low.is_none_or(|(low, closed)| value > low || (closed && value == low));
        let below = self.high.is_none_or(|(high, closed)| value < high || (closed && value == high));
        value.is_finite() && above && below && !(self.whole && value.fract() != 0.0)
    }

    /// "a whole number from 1 to 4096", "a finite number greater than 0", "in [0, 1)"; ", or null" where that is valid.
    fn in_words(&self) -> String {
        let words = match (self.whole, self.low, self.high) {
            (true, Some((low, _)), Some((high, _))) => format!("a whole number from {low} to {high}"),
            (true, Some((low, _)), None) => format!("a whole number from {low} up"),
            (true, None, Some((high, _))) => format!("a whole number up to {high}"),
            (true, None, None) => "a whole number".to_owned(),
            (false, Some((low, true)), None) => format!("a finite number from {low} up"),
            (false, Some((low, false)), None) => format!("a finite number greater than {low}"),
            (false, None, Some((high, true))) => format!("a finite number up to {high}"),
            (false, None, Some((high, false))) => format!("a finite number less than {high}"),
            (false, None, None) => "a finite number".to_owned(),
            (false, Some((low, from)), Some((high, to))) => {
                format!("in {}{low}, {high}{}", if from { '[' } else { '(' }, if to { ']' } else { ')' })
            }
        };
        if self.nullable { format!("{words}, or null") } else { words }
    }
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
        #[schemars(range(min = 1, max = 64))]
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
        #[schemars(extend("exclusiveMinimum" = 0))]
        rate: f64,
        /// What share.
        #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1))]
        share: Option<f64>,
        /// How late.
        #[schemars(range(min = 0.0), extend("multipleOf" = 1))]
        lag: f64,
    }

    impl Default for Outer {
        fn default() -> Self {
            Self { inner: Inner { width: 7 }, rate: 0.5, share: None, lag: 2.0 }
        }
    }

    fn params(value: Value) -> Params {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn unknown_and_mistyped_parameters_are_errors() {
        let parsed: Outer = parse("the box", &params(json!({"width": 8}))).unwrap();
        assert_eq!(parsed, Outer { inner: Inner { width: 8 }, ..Outer::default() });
        assert_eq!(
            parse::<Outer>("the box", &params(json!({"widht": 8}))).unwrap_err().to_string(),
            "There is no parameter of the box named `widht`. Did you mean `width`? Known: width, lag, rate, share."
        );
        let message = |value: Value| parse::<Outer>("the box", &params(value)).unwrap_err().chain();
        assert_eq!(
            message(json!({"rate": 1, "width": -8})),
            "The parameters of the box are not valid: `width` is -8, but it must be a whole number from 1 to 64."
        );
        assert_eq!(
            message(json!({"rate": "fast"})),
            "The parameters of the box are not valid: `rate` is \"fast\", but it must be a finite number greater than 0."
        );
        assert_eq!(
            message(json!({"rate": 0})),
            "The parameters of the box are not valid: `rate` is 0, but it must be a finite number greater than 0."
        );
    }

    #[test]
    fn what_is_absent_takes_the_default_of_the_whole() {
        assert_eq!(parse::<Outer>("the box", &Params::new()).unwrap(), Outer::default());
        let parsed: Outer = parse("the box", &params(json!({"rate": 2.0}))).unwrap();
        assert_eq!(parsed, Outer { rate: 2.0, ..Outer::default() });
    }

    #[test]
    fn fields_carry_documentation_through_flattening() {
        let fields = fields::<Outer>();
        assert_eq!((fields[1].name.as_str(), fields[1].doc.as_str()), ("rate", "How fast."));
        assert_eq!(fields[3].doc, "How wide.");
    }

    #[test]
    fn numbers_out_of_their_ranges_are_errors() {
        let error = |value: Value| parse::<Outer>("the box", &params(value)).unwrap_err();
        for (field, value, valid) in [
            ("width", json!(0), "a whole number from 1 to 64"),
            ("width", json!(65), "a whole number from 1 to 64"),
            ("rate", json!(0.0), "a finite number greater than 0"),
            ("share", json!(1.0), "in [0, 1), or null"),
            ("share", json!(-0.5), "in [0, 1), or null"),
            ("lag", json!(2.5), "a whole number from 0 up"),
            ("lag", json!(-1.0), "a whole number from 0 up"),
        ] {
            let error = error(json!({field: value}));
            assert_eq!(
                (error.kind(), error.what(), error.valid()),
                (ErrorKind::InvalidValue, Some(field), Some(valid))
            );
            assert_eq!(error.value(), Some(value.to_string().trim_end_matches(".0")));
        }
        assert_eq!(parse::<Outer>("the box", &params(json!({"share": 0}))).unwrap().share, Some(0.0));
        let nan = check(&Outer { rate: f64::NAN, ..Outer::default() }).unwrap_err();
        assert_eq!((nan.what(), nan.value()), (Some("rate"), Some("NaN or infinite")));
        assert_eq!(fields::<Outer>()[2].valid.as_deref(), Some("in [0, 1), or null"));
    }
}
