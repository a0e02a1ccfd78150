//! Gradients of every model of the registry against central differences, in 64 bits.
//!
//! The default element type of a device can be chosen once per process, before its first tensor: these laws
//! have a test binary, and so a process, of their own.

#[path = "laws/common.rs"]
mod common;

use std::sync::Once;

use burn::module::AutodiffModule;
use burn::tensor::{DType, FloatDType, IntDType, Tensor, backend::Backend, s};
use burn_flex::Flex;
use common::{B, alone, build, device, noise, parameters, random, suited, variants, with_values};
use lookback_models::{Io, ModelConfig, SequenceModel, ops};

/// Sequences of six steps, or small images.
fn io<C: ModelConfig>() -> Io {
    suited::<C>(Io::sequence(2, 2, 6))
}

const STEP: f64 = 1e-6;

fn use_f64() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        burn::tensor::set_default_dtypes::<B>(&device(), FloatDType::F64, IntDType::I32).expect("no tensor exists yet");
    });
}

/// A scalar that depends on all outputs, nonlinearly.
fn loss(output: Tensor<B, 3>) -> Tensor<B, 1> {
    let weights = random(5, output.dims());
    weighed(output, weights)
}

fn weighed<T: Backend>(output: Tensor<T, 3>, weights: Tensor<T, 3>) -> Tensor<T, 1> {
    (output.clone() * weights + output.powf_scalar(2.0)).sum()
}

/// The loss without a graph, which most of the time would go into.
fn value<M: SequenceModel<Flex>>(model: &M, io: Io) -> f64 {
    let output = model.forward(random(1, [2, io.length, io.d_input]).inner());
    assert_eq!(output.dtype(), DType::F64);
    let weights = random(5, output.dims()).inner();
    weighed(output, weights).into_data().to_vec().unwrap()[0]
}

/// Moves parameters that all but vanish: behind them a norm's curvature is too large for differences.
fn away_from_zero<M: burn::module::Module<B>>(model: M) -> M {
    let all = parameters(&model, None);
    with_values(model, |index| {
        let values = &all[index].values;
        match values.iter().any(|value| value.abs() > 1e-3) {
            true => values.clone(),
            false => noise(100 + index as u64, values.len()).iter().map(|value| 0.1 * value).collect(),
        }
    })
}

mod laws {
    use super::*;

    pub fn gradients_reach_all_parameters_and_match_differences<C: ModelConfig>() {
        use_f64();
        let io = io::<C>();
        for (name, config) in variants::<C>(io) {
            let narrow = config.with_width(8);
            assert!(narrow.validate(io).is_ok(), "{name}");
            let model = away_from_zero(build(&narrow, io, 3));
            let output = model.forward(random(1, [2, io.length, io.d_input]));
            assert_eq!(output.dtype(), DType::F64);
            let gradients = loss(output).backward();
            let all = parameters(&model, Some(&gradients));
            let model = model.valid();
            for (index, parameter) in all.iter().enumerate() {
                let path = &parameter.path;
                let gradient = parameter.gradient.as_ref().unwrap_or_else(|| panic!("{name}: no gradient at {path}"));
                assert!(gradient.iter().any(|slope| *slope != 0.0), "{name}: the gradient at {path} is zero");
                let count = gradient.len();
                // Some entries alone, then all of them along a random direction.
                let mut directions: Vec<Vec<f64>> = (0..count)
                    .step_by(count.div_ceil(4))
                    .map(|entry| (0..count).map(|other| f64::from(other == entry)).collect())
                    .collect();
                directions.push(noise(index as u64, count));
                for direction in directions {
                    let moved = |step: f64| {
                        value(
                            &with_values(model.clone(), |other| {
                                let values = all[other].values.iter().copied();
                                match other == index {
                                    true => values.zip(&direction).map(|(value, part)| value + step * part).collect(),
                                    false => values.collect(),
                                }
                            }),
                            io,
                        )
                    };
                    let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                    let slope: f64 = gradient.iter().zip(&direction).map(|(slope, part)| slope * part).sum();
                    let scale = 1.0 + slope.abs().max(difference.abs());
                    assert!(
                        (difference - slope).abs() <= 1e-6 * scale,
                        "{name}: {path} has gradient {slope}, but differences give {difference}"
                    );
                }
            }
        }
    }
}

for_all_models!($ gradients_reach_all_parameters_and_match_differences);

/// A scan with a decay of its own at each time step.
#[test]
fn the_gradients_of_the_selective_scan_match_differences() {
    let _alone = alone();
    use_f64();
    let shape = [2, 9, 3];
    let inputs = [random(1, shape).mul_scalar(0.5), random(2, shape)];
    let loss_of = |[decay, input]: [Tensor<B, 3>; 2]| loss(ops::selective_scan(decay, input));
    let leaves = inputs.clone().map(Tensor::require_grad);
    let gradients = loss_of(leaves.clone()).backward();
    for (index, leaf) in leaves.iter().enumerate() {
        let gradient: Vec<f64> = leaf.grad(&gradients).unwrap().into_data().to_vec().unwrap();
        for (entry, slope) in gradient.into_iter().enumerate() {
            let moved = |step: f64| {
                let at = Tensor::<B, 1>::zeros([shape.iter().product::<usize>()], &device());
                let at = at.slice_assign(s![entry..entry + 1], Tensor::full([1], step, &device())).reshape(shape);
                let mut inputs = inputs.clone();
                inputs[index] = inputs[index].clone() + at;
                common::vec(&loss_of(inputs))[0]
            };
            let difference = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
            assert!(
                (difference - slope).abs() <= 1e-6 * (1.0 + slope.abs()),
                "input {index}, entry {entry}: {slope}, {difference}"
            );
        }
    }
}
