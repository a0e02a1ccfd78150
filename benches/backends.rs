//! Values and training steps of each architecture on a backend of the build, beside burn-flex: what a machine with a GPU is
//! asked first.
//!
//! `cargo bench --bench backends --features wgpu -- values --backend wgpu` compares outputs, gradients and matrix products
//! with those of burn-flex; `-- steps --backend wgpu [--only NAME,..] [--seconds S] [--precision bfloat16]` measures training
//! steps. Each result is one line of JSON.
#![allow(clippy::print_stdout)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::time::{Duration, Instant};

use burn::tensor::{Tensor, TensorData};
use lookback::TrainState;
use lookback::backends::types::Flex;
use lookback::backends::{BackendKind, BackendTask, Request, TrainBackend, build_model};
use lookback::benchmarks::{Optimizer, Precision, TrainingConfig};
use lookback::models::Io;
use lookback::models::noise::Noise;
use serde_json::{Value, json};

/// A model and what it is fed.
struct Workload {
    name: &'static str,
    model: &'static str,
    params: Value,
    io: Io,
    batch: usize,
}

/// The models of preset `quick`'s size at a length of 128, and ViTs on 32 x 32 images.
fn workloads() -> Vec<Workload> {
    let sequence = |name, model, params| Workload { name, model, params, io: Io::sequence(1, 1, 128), batch: 64 };
    let ssm = json!({"d_model": 64, "d_state": 64});
    let image = Io::single(3, 10, 1024);
    vec![
        sequence(
            "transformer",
            "transformer",
            json!({"d_model": 64, "n_layers": 2, "n_heads": 4, "d_ff": 256, "position": "sinusoidal"}),
        ),
        sequence("lstm", "lstm", json!({"d_model": 64})),
        sequence("gru", "gru", json!({"d_model": 64})),
        sequence("tanh-rnn", "tanh-rnn", json!({"d_model": 64})),
        sequence("linear-rnn", "linear-rnn", json!({"d_model": 64})),
        sequence("lru", "lru", ssm.clone()),
        sequence("s4d", "s4d", ssm.clone()),
        sequence("diagonal-ssm", "diagonal-ssm", ssm),
        sequence("tcn", "tcn", json!({"d_model": 64, "n_layers": 6, "kernel_size": 4, "residual": true})),
        Workload {
            name: "vit-micro",
            model: "vit",
            params: json!({"d_model": 96, "n_layers": 2, "n_heads": 3, "d_ff": 192, "dropout": 0.1}),
            io: image,
            batch: 64,
        },
        Workload {
            name: "vit-reference",
            model: "vit",
            params: json!({"d_model": 512, "n_layers": 6, "n_heads": 8, "d_ff": 512, "qkv_bias": false, "dropout": 0.1}),
            io: image,
            batch: 512,
        },
    ]
}

/// Normal numbers of the workload's input and target, the same on every backend.
fn numbers(shape: [usize; 3], seed: u64) -> TensorData {
    use rand::SeedableRng;
    use rand::distr::{Distribution as _, Uniform};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let uniform = Uniform::new(-1.7_f32, 1.7).expect("a range");
    TensorData::new((0..shape.iter().product()).map(|_| uniform.sample(&mut rng)).collect::<Vec<_>>(), shape)
}

/// One model with its optimiser and a batch.
struct Trained<B: TrainBackend> {
    state: Box<dyn TrainState<B>>,
    input: Tensor<B, 3>,
    target: Tensor<B, 3>,
}

impl<B: TrainBackend> Trained<B> {
    fn new(workload: &Workload, batch: usize, precision: Precision, device: &B::Device) -> Self {
        let training = TrainingConfig {
            clip_norm: None,
            optimizer: Optimizer::Adam,
            weight_decay: 0.0,
            precision,
            ..TrainingConfig::default()
        };
        let params = workload.params.as_object().expect("parameters are an object");
        let io = workload.io;
        let request = Request { params, io, seed: 0, training: &training };
        let state = build_model::<B>(workload.model, request, device).expect("the workload is valid");
        Self {
            state,
            input: Tensor::from_data(numbers([batch, io.length, io.d_input], 1), device),
            target: Tensor::from_data(numbers([batch, io.output_length(), io.d_output], 2), device),
        }
    }

    fn learn(&mut self, step: u64) -> Tensor<B::InnerBackend, 1> {
        let target = self.target.clone();
        let mut loss = |output: Tensor<B, 3>| (output - target.clone()).square().mean();
        self.state.learn(self.input.clone(), &mut Noise::new(0, step), &mut loss)
    }

    /// `count` steps, and waits for them; their time.
    fn steps(&mut self, first: u64, count: u64) -> Duration {
        let start = Instant::now();
        let mut loss = None;
        for step in first..first + count {
            loss = Some(self.learn(step));
            self.state.update(1e-4);
        }
        if let Some(loss) = loss {
            let _ = loss.into_data();
        }
        start.elapsed()
    }
}

/// The largest difference, relative to the largest right number.
fn apart(right: &TensorData, other: &TensorData) -> f64 {
    let (right, other): (Vec<f64>, Vec<f64>) = (right.iter().collect(), other.iter().collect());
    assert_eq!(right.len(), other.len());
    let largest = right.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let worst = right.iter().zip(&other).map(|(right, other)| (right - other).abs());
    worst.fold(0.0_f64, |worst, apart| if apart > worst || apart.is_nan() { apart } else { worst }) / largest
}

