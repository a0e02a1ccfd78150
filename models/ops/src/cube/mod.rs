//! Operations as one GPU kernel each, with hand-written gradients, in CubeCL: the same source for wgpu, Vulkan, Metal, CUDA
//! and ROCm.
//!
//! Composed of burn's operations, a softmax is five kernels forward and thirteen backward, each of which reads and writes all
//! of its input; between matrix products a model waits for nothing but memory. A kernel here reads its inputs once and
//! writes its output.
//!
//! Functions generic over any `Backend` begin with `cube_form!`: it asks [`applies`] whether the backend is one of
//! burn-cubecl's (with or without gradients) in single precision. Adding one: implement [`CubeOp`], name it in the generic
//! function, and add a law to `tests/kernels.rs` of the workspace.

// A kernel takes what it needs of its tensors as numbers.
#![allow(clippy::too_many_arguments)]

pub(crate) mod dropout;
pub(crate) mod gelu;
pub(crate) mod layer_norm;
mod rows;
pub(crate) mod softmax;

use std::any::TypeId;
use std::fmt::Debug;
use std::marker::PhantomData;

use burn::tensor::backend::{Backend, BackendTypes};
use burn::tensor::{DType, Shape, Tensor, TensorPrimitive};
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime};

use crate::erased::cast;

/// An operation on `N` tensors with its gradient.
pub(crate) trait CubeOp<const N: usize>: Debug + Clone + Send + 'static {
    /// The output, and what the backward pass needs besides inputs and output.
    fn forward<R: CubeRuntime>(&self, inputs: [CubeTensor<R>; N]) -> (CubeTensor<R>, Option<CubeTensor<R>>);

    /// The gradients of the inputs that are wanted.
    fn backward<R: CubeRuntime, BT: BoolElement>(&self, pass: Pass<R, N>) -> [Option<CubeTensor<R>>; N];
}

/// What a backward pass is given.
pub(crate) struct Pass<R: CubeRuntime, const N: usize> {
    pub inputs: [CubeTensor<R>; N],
    pub output: CubeTensor<R>,
    pub kept: Option<CubeTensor<R>>,
    /// That of the output.
    pub gradient: CubeTensor<R>,
    /// Which inputs' gradients are asked for.
    pub wanted: [bool; N],
}

/// A backend of burn-cubecl in single precision.
type Cube<R, BT> = CubeBackend<R, f32, i32, BT>;

/// The primitive of a backend with gradients.
type Tracked<I> = <Autodiff<I> as BackendTypes>::FloatTensorPrimitive;

/// Calls `$call!` with the runtime and the type of booleans of each backend of this build.
macro_rules! with_runtimes {
    ($call:ident) => {
        #[cfg(feature = "wgpu")]
        {
            $call!(cubecl::wgpu::WgpuRuntime, u32);
            $call!(cubecl::wgpu::WgpuRuntime, u8);
        }
        #[cfg(feature = "cuda")]
        $call!(cubecl::cuda::CudaRuntime, u8);
        #[cfg(feature = "rocm")]
        $call!(cubecl::hip::HipRuntime, u8);
    };
}

/// Whether [`apply`] can be used on tensors of this backend and element type.
pub(crate) fn applies<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> bool {
    !crate::COMPOSED.get() && knows::<B>() && tensor.dtype() == DType::F32
}

/// Whether this is one of burn-cubecl's backends in single precision.
pub(crate) fn knows<B: Backend>() -> bool {
    let backend = TypeId::of::<B>();
    macro_rules! is_known {
        ($runtime:ty, $bool:ty) => {
            if backend == TypeId::of::<Cube<$runtime, $bool>>()
                || backend == TypeId::of::<Autodiff<Cube<$runtime, $bool>>>()
            {
                return true;
            }
        };
    }
    with_runtimes!(is_known);
    false
}

/// Carries out `op`. [`applies`] must hold for the inputs.
pub(crate) fn apply<B: Backend, O: CubeOp<N>, const N: usize, const D: usize>(
    op: O,
    inputs: [B::FloatTensorPrimitive; N],
) -> Tensor<B, D> {
    let backend = TypeId::of::<B>();
    macro_rules! carry_out {
        ($runtime:ty, $bool:ty) => {
            if backend == TypeId::of::<Cube<$runtime, $bool>>() {
                let (output, _) = op.forward::<$runtime>(inputs.map(cast));
                return Tensor::from_primitive(TensorPrimitive::Float(cast(output)));
            }
            if backend == TypeId::of::<Autodiff<Cube<$runtime, $bool>>>() {
                let output = tracked::<O, $runtime, $bool, N>(op, inputs.map(cast));
                return Tensor::from_primitive(TensorPrimitive::Float(cast(output)));
            }
        };
    }
    with_runtimes!(carry_out);
    unreachable!("the caller has asked whether the operation applies")
}

fn tracked<O: CubeOp<N>, R: CubeRuntime, BT: BoolElement, const N: usize>(
    op: O,
    inputs: [Tracked<Cube<R, BT>>; N],
) -> Tracked<Cube<R, BT>> {
    let nodes = inputs.each_ref().map(|input| input.node.clone());
    // Until the node is in the graph, a backward pass of another thread takes its parents for unused where nothing
    // else holds them (burn issue 5573).
    let _held = inputs.clone();
    let inputs = inputs.map(|input| input.primitive);
    match Step::<O, R, BT, N>(PhantomData).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::UnTracked(prep) => prep.finish(op.forward(inputs).0),
        OpsKind::Tracked(prep) => {
            let (output, kept) = op.forward(inputs.clone());
            prep.finish(State { op, inputs, output: output.clone(), kept }, output)
        }
    }
}

/// What the graph keeps for the backward pass.
#[derive(Debug, Clone)]
struct State<O, R: CubeRuntime, const N: usize> {
    op: O,
    inputs: [CubeTensor<R>; N],
    output: CubeTensor<R>,
    kept: Option<CubeTensor<R>>,
}

struct Step<O, R, BT, const N: usize>(PhantomData<(O, R, BT)>);

impl<O, R, BT, const N: usize> Debug for Step<O, R, BT, N> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", std::any::type_name::<O>())
    }
}

impl<O: CubeOp<N>, R: CubeRuntime, BT: BoolElement, const N: usize> Backward<Cube<R, BT>, N> for Step<O, R, BT, N> {
    type State = State<O, R, N>;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let State { op, inputs, output, kept } = ops.state;
        let gradient = grads.consume::<Cube<R, BT>>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let gradients = op.backward::<R, BT>(Pass { inputs, output, kept, gradient, wanted });
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(parent) = parent {
                grads.register::<Cube<R, BT>>(parent.id, gradient.expect("a wanted gradient is given"));
            }
        }
    }
}

/// A tensor without values, as the runtime lays it out.
fn empty<R: CubeRuntime>(like: &CubeTensor<R>, shape: Shape) -> CubeTensor<R> {
    burn_cubecl::ops::numeric::empty_device_dtype(like.client.clone(), like.device.clone(), shape, like.dtype)
}
