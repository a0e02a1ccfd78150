//! Operations with hand-written gradients on contiguous slices, for burn-flex.
//!
//! Composed tensor operations lose most of their time on a CPU between matrix products: a graph node, an allocation
//! and a scalar loop for each small step. An operation here is one node, whose forward and backward passes are
//! loops that the compiler vectorises ([`simd`]) around matrix products ([`matmul`]).
//!
//! Models call them through functions generic over any `Backend`, which begin with `fast_form!`: it asks [`applies`]
//! whether the backend is burn-flex (with or without gradients) in single precision; what follows composes the same result
//! from burn's operations. Adding one: implement [`FastOp`], add it to the list of operations, name it in the generic
//! function, and add a law to [`laws`]. `models/tests/laws/fast.rs` compares both forms for every model of the registry.

pub(crate) mod attention;
pub(crate) mod by_head;
pub(crate) mod conv;
pub(crate) mod diagonal;
pub(crate) mod elementwise;
pub(crate) mod exponentials;
pub(crate) mod fourier;
#[cfg(test)]
mod laws;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod matmul;
pub(crate) mod pool;
pub(crate) mod recurrent;
pub(crate) mod simd;

use std::any::TypeId;
use std::fmt::Debug;
use std::marker::PhantomData;

use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor, TensorData, TensorPrimitive};
use burn_autodiff::Autodiff;
use burn_autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_flex::{Flex, FlexTensor};

use crate::erased::cast;

type AutodiffFlex = Autodiff<Flex>;
type AutodiffTensor = <AutodiffFlex as burn::tensor::backend::BackendTypes>::FloatTensorPrimitive;

/// Values in row-major order.
#[derive(Debug, Clone)]
pub(crate) struct Array {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

impl Array {
    pub fn zeros(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), data: vec![0.0; shape.iter().product()] }
    }
}

/// Values in row-major order, of a tensor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub shape: &'a [usize],
    pub data: &'a [f32],
}

impl<'a> View<'a> {
    fn of(tensor: &'a FlexTensor) -> Self {
        let start = tensor.layout().start_offset();
        let count = tensor.layout().num_elements();
        Self { shape: tensor.layout().shape(), data: &tensor.storage::<f32>()[start..start + count] }
    }

    /// The size of the last dimension.
    pub fn width(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }
}

/// An operation on `N` tensors with its gradient.
pub(crate) trait FastOp<const N: usize>: Debug + Clone + Send + 'static {
    /// What the backward pass needs besides inputs and output.
    type Kept: Debug + Clone + Send + 'static;

    /// The output, and what to keep.
    fn forward(&self, inputs: [View; N]) -> (Array, Self::Kept);

    /// The gradients of the inputs that are wanted.
    fn backward(&self, pass: Pass<Self::Kept, N>) -> [Option<Array>; N];
}

/// What a backward pass is given.
pub(crate) struct Pass<'a, K, const N: usize> {
    pub inputs: [View<'a>; N],
    pub output: View<'a>,
    pub kept: &'a K,
    /// That of the output.
    pub gradient: View<'a>,
    /// Which inputs' gradients are asked for.
    pub wanted: [bool; N],
}

/// The gradients of `N` inputs, by a function for the most inputs that the operation takes: absent ones are not wanted.
fn padded<const N: usize, const M: usize>(
    wanted: [bool; N],
    backward: impl FnOnce([bool; M]) -> [Option<Array>; M],
) -> [Option<Array>; N] {
    let mut all = backward(std::array::from_fn(|index| wanted.get(index) == Some(&true)));
    std::array::from_fn(|index| all[index].take())
}

/// A [`FastOp`] on burn-flex's tensors. The methods are not generic, so that each is compiled once, here.
pub(crate) trait Apply<const N: usize> {
    /// Without gradients.
    fn plain(self, inputs: [FlexTensor; N]) -> FlexTensor;

    /// With gradients.
    fn tracked(self, inputs: [AutodiffTensor; N]) -> AutodiffTensor;
}

macro_rules! operations {
    ($($op:ty, $n:literal;)*) => {$(
        impl Apply<$n> for $op {
            fn plain(self, inputs: [FlexTensor; $n]) -> FlexTensor {
                plain(self, inputs)
            }

            fn tracked(self, inputs: [AutodiffTensor; $n]) -> AutodiffTensor {
                tracked(self, inputs)
            }
        }
    )*};
}

