//! What the law tests share: variants of every configuration, random inputs, and access to all parameters.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData, backend::Backend};
use burn_autodiff::Autodiff;
use burn_flex::{Flex, FlexDevice};
use lookback_models::{Io, ModelConfig, init};
use lookback_registry::{Params, parse, to_params};
use serde_json::{Map, Value, json};

pub type B = Autodiff<Flex>;

pub fn device() -> FlexDevice {
    FlexDevice
}

/// For each model of the registry, a module of its name with a test for each law: `laws::$law::<Config>()` holds. The first
/// argument is a dollar sign, for the macro that this one defines.
#[macro_export]
macro_rules! for_all_models {
    ($dollar:tt $($law:ident),* $(,)?) => {
        macro_rules! model_tests {
            ($dollar($dollar root:tt :: $dollar module:ident :: $dollar config:ident),* $dollar(,)?) => {$dollar(
                mod $dollar module {
                    $crate::laws_of!(lookback_models::$dollar module::$dollar config: $($law),*);
                }
            )*};
        }
        lookback_models::with_models!(model_tests);
    };
}

/// The tests of one model.
#[macro_export]
macro_rules! laws_of {
    ($config:path: $($law:ident),*) => {$(
        #[test]
        fn $law() {
            let _alone = $crate::common::alone();
            super::laws::$law::<$config>();
        }
    )*};
}

/// Held while gradients are taken: a backward pass of burn 0.21 can lose gradients of another thread's (burn issue
/// 5573).
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `io` where the model takes it, else small images with one output each, of the same channels.
pub fn suited<C: ModelConfig>(io: Io) -> Io {
    if C::default().validate(io).is_ok() { io } else { Io::single(io.d_input, io.d_output, 8 * 8) }
}

/// The default, a deep one, and one for each value, and each pair of values, of all dials that are boolean or
/// enumerated: found in the schema, so that new dials are tested without being named here.
pub fn variants<C: ModelConfig>(io: Io) -> Vec<(String, C)> {
    let mut overlays =
        vec![json!({}), json!({"n_layers": 2, "residual": true, "norm": "layer"}), json!({"n_layers": 3})];
    let dials = dials::<C>();
    for (index, (name, values)) in dials.iter().enumerate() {
        for value in values {
            overlays.push(json!({name: value}));
            for (other, others) in &dials[index + 1..] {
                overlays.extend(others.iter().map(|another| json!({name: value, other: another})));
            }
        }
    }
    let mut all: Vec<(String, C)> = Vec::new();
    for overlay in overlays {
        let config: C = with(&C::default(), &known_dials::<C>(overlay.as_object().unwrap()));
        let known = all.iter().any(|(_, other)| to_params(other) == to_params(&config));
        if !known && config.validate(io).is_ok() {
            all.push((format!("{} {overlay}", C::INFO.name), config));
        }
    }
    assert!(all.len() > 4, "{}: the schema lists too few dials", C::INFO.name);
    all
}

