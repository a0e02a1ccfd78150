//! Laws that every task of the list keeps, and what tasks say of bad parameters.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use burn::tensor::{Tensor, TensorData};
use burn_dataset::Dataset;
use burn_flex::Flex;
use lookback_benchmarks::{TASKS, TaskConfig, TaskEntry, build_task, with_tasks};
use lookback_datasets::{DataFolder, Sample};
use lookback_registry::{Error, ErrorKind, Params};
use serde_json::{Value, json};

fn params(value: Value) -> Params {
    value.as_object().expect("an object").clone()
}

/// Parameters of a small task: few samples, and a generated text.
fn small(entry: &TaskEntry) -> Params {
    let few = ["train_samples", "valid_samples", "eval_samples", "train_queries", "valid_queries"];
    let value = |name: &str| match name {
        "source" => Some(json!("generated")),
        _ => few.contains(&name).then(|| json!(8)),
    };
    (entry.fields)().into_iter().filter_map(|field| Some((field.name.clone(), value(&field.name)?))).collect()
}

/// A folder with pictures in the official layout of CIFAR-10, ten of one colour each in every file.
fn data() -> &'static DataFolder {
    static DATA: OnceLock<DataFolder> = OnceLock::new();
    DATA.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("task-laws");
        let batches = folder.join("cifar-10-batches-bin");
        fs::create_dir_all(&batches).expect("a folder");
        let records: Vec<u8> = (0..10_u8).flat_map(|label| [vec![label], vec![20 * label; 3072]].concat()).collect();
        let train = (1..=5).map(|number| format!("data_batch_{number}.bin"));
        for name in train.chain(["test_batch.bin".to_owned()]) {
            fs::write(batches.join(name), &records).expect("a file");
        }
        DataFolder::new(Some(folder))
    })
}

fn first(data: &dyn Dataset<Sample>) -> Vec<Sample> {
    (0..data.len().min(8)).map(|index| data.get(index).expect("a sample")).collect()
}

