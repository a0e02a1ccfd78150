//! `y = x W + b` over all leading dimensions.

use rayon::prelude::*;

use super::matmul::{Fresh, Strides};
use super::simd::{inlined, update1, vectorized};
use super::{Array, FastOp, Pass, View};

/// Rows that are worked on together; fixed, so that sums do not depend on the number of threads.
const ROWS: usize = 1024;

/// Rows of an output that are worked out together: few, so that they are in the cache when the bias is added.
const FORWARD: usize = 256;

/// Inputs `[.., d_input]`, weight `[d_input, d_output]`, and for three inputs the bias `[d_output]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linear;

impl<const N: usize> FastOp<N> for Linear {
    type Kept = ();

    fn forward(&self, inputs: [View; N]) -> (Array, ()) {
        (forward(inputs[0], inputs[1], inputs.get(2).map(|bias| bias.data)), ())
    }

    fn backward(&self, Pass { inputs, gradient, wanted, .. }: Pass<(), N>) -> [Option<Array>; N] {
        let (input, weight) = (inputs[0], inputs[1]);
        std::array::from_fn(|index| {
            wanted[index].then(|| match index {
                0 => of_input(input, weight, gradient),
                1 => of_weight(input, weight, gradient),
                _ => of_bias(gradient),
            })
        })
    }
}

fn sizes(weight: View) -> [usize; 2] {
    let [d_input, d_output] = *weight.shape else { panic!("weights are [d_input, d_output]") };
    [d_input, d_output]
}

fn forward(input: View, weight: View, bias: Option<&[f32]>) -> Array {
    let [d_input, d_output] = sizes(weight);
    let mut shape = input.shape.to_vec();
    *shape.last_mut().expect("inputs have channels") = d_output;
    let mut output = Fresh::new(shape.iter().product());
    output.parts(FORWARD * d_output).zip(input.data.par_chunks(FORWARD * d_input)).for_each(|(output, input)| {
        let left = (input, Strides::of_rows(d_input));
        let right = (weight.data, Strides::of_rows(d_output));
        let output = output.product((input.len() / d_input, d_input, d_output), left, right, 1.0);
        if let Some(bias) = bias {
            vectorized(inlined!(|| {
                for row in output.chunks_exact_mut(d_output) {
                    update1(row, bias, inlined!(|sum, bias| sum + bias));
                }
            }));
        }
    });
    Array { shape, data: output.finish() }
}

fn of_input(input: View, weight: View, gradient: View) -> Array {
    let [d_input, d_output] = sizes(weight);
    let mut into = Fresh::new(input.data.len());
    into.parts(ROWS * d_input).zip(gradient.data.par_chunks(ROWS * d_output)).for_each(|(into, gradient)| {
        let left = (gradient, Strides::of_rows(d_output));
        let right = (weight.data, Strides::of_rows(d_output).transposed());
        into.product((gradient.len() / d_output, d_output, d_input), left, right, 1.0);
    });
    Array { shape: input.shape.to_vec(), data: into.finish() }
}

fn of_weight(input: View, weight: View, gradient: View) -> Array {
    let [d_input, d_output] = sizes(weight);
    let chunks = input.data.par_chunks(ROWS * d_input).zip(gradient.data.par_chunks(ROWS * d_output));
    let parts: Vec<Vec<f32>> = chunks
        .map(|(input, gradient)| {
            let left = (input, Strides::of_rows(d_input).transposed());
            let right = (gradient, Strides::of_rows(d_output));
            let mut part = Fresh::new(d_input * d_output);
            part.parts(d_input * d_output).for_each(|part| {
                part.product((d_input, input.len() / d_input, d_output), left, right, 1.0);
            });
            part.finish()
        })
        .collect();
    total(weight.shape, &parts)
}

fn of_bias(gradient: View) -> Array {
    let d_output = gradient.width();
    let parts: Vec<Vec<f32>> =
        gradient.data.par_chunks(ROWS * d_output).map(|rows| column_sums(rows, d_output)).collect();
    total(&[d_output], &parts)
}

/// The sum of all rows of `width` elements.
pub(super) fn column_sums(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    vectorized(inlined!(|| {
        for row in rows.chunks_exact(width) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }));
    sums
}

/// The sum of parts in their order.
pub(super) fn total(shape: &[usize], parts: &[Vec<f32>]) -> Array {
    let mut total = Array::zeros(shape);
    for part in parts {
        vectorized(inlined!(|| {
            update1(&mut total.data, part, inlined!(|total, part| total + part));
        }));
    }
    total
}
