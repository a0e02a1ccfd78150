//! What a trained model remembers, and how firmly.

use burn::tensor::{Tensor, TensorData, backend::AutodiffBackend};
use lookback_benchmarks::{AttentionProbes, Example, HeadProbe, Probe, Probes};
use nalgebra::DMatrix;

use crate::learner::{Learner, Predictor};

/// Validation sequences that the Jacobian is averaged over.
const JACOBIAN_SAMPLES: usize = 32;
/// Validation sequences that a perturbed model is evaluated on.
const STABILITY_SAMPLES: usize = 32;
/// Random perturbations per size.
const STABILITY_DRAWS: u64 = 2;
/// Amplitudes of the constant inputs of the memory function M(t), both signs of each.
const AMPLITUDES: [f64; 8] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];

/// All diagnostics of the learner's model as it is now.
///
/// Sources: Wang, Li, Li, "Inverse approximation theory for nonlinear recurrent neural networks", 2024,
/// <https://arxiv.org/abs/2305.19190> (memory function, stability under perturbation).
pub fn probe<B: AutodiffBackend>(learner: &Learner<B>) -> Probe {
    let predictor = learner.state().predictor();
    let Probes { memory, attention } = learner.task().probes();
    let mut probe = Probe { largest_weight: learner.state().largest_weight(), ..Probe::default() };
    if memory {
        probe.jacobian = jacobian(learner);
        probe.impulse = impulse(learner, &predictor);
        probe.memory_function = memory_function(learner, &predictor);
        probe.stability = stability(learner);
        probe.rho = learner.task().true_memory().unwrap_or_default();
    }
    if let Some(samples) = attention {
        probe.attention = heads(learner, samples);
        probe.examples = examples(learner, &predictor, samples.weights);
    }
    probe
}