#[test]
fn resolving_names_every_parameter_and_changes_nothing_twice() {
    for entry in TASKS.all() {
        let name = entry.info.name;
        let once = entry.resolve(&small(&entry)).expect(name);
        assert_eq!(entry.resolve(&once).expect(name), once, "{name}");
        let mut found = once.clone();
        entry.find_data(&mut found, &DataFolder::default()).expect(name);
        assert_eq!(found, once, "{name}: nothing is left to be found");
        let fields = (entry.fields)();
        assert!(once.keys().eq(fields.iter().map(|field| &field.name)), "{name}");
        for field in fields {
            assert!(!field.doc.is_empty(), "{name}: `{}` is not documented", field.name);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_finite_samples_of_the_shape_that_is_said() {
    for entry in TASKS.all() {
        let name = entry.info.name;
        let params = small(&entry);
        let io = entry.io(&params).expect(name);
        let built = || entry.task(&params, data()).expect(name);
        let (task, again) = (built(), built());
        assert_eq!(task.io(), io, "{name}");
        let train = first(task.train(3).expect(name).as_ref());
        assert_eq!(train, first(again.train(3).expect(name).as_ref()), "{name}");
        assert_ne!(train, first(task.train(4).expect(name).as_ref()), "{name}");
        let valid = first(task.valid().expect(name).as_ref());
        assert_eq!(valid, first(again.valid().expect(name).as_ref()), "{name}");
        for sample in train.iter().chain(&valid) {
            assert_eq!(sample.inputs.len(), io.length * io.d_input, "{name}");
            assert_eq!(sample.targets.len(), io.output_length() * io.d_output, "{name}");
            assert!(sample.inputs.iter().chain(&sample.targets).all(|value| value.is_finite()), "{name}");
        }
        assert!(task.true_memory().is_none_or(|rho| rho.len() == io.length), "{name}");
    }
}

/// The right answer has a smaller loss and a smaller primary metric than the opposite.
fn check_objective<C: TaskConfig>() {
    let name = C::INFO.name;
    let task = build_task::<C, Flex>(&small(&TaskEntry::of::<C>()), data()).expect(name);
    let valid = first(task.valid().expect(name).as_ref());
    let targets: Vec<f32> = valid.iter().flat_map(|sample| sample.targets.clone()).collect();
    let opposite: Vec<f32> = targets.iter().map(|target| -target).collect();
    let tensor = |values: &[f32]| {
        let shape = [valid.len(), task.io().output_length(), task.io().d_output];
        Tensor::<Flex, 3>::from_data(TensorData::new(values.to_vec(), shape), &Default::default())
    };
    let loss = |values: &[f32]| task.loss(tensor(values), tensor(&targets)).into_scalar();
    let metric = |values: &[f32]| task.metrics(values, &targets)[0].1;
    assert!(loss(&targets).is_finite() && loss(&targets) < loss(&opposite), "{name}");
    assert!(metric(&targets).is_finite() && metric(&targets) < metric(&opposite), "{name}");
}

/// What is out of a declared range is refused when parameters are read, and when a configuration is built.
fn check_ranges<C: TaskConfig>() {
    let (name, entry) = (C::INFO.name, TaskEntry::of::<C>());
    let counts = (entry.fields)()
        .into_iter()
        .filter(|field| field.valid.as_ref().is_some_and(|valid| valid.starts_with("a whole number from 1 ")));
    let mut seen = 0;
    for field in counts {
        let mut params = entry.resolve(&small(&entry)).expect(name);
        params.insert(field.name.clone(), 0.into());
        let config: C = serde_json::from_value(Value::Object(params.clone())).expect(name);
        for error in [entry.resolve(&params).err(), config.build(&DataFolder::default()).err()] {
            let error = error.unwrap_or_else(|| panic!("{name}: `{}` may be 0", field.name));
            assert_eq!((error.what(), error.valid()), (Some(field.name.as_str()), field.valid.as_deref()), "{name}");
        }
        seen += 1;
    }
    assert!(seen > 0, "{name} declares no range");
}

macro_rules! for_each_task {
    ($($config:ty),* $(,)?) => {
        #[test]
        fn the_right_answer_has_the_smaller_loss_and_metric() {
            $(check_objective::<$config>();)*
        }

        #[test]
        fn numbers_out_of_their_range_are_errors() {
            $(check_ranges::<$config>();)*
        }
    };
}
with_tasks!(for_each_task);

fn refused(task: &str, value: Value) -> Error {
    let entry = TASKS.get(task).expect("a task");
    let (value, error) = (value.to_string(), entry.resolve(&params(value)));
    error.err().unwrap_or_else(|| panic!("{task}: {value} is valid"))
}

#[test]
fn bad_parameters_are_errors() {
    let function = |name: &str, alpha: f64| json!({"function": name, "function_params": {"alpha": alpha}});
    // What is valid is for the tests of the data to say.
    const DATASETS: &str = "";
    for (task, value, field, valid) in [
        ("memory", function("exponential", -0.5), "alpha", "a finite number from 0 up"),
        ("memory", function("impulse", 2.5), "alpha", "a whole number from 0 up"),
        ("memory", function("impulse", 128.0), "alpha", "a whole number from 0 to 127 (length - 1)"),
        ("memory", json!({"length": 0}), "length", DATASETS),
        ("memory", json!({"d_input": 0}), "d_input", DATASETS),
        ("memory", json!({"observation_noise": -1.0}), "observation_noise", "a finite number from 0 up"),
        ("cifar10", json!({"label_smoothing": 1.0}), "label_smoothing", "in [0, 1)"),
        ("cifar10", json!({"valid_samples": 10_001}), "valid_samples", "a whole number from 1 to 10000"),
        ("padded-cifar10", json!({"side": 31}), "side", "a whole number from 32 to 1024"),
        ("padded-cifar10", json!({"train_samples": 50_001}), "train_samples", "a whole number from 1 to 50000"),
        (
            "padded-cifar10",
            json!({"eval_split": "train", "train_samples": 10, "eval_samples": 11}),
            "eval_samples",
            "at most `train_samples`, 10",
        ),
        ("padded-cifar10", json!({"eval_samples": 10_001}), "eval_samples", "at most the number of test images, 10000"),
        ("temporal-coupling", json!({"psi": "sines"}), "psi", "one of `same`, `reversed`, `cosines`"),
        ("ordering", json!({"alteration": "reversal"}), "alteration", "one of `none`, `order`, `mixing`"),
        (
            "attention-recovery",
            json!({"kind": "farthest-point"}),
            "kind",
            "one of `nearest-point`, `centre-of-gravity`, `selection`",
        ),
        ("retrieval", json!({"n_functions": 0}), "n_functions", DATASETS),
        ("retrieval", json!({"outer": "mean"}), "outer", "one of `sum`, `product`, `norm`"),
        ("retrieval", json!({"extreme": "mean"}), "extreme", "`max` or `min`"),
        ("retrieval", json!({"index_sets": "none"}), "index_sets", "`all` or `windows`"),
        ("text-retrieval", json!({"candidates": 1}), "candidates", DATASETS),
        ("text-retrieval", json!({"eval_split": "test"}), "eval_split", "`train` or `valid`"),
        (
            "text-retrieval",
            json!({"embeddings": "learned"}),
            "embeddings",
            "one of `random`, `trained`, `file`, `found`",
        ),
        ("text-retrieval", json!({"source": "elsewhere"}), "source", "one of `files`, `found`, `generated`"),
        ("language", json!({"vocabulary": 255}), "vocabulary", DATASETS),
        ("language", json!({"source": "elsewhere"}), "source", "one of `files`, `found`, `generated`"),
        ("sparse-memory", json!({"lags": []}), "lags", "a list of at least one lag"),
        ("sparse-memory", json!({"lags": vec![1; 1025]}), "lags", "a list of at most 1024"),
        (
            "sparse-memory",
            json!({"lags": [1, 2_000_000_000_000_000_000_u64]}),
            "lags[1]",
            "a whole number below 1048576",
        ),
        ("sparse-memory", json!({"lags": [1 << 20]}), "lags[0]", "a whole number below 1048576"),
        ("sparse-memory", json!({"terms": 0}), "terms", "a whole number from 1 to 65536"),
        ("sparse-memory", json!({"target": "relu", "terms": u64::MAX}), "terms", "a whole number from 1 to 65536"),
        ("sparse-memory", json!({"length": 99}), "length", "at least 100, so that the farthest lag is seen"),
        (
            "sparse-memory",
            json!({"target": "memory", "length": u64::MAX}),
            "length",
            "a whole number from 1 to 1048576",
        ),
        ("sparse-memory", json!({"target": "mean"}), "target", "one of `sum`, `relu`, `memory`"),
        ("adaptive-memory", json!({"length": u64::MAX}), "length", DATASETS),
        ("adaptive-memory", json!({"alphabet": "latin"}), "alphabet", "`ternary` or `binary`"),
        ("adaptive-memory", json!({"readout": "first"}), "readout", "`last` or `product`"),
    ] {
        let error = refused(task, value);
        assert_eq!((error.kind(), error.what()), (ErrorKind::InvalidValue, Some(field)), "{}", error.chain());
        assert!(valid == DATASETS || error.valid() == Some(valid), "{}", error.chain());
    }
}

#[test]
fn mistyped_parameters_are_errors_with_full_sentences() {
    let error = refused("memory", json!({"length": "long"})).chain();
    let expected =
        "The parameters of the task `memory` are not valid: `length` is \"long\", but it must be a whole number from ";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn unknown_names_are_errors() {
    for (task, value, list, nearest) in [
        ("memory", json!({"lenght": 9}), "parameter of the task `memory`", "length, "),
        ("memory", json!({"function": "impuls"}), "memory function", "impulse, "),
        (
            "memory",
            json!({"function": "impulse", "function_params": {"lag": 3}}),
            "parameter of the memory function `impulse`",
            "alpha, normalise",
        ),
        // Without effect on the target, but it is part of a spec.
        ("sparse-memory", json!({"function": "polinomial"}), "memory function", "polynomial, "),
        ("sparse-memory", json!({"target": "memory", "function": "polinomial"}), "memory function", "polynomial, "),
    ] {
        let error = refused(task, value);
        assert_eq!((error.kind(), error.what()), (ErrorKind::UnknownName, Some(list)), "{}", error.chain());
        assert!(error.valid().expect("names").starts_with(nearest), "{}", error.chain());
    }
}
