use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use burn::tensor::backend::{Backend, DeviceId, DeviceOps};
use burn::tensor::{Int, Tensor};

type Key = (TypeId, DeviceId, usize);

static MADE: Mutex<Option<HashMap<Key, Box<dyn Any + Send>>>> = Mutex::new(None);

/// `0, 1, .., count - 1`, `[count]`; made once per device.
///
/// burn counts on the host and uploads the numbers, and an upload makes a GPU wait for what was asked of it before. What
/// needs many numbers makes them of few by broadcasting.
pub fn counting<B: Backend>(count: usize, device: &B::Device) -> Tensor<B, 1, Int> {
    let key = (TypeId::of::<B>(), device.id(), count);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let numbers = made
        .get_or_insert_default()
        .entry(key)
        .or_insert_with(|| Box::new(Tensor::<B, 1, Int>::arange(0..count as i64, device)));
    numbers.downcast_ref::<Tensor<B, 1, Int>>().expect("the key has the type of the backend").clone()
}
