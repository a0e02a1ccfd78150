//! What the state-space models compute, against direct sums, step-by-step recurrences and a reference.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData, backend::Backend};
use burn_flex::Flex;
use lookback_models::activation::Activation;
use lookback_models::diagonal_ssm::{DiagonalSsmConfig, Reparameterization};
use lookback_models::lru::LruConfig;
use lookback_models::s4d::{S4d, S4dConfig, S4dInitialization};
use lookback_models::{Block, Io, ModelConfig, Norm, Recurrent, SequenceModel, Stack, StackConfig, init, ops};
use proptest::prelude::*;

use crate::common::{B, alone, device};

fn tensor<const D: usize>(values: Vec<f64>, shape: [usize; D]) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values, shape), &device())
}

fn noise<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<B, D> {
    init::normal(shape, 1.0, &mut init::rng(seed), &device()).val().detach()
}

fn values<T: Backend, const D: usize>(tensor: Tensor<T, D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// The largest difference, in units of the largest reference value.
#[track_caller]
fn assert_close(actual: &[f64], reference: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), reference.len());
    let scale = reference.iter().fold(0.0_f64, |scale, value| scale.max(value.abs()));
    let worst = actual.iter().zip(reference).fold(0.0_f64, |worst, (a, b)| {
        assert!(a.is_finite());
        worst.max((a - b).abs())
    });
    assert!(worst <= tolerance * scale, "they differ by {worst:e} where the largest value is {scale:e}");
}

fn io(length: usize) -> Io {
    Io::sequence(2, 3, length)
}

#[test]
fn causal_conv_and_its_gradients_equal_direct_sums() {
    let _alone = alone();
    for (batch, length, channels) in
        [(1, 1, 1), (2, 2, 1), (3, 37, 2), (1, 127, 1), (2, 128, 3), (2, 129, 2), (2, 256, 1), (1, 301, 2)]
    {
        let input = noise([batch, length, channels], 1).require_grad();
        let kernel = noise([channels, length], 2).require_grad();
        let weight = noise([batch, length, channels], 3);
        let output = ops::causal_conv(input.clone(), kernel.clone());
        assert_eq!(output.dims(), [batch, length, channels]);
        let gradients = (output.clone() * weight.clone()).sum().backward();

        let (x, k, g) = (values(input.clone()), values(kernel.clone()), values(weight));
        let (mut y, mut dx, mut dk) = (vec![0.0; x.len()], vec![0.0; x.len()], vec![0.0; k.len()]);
        for row in 0..batch {
            for channel in 0..channels {
                for t in 0..length {
                    let here = (row * length + t) * channels + channel;
                    for s in 0..=t {
                        let (past, tap) = (here - s * channels, channel * length + s);
                        y[here] += k[tap] * x[past];
                        dx[past] += g[here] * k[tap];
                        dk[tap] += g[here] * x[past];
                    }
                }
            }
        }
        assert_close(&values(output), &y, 2e-6);
        assert_close(&values(input.grad(&gradients).unwrap()), &dx, 2e-6);
        assert_close(&values(kernel.grad(&gradients).unwrap()), &dk, 2e-6);
    }
}

#[derive(serde::Deserialize)]
struct S4dReference {
    initialization: S4dInitialization,
    d_state: usize,
    initial_frequency: Vec<f64>,
    log_step: Vec<f64>,
    log_decay: Vec<Vec<f64>>,
    frequency: Vec<Vec<f64>>,
    output_re: Vec<Vec<f64>>,
    output_im: Vec<Vec<f64>>,
    kernel: Vec<Vec<f64>>,
}

#[test]
fn s4d_kernel_equals_a_complex128_zero_order_hold_recurrence() {
    let text = include_str!("../../../tests/reference/s4d.json");
    let references: Vec<S4dReference> = serde_json::from_str(text).unwrap();
    assert_eq!(references.len(), 2);
    for reference in references {
        let (channels, length) = (reference.kernel.len(), reference.kernel[0].len());
        let config = S4dConfig {
            stack: StackConfig { d_model: channels, ..StackConfig::default() },
            d_state: reference.d_state,
            initialization: reference.initialization,
            ..S4dConfig::default()
        };
        let block = config.init::<B>(io(length), &mut init::rng(0), &device()).blocks.remove(0);
        let initial = reference.initial_frequency.repeat(channels);
        assert_close(&values(block.frequency.val()), &initial, 1e-7);
        assert_close(&values(block.log_decay.val()), &vec![0.5_f64.ln(); initial.len()], 1e-7);

        let shape = [channels, reference.d_state / 2];
        let param = |rows: Vec<Vec<f64>>| Param::from_tensor(tensor(rows.concat(), shape));
        let block = S4d::<B> {
            log_step: Param::from_tensor(tensor(reference.log_step, [channels])),
            log_decay: param(reference.log_decay),
            frequency: param(reference.frequency),
            output_re: param(reference.output_re),
            output_im: param(reference.output_im),
            ..block
        };
        let kernel = values(block.kernel(length) - ops::lag_zero(block.feed_through.val(), length));
        for (channel, expected) in reference.kernel.iter().enumerate() {
            assert_close(&kernel[channel * length..(channel + 1) * length], expected, 1e-5);
        }
    }
}

