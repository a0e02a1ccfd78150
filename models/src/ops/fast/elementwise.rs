//! Functions of single elements.

use rayon::prelude::*;

use super::matmul::Fresh;
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
        let mut output = Fresh::new(input.data.len());
        output.parts(CHUNK).zip(input.data.par_chunks(CHUNK)).for_each(|(output, input)| {
            vectorized(
                #[inline(always)]
                || {
                    output.each1(
                        input,
                        #[inline(always)]
                        |x| x * normal(x).0,
                    );
                },
            );
        });
        (Array { shape: input.shape.to_vec(), data: output.finish() }, ())
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
            let mut into = Fresh::new(input.data.len());
            let values = input.data.par_chunks(CHUNK).zip(gradient.data.par_chunks(CHUNK));
            into.parts(CHUNK).zip(values).for_each(|(into, (input, gradient))| {
                vectorized(
                    #[inline(always)]
                    || {
                        into.each2(
                            input,
                            gradient,
                            #[inline(always)]
                            |x, dy| {
                                let (below, density) = normal(x);
                                dy * x.mul_add(density, below)
                            },
                        );
                    },
                );
            });
            Array { shape: input.shape.to_vec(), data: into.finish() }
        })]
    }
}
