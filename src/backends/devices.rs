//! The devices of the backends on this machine.

use lookback_registry::{Error, ErrorKind, Result};

use crate::backends::{BACKENDS, BackendKind, BackendTask, TrainBackend};

/// The devices of a backend on this machine, in the order of their numbers on the command line.
///
/// # Panics
/// Some runtimes do, where the machine has none.
pub fn machine_devices<B: TrainBackend>() -> Vec<B::Device> {
    B::listed().into_iter().map(|(device, _)| device).collect()
}

/// The one device of a backend for CPUs.
#[cfg(any(feature = "flex", feature = "ndarray", feature = "tch"))]
pub(crate) fn host<D: Default + std::fmt::Debug>() -> Vec<(D, String)> {
    let device = D::default();
    let name = format!("{device:?}");
    vec![(device, name)]
}

/// The devices of a backend that numbers them.
#[cfg(any(feature = "cuda", feature = "rocm"))]
pub(crate) fn numbered<B: TrainBackend>() -> Vec<(B::Device, String)> {
    use burn::tensor::backend::{Device, DeviceId};

    let device = |index| B::Device::from_id(DeviceId::new(0, index as u16));
    (0..B::device_count(0)).map(device).map(|device| (device.clone(), format!("{device:?}"))).collect()
}

/// The devices of these numbers; the default one for none.
///
/// # Errors
/// The machine has no device for this backend, or a number is not one of a device, or stands there twice.
pub(crate) fn choose_devices<B: TrainBackend>(numbers: &[usize]) -> Result<Vec<B::Device>> {
    if numbers.is_empty() {
        return Ok(vec![B::Device::default()]);
    }
    let devices = B::listed();
    if devices.is_empty() {
        return Err(B::KIND.without_device());
    }
    let mut chosen = Vec::with_capacity(numbers.len());
    for (place, number) in numbers.iter().enumerate() {
        let valid = || {
            let listed = devices.iter().enumerate().map(|(number, (_, name))| format!("{number} ({name})"));
            format!("one of the devices of this machine, each once: {}", listed.collect::<Vec<_>>().join(", "))
        };
        match devices.get(*number) {
            Some((device, _)) if !numbers[..place].contains(number) => chosen.push(device.clone()),
            _ => return Err(Error::invalid("device", number, valid())),
        }
    }
    Ok(chosen)
}

impl BackendKind {
    /// Checks that the machine has the devices of these numbers for this backend, or any where there are no numbers.
    ///
    /// # Errors
    /// The backend's runtime found none (says how to get one), or not these (lists those of the machine).
    pub fn check_devices(self, numbers: &[usize]) -> Result<()> {
        struct Touch<'a>(&'a [usize]);
        impl BackendTask for Touch<'_> {
            type Output = Result<()>;
            fn run<B: TrainBackend>(self, _device: B::Device) -> Result<()> {
                if B::listed().is_empty() {
                    return Err(B::KIND.without_device());
                }
                for device in choose_devices::<B>(self.0)? {
                    let sum = burn::tensor::Tensor::<B, 1>::ones([2], &device).sum();
                    let _ = sum.into_data();
                }
                Ok(())
            }
        }
        self.quietly(|| self.dispatch(Touch(numbers)))?
    }

    /// The names of the devices that the machine has for this backend, in the order of their numbers.
    ///
    /// # Errors
    /// The backend's runtime cannot be started.
    pub fn devices(self) -> Result<Vec<String>> {
        struct Names;
        impl BackendTask for Names {
            type Output = Vec<String>;
            fn run<B: TrainBackend>(self, _device: B::Device) -> Vec<String> {
                B::listed().into_iter().map(|(_, name)| name).collect()
            }
        }
        self.quietly(|| self.dispatch(Names))
    }

    /// `work`, whose panic means that there is no device: so GPU runtimes report it.
    fn quietly<T>(self, work: impl FnOnce() -> T + std::panic::UnwindSafe) -> Result<T> {
        if self.info().cpu {
            return Ok(work());
        }
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let done = std::panic::catch_unwind(work);
        std::panic::set_hook(hook);
        done.map_err(|_| self.without_device())
    }

    fn without_device(self) -> Error {
        let other =
            BACKENDS.all().into_iter().find(|other| other.compiled && other.cpu).map_or("flex", |other| other.name);
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "The backend `{}` finds no usable device on this machine. It needs {}; or use `--backend {other}`.",
                self.name(),
                self.info().needs,
            ),
        )
    }
}