#[test]
fn s4d_steps_start_within_their_bounds() {
    let config = S4dConfig {
        stack: StackConfig { d_model: 200, ..StackConfig::default() },
        dt_min: 0.01,
        dt_max: 0.5,
        ..S4dConfig::default()
    };
    let block = config.init::<B>(io(8), &mut init::rng(0), &device()).blocks.remove(0);
    let steps: Vec<f64> = values(block.log_step.val()).into_iter().map(f64::exp).collect();
    assert!(steps.iter().all(|step| (0.00999..0.50001).contains(step)));
    let median_side = steps.iter().filter(|step| **step < (0.01_f64 * 0.5).sqrt()).count();
    assert!((70..130).contains(&median_side), "log-uniform steps have their geometric mean as median");
}

#[test]
fn diagonal_kernels_sum_exponentials_of_the_reparameterised_weight() {
    let length = 100;
    for reparameterization in
        [Reparameterization::Direct, Reparameterization::Exp, Reparameterization::Softplus, Reparameterization::Best]
    {
        let config = DiagonalSsmConfig {
            stack: StackConfig { d_model: 2, ..StackConfig::default() },
            d_state: 5,
            reparameterization,
            best_scale: 2.0,
            best_offset: 0.3,
            ..DiagonalSsmConfig::default()
        };
        let block = config.init::<B>(io(length), &mut init::rng(4), &device()).blocks.remove(0);
        let eigenvalues: Vec<f64> = values(block.eigenvalue.val())
            .into_iter()
            .map(|w| match reparameterization {
                Reparameterization::Direct => w,
                Reparameterization::Exp => -w.exp(),
                Reparameterization::Softplus => -w.exp().ln_1p(),
                Reparameterization::Best => -1.0 / (2.0 * w * w + 0.3),
            })
            .collect();
        assert!(eigenvalues.iter().all(|rate| (-1.0001..-0.0099).contains(rate)), "{eigenvalues:?}");
        let direct = DiagonalSsmConfig { reparameterization: Reparameterization::Direct, ..config };
        let direct = direct.init::<B>(io(length), &mut init::rng(4), &device()).blocks.remove(0);
        assert_close(&eigenvalues, &values(direct.eigenvalue.val()), 1e-6);

        let (outputs, feed_through) = (values(block.output.val()), values(block.feed_through.val()));
        let expected: Vec<f64> = (0..2 * length)
            .map(|i| {
                let (channel, s) = (i / length, (i % length) as f64);
                let states: f64 = (channel * 5..channel * 5 + 5).map(|n| outputs[n] * (s * eigenvalues[n]).exp()).sum();
                if i % length == 0 { states + feed_through[channel] } else { states }
            })
            .collect();
        assert_close(&values(block.kernel(length)), &expected, 1e-5);
    }
}

#[test]
fn lru_equals_its_complex_recurrence() {
    let (length, d_model, states) = (130, 3, 4);
    let config = LruConfig {
        stack: StackConfig { d_model, ..StackConfig::default() },
        d_state: 2 * states,
        r_min: 0.8,
        r_max: 0.99,
        max_phase: 3.0,
    };
    let block = config.init::<B>(io(length), &mut init::rng(5), &device()).blocks.remove(0);
    let (nu, theta) = (values(block.log_decay.val()), values(block.log_angle.val()));
    let (b, c) = (values(block.input.val()), values(block.output.val()));
    let (gamma, d) = (values(block.log_gamma.val()), values(block.feed_through.val()));
    let input = noise([1, length, d_model], 6);
    let x = values(input.clone());
    let mut expected = vec![0.0; length * d_model];
    for n in 0..states {
        let (radius, angle) = ((-nu[n].exp()).exp(), theta[n].exp());
        assert!((0.8..0.99).contains(&radius) && (0.0..=3.0).contains(&angle));
        assert!((gamma[n].exp() - (1.0 - radius * radius).sqrt()).abs() < 1e-5);
        let (mut re, mut im) = (0.0, 0.0);
        for t in 0..length {
            (re, im) = (radius * (re * angle.cos() - im * angle.sin()), radius * (re * angle.sin() + im * angle.cos()));
            for channel in 0..d_model {
                let scaled = gamma[n].exp() * x[t * d_model + channel];
                re += b[channel * 2 * states + n] * scaled;
                im += b[channel * 2 * states + states + n] * scaled;
            }
            for channel in 0..d_model {
                expected[t * d_model + channel] +=
                    c[n * d_model + channel] * re + c[(states + n) * d_model + channel] * im;
            }
        }
    }
    for (i, output) in expected.iter_mut().enumerate() {
        *output += d[i % d_model] * x[i];
    }
    assert_close(&values(Block::forward(&block, input.into())), &expected, 1e-5);
}