/// What each attention head does on the first validation samples.
fn heads<B: AutodiffBackend>(learner: &Learner<B>, samples: AttentionProbes) -> Vec<HeadProbe> {
    let inputs = learner.valid_inputs(samples.weights.max(samples.spectra)).inner();
    let layers = learner.state().attention(inputs).into_iter().enumerate();
    layers
        .flat_map(|(layer, attended)| {
            let [_, heads, queries, keys] = attended.scores.dims();
            let weights: Vec<f64> = attended.weights().into_data().iter::<f64>().collect();
            let scores: Vec<f64> = attended.scores.into_data().iter::<f64>().collect();
            (0..heads)
                .map(move |head| {
                    // Of all samples, the matrix of this head.
                    let of = |values: &'_ [f64], most: usize| -> Vec<Vec<f64>> {
                        values
                            .chunks(queries * keys)
                            .skip(head)
                            .step_by(heads)
                            .take(most)
                            .map(<[f64]>::to_vec)
                            .collect()
                    };
                    let rows = |matrix: Vec<f64>| matrix.chunks(keys).map(<[f64]>::to_vec).collect();
                    let singular_values = |matrix: Vec<f64>| {
                        let mut values =
                            DMatrix::from_row_slice(queries, keys, &matrix).singular_values().as_slice().to_vec();
                        values.sort_by(|left, right| right.total_cmp(left));
                        values
                    };
                    HeadProbe {
                        layer,
                        head,
                        weights: of(&weights, samples.weights).into_iter().map(rows).collect(),
                        singular_values: of(&scores, samples.spectra).into_iter().map(singular_values).collect(),
                    }
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The first validation samples with the model's outputs.
fn examples<B: AutodiffBackend>(
    learner: &Learner<B>,
    predictor: &Predictor<B::InnerBackend>,
    samples: usize,
) -> Vec<Example> {
    if samples == 0 {
        return Vec::new();
    }
    let io = learner.task().io();
    let inputs = learner.valid_inputs(samples).inner();
    let outputs: Vec<f32> = predictor(inputs.clone()).into_data().iter::<f32>().collect();
    let inputs: Vec<f32> = inputs.into_data().iter::<f32>().collect();
    let per_output = io.output_length() * io.d_output;
    inputs
        .chunks(io.length * io.d_input)
        .zip(outputs.chunks(per_output))
        .zip(learner.valid_targets().chunks(per_output))
        .map(|((input, output), target)| Example {
            input: input.to_vec(),
            target: target.to_vec(),
            output: output.to_vec(),
        })
        .collect()
}

/// Mean over validation inputs of dy(T-1)/dx(T-1-s), first output channel, input channels averaged.
fn jacobian<B: AutodiffBackend>(learner: &Learner<B>) -> Vec<f64> {
    let io = learner.task().io();
    let inputs = learner.valid_inputs(JACOBIAN_SAMPLES).require_grad();
    let samples = inputs.dims()[0];
    let outputs = learner.state().forward(inputs.clone());
    // One backward pass: sequences do not influence each other, so the sum's gradient holds each one's.
    let last = outputs.slice([0..samples, io.length - 1..io.length, 0..1]).sum();
    let gradients = last.backward();
    let Some(gradient) = inputs.grad(&gradients) else {
        // No path from the input to the last output: the memory is empty.
        return vec![0.0; io.length];
    };
    let values: Vec<f64> = gradient.into_data().iter::<f64>().collect();
    let count = (samples * io.d_input) as f64;
    let at = |time: usize| -> f64 {
        (0..samples)
            .flat_map(|sample| (0..io.d_input).map(move |channel| (sample * io.length + time) * io.d_input + channel))
            .map(|index| values[index])
            .sum::<f64>()
            / count
    };
    (0..io.length).map(|lag| at(io.length - 1 - lag)).collect()
}

/// First output channel for one sequence whose value at (time, any channel) is `input(time)`.
fn respond<B: AutodiffBackend>(
    learner: &Learner<B>,
    predictor: &Predictor<B::InnerBackend>,
    input: impl Fn(usize) -> f64,
) -> Vec<f64> {
    let io = learner.task().io();
    let values: Vec<f64> = (0..io.length).flat_map(|time| vec![input(time); io.d_input]).collect();
    let data = TensorData::new(values, [1, io.length, io.d_input]);
    let output = predictor(Tensor::from_data(data, learner.device()));
    output.into_data().iter::<f64>().step_by(io.d_output).collect()
}

/// Response to a unit impulse at time 0 (averaged over input channels), less the response to zeros.
fn impulse<B: AutodiffBackend>(learner: &Learner<B>, predictor: &Predictor<B::InnerBackend>) -> Vec<f64> {
    let rest = respond(learner, predictor, |_| 0.0);
    let kick = respond(learner, predictor, |time| if time == 0 { 1.0 } else { 0.0 });
    let channels = learner.task().io().d_input as f64;
    kick.iter().zip(&rest).map(|(kick, rest)| (kick - rest) / channels).collect()
}

/// `M(t) = sup_x |d/dt H_t(x . Heaviside)| / (|x|_inf + 1)` over constant inputs x, the time derivative as
/// the difference of consecutive outputs.
fn memory_function<B: AutodiffBackend>(learner: &Learner<B>, predictor: &Predictor<B::InnerBackend>) -> Vec<f64> {
    let mut memory = vec![0.0_f64; learner.task().io().length.saturating_sub(1)];
    for amplitude in AMPLITUDES.iter().flat_map(|amplitude| [*amplitude, -amplitude]) {
        let response = respond(learner, predictor, |_| amplitude);
        for (memory, pair) in memory.iter_mut().zip(response.windows(2)) {
            *memory = memory.max((pair[1] - pair[0]).abs() / (amplitude.abs() + 1.0));
        }
    }
    memory
}

/// The worst primary metric under random weight perturbations of sup-norm beta, for beta = 0 and
/// `1e-3 * 2^(i/2)`, i < 21; a beta whose predictions are not finite is left out.
fn stability<B: AutodiffBackend>(learner: &Learner<B>) -> Vec<(f64, f64)> {
    let evaluate = |predictor: &Predictor<B::InnerBackend>| {
        learner.metrics_of(predictor, STABILITY_SAMPLES).first().map_or(f64::NAN, |(_, value)| *value)
    };
    let mut points = vec![(0.0, evaluate(&learner.state().predictor()))];
    for exponent in 0..21 {
        let beta = 1e-3 * 2f64.powf(f64::from(exponent) / 2.0);
        let worst = (0..STABILITY_DRAWS)
            .map(|draw| evaluate(&learner.state().perturbed(beta, draw)))
            .fold(0.0_f64, |worst, value| if value.is_nan() || worst.is_nan() { f64::NAN } else { worst.max(value) });
        points.push((beta, worst));
    }
    points.retain(|(_, value)| value.is_finite());
    points
}
