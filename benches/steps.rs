//! Training steps of each architecture: forward, backward, update.
//!
//! `cargo bench --bench steps` prints the median of each at length 128, on one thread. `benchmarks/peers/compare.py`
//! calls it as `steps --measure NAME --length T --threads N --batch B --seconds S [--width D]`, for one line of JSON.
#![allow(clippy::print_stdout)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use std::time::{Duration, Instant};

use burn::tensor::{Distribution, Tensor};
use lookback::backends::types::Flex;
use lookback::benchmarks::TrainingConfig;
use lookback::models::noise::Noise;
use lookback::models::{Io, ModelConfig, init, with_models};
use lookback::{ModelState, TrainState};
use serde_json::{Value, json};

/// Tokens and inputs per token of a 32 x 32 image in patches of 4, with a class token; and classes.
const VIT: Io = Io::sequence(48, 10, 65);

/// Name, model, and parameters of each workload.
fn workloads() -> Vec<(&'static str, &'static str, Value)> {
    let ssm = json!({"d_model": 64, "d_state": 64});
    vec![
        (
            "transformer",
            "transformer",
            json!({"d_model": 64, "n_layers": 2, "n_heads": 4, "d_ff": 256, "position": "sinusoidal"}),
        ),
        ("lstm", "lstm", json!({"d_model": 64})),
        ("gru", "gru", json!({"d_model": 64})),
        ("tanh-rnn", "tanh-rnn", json!({"d_model": 64})),
        ("linear-rnn", "linear-rnn", json!({"d_model": 64})),
        ("lru", "lru", ssm.clone()),
        ("s4d", "s4d", ssm.clone()),
        ("diagonal-ssm", "diagonal-ssm", ssm),
        (
            "vit",
            "transformer",
            json!({"d_model": 192, "n_layers": 6, "n_heads": 3, "d_ff": 768, "position": "learned", "causal": false}),
        ),
        ("tcn", "tcn", json!({"d_model": 64, "n_layers": 6, "kernel_size": 4, "residual": true})),
    ]
}

/// One model with its optimiser and a batch.
struct Workload {
    state: Box<dyn TrainState<Flex>>,
    input: Tensor<Flex, 3>,
    target: Tensor<Flex, 3>,
}

impl Workload {
    fn new(name: &str, length: usize, batch: usize, width: Option<usize>) -> Option<Self> {
        let (_, model, params) = workloads().into_iter().find(|(known, ..)| *known == name)?;
        let device = Default::default();
        // Images have one length only.
        let io = if name == "vit" { VIT } else { Io::sequence(1, 1, length) };
        let mut params = params.as_object().expect("parameters are an object").clone();
        if let Some(width) = width {
            params["d_model"] = json!(width);
            params.entry("d_ff").and_modify(|d_ff| *d_ff = json!(4 * width));
        }
        let training = TrainingConfig { clip_norm: None, ..TrainingConfig::default() };
        macro_rules! build {
            ($($config:ty),* $(,)?) => {
                match model {
                    $(name if name == <$config as ModelConfig>::INFO.name => {
                        let config: $config =
                            lookback::models::configure(&params, io).expect("the workload is valid");
                        let model = config.init::<Flex>(io, &mut init::rng(0), &device);
                        Box::new(ModelState::new(model, &training)) as Box<dyn TrainState<Flex>>
                    })*
                    other => unreachable!("no model `{other}`"),
                }
            };
        }
        let state = with_models!(build);
        let noise = |channels| Tensor::random([batch, io.length, channels], Distribution::Normal(0.0, 1.0), &device);
        Some(Self { state, input: noise(io.d_input), target: noise(io.d_output) })
    }

    fn step(&mut self) {
        let target = self.target.clone();
        let mut loss = |output: Tensor<Flex, 3>| (output - target.clone()).square().mean();
        self.state.learn(self.input.clone(), &mut Noise::new(0, 0), &mut loss);
        self.state.update(1e-3);
    }

    /// The median of some seconds of steps, in milliseconds, and their number.
    fn measure(&mut self, time: Duration) -> (f64, usize) {
        for _ in 0..3 {
            self.step();
        }
        let started = Instant::now();
        let mut times = Vec::new();
        while started.elapsed() < time || times.len() < 5 {
            let start = Instant::now();
            self.step();
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times.len())
    }
}

/// The most memory that the process has held, in MB, where the system tells.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
}

fn main() {
    lookback::keep_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1));
    let number =
        |name: &str, default: usize| option(name).map_or(default, |text| text.parse().expect("a whole number"));
    let threads = number("--threads", 1);

    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .use_current_thread()
        .build_global()
        .expect("the pool is not yet in use");
    let (length, batch) = (number("--length", 128), number("--batch", 64));
    let width = option("--width").map(|text| text.parse().expect("a whole number"));
    let time = Duration::from_secs_f64(option("--seconds").map_or(2.0, |text| text.parse().expect("seconds")));
    let one = option("--measure");
    for (name, ..) in workloads() {
        if one.is_some_and(|one| one != name) {
            continue;
        }
        let mut workload = Workload::new(name, length, batch, width).expect("a listed workload");
        let base = peak_mb();
        let (median, steps) = workload.measure(time);
        if one.is_some() {
            let line = json!({"implementation": "lookback", "workload": name, "length": length, "threads": threads,
                "batch": batch, "median_ms": median, "steps": steps, "base_mb": base, "peak_mb": peak_mb()});
            println!("{line}");
        } else {
            println!("{name:14} length {length}, batch {batch}, {threads} threads: {median:8.2} ms");
        }
    }
}
