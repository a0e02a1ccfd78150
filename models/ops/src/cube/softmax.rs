//! Softmax of scores that are scaled, biased and masked.

use burn::tensor::ops::FloatTensorOps;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeRuntime};
use cubecl::prelude::*;

use super::rows::{LANES, ROWS, Rows, planes, row_max, row_sum};
use super::{Cube, CubeOp, Pass};

/// `softmax(scale x + bias)` over the last dimension: inputs x `[.., heads, queries, keys]` and, for two, the bias
/// `[1 or heads, queries, keys]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Softmax {
    pub scale: f32,
    /// Whether later keys get nothing.
    pub causal: bool,
}

impl<const N: usize> CubeOp<N> for Softmax {
    fn forward<R: CubeRuntime>(&self, inputs: [CubeTensor<R>; N]) -> (CubeTensor<R>, Option<CubeTensor<R>>) {
        let mut inputs = inputs.map(Rows::of).into_iter();
        let scores = inputs.next().expect("there are scores");
        let queries = queries(&scores);
        let output = scores.empty_like();
        let bias = inputs.next();
        let biased = bias.is_some();
        let bias = bias.as_ref().unwrap_or(&scores);
        let (count, dim) = scores.launch();
        forward_kernel::launch::<R>(
            &scores.tensor.client,
            count,
            dim,
            scores.argument(),
            bias.argument(),
            output.argument(),
            scores.count as u32,
            scores.width as u32,
            scores.stride as u32,
            bias.count as u32,
            bias.stride as u32,
            output.stride as u32,
            queries as u32,
            self.scale,
            biased,
            self.causal,
            planes(&scores.tensor),
        );
        (output.tensor, None)
    }

    fn backward<R: CubeRuntime, BT: BoolElement>(&self, pass: Pass<R, N>) -> [Option<CubeTensor<R>>; N] {
        let (output, gradient) = (Rows::of(pass.output), Rows::of(pass.gradient));
        let into = output.empty_like();
        let (count, dim) = output.launch();
        backward_kernel::launch::<R>(
            &output.tensor.client,
            count,
            dim,
            output.argument(),
            gradient.argument(),
            into.argument(),
            output.count as u32,
            output.width as u32,
            output.stride as u32,
            gradient.stride as u32,
            into.stride as u32,
            planes(&output.tensor),
        );
        let mut unscaled = Some(into.tensor);
        let of_bias = pass.wanted.get(1).is_some_and(|wanted| *wanted).then(|| {
            let bias = pass.inputs[1].meta.shape().clone();
            summed::<R, BT>(unscaled.clone().expect("not yet taken"), &bias)
        });
        let mut of_bias = of_bias;
        std::array::from_fn(|index| match index {
            0 if pass.wanted[0] => {
                let gradient = unscaled.take().expect("taken once");
                Some(Cube::<R, BT>::float_mul_scalar(gradient, f64::from(self.scale).into()))
            }
            1 => of_bias.take(),
            _ => None,
        })
    }
}

/// The sum of `[.., heads, queries, keys]` over all that a bias of this shape is the same for.
fn summed<R: CubeRuntime, BT: BoolElement>(gradient: CubeTensor<R>, bias: &burn::tensor::Shape) -> CubeTensor<R> {
    let rows: usize = bias.num_elements();
    let all = gradient.meta.num_elements();
    let sum = Cube::<R, BT>::float_sum_dim(Cube::<R, BT>::float_reshape(gradient, [all / rows, rows].into()), 0);
    Cube::<R, BT>::float_reshape(sum, bias.clone())
}

fn queries<R: CubeRuntime>(scores: &Rows<R>) -> usize {
    let shape = scores.tensor.meta.shape();
    shape[shape.num_dims() - 2]
}

#[cube(launch)]
fn forward_kernel(
    scores: &Tensor<f32>,
    bias: &Tensor<f32>,
    output: &mut Tensor<f32>,
    rows: u32,
    width: u32,
    stride: u32,
    bias_rows: u32,
    bias_stride: u32,
    output_stride: u32,
    queries: u32,
    scale: f32,
    #[comptime] biased: bool,
    #[comptime] causal: bool,
    #[comptime] planes: bool,
) {
    let mut shared = SharedMemory::<f32>::new(comptime![(LANES * ROWS) as usize]);
    let row = CUBE_POS as u32 * ROWS + UNIT_POS_Y;
    let inside = row < rows;
    let row = select(inside, row, 0);
    let from = row as usize * stride as usize;
    let bias_from = (row % bias_rows) as usize * bias_stride as usize;
    let to = row as usize * output_stride as usize;
    let mut seen = width;
    if comptime![causal] {
        seen = min(row % queries + 1, width);
    }

    let mut largest = f32::new(-3.0e38);
    let mut key = UNIT_POS_X;
    while key < seen {
        let mut score = scores[from + key as usize] * scale;
        if comptime![biased] {
            score += bias[bias_from + key as usize];
        }
        largest = max(largest, score);
        key += LANES;
    }
    let largest = row_max(largest, &mut shared, planes);

    let mut sum = f32::new(0.0);
    let mut key = UNIT_POS_X;
    while key < seen {
        let mut score = scores[from + key as usize] * scale;
        if comptime![biased] {
            score += bias[bias_from + key as usize];
        }
        sum += (score - largest).exp();
        key += LANES;
    }
    let factor = f32::new(1.0) / row_sum(sum, &mut shared, planes);

    let mut key = UNIT_POS_X;
    while key < width {
        let mut weight = f32::new(0.0);
        if key < seen {
            let mut score = scores[from + key as usize] * scale;
            if comptime![biased] {
                score += bias[bias_from + key as usize];
            }
            weight = (score - largest).exp() * factor;
        }
        if inside {
            output[to + key as usize] = weight;
        }
        key += LANES;
    }
}

/// The gradient of what the softmax was taken of.
#[cube(launch)]
fn backward_kernel(
    output: &Tensor<f32>,
    gradient: &Tensor<f32>,
    into: &mut Tensor<f32>,
    rows: u32,
    width: u32,
    stride: u32,
    gradient_stride: u32,
    into_stride: u32,
    #[comptime] planes: bool,
) {
    let mut shared = SharedMemory::<f32>::new(comptime![(LANES * ROWS) as usize]);
    let row = CUBE_POS as u32 * ROWS + UNIT_POS_Y;
    let inside = row < rows;
    let row = select(inside, row, 0);
    let from = row as usize * stride as usize;
    let gradient_from = row as usize * gradient_stride as usize;
    let to = row as usize * into_stride as usize;

    let mut sum = f32::new(0.0);
    let mut key = UNIT_POS_X;
    while key < width {
        sum += output[from + key as usize] * gradient[gradient_from + key as usize];
        key += LANES;
    }
    let mean = row_sum(sum, &mut shared, planes);

    let mut key = UNIT_POS_X;
    while key < width {
        if inside {
            into[to + key as usize] = output[from + key as usize] * (gradient[gradient_from + key as usize] - mean);
        }
        key += LANES;
    }
}