struct Arguments {
    only: Option<Vec<String>>,
    seconds: f64,
    batch: Option<usize>,
    count: Option<u64>,
    precision: Precision,
    values: bool,
}

impl BackendTask for Arguments {
    type Output = ();

    fn run<B: TrainBackend>(self, device: B::Device) {
        if self.values {
            self.products::<B>(&device);
        }
        for workload in workloads() {
            if self.only.as_ref().is_some_and(|only| !only.iter().any(|name| name == workload.name)) {
                continue;
            }
            let line = match self.values {
                true => self.values_of::<B>(&workload, &device),
                false => self.steps_of::<B>(&workload, &device),
            };
            println!("{line}");
        }
    }
}

impl Arguments {
    fn steps_of<B: TrainBackend>(&self, workload: &Workload, device: &B::Device) -> Value {
        let batch = self.batch.unwrap_or(workload.batch);
        let mut trained = Trained::<B>::new(workload, batch, self.precision, device);
        let first = trained.steps(0, 1).as_secs_f64();
        if let Some(count) = self.count {
            trained.steps(1, count);
            return json!({"workload": workload.name, "backend": B::KIND.name(), "first_s": first, "steps": count});
        }
        let second = trained.steps(1, 3).as_secs_f64();
        let block = ((0.2 / (second / 3.0)) as u64).clamp(1, 10);
        let (started, mut done, mut times) = (Instant::now(), 4, Vec::new());
        while times.len() < 3 || started.elapsed().as_secs_f64() < self.seconds {
            times.push(trained.steps(done, block).as_secs_f64() * 1e3 / block as f64);
            done += block;
        }
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        json!({"workload": workload.name, "backend": B::KIND.name(), "batch": batch, "precision": self.precision,
            "first_s": first, "median_ms": median, "per_second": batch as f64 / median * 1e3, "steps": done})
    }

    fn values_of<B: TrainBackend>(&self, workload: &Workload, device: &B::Device) -> Value {
        let batch = self.batch.unwrap_or(workload.batch.min(8));
        let mut right = Trained::<Flex>::new(workload, batch, Precision::Single, &Default::default());
        let mut other = Trained::<B>::new(workload, batch, self.precision, device);
        let output = apart(
            &right.state.forward(right.input.clone()).into_data(),
            &other.state.forward(other.input.clone()).into_data(),
        );
        let (_, _) = (right.learn(7), other.learn(7));
        let gradient =
            apart(&right.state.take_gradient().expect("a gradient"), &other.state.take_gradient().expect("a gradient"));
        json!({"workload": workload.name, "backend": B::KIND.name(), "batch": batch, "precision": self.precision,
            "output": output, "gradient": gradient})
    }

    /// Matrix products whose inner size takes an odd number of stages in cubek's double-buffered kernels (burn issue 5626).
    fn products<B: TrainBackend>(&self, device: &B::Device) {
        for inner in [8, 24, 32, 40, 64, 65, 96, 160, 520] {
            let mut worst = 0.0_f64;
            let mut shapes = Vec::new();
            for (rows, columns) in [(512, 512), (2048, 512), (512, 2048), (4096, 64), (2048, 2048)] {
                let random = |shape, seed| numbers(shape, seed);
                let (left, right) = (random([1, rows, inner], 3), random([1, inner, columns], 4));
                let product = Tensor::<Flex, 3>::from_data(left.clone(), &Default::default())
                    .matmul(Tensor::from_data(right.clone(), &Default::default()));
                let ours = Tensor::<B, 3>::from_data(left, device).matmul(Tensor::from_data(right, device));
                let apart = apart(&product.into_data(), &ours.into_data());
                if apart > 1e-3 {
                    shapes.push(json!([rows, columns, apart]));
                }
                worst = worst.max(apart);
            }
            println!("{}", json!({"product": inner, "backend": B::KIND.name(), "worst": worst, "wrong": shapes}));
        }
    }
}

fn main() {
    lookback::keep_memory();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let option = |name: &str| arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1));
    let number = |name: &str| option(name).map(|text| text.parse::<f64>().expect("a number"));
    let values = match arguments.first().map(String::as_str) {
        Some("values") => true,
        Some("steps") => false,
        _ => panic!("The first argument is `values` or `steps`."),
    };
    let backend = option("--backend").map_or("flex", String::as_str);
    let task = Arguments {
        only: option("--only").map(|names| names.split(',').map(str::to_owned).collect()),
        seconds: number("--seconds").unwrap_or(2.0),
        batch: number("--batch").map(|batch| batch as usize),
        count: number("--count").map(|count| count as u64),
        precision: match option("--precision").map(String::as_str) {
            None | Some("single") => Precision::Single,
            Some("bfloat16") => Precision::Bfloat16,
            Some("half") => Precision::Half,
            Some(other) => panic!("There is no precision `{other}`."),
        },
        values,
    };
    BackendKind::parse(backend).expect("a backend of this build").dispatch(task);
}
