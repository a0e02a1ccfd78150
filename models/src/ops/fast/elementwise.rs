//! Functions of single elements.

use rayon::prelude::*;

use super::simd::{normal, vectorized};
use super::{Array, FastOp, View};

/// Elements per task.
const CHUNK: usize = 1 << 15;

/// `x Phi(x)` with the normal distribution function Phi.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gelu;

impl FastOp<1> for Gelu {
    type Kept = ();

    fn forward(&self, [input]: [View; 1], _keep: bool) -> (Array, ()) {
        let mut output = Array::zeros(input.shape);
        output.data.par_chunks_mut(CHUNK).zip(input.data.par_chunks(CHUNK)).for_each(|(output, input)| {
            vectorized(
                #[inline(always)]
                || {
                    for (output, input) in output.iter_mut().zip(input) {
                        *output = input * normal(*input).0;
                    }
                },
            );
        });
        (output, ())
    }

    fn backward(
        &self,
        [input]: [View; 1],
        _output: View,
        (): &(),
        gradient: View,
        wanted: [bool; 1],
    ) -> [Option<Array>; 1] {
        [wanted[0].then(|| {
            let mut into = Array::zeros(input.shape);
            let values = input.data.par_chunks(CHUNK).zip(gradient.data.par_chunks(CHUNK));
            into.data.par_chunks_mut(CHUNK).zip(values).for_each(|(into, (input, gradient))| {
                vectorized(
                    #[inline(always)]
                    || {
                        for ((into, input), gradient) in into.iter_mut().zip(input).zip(gradient) {
                            let (below, density) = normal(*input);
                            *into = gradient * input.mul_add(density, below);
                        }
                    },
                );
            });
            into
        })]
    }
}
