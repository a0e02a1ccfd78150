//! Images, mixed precision and data parallel training on every backend of this build.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{DType, Tensor, TensorData};
use lookback::backends::{BackendKind, BackendTask, TrainBackend, compiled, machine_devices, task};
use lookback::benchmarks::TrainingConfig;
use lookback::datasets::DataFolder;
use lookback::models::{Io, ModelConfig, SequenceModel, StackConfig, gru::GruConfig, init, ops, vit::VitConfig};
use lookback::{Learner, ModelState, Step};
use serde_json::{Value, json};

use crate::backends::is_for_cpus;
use crate::{lookback, output, stderr, succeed};

/// How far numbers may lie apart between backends, relative to the largest of their kind.
const TOLERANCE: f64 = 1e-3;

/// Runs a task on a backend while no other test takes gradients: a backward pass of burn 0.21 can lose those of another
/// thread's (burn issue 5573).
fn alone<T: BackendTask>(backend: &str, task: T) -> T::Output {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    BackendKind::parse(backend).expect("a backend of this build").dispatch(task)
}

/// The first backend of this build and the others.
fn first_and_others() -> (&'static str, Vec<&'static str>) {
    let mut backends = compiled();
    (backends.remove(0), backends)
}

/// Outputs of vit-micro for four images, and the gradients of all its parameters by their paths.
struct Pass;

impl BackendTask for Pass {
    type Output = BTreeMap<String, Vec<f64>>;

    fn run<B: TrainBackend>(self, device: B::Device) -> Self::Output {
        let io = Io::single(3, 10, 32 * 32);
        let model = VitConfig::default().init::<B>(io, &mut init::rng(0), &device);
        let noise = |seed, shape: [usize; 3]| {
            let mut rng = init::rng(seed);
            let values: Vec<f64> = (0..shape.iter().product()).map(|_| init::standard_normal(&mut rng)).collect();
            Tensor::<B, 3>::from_data(TensorData::new(values, shape), &device)
        };
        let output = model.forward(noise(1, [4, 32 * 32, 3]));
        let loss = (output.clone() * noise(2, [4, 1, 10])).sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        let numbers = BTreeMap::from([("output".to_owned(), output.into_data().iter::<f64>().collect())]);
        let mut reader = Reader { path: Vec::new(), gradients, numbers };
        model.visit(&mut reader);
        reader.numbers
    }
}

struct Reader {
    path: Vec<String>,
    gradients: GradientsParams,
    numbers: BTreeMap<String, Vec<f64>>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Reader {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let path = self.path.join(".");
        let gradient = self.gradients.get::<B::InnerBackend, D>(param.id);
        let gradient = gradient.unwrap_or_else(|| panic!("{path} has no gradient"));
        self.numbers.insert(path, gradient.into_data().iter::<f64>().collect());
    }
}

#[test]
fn outputs_and_gradients_of_a_vit_agree() {
    let (first, others) = first_and_others();
    if others.is_empty() {
        return;
    }
    let largest = |values: &[f64]| values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let reference = alone(first, Pass);
    assert!(reference.len() > 4 * 12 && reference["output"].len() == 40, "{:?}", reference.keys());
    let steepest = reference.values().map(|values| largest(values)).fold(0.0, f64::max);
    for backend in others {
        let other = alone(backend, Pass);
        assert!(other.keys().eq(reference.keys()));
        for (path, values) in &reference {
            let gaps: Vec<f64> = values.iter().zip(&other[path]).map(|(left, right)| left - right).collect();
            // Where gradients cancel, as those of the keys' biases do, rounding is relative to what they cancel from.
            let distance = largest(&gaps) / largest(values).max(1e-2 * steepest);
            assert!(
                distance <= TOLERANCE && other[path].iter().all(|value| value.is_finite()),
                "{backend}: {path} is {distance:e} from {first}"
            );
        }
    }
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
}

#[test]
fn a_vit_is_trained_judged_and_used() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    crate::vit::write_data(&data);
    let picture = folder.path().join("picture.png");
    image::RgbImage::from_pixel(32, 32, image::Rgb([90, 120, 60])).save(&picture).expect("a picture");
    let numbers = |backend: &str| {
        let run = folder.path().join(backend);
        let mut command = lookback(&["train", "vit", "--backend", backend, "--device", "0"]);
        for set in [
            "training.steps=3",
            "training.eval_every=3",
            "training.batch_size=8",
            "training.warmup_steps=0",
            // Masks are made on the host here and on the device there.
            "model.dropout=0.1",
            "model.drop_path=0.1",
            "task.train_samples=40",
            "task.valid_samples=16",
        ] {
            command.args(["--set", set]);
        }
        succeed(command.arg("--data").arg(&data).arg("--out").arg(&run));
        let result = json_of(&run.join("result.json"));
        assert_eq!(result["steps"], 3);
        let mut eval = lookback(&["eval", "--json", "--backend", backend, "--device", "0", "--data"]);
        let judged: Value = serde_json::from_str(&succeed(eval.arg(&data).arg(&run))).expect("JSON");
        let mut predict = lookback(&["predict", "--json", "--top", "10", "--backend", backend, "--device", "0"]);
        let guess: Value = serde_json::from_str(&succeed(predict.arg(&run).arg(&picture))).expect("JSON");
        let classes = guess["classes"].as_array().expect("classes").iter();
        let mut numbers: BTreeMap<String, f64> = classes
            .map(|guess| (guess["class"].to_string(), guess["probability"].as_f64().expect("a number")))
            .collect();
        assert_eq!(numbers.len(), 10);
        for (name, value) in [
            ("training loss", &result["train_loss"]),
            ("loss at the end", &result["metrics"]["cross_entropy"]),
            ("loss from the weights", &judged["metrics"]["cross_entropy"]),
        ] {
            numbers.insert(name.to_owned(), value.as_f64().unwrap_or_else(|| panic!("{name}: {result}, {judged}")));
        }
        numbers
    };
    let (first, others) = first_and_others();
    let reference = numbers(first);
    for backend in others {
        for (name, value) in numbers(backend) {
            let distance = (value - reference[&name]).abs();
            assert!(distance <= TOLERANCE, "{backend}: {name} is {distance:e} from {first}");
        }
    }
}

