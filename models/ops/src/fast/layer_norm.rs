//! Layer normalisation over the last dimension.

use rayon::prelude::*;

use super::linear::total;
use super::matmul::Fresh;
use super::simd::{each1, each2, inlined, sum, sum2, update1, update2, vectorized};
use super::{Array, FastOp, Pass, View};

/// Rows per task; fixed, so that sums do not depend on the number of threads.
const ROWS: usize = 256;

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`: inputs `[.., d]`, gamma `[d]`, beta `[d]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerNorm {
    pub epsilon: f32,
}

impl FastOp<3> for LayerNorm {
    /// Mean and reciprocal standard deviation of each row.
    type Kept = Vec<(f32, f32)>;

    fn forward(&self, [input, gamma, beta]: [View; 3]) -> (Array, Self::Kept) {
        let width = input.width();
        let mut output = Fresh::new(input.data.len());
        let mut kept = vec![(0.0, 0.0); input.data.len() / width];
        let rows = input.data.par_chunks(ROWS * width).zip(kept.par_chunks_mut(ROWS));
        output.parts(ROWS * width).zip(rows).for_each(|(output, (input, kept))| {
            let output = output.zeroed();
            vectorized(inlined!(|| {
                let rows = output.chunks_exact_mut(width).zip(input.chunks_exact(width));
                for ((output, input), kept) in rows.zip(kept) {
                    let mean = sum(input, inlined!(|x| x)) / width as f32;
                    let squares = sum(input, inlined!(|x| (x - mean) * (x - mean)));
                    let scale = 1.0 / (squares / width as f32 + self.epsilon).sqrt();
                    *kept = (mean, scale);
                    for (((output, x), gamma), beta) in output.iter_mut().zip(input).zip(gamma.data).zip(beta.data) {
                        *output = (x - mean) * scale * gamma + beta;
                    }
                }
            }));
        });
        (Array { shape: input.shape.to_vec(), data: output.finish() }, kept)
    }

    fn backward(&self, Pass { inputs, kept, gradient, wanted, .. }: Pass<Self::Kept, 3>) -> [Option<Array>; 3] {
        let [input, gamma, beta] = inputs;
        let width = input.width();
        let mut into = Fresh::new(input.data.len());
        let rows = input.data.par_chunks(ROWS * width).zip(kept.par_chunks(ROWS));
        let rows = rows.zip(gradient.data.par_chunks(ROWS * width));
        let (d_gamma, d_beta): (Vec<Vec<f32>>, Vec<Vec<f32>>) = into
            .parts(ROWS * width)
            .zip(rows)
            .map(|(into, ((input, kept), gradient))| {
                let into = into.zeroed();
                let (mut d_gamma, mut d_beta) = (vec![0.0; width], vec![0.0; width]);
                let mut scaled = vec![0.0; width];
                let mut normal = vec![0.0; width];
                vectorized(inlined!(|| {
                    let rows = into.chunks_exact_mut(width).zip(input.chunks_exact(width));
                    for (((into, input), (mean, scale)), gradient) in rows.zip(kept).zip(gradient.chunks_exact(width)) {
                        let (mean, scale) = (*mean, *scale);
                        each1(&mut normal, input, inlined!(|x| (x - mean) * scale));
                        each2(&mut scaled, gradient, gamma.data, inlined!(|dy, gamma| dy * gamma));
                        update2(&mut d_gamma, gradient, &normal, inlined!(|sum, dy, x| sum + dy * x));
                        update1(&mut d_beta, gradient, inlined!(|sum, dy| sum + dy));
                        let mean = sum(&scaled, inlined!(|x| x)) / width as f32;
                        let along = sum2(&scaled, &normal, inlined!(|x, y| x * y)) / width as f32;
                        each2(into, &scaled, &normal, inlined!(|dx, x| scale * (dx - mean - x * along)));
                    }
                }));
                (d_gamma, d_beta)
            })
            .unzip();
        [
            wanted[0].then(|| Array { shape: input.shape.to_vec(), data: into.finish() }),
            wanted[1].then(|| total(gamma.shape, &d_gamma)),
            wanted[2].then(|| total(beta.shape, &d_beta)),
        ]
    }
}