/// What this model knows of `overlay`.
fn known_dials<C: ModelConfig>(overlay: &Params) -> Params {
    let all = to_params(&C::default());
    overlay
        .iter()
        .filter(|(name, _)| all.contains_key(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// `config` with some parameters replaced.
pub fn with<C: ModelConfig>(config: &C, overlay: &Params) -> C {
    let mut params = to_params(config);
    params.extend(overlay.clone());
    parse(C::INFO.name, &params).unwrap()
}

/// The value of the parameter that `with_width` turns.
pub fn width<C: ModelConfig>(config: &C) -> usize {
    let [one, two] = [1, 2].map(|width| to_params(&config.with_width(width)));
    let (dial, _) = one.iter().find(|(name, value)| two[*name] != **value).expect("a width is a parameter");
    to_params(config)[dial].as_u64().unwrap() as usize
}

/// All boolean and enumerated parameters with their possible values.
fn dials<C: ModelConfig>() -> Vec<(String, Vec<Value>)> {
    let schema = schemars::schema_for!(C);
    let definitions = schema.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap();
    let known = properties.iter().map(|(name, property)| (name.clone(), values(property, &definitions)));
    known.filter(|(_, values)| !values.is_empty()).collect()
}

fn values(schema: &Value, definitions: &Map<String, Value>) -> Vec<Value> {
    if schema["type"] == "boolean" {
        return vec![json!(false), json!(true)];
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return values(&definitions[name], definitions);
    }
    if let Some(constant) = schema.get("const") {
        return vec![constant.clone()];
    }
    if let Some(list) = schema["enum"].as_array() {
        return list.clone();
    }
    let parts = ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema[*key].as_array()).flatten();
    parts.flat_map(|part| values(part, definitions)).collect()
}

pub fn build<C: ModelConfig>(config: &C, io: Io, seed: u64) -> C::Model<B> {
    config.init(io, &mut init::rng(seed), &device())
}

/// Standard normal values.
pub fn noise(seed: u64, count: usize) -> Vec<f64> {
    let mut rng = init::rng(seed);
    (0..count).map(|_| init::standard_normal(&mut rng)).collect()
}

pub fn random(seed: u64, shape: [usize; 3]) -> Tensor<B, 3> {
    Tensor::from_data(TensorData::new(noise(seed, shape.iter().product()), shape), &device())
}

pub fn vec<const D: usize>(tensor: &Tensor<B, D>) -> Vec<f64> {
    tensor.to_data().convert::<f64>().to_vec().unwrap()
}

/// The largest difference relative to the largest value of either, or to `least` where that is larger.
pub fn relative(left: &[f64], right: &[f64], least: f64) -> f64 {
    assert_eq!(left.len(), right.len());
    let scale = left.iter().chain(right).fold(least, |scale: f64, value| scale.max(value.abs()));
    let gaps = left.iter().zip(right).map(|(a, b)| (a - b).abs() / scale);
    // A NaN on either side must not look like agreement.
    gaps.fold(0.0, |worst, gap| if gap <= worst { worst } else { gap })
}

/// The largest difference, relative to the largest value (at least 1).
pub fn distance<const D: usize>(left: &Tensor<B, D>, right: &Tensor<B, D>) -> f64 {
    assert_eq!(left.dims(), right.dims());
    relative(&vec(left), &vec(right), 1.0)
}

#[track_caller]
pub fn assert_close<const D: usize>(left: &Tensor<B, D>, right: &Tensor<B, D>, tolerance: f64, what: impl Debug) {
    let distance = distance(left, right);
    assert!(distance <= tolerance, "{what:?}: {distance:e} > {tolerance:e}");
}

/// One parameter tensor of a model, flattened.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    pub path: String,
    pub values: Vec<f64>,
    /// Its gradient, where one was asked for and reached it.
    pub gradient: Option<Vec<f64>>,
}

struct Reader<'a> {
    path: Vec<String>,
    gradients: Option<&'a <B as burn::tensor::backend::AutodiffBackend>::Gradients>,
    found: Vec<Parameter>,
}

impl ModuleVisitor<B> for Reader<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let tensor = param.val();
        let gradient = self.gradients.and_then(|all| tensor.grad(all));
        let gradient = gradient.map(|gradient| gradient.to_data().convert::<f64>().to_vec().unwrap());
        self.found.push(Parameter { path: self.path.join("."), values: vec(&tensor), gradient });
    }
}

/// All parameters of `model` in the order of its fields.
pub fn parameters<M: Module<B>>(
    model: &M,
    gradients: Option<&<B as burn::tensor::backend::AutodiffBackend>::Gradients>,
) -> Vec<Parameter> {
    let mut reader = Reader { path: Vec::new(), gradients, found: Vec::new() };
    model.visit(&mut reader);
    reader.found
}

struct Writer<F> {
    next: usize,
    value: F,
}

impl<T: Backend, F: FnMut(usize) -> Vec<f64>> ModuleMapper<T> for Writer<F> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<T, D>>) -> Param<Tensor<T, D>> {
        let values = (self.value)(self.next);
        self.next += 1;
        param.map(|old| Tensor::from_data(TensorData::new(values, old.shape()), &old.device()).require_grad())
    }
}

/// `model` with the values `value(i)` in its i-th parameter tensor.
pub fn with_values<T: Backend, M: Module<T>>(model: M, value: impl FnMut(usize) -> Vec<f64>) -> M {
    model.map(&mut Writer { next: 0, value })
}
