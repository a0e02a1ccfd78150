//! Tensors as rows of equal width in memory, and sums over a row by some units together.

use burn_cubecl::CubeRuntime;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::ir::features::Plane;
use cubecl::{calculate_cube_count_elemwise, prelude::*};

/// Units that work on one row together: a plane, where planes are so wide.
pub(super) const LANES: u32 = 32;

/// Rows of one cube.
pub(super) const ROWS: u32 = 8;

/// A tensor whose last dimension is dense and whose others follow each other at one distance.
pub(super) struct Rows<R: CubeRuntime> {
    pub tensor: CubeTensor<R>,
    pub count: usize,
    pub width: usize,
    /// From the start of one row to that of the next.
    pub stride: usize,
}

impl<R: CubeRuntime> Rows<R> {
    /// Copies a tensor that is laid out otherwise.
    pub fn of(tensor: CubeTensor<R>) -> Self {
        match stride(&tensor) {
            Some(stride) => Self::new(tensor, stride),
            None => {
                let tensor = into_contiguous(tensor);
                let width = tensor.meta.shape().last().copied().unwrap_or(1);
                Self::new(tensor, width)
            }
        }
    }

    /// One without values of the same shape.
    pub fn empty_like(&self) -> Self {
        Self::of(super::empty(&self.tensor, self.tensor.meta.shape().clone()))
    }

    fn new(tensor: CubeTensor<R>, stride: usize) -> Self {
        let width = tensor.meta.shape().last().copied().unwrap_or(1);
        let count = tensor.meta.num_elements() / width.max(1);
        Self { tensor, count, width, stride }
    }

    /// As an argument of a kernel.
    pub fn argument(&self) -> TensorArg<R> {
        self.tensor.clone().into_tensor_arg()
    }

    /// Cubes for all rows, and their shape.
    pub fn launch(&self) -> (CubeCount, CubeDim) {
        let dim = CubeDim::new_2d(LANES, ROWS);
        let units = self.count.next_multiple_of(ROWS as usize) * LANES as usize;
        (calculate_cube_count_elemwise(&self.tensor.client, units, dim), dim)
    }
}

/// The distance of rows, where there is one.
fn stride<R: CubeRuntime>(tensor: &CubeTensor<R>) -> Option<usize> {
    let (shape, strides) = (tensor.meta.shape(), tensor.meta.strides());
    let last = shape.num_dims().checked_sub(1)?;
    if shape[last] != 1 && strides[last] != 1 {
        return None;
    }
    let mut distance = None;
    let mut expected = 0;
    for axis in (0..last).rev().filter(|axis| shape[*axis] != 1) {
        match distance {
            None => distance = Some(strides[axis]),
            Some(_) if strides[axis] == expected => {}
            Some(_) => return None,
        }
        expected = strides[axis] * shape[axis];
    }
    Some(distance.unwrap_or(shape[last]))
}

/// Whether [`LANES`] units are a plane, which sums without shared memory.
pub(super) fn planes<R: CubeRuntime>(tensor: &CubeTensor<R>) -> bool {
    let properties = tensor.client.properties();
    let hardware = &properties.hardware;
    properties.features.plane.contains(Plane::Ops)
        && hardware.plane_size_min == LANES
        && hardware.plane_size_max == LANES
}

/// The sum over the units of a row, for each of them. All units of the cube must get here.
#[cube]
pub(super) fn row_sum(value: f32, shared: &mut SharedMemory<f32>, #[comptime] planes: bool) -> f32 {
    if comptime![planes] {
        plane_sum(value)
    } else {
        let here = UNIT_POS as usize;
        sync_cube();
        shared[here] = value;
        sync_cube();
        #[unroll]
        for level in 0..5u32 {
            let step = comptime![16u32 >> level];
            if UNIT_POS_X < step {
                shared[here] = shared[here] + shared[here + step as usize];
            }
            sync_cube();
        }
        shared[(UNIT_POS_Y * LANES) as usize]
    }
}

/// The largest value of the units of a row, for each of them. All units of the cube must get here.
#[cube]
pub(super) fn row_max(value: f32, shared: &mut SharedMemory<f32>, #[comptime] planes: bool) -> f32 {
    if comptime![planes] {
        plane_max(value)
    } else {
        let here = UNIT_POS as usize;
        sync_cube();
        shared[here] = value;
        sync_cube();
        #[unroll]
        for level in 0..5u32 {
            let step = comptime![16u32 >> level];
            if UNIT_POS_X < step {
                shared[here] = max(shared[here], shared[here + step as usize]);
            }
            sync_cube();
        }
        shared[(UNIT_POS_Y * LANES) as usize]
    }
}
