//! Products of each head's channels with its block of columns of a map.

use rayon::prelude::*;

use super::linear::total;
use super::matmul::{Fresh, Old, Strides, product};
use super::{Array, FastOp, Pass, View};

/// Sequences that are worked on together; fixed, so that sums do not depend on the number of threads.
const SEQUENCES: usize = 256;

/// `y_h = x_h W_h` for each head, or `x_h = y_h W_h^T` where `transposed`: x `[batch, n_heads, channels]`, y
/// `[batch, n_heads d_head]`, inputs one of them and the weight `[channels, n_heads d_head]`, output the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadMap {
    pub n_heads: usize,
    pub transposed: bool,
}

impl FastOp<2> for HeadMap {
    type Kept = ();

    fn forward(&self, [input, weight]: [View; 2]) -> (Array, ()) {
        (self.mapped(input, weight, self.transposed), ())
    }

    fn backward(&self, Pass { inputs: [input, weight], gradient, wanted, .. }: Pass<(), 2>) -> [Option<Array>; 2] {
        let (x, y) = if self.transposed { (gradient, input) } else { (input, gradient) };
        [
            wanted[0].then(|| self.mapped(gradient, weight, !self.transposed)),
            wanted[1].then(|| self.of_weight(x, y, weight)),
        ]
    }
}

/// The channels of all heads of one sequence, side by side.
#[derive(Clone, Copy)]
struct Side {
    n_heads: usize,
    of_head: usize,
}

impl Side {
    /// Elements of a sequence.
    fn each(self) -> usize {
        self.n_heads * self.of_head
    }

    /// A head's channels, a row for each sequence.
    fn head(self, head: usize) -> Strides {
        Strides::of_rows(self.each()).from(head * self.of_head)
    }
}

impl HeadMap {
    /// The sides of x and y; a row of the weight lies as y does.
    fn sides(&self, weight: View) -> [Side; 2] {
        let [channels, inner] = *weight.shape else { panic!("weights are [channels, n_heads d_head]") };
        [channels, inner / self.n_heads].map(|of_head| Side { n_heads: self.n_heads, of_head })
    }

    /// y of x, or x of y where `transposed`.
    fn mapped(&self, input: View, weight: View, transposed: bool) -> Array {
        let [x, y] = self.sides(weight);
        let (from, to) = if transposed { (y, x) } else { (x, y) };
        let batch = input.data.len() / from.each();
        let mut output = Fresh::new(batch * to.each());
        let inputs = input.data.par_chunks(SEQUENCES * from.each());
        output.parts(SEQUENCES * to.each()).zip(inputs).for_each(|(output, input)| {
            let output = output.zeroed();
            for head in 0..self.n_heads {
                let columns = if transposed { y.head(head).transposed() } else { y.head(head) };
                let into = (&mut *output, to.head(head), Old::Replace);
                let sizes = (input.len() / from.each(), from.of_head, to.of_head);
                product(sizes, into, (input, from.head(head)), (weight.data, columns), 1.0);
            }
        });
        let shape = if transposed { vec![batch, self.n_heads, x.of_head] } else { vec![batch, y.each()] };
        Array { shape, data: output.finish() }
    }

    /// The gradient of the weight, from the values on its two sides.
    fn of_weight(&self, on_x: View, on_y: View, weight: View) -> Array {
        let [x, y] = self.sides(weight);
        let chunks = on_x.data.par_chunks(SEQUENCES * x.each()).zip(on_y.data.par_chunks(SEQUENCES * y.each()));
        let parts: Vec<Vec<f32>> = chunks
            .map(|(on_x, on_y)| {
                let mut part = vec![0.0; weight.data.len()];
                for head in 0..self.n_heads {
                    let into = (part.as_mut_slice(), y.head(head), Old::Replace);
                    let sizes = (x.of_head, on_x.len() / x.each(), y.of_head);
                    product(sizes, into, (on_x, x.head(head).transposed()), (on_y, y.head(head)), 1.0);
                }
                part
            })
            .collect();
        total(weight.shape, &parts)
    }
}
