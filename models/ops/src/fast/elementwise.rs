//! Functions of single elements.

use rayon::prelude::*;

use super::matmul::Fresh;
use super::simd::{inlined, normal, vectorized};
use super::{Array, FastOp, Pass, View};

/// Elements per task.
const CHUNK: usize = 1 << 15;

/// `x Phi(x)` with the normal distribution function Phi.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gelu;

impl FastOp<1> for Gelu {
    type Kept = ();

    fn forward(&self, [input]: [View; 1]) -> (Array, ()) {
        (each(input, inlined!(|x| x * normal(x).0)), ())
    }

    fn backward(&self, Pass { inputs: [input], gradient, wanted, .. }: Pass<(), 1>) -> [Option<Array>; 1] {
        [wanted[0].then(|| {
            each_of_two(
                input,
                gradient,
                inlined!(|x, gradient| {
                    let (below, density) = normal(x);
                    gradient * x.mul_add(density, below)
                }),
            )
        })]
    }
}

/// `max(x, 0)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relu;

impl FastOp<1> for Relu {
    type Kept = ();

    fn forward(&self, [input]: [View; 1]) -> (Array, ()) {
        // A comparison with NaN is false, and NaN must stay.
        (each(input, inlined!(|x| if x < 0.0 { 0.0 } else { x })), ())
    }

    fn backward(&self, Pass { inputs: [input], gradient, wanted, .. }: Pass<(), 1>) -> [Option<Array>; 1] {
        [wanted[0].then(|| each_of_two(input, gradient, inlined!(|x, gradient| if x <= 0.0 { 0.0 } else { gradient })))]
    }
}

/// `of(x)` of each element.
fn each(input: View, of: impl Fn(f32) -> f32 + Sync) -> Array {
    let mut output = Fresh::new(input.data.len());
    output.parts(CHUNK).zip(input.data.par_chunks(CHUNK)).for_each(|(output, input)| {
        vectorized(inlined!(|| {
            output.each1(input, &of);
        }));
    });
    Array { shape: input.shape.to_vec(), data: output.finish() }
}

/// `of(x, gradient)` of each element.
fn each_of_two(input: View, gradient: View, of: impl Fn(f32, f32) -> f32 + Sync) -> Array {
    let mut into = Fresh::new(input.data.len());
    let values = input.data.par_chunks(CHUNK).zip(gradient.data.par_chunks(CHUNK));
    into.parts(CHUNK).zip(values).for_each(|(into, (input, gradient))| {
        vectorized(inlined!(|| {
            into.each2(input, gradient, &of);
        }));
    });
    Array { shape: input.shape.to_vec(), data: into.finish() }
}
