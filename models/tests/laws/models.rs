//! What holds for every model of the registry, in 32 bits. A new model is tested without a new test.

use burn::record::{BinBytesRecorder, FullPrecisionSettings, Recorder};
use burn::tensor::Tensor;
use lookback_models::noise::Noise;
use lookback_models::{Io, ModelConfig, Recurrent, SequenceModel, Stack, StackConfig};
use lookback_registry::to_params;

use crate::common::{
    B, alone, assert_close, build, device, distance, parameters, random, suited, variants, vec, width, with,
};
use crate::formula::documented;

/// The shape that a model is tested with: sequences of eleven steps, or small images.
fn io<C: ModelConfig>() -> Io {
    suited::<C>(Io::sequence(2, 3, 11))
}

const BATCH: usize = 3;

fn input<C: ModelConfig>(seed: u64) -> Tensor<B, 3> {
    random(seed, [BATCH, io::<C>().length, io::<C>().d_input])
}

/// `input` with independent noise from time step `start` up to `end`.
fn perturbed(input: &Tensor<B, 3>, start: usize, end: usize) -> Tensor<B, 3> {
    let [batch, _, channels] = input.dims();
    let noise = random(99, [batch, end - start, channels]).mul_scalar(3.0);
    input.clone().slice_assign([0..batch, start..end, 0..channels], noise)
}

mod laws {
    use super::*;
    use burn::module::Module;

    pub fn the_output_has_the_shape_of_the_task<C: ModelConfig>() {
        for (name, config) in variants::<C>(io::<C>()) {
            let io = io::<C>();
            let single = Io { single_output: true, ..io };
            for (io, length) in [(io, io.length), (single, io.length), (io, 1), (io, 4), (single, 4)] {
                if config.validate(Io { length, ..io }).is_err() {
                    continue;
                }
                let output = build(&config, io, 0).forward(random(1, [BATCH, length, io.d_input]));
                let outputs = if io.single_output { 1 } else { length };
                assert_eq!(output.dims(), [BATCH, outputs, io.d_output], "{name}");
                assert!(vec(&output).iter().all(|value| value.is_finite()), "{name}");
            }
        }
    }

    pub fn the_future_changes_nothing_in_causal_models<C: ModelConfig>() {
        let io = io::<C>();
        for (name, config) in variants::<C>(io) {
            let model = build(&config, io, 0);
            let before = model.forward(input::<C>(1));
            for time in [0, 4, io.length - 2] {
                let after = model.forward(perturbed(&input::<C>(1), time + 1, io.length));
                if io.single_output {
                    assert!(distance(&before, &after) > 1e-6, "{name}: the input does not matter after {time}");
                    continue;
                }
                let (past, same) = (before.clone().narrow(1, 0, time + 1), after.clone().narrow(1, 0, time + 1));
                if config.causal() {
                    assert_close(&past, &same, 1e-6, (&name, time));
                } else {
                    assert!(distance(&past, &same) > 1e-4, "{name}: output {time} ignores the future");
                }
                assert_ne!(vec(&before), vec(&after), "{name}: the input does not matter after {time}");
            }
        }
    }

    pub fn the_single_output_is_the_last_step<C: ModelConfig>() {
        let io = io::<C>();
        let single = Io { single_output: true, ..io };
        for (name, config) in variants::<C>(io) {
            let all = build(&config, io, 0).forward(input::<C>(1));
            let outputs = all.dims()[1];
            let last = build(&config, single, 0).forward(input::<C>(1));
            assert_close(&last, &all.narrow(1, outputs - 1, 1), 1e-6, &name);
        }
    }

    pub fn training_masks_come_from_the_seed_and_the_step<C: ModelConfig>() {
        let io = io::<C>();
        for (name, config) in variants::<C>(io) {
            let mut params = to_params(&config);
            let rates: Vec<String> = params.keys().filter(|name| name.starts_with("drop")).cloned().collect();
            let model = build(&config, io, 0);
            let plain = vec(&model.forward(input::<C>(1)));
            assert_eq!(plain, vec(&model.forward_training(input::<C>(1), &mut Noise::new(1, 2))), "{name}");
            for rate in rates {
                let set = [(rate.clone(), 0.5.into()), ("n_layers".to_owned(), 2.into())];
                params.extend(set);
                let model = build(&with::<C>(&config, &params), io, 0);
                let draw = |seed, step| vec(&model.forward_training(input::<C>(1), &mut Noise::new(seed, step)));
                assert_eq!(draw(1, 2), draw(1, 2), "{name} {rate}");
                assert!(draw(1, 2) != draw(1, 3) && draw(1, 2) != draw(2, 2), "{name} {rate}");
                assert_ne!(draw(1, 2), vec(&model.forward(input::<C>(1))), "{name} {rate}");
            }
        }
    }

