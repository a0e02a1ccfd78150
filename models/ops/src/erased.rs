//! Tensors of a backend that is known by its type only.

use std::any::Any;

use burn::tensor::{Tensor, backend::Backend};

/// A tensor without its rank.
pub(crate) fn erased<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> B::FloatTensorPrimitive {
    tensor.into_primitive().tensor()
}

/// A value as the type that it is known to have.
pub(crate) fn cast<A: 'static, Z: 'static>(value: A) -> Z {
    let mut slot = Some(value);
    let slot: &mut Option<Z> = (&mut slot as &mut dyn Any).downcast_mut().expect("the caller has compared the types");
    slot.take().expect("the slot was filled")
}
