//! `x Phi(x)`, with the normal distribution function Phi by the error function.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeRuntime};
use cubecl::std::tensor::layout::linear::LinearView;
use cubecl::{calculate_cube_count_elemwise, prelude::*};

use super::{CubeOp, Pass, empty};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Gelu;

const SQRT_HALF: f32 = FRAC_1_SQRT_2 as f32;

impl CubeOp<1> for Gelu {
    fn forward<R: CubeRuntime>(&self, [input]: [CubeTensor<R>; 1]) -> (CubeTensor<R>, Option<CubeTensor<R>>) {
        let output = empty(&input, input.meta.shape().clone());
        let units = output.meta.num_elements();
        let dim = CubeDim::new(&output.client, units);
        forward_kernel::launch::<R>(
            &output.client,
            calculate_cube_count_elemwise(&output.client, units, dim),
            dim,
            input.into_linear_view(),
            output.clone().into_linear_view(),
        );
        (output, None)
    }

    fn backward<R: CubeRuntime, BT: BoolElement>(&self, pass: Pass<R, 1>) -> [Option<CubeTensor<R>>; 1] {
        let [input] = pass.inputs;
        let into = empty(&input, input.meta.shape().clone());
        let units = into.meta.num_elements();
        let dim = CubeDim::new(&into.client, units);
        backward_kernel::launch::<R>(
            &into.client,
            calculate_cube_count_elemwise(&into.client, units, dim),
            dim,
            input.into_linear_view(),
            pass.gradient.into_linear_view(),
            into.clone().into_linear_view(),
            (1.0 / (2.0 * PI).sqrt()) as f32,
        );
        [Some(into)]
    }
}

#[cube]
fn phi(x: f32) -> f32 {
    f32::new(0.5) * (f32::new(1.0) + Erf::erf(x * f32::new(SQRT_HALF)))
}

#[cube(launch)]
fn forward_kernel(input: &LinearView<f32>, output: &mut LinearView<f32, ReadWrite>) {
    if output.is_in_bounds(ABSOLUTE_POS) {
        let x = input[ABSOLUTE_POS];
        output[ABSOLUTE_POS] = x * phi(x);
    }
}

#[cube(launch)]
fn backward_kernel(
    input: &LinearView<f32>,
    gradient: &LinearView<f32>,
    into: &mut LinearView<f32, ReadWrite>,
    density: f32,
) {
    if into.is_in_bounds(ABSOLUTE_POS) {
        let x = input[ABSOLUTE_POS];
        let slope = phi(x) + x * density * (f32::new(-0.5) * x * x).exp();
        into[ABSOLUTE_POS] = gradient[ABSOLUTE_POS] * slope;
    }
}
