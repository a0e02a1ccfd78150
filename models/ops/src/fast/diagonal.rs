//! Diagonal linear recurrences.

use rayon::prelude::*;

use super::linear::total;
use super::simd::{each2, inlined, update2, vectorized};
use super::{Array, FastOp, Pass, View};

/// Sequences per task; fixed, so that sums do not depend on the number of threads.
const SEQUENCES: usize = 4;

/// `h(t) = lambda h(t-1) + u(t)`, `h(-1) = 0`, in complex numbers: input and output `[batch, length, 2 n]` with the
/// real, then the imaginary parts; lambda `[2, n]` likewise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComplexScan;

impl FastOp<2> for ComplexScan {
    type Kept = ();

    fn forward(&self, [input, lambda]: [View; 2]) -> (Array, ()) {
        let mut output = Array { shape: input.shape.to_vec(), data: input.data.to_vec() };
        let width = input.width();
        let n = width / 2;
        let (re, im) = lambda.data.split_at(n);
        output.data.par_chunks_mut(input.shape[1] * width).for_each(|sequence| {
            vectorized(inlined!(|| {
                let mut steps = sequence.chunks_exact_mut(width);
                let Some(mut before) = steps.next() else { return };
                for step in steps {
                    let (before_re, before_im) = before.split_at(n);
                    let (step_re, step_im) = step.split_at_mut(n);
                    update2(step_re, re, before_re, inlined!(|now, re, before| now + re * before));
                    update2(step_re, im, before_im, inlined!(|now, im, before| now - im * before));
                    update2(step_im, re, before_im, inlined!(|now, re, before| now + re * before));
                    update2(step_im, im, before_re, inlined!(|now, im, before| now + im * before));
                    before = step;
                }
            }));
        });
        (output, ())
    }

    fn backward(&self, Pass { inputs, output, gradient, wanted, .. }: Pass<(), 2>) -> [Option<Array>; 2] {
        let [input, lambda] = inputs;
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
                    vectorized(inlined!(|| {
                        let (part_re, part_im) = part.split_at_mut(n);
                        for time in (1..length).rev() {
                            let (earlier, later) = into.split_at_mut(time * width);
                            let (later_re, later_im) = later[..width].split_at(n);
                            let (now_re, now_im) = earlier[(time - 1) * width..].split_at_mut(n);
                            let (state_re, state_im) = output[(time - 1) * width..][..width].split_at(n);
                            update2(now_re, re, later_re, inlined!(|now, re, later| now + re * later));
                            update2(now_re, im, later_im, inlined!(|now, im, later| now + im * later));
                            update2(now_im, re, later_im, inlined!(|now, re, later| now + re * later));
                            update2(now_im, im, later_re, inlined!(|now, im, later| now - im * later));
                            update2(part_re, later_re, state_re, inlined!(|sum, d, h| sum + d * h));
                            update2(part_re, later_im, state_im, inlined!(|sum, d, h| sum + d * h));
                            update2(part_im, later_im, state_re, inlined!(|sum, d, h| sum + d * h));
                            update2(part_im, later_re, state_im, inlined!(|sum, d, h| sum - d * h));
                        }
                    }));
                }
                part
            })
            .collect();
        [wanted[0].then_some(into), wanted[1].then(|| total(lambda.shape, &parts))]
    }
}

/// `h(t) = a(t) h(t-1) + b(t)`, `h(-1) = 0`: decay a, input b and output `[batch, length, n]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SelectiveScan;

impl FastOp<2> for SelectiveScan {
    type Kept = ();

    fn forward(&self, [decay, input]: [View; 2]) -> (Array, ()) {
        let (length, width) = (input.shape[1], input.width());
        let mut output = Array { shape: input.shape.to_vec(), data: input.data.to_vec() };
        let sequences = output.data.par_chunks_mut(length * width).zip(decay.data.par_chunks(length * width));
        sequences.for_each(|(states, decay)| {
            vectorized(inlined!(|| {
                for time in 1..length {
                    let (earlier, now) = states.split_at_mut(time * width);
                    let before = &earlier[(time - 1) * width..];
                    let decay = &decay[time * width..];
                    update2(&mut now[..width], decay, before, inlined!(|now, decay, before| now + decay * before));
                }
            }));
        });
        (output, ())
    }

    fn backward(&self, Pass { inputs, output, gradient, wanted, .. }: Pass<(), 2>) -> [Option<Array>; 2] {
        let [decay, input] = inputs;
        let (length, width) = (input.shape[1], input.width());
        let size = length * width;
        // The gradient of a state is that of its input.
        let mut states = Array { shape: input.shape.to_vec(), data: gradient.data.to_vec() };
        states.data.par_chunks_mut(size).zip(decay.data.par_chunks(size)).for_each(|(states, decay)| {
            vectorized(inlined!(|| {
                for time in (1..length).rev() {
                    let (earlier, later) = states.split_at_mut(time * width);
                    let now = &mut earlier[(time - 1) * width..];
                    update2(now, &decay[time * width..], later, inlined!(|now, decay, later| now + decay * later));
                }
            }));
        });
        let d_decay = wanted[0].then(|| {
            // The first decay meets no state.
            let mut into = Array::zeros(decay.shape);
            let sequences = states.data.par_chunks(size).zip(output.data.par_chunks(size));
            into.data.par_chunks_mut(size).zip(sequences).for_each(|(into, (states, output))| {
                vectorized(inlined!(|| each2(&mut into[width..], &states[width..], output, inlined!(|d, h| d * h))));
            });
            into
        });
        [d_decay, wanted[1].then_some(states)]
    }
}
