//! Layer normalisation over the last dimension.

use burn::tensor::ops::FloatTensorOps;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeRuntime};
use cubecl::prelude::*;

use super::rows::{LANES, ROWS, Rows, planes, row_sum};
use super::{Cube, CubeOp, Pass, empty};

/// `(x - mean) / sqrt(variance + epsilon) * gamma + beta`: inputs `[.., d]`, gamma `[d]`, beta `[d]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerNorm {
    pub epsilon: f32,
}

/// Parts in which the gradients of gamma and beta are summed.
const PARTS: usize = 256;

/// Columns that a cube sums.
const COLUMNS: u32 = 64;

impl CubeOp<3> for LayerNorm {
    /// Keeps the mean and the reciprocal standard deviation of each row, `[2 rows]`.
    fn forward<R: CubeRuntime>(&self, inputs: [CubeTensor<R>; 3]) -> (CubeTensor<R>, Option<CubeTensor<R>>) {
        let [input, gamma, beta] = inputs.map(Rows::of);
        let output = input.empty_like();
        let kept = empty(&input.tensor, [2 * input.count].into());
        let (count, dim) = input.launch();
        forward_kernel::launch::<R>(
            &input.tensor.client,
            count,
            dim,
            input.argument(),
            gamma.argument(),
            beta.argument(),
            output.argument(),
            kept.clone().into_tensor_arg(),
            input.count as u32,
            input.width as u32,
            input.stride as u32,
            output.stride as u32,
            self.epsilon,
            planes(&input.tensor),
        );
        (output.tensor, Some(kept))
    }

    fn backward<R: CubeRuntime, BT: BoolElement>(&self, pass: Pass<R, 3>) -> [Option<CubeTensor<R>>; 3] {
        let [input, gamma, _] = pass.inputs.map(Rows::of);
        let gradient = Rows::of(pass.gradient);
        let kept = pass.kept.expect("the forward pass keeps it");
        let of_input = pass.wanted[0].then(|| {
            let into = input.empty_like();
            let (count, dim) = input.launch();
            backward_kernel::launch::<R>(
                &input.tensor.client,
                count,
                dim,
                input.argument(),
                gamma.argument(),
                gradient.argument(),
                kept.clone().into_tensor_arg(),
                into.argument(),
                input.count as u32,
                input.width as u32,
                input.stride as u32,
                gradient.stride as u32,
                into.stride as u32,
                planes(&input.tensor),
            );
            into.tensor
        });
        let mut sums = [None, None];
        if pass.wanted[1] || pass.wanted[2] {
            let width = input.width;
            let rows_each = input.count.div_ceil(PARTS).max(1);
            let parts = input.count.div_ceil(rows_each);
            let into = empty(&input.tensor, [parts * 2 * width].into());
            sums_kernel::launch::<R>(
                &input.tensor.client,
                CubeCount::new_2d(width.div_ceil(COLUMNS as usize) as u32, parts as u32),
                CubeDim::new_1d(COLUMNS),
                input.argument(),
                gradient.argument(),
                kept.into_tensor_arg(),
                into.clone().into_tensor_arg(),
                input.count as u32,
                width as u32,
                input.stride as u32,
                gradient.stride as u32,
                rows_each as u32,
            );
            let into = Cube::<R, BT>::float_reshape(into, [parts, 2 * width].into());
            let sum = Cube::<R, BT>::float_reshape(Cube::<R, BT>::float_sum_dim(into, 0), [2, width].into());
            let of = |index: usize| {
                let row = Cube::<R, BT>::float_slice(sum.clone(), &[(index..index + 1).into(), (0..width).into()]);
                Cube::<R, BT>::float_reshape(row, [width].into())
            };
            sums = [Some(of(0)), Some(of(1))];
        }
        let [of_gamma, of_beta] = sums;
        [of_input, of_gamma, of_beta]
    }
}