/// Runs the model over a whole sequence and step by step.
#[track_caller]
fn assert_streams<K: Recurrent<Flex>>(model: &Stack<Flex, K>, batch: usize, length: usize, seed: u64) {
    let input = noise([batch, length, 2], seed).inner();
    let whole = model.forward(input.clone());
    let mut state = model.initial_state(batch, &device());
    let mut outputs = Vec::new();
    for t in 0..length {
        let (output, next) = model.step(input.clone().narrow(1, t, 1).squeeze_dim(1), state);
        outputs.push(output);
        state = next;
    }
    assert_close(&values(Tensor::stack::<3>(outputs, 1)), &values(whole), 1e-5);
}

fn reparameterization() -> impl Strategy<Value = Reparameterization> {
    prop_oneof![
        Just(Reparameterization::Direct),
        Just(Reparameterization::Exp),
        Just(Reparameterization::Softplus),
        Just(Reparameterization::Best),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn streaming_agrees_with_the_parallel_form(
        (batch, length, d_model, pairs) in (1_usize..4, 1_usize..160, 1_usize..6, 1_usize..9),
        (n_layers, residual, mix) in (1_usize..3, any::<bool>(), any::<bool>()),
        inverse in any::<bool>(),
        reparameterization in reparameterization(),
        seed in 0_u64..1000,
    ) {
        // Without norms, which magnify rounding errors where the hidden values are nearly equal.
        let stack = StackConfig { d_model, n_layers, residual, norm: Norm::None };
        let io = io(length);
        let rng = &mut init::rng(seed);
        let s4d = S4dConfig {
            stack: stack.clone(),
            d_state: 2 * pairs,
            initialization: if inverse { S4dInitialization::Inv } else { S4dInitialization::Lin },
            activation: if mix { Activation::Gelu } else { Activation::None },
            mix,
            ..S4dConfig::default()
        };
        let model = s4d.build_inference::<Flex>(io, rng, &device()).unwrap();
        prop_assert_eq!(model.num_params(), s4d.num_params(io));
        assert_streams(&model, batch, length, seed);

        let diagonal = DiagonalSsmConfig {
            stack: stack.clone(), d_state: pairs, reparameterization, ..DiagonalSsmConfig::default()
        };
        let model = diagonal.build_inference::<Flex>(io, rng, &device()).unwrap();
        prop_assert_eq!(model.num_params(), diagonal.num_params(io));
        assert_streams(&model, batch, length, seed);

        let lru = LruConfig { stack, d_state: 2 * pairs, ..LruConfig::default() };
        let model = lru.build_inference::<Flex>(io, rng, &device()).unwrap();
        prop_assert_eq!(model.num_params(), lru.num_params(io));
        assert_streams(&model, batch, length, seed);
    }
}

#[test]
fn only_linear_models_count_states() {
    let stack = StackConfig { d_model: 4, n_layers: 2, ..StackConfig::default() };
    let s4d = S4dConfig { stack: stack.clone(), d_state: 6, mix: true, ..S4dConfig::default() };
    assert_eq!(s4d.lti_states(), Some(48));
    assert_eq!(S4dConfig { activation: Activation::Gelu, ..s4d }.lti_states(), None);
    let diagonal = DiagonalSsmConfig { stack: stack.clone(), d_state: 6, ..DiagonalSsmConfig::default() };
    assert_eq!(diagonal.lti_states(), Some(48));
    let lru = LruConfig { stack: stack.clone(), d_state: 6, ..LruConfig::default() };
    assert_eq!(lru.lti_states(), Some(12));
    assert_eq!(LruConfig { stack: StackConfig { norm: Norm::Layer, ..stack }, ..lru }.lti_states(), None);
}