    pub fn attention_weights_sum_to_one<C: ModelConfig>() {
        let io = io::<C>();
        for (name, config) in variants::<C>(io) {
            for attended in build(&config, io, 0).attention(input::<C>(1)) {
                let sums = vec(&attended.weights().sum_dim(3));
                assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5), "{name}");
                if config.causal() {
                    let [_, _, length, _] = attended.scores.dims();
                    let early = attended.weights().narrow(2, 0, 1).narrow(3, 1, length - 1);
                    assert!(vec(&early).iter().all(|weight| *weight == 0.0), "{name}");
                }
            }
        }
    }

    pub fn rows_of_a_batch_do_not_mix<C: ModelConfig>() {
        for (name, config) in variants::<C>(io::<C>()) {
            let model = build(&config, io::<C>(), 0);
            let together = model.forward(input::<C>(1));
            for row in 0..BATCH {
                let alone = model.forward(input::<C>(1).narrow(0, row, 1));
                assert_close(&together.clone().narrow(0, row, 1), &alone, 1e-5, (&name, row));
            }
        }
    }

    pub fn a_seed_names_the_weights<C: ModelConfig>() {
        for (name, config) in variants::<C>(io::<C>()) {
            let model = |seed| parameters(&build(&config, io::<C>(), seed), None);
            assert_eq!(model(7), model(7), "{name}");
            assert_ne!(model(7), model(8), "{name}");
        }
    }

    pub fn a_saved_model_loads_with_the_same_outputs<C: ModelConfig>() {
        let recorder = BinBytesRecorder::<FullPrecisionSettings>::default();
        for (name, config) in variants::<C>(io::<C>()) {
            let (model, other) = (build(&config, io::<C>(), 1), build(&config, io::<C>(), 2));
            let expected = model.forward(input::<C>(1));
            assert!(distance(&expected, &other.forward(input::<C>(1))) > 1e-4, "{name}: the seed does not matter");
            let bytes = Recorder::<B>::record(&recorder, model.into_record(), ()).unwrap();
            let loaded = other.load_record(recorder.load(bytes, &device()).unwrap());
            assert_eq!(vec(&expected), vec(&loaded.forward(input::<C>(1))), "{name}");
        }
    }

    pub fn the_formula_counts_the_parameters<C: ModelConfig>() {
        let ios = [io::<C>(), Io::sequence(1, 1, 5), Io::single(3, 10, 144)];
        for (name, config) in variants::<C>(io::<C>()) {
            for io in ios {
                for width in [2, 4, 12] {
                    let config = config.with_width(width);
                    if config.validate(io).is_ok() {
                        let count = config.num_params(io);
                        assert_eq!(count, build(&config, io, 0).num_params(), "{name} {io:?} {width}");
                        assert_eq!(count, documented(&config, io), "{name} {io:?} {width}: the formula of the doc");
                    }
                }
            }
        }
    }

    pub fn a_budget_is_filled_and_never_exceeded<C: ModelConfig>() {
        let valid = |config: &C| config.validate(io::<C>()).is_ok();
        for (name, config) in variants::<C>(io::<C>()) {
            for budget in [1, 100, 1000, 5000] {
                let fitted = config.fit_budget(budget, io::<C>());
                assert!(valid(&fitted), "{name} {budget}");
                let width = width(&fitted);
                let next = (width + 1..).map(|width| config.with_width(width)).find(valid).unwrap();
                assert!(next.num_params(io::<C>()) > budget, "{name} {budget}: {width} could be wider");
                if fitted.num_params(io::<C>()) > budget {
                    let narrower = (1..width).map(|width| config.with_width(width)).find(valid);
                    assert!(narrower.is_none(), "{name} {budget}: {width} is neither within nor the narrowest");
                }
            }
        }
    }

    pub fn a_window_is_exact<C: ModelConfig>() {
        for (name, config) in variants::<C>(io::<C>()) {
            let Some(window) = config.window() else { continue };
            let time = window + 2;
            let io = Io { length: time + 1, ..io::<C>() };
            let (model, input) = (build(&config, io, 0), random(1, [BATCH, io.length, io.d_input]));
            let last = |input| model.forward(input).narrow(1, time, 1);
            let before = last(input.clone());
            assert_eq!(
                vec(&before),
                vec(&last(perturbed(&input, 0, time + 1 - window))),
                "{name}: {window} is too short"
            );
            let edge = last(perturbed(&input, time + 1 - window, time + 2 - window));
            assert_ne!(vec(&before), vec(&edge), "{name}: {window} is too long");
        }
    }

    pub fn linear_time_invariant_models_superpose_and_commute_with_shifts<C: ModelConfig>() {
        for (name, config) in variants::<C>(io::<C>()) {
            let Some(states) = config.lti_states() else { continue };
            assert!(states > 0, "{name}");
            let model = build(&config, io::<C>(), 0);
            // The biases make the map affine; its linear part is what is left of them.
            let response = |input: Tensor<B, 3>| model.forward(input.clone()) - model.forward(input.zeros_like());
            let sum = response(input::<C>(1).mul_scalar(2.0) - input::<C>(2).mul_scalar(0.5));
            let parts = response(input::<C>(1)).mul_scalar(2.0) - response(input::<C>(2)).mul_scalar(0.5);
            assert_close(&sum, &parts, 1e-5, &name);
            let late = |sequence| lookback_models::ops::shift(sequence, 3);
            assert_close(&response(late(input::<C>(1))), &late(response(input::<C>(1))), 1e-5, &name);
        }
    }
}