#[cube(launch)]
fn forward_kernel(
    input: &Tensor<f32>,
    gamma: &Tensor<f32>,
    beta: &Tensor<f32>,
    output: &mut Tensor<f32>,
    kept: &mut Tensor<f32>,
    rows: u32,
    width: u32,
    stride: u32,
    output_stride: u32,
    epsilon: f32,
    #[comptime] planes: bool,
) {
    let mut shared = SharedMemory::<f32>::new(comptime![(LANES * ROWS) as usize]);
    let row = CUBE_POS as u32 * ROWS + UNIT_POS_Y;
    let inside = row < rows;
    let row = select(inside, row, 0);
    let from = row as usize * stride as usize;
    let to = row as usize * output_stride as usize;
    let size = f32::cast_from(width);

    let mut sum = f32::new(0.0);
    let mut column = UNIT_POS_X;
    while column < width {
        sum += input[from + column as usize];
        column += LANES;
    }
    let mean = row_sum(sum, &mut shared, planes) / size;

    let mut squares = f32::new(0.0);
    let mut column = UNIT_POS_X;
    while column < width {
        let apart = input[from + column as usize] - mean;
        squares += apart * apart;
        column += LANES;
    }
    let variance = row_sum(squares, &mut shared, planes) / size;
    let scale = f32::new(1.0) / (variance + epsilon).sqrt();

    if inside {
        let mut column = UNIT_POS_X;
        while column < width {
            let at = column as usize;
            output[to + at] = (input[from + at] - mean) * scale * gamma[at] + beta[at];
            column += LANES;
        }
        if UNIT_POS_X == 0 {
            kept[row as usize * 2] = mean;
            kept[row as usize * 2 + 1] = scale;
        }
    }
}

/// The gradient of the input.
#[cube(launch)]
fn backward_kernel(
    input: &Tensor<f32>,
    gamma: &Tensor<f32>,
    gradient: &Tensor<f32>,
    kept: &Tensor<f32>,
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
    let mean = kept[row as usize * 2];
    let scale = kept[row as usize * 2 + 1];
    let size = f32::cast_from(width);

    let mut sum = f32::new(0.0);
    let mut product = f32::new(0.0);
    let mut column = UNIT_POS_X;
    while column < width {
        let at = column as usize;
        let scaled = gradient[gradient_from + at] * gamma[at];
        sum += scaled;
        product += scaled * (input[from + at] - mean);
        column += LANES;
    }
    let sum = row_sum(sum, &mut shared, planes) / size;
    let product = row_sum(product, &mut shared, planes) * scale * scale / size;

    if inside {
        let mut column = UNIT_POS_X;
        while column < width {
            let at = column as usize;
            let scaled = gradient[gradient_from + at] * gamma[at];
            into[to + at] = scale * (scaled - sum - (input[from + at] - mean) * product);
            column += LANES;
        }
    }
}

/// Sums over some rows each of what the gradients of gamma and beta are sums of, `[parts, 2, width]`.
#[cube(launch)]
fn sums_kernel(
    input: &Tensor<f32>,
    gradient: &Tensor<f32>,
    kept: &Tensor<f32>,
    into: &mut Tensor<f32>,
    rows: u32,
    width: u32,
    stride: u32,
    gradient_stride: u32,
    rows_each: u32,
) {
    let column = CUBE_POS_X * CUBE_DIM_X + UNIT_POS_X;
    if column < width {
        let at = column as usize;
        let first = CUBE_POS_Y * rows_each;
        let end = min(first + rows_each, rows);
        let mut of_gamma = f32::new(0.0);
        let mut of_beta = f32::new(0.0);
        for row in first..end {
            let row = row as usize;
            let part = gradient[row * gradient_stride as usize + at];
            let mean = kept[row * 2];
            let scale = kept[row * 2 + 1];
            of_gamma += part * (input[row * stride as usize + at] - mean) * scale;
            of_beta += part;
        }
        let to = (CUBE_POS_Y * 2 * width) as usize + at;
        into[to] = of_gamma;
        into[to + width as usize] = of_beta;
    }
}