// Every operation with its number of inputs.
operations! {
    attention::Attention, 3;
    attention::Attention, 4;
    by_head::HeadMap, 2;
    conv::CausalConv, 2;
    conv::DilatedConv, 3;
    diagonal::ComplexScan, 2;
    diagonal::SelectiveScan, 2;
    elementwise::Gelu, 1;
    elementwise::Relu, 1;
    exponentials::Exponentials, 2;
    exponentials::Exponentials, 4;
    layer_norm::LayerNorm, 3;
    linear::Linear, 2;
    linear::Linear, 3;
    pool::Pool, 2;
    pool::Pool, 3;
    recurrent::Scan<recurrent::GruCell>, 3;
    recurrent::Scan<recurrent::LinearCell>, 2;
    recurrent::Scan<recurrent::LstmCell>, 2;
    recurrent::Scan<recurrent::TanhCell>, 2;
}

/// Whether [`apply`] can be used on tensors of this backend and element type.
pub(crate) fn applies<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> bool {
    !super::COMPOSED.get() && knows::<B>() && tensor.dtype() == DType::F32
}

/// Whether this is a backend that has fast forms: its tensors are in the host's memory.
pub(crate) fn knows<B: Backend>() -> bool {
    let backend = TypeId::of::<B>();
    backend == TypeId::of::<Flex>() || backend == TypeId::of::<AutodiffFlex>()
}

/// Carries out `op`. [`applies`] must hold for the inputs.
pub(crate) fn apply<B: Backend, O: Apply<N>, const N: usize, const D: usize>(
    op: O,
    inputs: [B::FloatTensorPrimitive; N],
) -> Tensor<B, D> {
    let output = if TypeId::of::<B>() == TypeId::of::<Flex>() {
        cast(op.plain(inputs.map(cast)))
    } else {
        cast(op.tracked(inputs.map(cast)))
    };
    Tensor::from_primitive(TensorPrimitive::Float(output))
}

fn tensor(array: Array) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(array.data, array.shape))
}

fn plain<O: FastOp<N>, const N: usize>(op: O, inputs: [FlexTensor; N]) -> FlexTensor {
    let inputs = inputs.map(|input| input.to_contiguous());
    let (output, _) = op.forward(inputs.each_ref().map(View::of));
    tensor(output)
}

fn tracked<O: FastOp<N>, const N: usize>(op: O, inputs: [AutodiffTensor; N]) -> AutodiffTensor {
    let nodes = inputs.each_ref().map(|input| input.node.clone());
    // Until the node is in the graph, a backward pass of another thread takes its parents for unused where nothing
    // else holds them (burn issue 5573).
    let _held = inputs.clone();
    let inputs = inputs.map(|input| input.primitive.to_contiguous());
    match Step::<O, N>(PhantomData).prepare::<NoCheckpointing>(nodes).compute_bound().stateful() {
        OpsKind::UnTracked(prep) => {
            let (output, _) = op.forward(inputs.each_ref().map(View::of));
            prep.finish(tensor(output))
        }
        OpsKind::Tracked(prep) => {
            let (output, kept) = op.forward(inputs.each_ref().map(View::of));
            let output = tensor(output);
            prep.finish(State { op, inputs, output: output.clone(), kept }, output)
        }
    }
}

/// What the graph keeps for the backward pass.
#[derive(Debug, Clone)]
struct State<O, K, const N: usize> {
    op: O,
    inputs: [FlexTensor; N],
    output: FlexTensor,
    kept: K,
}

#[derive(Debug)]
struct Step<O, const N: usize>(PhantomData<O>);

impl<O: FastOp<N>, const N: usize> Backward<Flex, N> for Step<O, N> {
    type State = State<O, O::Kept, N>;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let State { op, inputs, output, kept } = ops.state;
        let gradient = grads.consume::<Flex>(&ops.node).to_contiguous();
        let gradients = op.backward(Pass {
            inputs: inputs.each_ref().map(View::of),
            output: View::of(&output),
            kept: &kept,
            gradient: View::of(&gradient),
            wanted: ops.parents.each_ref().map(Option::is_some),
        });
        for (parent, gradient) in ops.parents.into_iter().zip(gradients) {
            if let Some(parent) = parent {
                let gradient = gradient.expect("a wanted gradient is given");
                grads.register::<Flex>(parent.id, tensor(gradient));
            }
        }
    }
}
