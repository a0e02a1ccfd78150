//! The learner as a library: how a batch is cut, and in what numbers its products are, is a matter of rounding.

use std::sync::{Mutex, PoisonError};

use lookback::backends::task;
use lookback::backends::types::Flex as B;
use lookback::benchmarks::{Precision, TrainingConfig};
use lookback::datasets::DataFolder;
use lookback::models::{ModelConfig, StackConfig, gru::GruConfig, init, transformer::TransformerConfig};
use lookback::{Learner, ModelState, Step};
use serde_json::json;

/// Training losses, update by update, of a model on task `memory`, its batches spread over this many devices more.
fn losses<C: ModelConfig>(config: &C, training: &TrainingConfig, further: usize) -> Vec<f64> {
    // A backward pass of burn 0.21 can lose gradients of another thread's (burn issue 5573).
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let device = Default::default();
    let params = json!({"length": 24, "train_samples": 64, "valid_samples": 4});
    let params = params.as_object().expect("an object");
    let task = task::<B>("memory", params, &DataFolder::default()).expect("valid parameters");
    let io = task.io();
    let state = |seed| Box::new(ModelState::new(config.init::<B>(io, &mut init::rng(seed), &device), training));
    let learner = Learner::<B>::new(task, state(1), training.clone(), 2, device).expect("a valid training");
    // They start from other weights: those of the first must reach them.
    let mut learner = learner.with_devices((0..further).map(|number| (device, state(3 + number as u64) as _)));
    let mut losses = Vec::new();
    while let Step::Evaluated(evaluation) = learner.advance() {
        losses.push(evaluation.train_loss.expect("a finite loss"));
    }
    assert_eq!(losses.len(), training.steps);
    losses
}

/// The largest difference relative to the left value.
fn distance(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| (left - right).abs() / left).fold(0.0, f64::max)
}

#[test]
fn a_batch_may_be_cut_into_parts_and_spread_over_devices() {
    let config = GruConfig { stack: StackConfig { d_model: 8, ..GruConfig::default().stack } };
    // 10 samples: parts of unequal size among them.
    let training = TrainingConfig { steps: 20, eval_every: 1, batch_size: 10, ..Default::default() };
    let whole = losses(&config, &training, 0);
    assert!(whole[19] < 0.95 * whole[0], "nothing is learnt: {whole:?}");
    for (accumulation, further) in [(1, 1), (1, 2), (3, 0), (3, 1)] {
        let parts = losses(&config, &TrainingConfig { accumulation, ..training.clone() }, further);
        let distance = distance(&whole, &parts);
        assert!(distance <= 1e-5, "{accumulation} parts on {} devices: {distance:e}", further + 1);
    }
}

#[test]
fn mixed_precision_trains_like_single_precision() {
    let config = TransformerConfig::default();
    let training = TrainingConfig { steps: 60, eval_every: 1, batch_size: 16, ..Default::default() };
    let single = losses(&config, &training, 0);
    assert!(single[59] < 0.5 * single[0], "nothing is learnt: {single:?}");
    // Rounding to 11 and to 8 bits.
    for (precision, least, most) in [(Precision::Half, 1e-7, 0.02), (Precision::Bfloat16, 1e-6, 0.1)] {
        let mixed = losses(&config, &TrainingConfig { precision, ..training.clone() }, 0);
        let distance = distance(&single, &mixed);
        assert!((least..most).contains(&distance), "{precision:?}: {distance:e}");
    }
}
