//! Diagonal linear recurrences.

use rayon::prelude::*;

use super::linear::total;
use super::simd::{update2, vectorized};
use super::{Array, FastOp, View};

/// Sequences per task; fixed, so that sums do not depend on the number of threads.
const SEQUENCES: usize = 4;

/// `h(t) = lambda h(t-1) + u(t)`, `h(-1) = 0`, in complex numbers: input and output `[batch, length, 2 n]` with the
/// real, then the imaginary parts; lambda `[2, n]` likewise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComplexScan;

impl FastOp<2> for ComplexScan {
    type Kept = ();

    fn forward(&self, [input, lambda]: [View; 2], _keep: bool) -> (Array, ()) {
        let mut output = Array { shape: input.shape.to_vec(), data: input.data.to_vec() };
        let width = input.width();
        let n = width / 2;
        let (re, im) = lambda.data.split_at(n);
        output.data.par_chunks_mut(input.shape[1] * width).for_each(|sequence| {
            vectorized(
                #[inline(always)]
                || {
                    let mut steps = sequence.chunks_exact_mut(width);
                    let Some(mut before) = steps.next() else { return };
                    for step in steps {
                        let (before_re, before_im) = before.split_at(n);
                        let (step_re, step_im) = step.split_at_mut(n);
                        update2(
                            step_re,
                            re,
                            before_re,
                            #[inline(always)]
                            |now, re, before| now + re * before,
                        );
                        update2(
                            step_re,
                            im,
                            before_im,
                            #[inline(always)]
                            |now, im, before| now - im * before,
                        );
                        update2(
                            step_im,
                            re,
                            before_im,
                            #[inline(always)]
                            |now, re, before| now + re * before,
                        );
                        update2(
                            step_im,
                            im,
                            before_re,
                            #[inline(always)]
                            |now, im, before| now + im * before,
                        );
                        before = step;
                    }
                },
            );
        });
        (output, ())
    }

    fn backward(
        &self,
        [input, lambda]: [View; 2],
        output: View,
        (): &(),
        gradient: View,
        wanted: [bool; 2],
    ) -> [Option<Array>; 2] {
        let (length, width) = (input.shape[1], input.width());
        let n = width / 2;
        let (re, im) = lambda.data.split_at(n);
        let mut into = Array { shape: input.shape.to_vec(), data: gradient.data.to_vec() };
        let sequences = into.data.par_chunks_mut(SEQUENCES * length * width);
        let parts: Vec<Vec<f32>> = sequences
            .zip(output.data.par_chunks(SEQUENCES * length * width))
            .map(|(into, output)| {
                let mut part = vec![0.0; width];
                let sequences = into.chunks_exact_mut(length * width).zip(output.chunks_exact(length * width));
                for (into, output) in sequences {
                    vectorized(
                        #[inline(always)]
                        || {
                            let (part_re, part_im) = part.split_at_mut(n);
                            for time in (1..length).rev() {
                                let (earlier, later) = into.split_at_mut(time * width);
                                let (later_re, later_im) = later[..width].split_at(n);
                                let (now_re, now_im) = earlier[(time - 1) * width..].split_at_mut(n);
                                let (state_re, state_im) = output[(time - 1) * width..][..width].split_at(n);
                                update2(
                                    now_re,
                                    re,
                                    later_re,
                                    #[inline(always)]
                                    |now, re, later| now + re * later,
                                );
                                update2(
                                    now_re,
                                    im,
                                    later_im,
                                    #[inline(always)]
                                    |now, im, later| now + im * later,
                                );
                                update2(
                                    now_im,
                                    re,
                                    later_im,
                                    #[inline(always)]
                                    |now, re, later| now + re * later,
                                );
                                update2(
                                    now_im,
                                    im,
                                    later_re,
                                    #[inline(always)]
                                    |now, im, later| now - im * later,
                                );
                                update2(
                                    part_re,
                                    later_re,
                                    state_re,
                                    #[inline(always)]
                                    |sum, d, h| sum + d * h,
                                );
                                update2(
                                    part_re,
                                    later_im,
                                    state_im,
                                    #[inline(always)]
                                    |sum, d, h| sum + d * h,
                                );
                                update2(
                                    part_im,
                                    later_im,
                                    state_re,
                                    #[inline(always)]
                                    |sum, d, h| sum + d * h,
                                );
                                update2(
                                    part_im,
                                    later_re,
                                    state_im,
                                    #[inline(always)]
                                    |sum, d, h| sum - d * h,
                                );
                            }
                        },
                    );
                }
                part
            })
            .collect();
        [wanted[0].then_some(into), wanted[1].then(|| total(lambda.shape, &parts))]
    }
}
