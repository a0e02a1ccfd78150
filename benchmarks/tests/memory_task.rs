//! The task `memory`: its data, its objective, and what it says of bad parameters.

use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;
use lookback_benchmarks::{Objective, task, task_kind};
use lookback_datasets::DataFolder;
use lookback_registry::{Params, Result};
use serde_json::{Value, json};

fn params(value: Value) -> Params {
    value.as_object().unwrap().clone()
}

fn build(value: Value) -> Result<Box<dyn Objective<Flex>>> {
    (task::<Flex>("memory")?.build)(&params(value), &DataFolder::default())
}

#[test]
fn bad_parameters_are_errors_with_full_sentences() {
    let function = |name: &str, alpha: f64| json!({"function": name, "function_params": {"alpha": alpha}});
    for (value, expected) in [
        (function("exponential", -0.5), "`alpha` is -0.5, but it must be a finite number from 0 up."),
        (function("impulse", 2.5), "`alpha` is 2.5, but it must be a whole number from 0 up."),
        (function("impulse", 128.0), "`alpha` is 128, but it must be a whole number from 0 to 127 (length - 1)."),
        (json!({"length": 0}), "`length` is 0, but it must be a whole number from 1 up."),
        (json!({"d_input": 0}), "`d_input` is 0, but it must be a whole number from 1 up."),
        (json!({"train_samples": 0}), "`train_samples` is 0, but it must be a whole number from 1 up."),
        (json!({"valid_samples": 0}), "`valid_samples` is 0, but it must be a whole number from 1 up."),
        (json!({"observation_noise": -1.0}), "`observation_noise` is -1, but it must be a finite number from 0 up."),
        (
            json!({"function": "impulse", "function_params": {"lag": 3}}),
            "There is no parameter of the memory function `impulse` named `lag`. Did you mean `alpha`? Known: alpha, \
             normalise.",
        ),
    ] {
        assert_eq!(build(value.clone()).err().unwrap().to_string(), expected, "{value}");
        let resolved = (task_kind("memory").unwrap().resolve)(&params(value));
        assert_eq!(resolved.unwrap_err().to_string(), expected);
    }
    let unknown = build(json!({"function": "impuls"})).err().unwrap().to_string();
    assert!(unknown.starts_with("There is no memory function named `impuls`. Did you mean `impulse`? Known: "));
    let unknown = build(json!({"lenght": 9})).err().unwrap().to_string();
    assert!(
        unknown.starts_with("There is no parameter of task `memory` named `lenght`. Did you mean `length`? Known: ")
    );
    let mistyped = build(json!({"length": -4})).err().unwrap().chain();
    assert_eq!(
        mistyped,
        "The parameters of task `memory` cannot be read: `length` is -4, but it must be a whole number from 0 up."
    );
}

#[test]
fn resolving_fills_in_all_defaults_and_changes_nothing_twice() {
    let resolve = task_kind("memory").unwrap().resolve;
    let once = resolve(&params(json!({"function": "airy", "function_params": {"alpha": 6}}))).unwrap();
    assert_eq!(once["function_params"]["kappa"], 0.25);
    assert_eq!((&once["length"], &once["train_samples"], &once["stream"]), (&json!(128), &json!(4096), &json!(false)));
    assert_eq!(resolve(&once).unwrap(), once);
    let names: Vec<_> = (task_kind("memory").unwrap().fields)().into_iter().map(|field| field.name).collect();
    assert_eq!(once.keys().cloned().collect::<Vec<_>>(), names);
}

#[test]
fn every_parameter_is_documented() {
    for field in (task_kind("memory").unwrap().fields)() {
        assert!(!field.doc.is_empty(), "{}", field.name);
    }
}

#[test]
fn training_data_follow_the_seed_and_validation_data_do_not() {
    let task = build(json!({"length": 16, "train_samples": 10, "valid_samples": 4, "d_input": 2})).unwrap();
    assert_eq!((task.io().d_input, task.io().d_output, task.io().length), (2, 1, 16));
    assert_eq!((task.train(1).unwrap().len(), task.valid().unwrap().len(), task.streams()), (10, 4, false));
    assert_eq!(task.train(1).unwrap().get(3), task.train(1).unwrap().get(3));
    assert_ne!(task.train(1).unwrap().get(3), task.train(2).unwrap().get(3));
    assert_ne!(task.train(0).unwrap().get(0), task.valid().unwrap().get(0));
    let other = build(json!({"length": 16, "d_input": 2, "data_seed": 1})).unwrap();
    assert_ne!(other.valid().unwrap().get(0), task.valid().unwrap().get(0));
    let stream = build(json!({"length": 16, "d_input": 2, "stream": true})).unwrap();
    assert!(stream.streams() && stream.train(1).unwrap().get(5_000_000).is_some());
    assert_eq!(stream.train(1).unwrap().get(3), task.train(1).unwrap().get(3));
}

#[test]
fn targets_have_the_variance_that_the_memory_says() {
    let task = build(json!({"function": "impulse", "function_params": {"alpha": 32}, "valid_samples": 2000})).unwrap();
    let valid = task.valid().unwrap();
    let targets: Vec<f32> = (0..valid.len()).flat_map(|index| valid.get(index).unwrap().targets).collect();
    let metrics = task.metrics(&vec![0.0; targets.len()], &targets);
    assert_eq!(metrics.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["nmse", "mse"]);
    // Lag 32 of 128 is seen three quarters of the time; predicting 0 leaves all of it.
    assert!((metrics[1].1 - 0.75).abs() < 0.01, "{metrics:?}");
    assert!((metrics[0].1 - 1.0).abs() < 1e-3, "{metrics:?}");
    assert_eq!(task.metrics(&targets, &targets)[0], ("nmse", 0.0));
}

#[test]
fn the_loss_is_the_mean_squared_error() {
    let task = build(json!({"length": 2})).unwrap();
    let tensor = |values: [f32; 4]| {
        Tensor::<Flex, 3>::from_data(TensorData::new(values.to_vec(), [2, 2, 1]), &Default::default())
    };
    let (prediction, target) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 3.5, 4.0]);
    let loss = task.loss(tensor(prediction), tensor(target)).into_scalar();
    assert!((f64::from(loss) - task.metrics(&prediction, &target)[1].1).abs() < 1e-7);
    assert!((loss - 4.25 / 4.0).abs() < 1e-6);
}
