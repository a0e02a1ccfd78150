//! Fast forms of operations give what the composed ones do: outputs and all gradients, for every model of the
//! registry in all its variants, over lengths that end within and across blocks.

mod common;

use burn::module::Module;
use burn::tensor::Tensor;
use common::{B, build, noise, parameters, random, variants, vec};
use lookback_models::{Io, ModelConfig, SequenceModel, ops};

/// (batch, length, input channels, width): one step, one sequence, odd sizes, across blocks and tasks.
const SHAPES: [(usize, usize, usize, usize); 6] =
    [(2, 9, 1, 4), (1, 1, 1, 3), (1, 65, 2, 5), (3, 64, 3, 16), (5, 130, 1, 7), (34, 5, 2, 33)];

/// The largest difference relative to the largest value of either, or to `least` where that is larger.
fn relative(left: &[f64], right: &[f64], least: f64) -> f64 {
    assert_eq!(left.len(), right.len());
    let scale = left.iter().chain(right).fold(least, |scale: f64, value| scale.max(value.abs()));
    let gaps = left.iter().zip(right).map(|(a, b)| (a - b).abs() / scale);
    // A NaN on either side must not look like agreement.
    gaps.fold(0.0, |worst, gap| if gap <= worst { worst } else { gap })
}

/// Output, and the gradients of the input and of all parameters, by name.
fn passes<M: SequenceModel<B> + Module<B>>(model: &M, input: &Tensor<B, 3>, swapped: bool) -> Vec<(String, Vec<f64>)> {
    let leaf = input.clone().require_grad();
    // Swapped dimensions are not contiguous in memory.
    let output = model.forward(if swapped { leaf.clone().swap_dims(0, 1) } else { leaf.clone() });
    let weights = Tensor::from_data(
        burn::tensor::TensorData::new(noise(7, output.shape().num_elements()), output.shape()),
        &output.device(),
    );
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

mod laws {
    use super::*;

    pub fn fast_forms_equal_composed_ones<C: ModelConfig>() {
        let mut compared = 0;
        for (index, shape) in SHAPES.into_iter().enumerate() {
            let (batch, length, d_input, width) = shape;
            let io = Io { d_input, d_output: 2, length };
            for (number, (name, config)) in variants::<C>(io).into_iter().enumerate() {
                let wide = config.with_width(width);
                let config = if wide.validate(io).is_ok() { wide } else { config };
                // Every variant meets one shape, and the first few all of them.
                if number > 3 && number % SHAPES.len() != index {
                    continue;
                }
                let model = build(&config, io, 3);
                let swapped = number % 2 == 1;
                let input = if swapped { [length, batch, d_input] } else { [batch, length, d_input] };
                let input = random(5, input);
                let fast = passes(&model, &input, swapped);
                let composed = ops::composed(|| passes(&model, &input, swapped));
                // Where sums cancel, rounding is relative to what they cancel from.
                let largest =
                    fast.iter().flat_map(|(_, values)| values).fold(0.0, |all: f64, value| all.max(value.abs()));
                for ((path, fast), (_, composed)) in fast.iter().zip(&composed) {
                    let distance = relative(fast, composed, 0.1 * largest);
                    assert!(distance <= 1e-5, "{name}, {shape:?}: {path} differs by {distance:e}");
                }
                compared += 1;
            }
        }
        assert!(compared >= SHAPES.len());
    }
}

for_all_models!($ fast_forms_equal_composed_ones);

#[test]
fn the_fast_forms_are_the_ones_in_use() {
    let input = random(1, [2, 5, 4]);
    let lambda = Tensor::<B, 2>::from_data([[0.5, 0.2], [0.1, -0.3]], &input.device());
    assert!(ops::complex_scan(&input, &lambda).is_some());
    assert!(ops::composed(|| ops::complex_scan(&input, &lambda)).is_none());
}