/// The sum of the squares of this many numbers, by [`ops::sum_of_squares`].
struct LongSum(usize);

impl BackendTask for LongSum {
    type Output = f64;

    fn run<B: TrainBackend>(self, device: B::Device) -> f64 {
        let values: Vec<f32> = (0..self.0).map(|index| (index % 100) as f32 / 100.0).collect();
        let vector = Tensor::<B::InnerBackend, 1>::from_data(TensorData::new(values, [self.0]), &device);
        ops::sum_of_squares(vector).into_data().iter::<f64>().sum()
    }
}

#[test]
fn sums_over_all_parameters_are_whole() {
    for backend in compiled() {
        for length in [1, 2, 1_000, 65_537, 549_514] {
            let exact: f64 = (0..length).map(|index| f64::powi((index % 100) as f64 / 100.0, 2)).sum();
            let distance = (alone(backend, LongSum(length)) - exact).abs();
            assert!(distance <= 1e-5 * exact, "{backend}, {length} numbers: {distance:e}");
        }
    }
}

/// Whether a device computes in numbers of this type.
struct Supports(DType);

impl BackendTask for Supports {
    type Output = bool;

    fn run<B: TrainBackend>(self, device: B::Device) -> bool {
        B::supports_dtype(&device, self.0)
    }
}

#[test]
fn mixed_precision_trains_where_the_device_has_it_and_is_refused_elsewhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for backend in compiled() {
        for (precision, dtype) in [("half", DType::F16), ("bfloat16", DType::BF16)] {
            let mut command = lookback(&["train", "transformer", "--backend", backend, "--set", "task.length=8"]);
            let precision_set = format!("training.precision={precision}");
            for set in ["task.train_samples=16", "task.valid_samples=4", "training.steps=2", &precision_set] {
                command.args(["--set", set]);
            }
            let trained = output(command.arg("--out").arg(folder.path().join(format!("{backend}-{precision}"))));
            if alone(backend, Supports(dtype)) {
                assert!(trained.status.success(), "{backend}, {precision}: {}", stderr(&trained));
            } else {
                let expected = format!(
                    "error: `precision` is {precision}, but it must be single: the device does not compute in this \
                     type.\n"
                );
                assert_eq!((trained.status.code(), stderr(&trained)), (Some(2), expected), "{backend}");
            }
        }
    }
    assert!(alone("flex", Supports(DType::F16)) && alone("flex", Supports(DType::BF16)));
}

/// The losses of a short training on these many of a backend's default device and the first that it lists.
struct Parallel(usize);

impl BackendTask for Parallel {
    type Output = Vec<f64>;

    fn run<B: TrainBackend>(self, device: B::Device) -> Self::Output {
        let listed = machine_devices::<B>().swap_remove(0);
        let training = TrainingConfig { steps: 3, eval_every: 1, batch_size: 4, ..Default::default() };
        let params = json!({"length": 8, "train_samples": 16, "valid_samples": 2});
        let params = params.as_object().expect("an object");
        let task = task::<B>("memory", params, &DataFolder::default()).expect("valid parameters");
        let config = GruConfig { stack: StackConfig { d_model: 4, ..GruConfig::default().stack } };
        let io = task.io();
        let state = |seed, device: &B::Device| {
            Box::new(ModelState::new(config.init::<B>(io, &mut init::rng(seed), device), &training))
        };
        let first = state(1, &device);
        let learner = Learner::<B>::new(task, first, training.clone(), 2, device).expect("a valid training");
        let further = (1..self.0).map(|number| (listed.clone(), state(1 + number as u64, &listed) as _));
        let mut learner = learner.with_devices(further);
        let mut losses = Vec::new();
        while let Step::Evaluated(evaluation) = learner.advance() {
            losses.push(evaluation.train_loss.expect("a finite loss"));
        }
        losses
    }
}

#[test]
fn two_devices_train_like_one() {
    for backend in compiled() {
        // On wgpu the default device is another than the listed one, with memory of its own, also on the same adapter.
        let (one, two) = (alone(backend, Parallel(1)), alone(backend, Parallel(2)));
        assert!(one.len() == 3 && one[2] != one[0], "{backend}: {one:?}");
        for (one, two) in one.iter().zip(&two) {
            let distance = (one - two).abs() / one;
            let tolerance = if is_for_cpus(backend) { 1e-5 } else { 1e-4 };
            assert!(distance <= tolerance, "{backend}: {distance:e}");
        }
    }
}