crate::for_all_models!($
    the_single_output_is_the_last_step,
    training_masks_come_from_the_seed_and_the_step,
    attention_weights_sum_to_one,
    the_output_has_the_shape_of_the_task,
    the_future_changes_nothing_in_causal_models,
    rows_of_a_batch_do_not_mix,
    a_seed_names_the_weights,
    a_saved_model_loads_with_the_same_outputs,
    the_formula_counts_the_parameters,
    a_budget_is_filled_and_never_exceeded,
    a_window_is_exact,
    linear_time_invariant_models_superpose_and_commute_with_shifts,
);

/// Streams through a model of recurrent blocks; for any other model the method of [`NoStream`] is chosen,
/// which takes one more reference.
struct Probe<'a, M>(&'a M);

trait Stream {
    fn stream(&self, input: Tensor<B, 3>) -> Option<Tensor<B, 3>>;
}

impl<K: Recurrent<B>> Stream for Probe<'_, Stack<B, K>> {
    fn stream(&self, input: Tensor<B, 3>) -> Option<Tensor<B, 3>> {
        let [batch, length, _] = input.dims();
        let mut state = self.0.initial_state(batch, &input.device());
        let mut outputs = Vec::new();
        for time in 0..length {
            let (output, next) = self.0.step(input.clone().narrow(1, time, 1).squeeze_dim(1), state);
            state = next;
            outputs.push(output);
        }
        Some(Tensor::stack(outputs, 1))
    }
}

trait NoStream {
    fn stream(&self, input: Tensor<B, 3>) -> Option<Tensor<B, 3>>;
}

impl<M> NoStream for &Probe<'_, M> {
    fn stream(&self, _input: Tensor<B, 3>) -> Option<Tensor<B, 3>> {
        None
    }
}

/// Whether a model is blocks of the shape that all stacks share which see the whole past without attending to it: what they know
/// of it is then a state, and they can run step by step.
fn carries_a_state<C: ModelConfig>(config: &C, model: &C::Model<B>) -> bool {
    let (params, shared) = (to_params(config), to_params(&StackConfig::default()));
    let stacked = shared.keys().all(|name| params.contains_key(name));
    stacked && config.window().is_none() && model.attention(input::<C>(1)).is_empty()
}

/// A model streams exactly if it carries a state, and then agrees with the whole sequence.
macro_rules! stream_tests {
    ($($root:tt :: $module:ident :: $config:ident),* $(,)?) => {
        mod streaming {
            use super::*;

            $(#[test]
            fn $module() {
                let _alone = alone();
                type Config = lookback_models::$module::$config;
                for (name, config) in variants::<Config>(io::<Config>()) {
                    let model = build(&config, io::<Config>(), 0);
                    let streamed = (&Probe(&model)).stream(input::<Config>(1));
                    assert_eq!(streamed.is_some(), carries_a_state(&config, &model), "{name}");
                    if let Some(output) = streamed {
                        assert_close(&output, &model.forward(input::<Config>(1)), 1e-5, &name);
                    }
                }
            })*
        }
    };
}
lookback_models::with_models!(stream_tests);

#[test]
fn names_are_unique_and_documented() {
    let mut names = Vec::new();
    macro_rules! collect {
        ($($config:path),* $(,)?) => {$(
            let info = <$config as ModelConfig>::INFO;
            assert!(info.source.contains("http"), "{}", info.name);
            assert!(info.summary.ends_with('.') && !info.title.is_empty(), "{}", info.name);
            assert!(info.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{}", info.name);
            names.push(info.name);
        )*};
    }
    lookback_models::with_models!(collect);
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
