//! Fast forms of operations give what the composed ones do: outputs and all gradients, for every model of the
//! registry in all its variants, over lengths that end within and across blocks.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData};
use lookback_models::diagonal_ssm::DiagonalSsmConfig;
use lookback_models::s4d::S4dConfig;
use lookback_models::{BlockInput, Io, ModelConfig, SequenceModel, StackConfig, init, ops};
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::common::{
    B, alone, assert_close, build, device, noise, parameters, random, relative, suited, variants, vec,
};

/// (batch, length, input channels, width): one step, one sequence, odd sizes, across blocks and tasks.
const SHAPES: [(usize, usize, usize, usize); 6] =
    [(2, 9, 1, 4), (1, 1, 1, 3), (1, 65, 2, 5), (3, 64, 3, 16), (5, 130, 1, 7), (34, 5, 2, 33)];

/// Output, and the gradients of the input and of all parameters, by name.
fn passes<M: SequenceModel<B> + Module<B>>(model: &M, input: &Tensor<B, 3>, swapped: bool) -> Vec<(String, Vec<f64>)> {
    let leaf = input.clone().require_grad();
    // Swapped dimensions are not contiguous in memory.
    let output = model.forward(if swapped { leaf.clone().swap_dims(0, 1) } else { leaf.clone() });
    let weights =
        Tensor::from_data(TensorData::new(noise(7, output.shape().num_elements()), output.shape()), &output.device());
    let gradients = (output.clone() * weights).sum().backward();
    let of_input = leaf.grad(&gradients).map(|gradient| gradient.to_data().convert::<f64>().to_vec().unwrap());
    let mut all = vec![("output".to_owned(), vec(&output)), ("input".to_owned(), of_input.unwrap())];
    all.extend(
        parameters(model, Some(&gradients))
            .into_iter()
            .map(|parameter| (parameter.path, parameter.gradient.unwrap_or(vec![0.0; parameter.values.len()]))),
    );
    all
}

/// Compares both forms of a model on noise of this shape, with an output per time step and with one for the last.
fn compare<C: ModelConfig>(name: &str, config: &C, shape: [usize; 3], swapped: bool) {
    let io = Io::sequence(shape[2], 2, shape[1]);
    let ios = [io, Io { single_output: true, ..io }].into_iter().filter(|io| config.validate(*io).is_ok());
    let mut compared = 0;
    // Gradients of composed exponentials are 4e-5 from double precision (`models/ops/src/fast/laws/`), which those of further outputs
    // hide.
    for (io, bound) in ios.zip([1e-5, 4e-5]) {
        compare_on(name, config, io, shape, swapped, bound);
        compared += 1;
    }
    assert!(compared > 0, "{name} takes inputs of shape {shape:?}");
}

fn compare_on<C: ModelConfig>(name: &str, config: &C, io: Io, shape: [usize; 3], swapped: bool, bound: f64) {
    let model = build(config, io, 3);
    let [batch, length, d_input] = shape;
    let input = random(5, if swapped { [length, batch, d_input] } else { shape });
    let fast = passes(&model, &input, swapped);
    let composed = ops::composed(|| passes(&model, &input, swapped));
    // Where sums cancel, rounding is relative to what they cancel from.
    let largest = fast.iter().flat_map(|(_, values)| values).fold(0.0, |all: f64, value| all.max(value.abs()));
    for ((path, fast), (_, composed)) in fast.iter().zip(&composed) {
        let distance = relative(fast, composed, 0.1 * largest);
        let single = io.single_output;
        assert!(
            distance <= bound,
            "{name}, {batch} x {length} x {d_input}, single output {single}: {path} differs by {distance:e}"
        );
    }
}

mod laws {
    use super::*;

    pub fn fast_forms_equal_composed_ones<C: ModelConfig>() {
        let mut compared = 0;
        for (index, shape) in SHAPES.into_iter().enumerate() {
            let (batch, length, d_input, width) = shape;
            let io = suited::<C>(Io::sequence(d_input, 2, length));
            for (number, (name, config)) in variants::<C>(io).into_iter().enumerate() {
                let wide = config.with_width(width);
                let config = if wide.validate(io).is_ok() { wide } else { config };
                // Every variant meets one shape, and the first few all of them.
                if number > 3 && number % SHAPES.len() != index {
                    continue;
                }
                compare(&name, &config, [batch, io.length, d_input], number % 2 == 1);
                compared += 1;
            }
        }
        assert!(compared >= SHAPES.len());
    }

    pub fn fast_forms_equal_composed_ones_on_random_shapes<C: ModelConfig>() {
        let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
        // The same shapes every time: both forms round, and where sums cancel by more than a factor of ten that shows.
        let shapes = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let sizes = (1..7usize, 1..150usize, 1..4usize, 1..40usize, any::<bool>());
        let law = |(batch, length, d_input, width, swapped)| {
            let config = C::default().with_width(width);
            let io = suited::<C>(Io::sequence(d_input, 2, length));
            if config.validate(io).is_ok() {
                compare(C::INFO.name, &config, [batch, io.length, d_input], swapped);
            }
            Ok(())
        };
        TestRunner::new_with_rng(config, shapes).run(&sizes, law).expect("the law holds");
    }
}

crate::for_all_models!($ fast_forms_equal_composed_ones, fast_forms_equal_composed_ones_on_random_shapes);

#[test]
fn long_convolutions_by_fourier_transforms_equal_composed_ones() {
    let _alone = alone();
    let stack = StackConfig { d_model: 3, ..StackConfig::default() };
    for shape in [[3, 1100, 1], [1, 1025, 2]] {
        compare("s4d", &S4dConfig { stack: stack.clone(), ..S4dConfig::default() }, shape, false);
        compare("diagonal-ssm", &DiagonalSsmConfig { stack: stack.clone(), ..Default::default() }, shape, true);
    }
}

#[test]
fn a_joined_map_equals_one_map_after_the_other() {
    let mut rng = init::rng(1);
    // Narrower than what it is mapped to, which joins the maps; as wide; wider.
    for d_input in [1, 3, 5, 8] {
        for (inner, outer) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut matrix = |shape| init::normal::<B, 2>(shape, 1.0, &mut rng, &device());
            let (weight, second) = (matrix([d_input, 5]), matrix([5, 4]).val());
            let mut bias = |size| init::normal::<B, 1>([size], 1.0, &mut rng, &device());
            let map = Linear { weight, bias: inner.then(|| bias(5)) };
            let (weight, bias) = (second, outer.then(|| bias(4).val()));
            let input = random(2, [2, 7, d_input]);
            let joined = BlockInput::mapped(&map, input.clone()).linear(weight.clone(), bias.clone());
            let apart = ops::linear(ops::map(&map, input), weight, bias);
            assert_close(&joined, &apart, 1e-6, (d_input, inner, outer));
        }
    }
}
