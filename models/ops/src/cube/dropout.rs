//! The product with a random mask, which is worked out where it is needed, in the backward pass once more.

use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeRuntime};
use cubecl::std::tensor::layout::linear::LinearView;
use cubecl::{calculate_cube_count_elemwise, prelude::*};

use super::{CubeOp, Pass, empty};
use crate::mask::{ALL, FACTORS, Mask, SHIFTS};

/// Elements of the input for each one of the mask: 1, or those of a sample.
#[derive(Debug, Clone)]
pub(crate) struct Dropout {
    pub mask: Mask,
    pub each: usize,
}

impl Dropout {
    fn times_mask<R: CubeRuntime>(&self, input: CubeTensor<R>) -> CubeTensor<R> {
        let output = empty(&input, input.meta.shape().clone());
        let units = output.meta.num_elements();
        let dim = CubeDim::new(&output.client, units);
        let Mask { keys, dropped } = self.mask;
        kernel::launch::<R>(
            &output.client,
            calculate_cube_count_elemwise(&output.client, units, dim),
            dim,
            input.into_linear_view(),
            output.clone().into_linear_view(),
            keys[0],
            keys[1],
            dropped,
            self.mask.scale(),
            self.each as u32,
        );
        output
    }
}

impl CubeOp<1> for Dropout {
    fn forward<R: CubeRuntime>(&self, [input]: [CubeTensor<R>; 1]) -> (CubeTensor<R>, Option<CubeTensor<R>>) {
        (self.times_mask(input), None)
    }

    fn backward<R: CubeRuntime, BT: BoolElement>(&self, pass: Pass<R, 1>) -> [Option<CubeTensor<R>>; 1] {
        [Some(self.times_mask(pass.gradient))]
    }
}

#[cube(launch)]
fn kernel(
    input: &LinearView<f32>,
    output: &mut LinearView<f32, ReadWrite>,
    first: u32,
    second: u32,
    dropped: u32,
    scale: f32,
    each: u32,
) {
    if output.is_in_bounds(ABSOLUTE_POS) {
        let place = (ABSOLUTE_POS as u32 / each) & ALL;
        let mixed = place ^ first;
        let mixed = mixed ^ (mixed >> comptime![SHIFTS[0]]);
        let mixed = ((mixed * comptime![FACTORS[0]]) & ALL) ^ second;
        let mixed = mixed ^ (mixed >> comptime![SHIFTS[1]]);
        let mixed = (mixed * comptime![FACTORS[1]]) & ALL;
        let mixed = mixed ^ (mixed >> comptime![SHIFTS[2]]);
        output[ABSOLUTE_POS] = select(mixed < dropped, f32::new(0.0), input[ABSOLUTE_POS] * scale);
    }
}
