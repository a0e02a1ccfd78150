//! A backend whose tensors have shapes, but no values (PyTorch's device `meta`): a model's parameters are counted by building
//! the model itself, on any machine and without drawing a weight.

use std::any::TypeId;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::backend::ir::{OperationIr, TensorId, TensorIr};
use burn::backend::router::{BackendRouter, MultiBackendBridge, RouterTensor, RunnerChannel, RunnerClient};
use burn::tensor::backend::{Backend, DTypeUsage, DTypeUsageSet, Device, DeviceId, DeviceOps, ExecutionError};
use burn::tensor::{DType, Shape, TensorData};
use burn_autodiff::Autodiff;

/// The backend, with gradients as models ask for.
pub(crate) type Meta = Autodiff<BackendRouter<Nowhere>>;

/// Whether tensors of this backend have no values.
pub(crate) fn is_meta<B: Backend>() -> bool {
    TypeId::of::<B>() == TypeId::of::<Meta>()
}

/// The device, the channel to it, and the client, all of which do nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Nowhere;

impl Device for Nowhere {
    fn from_id(_: DeviceId) -> Self {
        Self
    }

    fn to_id(&self) -> DeviceId {
        DeviceId::new(0, 0)
    }
}

impl DeviceOps for Nowhere {}

impl RunnerClient for Nowhere {
    type Device = Self;

    fn register_op(&self, _: OperationIr) {}

    fn read_tensor_async(
        &self,
        tensor: TensorIr,
    ) -> Pin<Box<dyn Future<Output = Result<TensorData, ExecutionError>> + Send>> {
        Box::pin(async move { Ok(TensorData::full_dtype(tensor.shape, 0.0, tensor.dtype)) })
    }

    fn sync(&self) -> Result<(), ExecutionError> {
        Ok(())
    }

    fn create_empty_handle(&self) -> TensorId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        TensorId::new(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    fn register_tensor_data(&self, data: TensorData) -> RouterTensor<Self> {
        RouterTensor::new(self.create_empty_handle(), data.shape.clone(), data.dtype, *self)
    }

    fn device(&self) -> Self {
        *self
    }

    fn seed(&self, _: u64) {}

    fn dtype_usage(&self, _: DType) -> DTypeUsageSet {
        DTypeUsage::general()
    }
}

impl RunnerChannel for Nowhere {
    type Device = Self;
    type Bridge = Self;
    type Client = Self;
    type FloatElem = f32;
    type IntElem = i32;
    type BoolElem = bool;

    fn name(_: &Self) -> String {
        "meta".to_owned()
    }

    fn init_client(_: &Self) -> Self {
        Self
    }

    fn get_tensor_handle(_: &TensorIr, _: &Self) {}

    fn register_tensor(client: &Self, (): (), shape: Shape, dtype: DType) -> RouterTensor<Self> {
        RouterTensor::new(client.create_empty_handle(), shape, dtype, *client)
    }
}

impl MultiBackendBridge for Nowhere {
    type TensorHandle = ();
    type Device = Self;

    fn change_backend_float((): (), _: Shape, _: &Self) {}

    fn change_backend_int((): (), _: Shape, _: &Self) {}

    fn change_backend_bool((): (), _: Shape, _: &Self) {}
}
