//! The one place that names concrete backends.
//!
//! Each backend is a Cargo feature and one line of the list below. Everything else is generic over
//! [`TrainBackend`] and reaches a backend through [`BackendKind::dispatch`].
//!
//! `wgpu`, `vulkan` and `metal` are one runtime with three compilers, of WGSL, SPIR-V and MSL. The compiler is chosen
//! when the program is built: with `vulkan` or `metal` in a build, its `wgpu` compiles to SPIR-V or MSL too.

use burn::tensor::backend::{AutodiffBackend, BackendTypes};
use lookback_benchmarks::TrainingConfig;
use lookback_benchmarks::tasks::{TaskConfig, TaskOn};
use lookback_datasets::DataFolder;
use lookback_models::{Io, ModelConfig};
use lookback_registry::{Entry, Error, ErrorKind, Params, Registry, Result};
use serde::Serialize;

mod allocator;
mod builders;
pub(crate) mod devices;

pub use allocator::keep_memory;
use builders::Builder;
pub use builders::{add_model, add_task, build_model, task};
pub use devices::machine_devices;

use crate::learner::TrainState;

// Elsewhere burn takes the other graphics interface and compiles to WGSL without a word.
#[cfg(all(feature = "vulkan", target_os = "macos"))]
compile_error!("The feature `vulkan` is not for macOS, where GPUs are reached through Metal: take `metal` or `wgpu`.");
#[cfg(all(feature = "metal", not(target_os = "macos")))]
compile_error!("The feature `metal` is for macOS only: take `vulkan` or `wgpu`.");

/// The burn release that this crate is built on.
pub const BURN_VERSION: &str = "0.21.0";

/// What a model is built from.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Parameters of the model.
    pub params: &'a Params,
    /// The task's shape.
    pub io: Io,
    /// Seeds the initial weights.
    pub seed: u64,
    /// Says which optimiser steps it.
    pub training: &'a TrainingConfig,
}

/// An autodiff backend that this build can train on.
pub trait TrainBackend: AutodiffBackend {
    /// Which of the list it is.
    const KIND: BackendKind;

    /// Its devices on this machine with their names, in the order of their numbers on the command line.
    ///
    /// # Panics
    /// Some runtimes do, where the machine has none.
    fn listed() -> Vec<(Self::Device, String)>;

    /// Builds a model with its optimiser on this backend.
    ///
    /// # Errors
    /// Invalid parameters.
    fn model(model: &dyn BuildModel, request: Request<'_>, device: &Self::Device) -> Result<Box<dyn TrainState<Self>>>;

    /// Builds a task on this backend.
    ///
    /// # Errors
    /// Invalid parameters.
    fn task(task: &dyn BuildTask, params: &Params, data: &DataFolder) -> Result<Box<dyn TaskOn<Self>>>;
}

/// Work that is generic over the backend.
pub trait BackendTask {
    /// What it gives.
    type Output;

    /// Does the work on a backend's default device.
    fn run<B: TrainBackend>(self, device: B::Device) -> Self::Output;
}

/// A line of [`BACKENDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BackendInfo {
    /// The name on the command line; also the name of its Cargo feature.
    pub name: &'static str,
    /// What it runs on.
    pub summary: &'static str,
    /// Whether this build contains it.
    pub compiled: bool,
    /// Whether it runs on CPU cores, one run per core.
    pub cpu: bool,
    /// What the machine must have beside this program; nothing where empty.
    pub needs: &'static str,
}

impl Entry for BackendInfo {
    const KIND: &'static str = "backend";

    fn name(&self) -> &str {
        self.name
    }
}

macro_rules! backends {
    ($(
        $variant:ident, $method:ident, $feature:literal, $summary:literal, $backend:ty,
        $cpu:literal, $needs:literal, $devices:expr;
    )*) => {
        /// A backend of this build.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum BackendKind {
            $(
                #[doc = $summary]
                #[cfg(feature = $feature)]
                $variant,
            )*
        }

        /// The list of backends, compiled in or not; the first compiled one is the default.
        pub static BACKENDS: Registry<BackendInfo> = Registry::new(|| {
            vec![$(BackendInfo {
                name: $feature,
                summary: $summary,
                compiled: cfg!(feature = $feature),
                cpu: $cpu,
                needs: $needs,
            }),*]
        });

        impl BackendKind {
            /// The backend named `name`.
            ///
            /// # Errors
            /// The name is unknown, or this build does not contain it (says how to get it).
            pub fn parse(name: &str) -> Result<Self> {
                match name {
                    $(
                        #[cfg(feature = $feature)]
                        $feature => Ok(Self::$variant),
                        #[cfg(not(feature = $feature))]
                        $feature => Err(Error::new(ErrorKind::Unsupported, format!(
                            "This build does not contain the backend `{name}`. Build with `--features {name}`; compiled in: {}.",
                            compiled().join(", ")
                        ))),
                    )*
                    _ => Err(BACKENDS.get(name).expect_err("every backend has an arm above")),
                }
            }

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(
                        #[cfg(feature = $feature)]
                        Self::$variant => $feature,
                    )*
                }
            }

            /// Runs `task` on this backend's default device.
            pub fn dispatch<T: BackendTask>(self, task: T) -> T::Output {
                match self {
                    $(
                        #[cfg(feature = $feature)]
                        Self::$variant => task.run::<types::$variant>(Default::default()),
                    )*
                }
            }
        }

        /// The autodiff backends by the name of their [`BackendKind`].
        pub mod types {
            $(
                #[doc = $summary]
                #[cfg(feature = $feature)]
                pub type $variant = burn_autodiff::Autodiff<$backend>;
            )*
        }

        /// Builds a model on each backend of this build.
        pub trait BuildModel: Send + Sync {
            $(
                #[doc = "Builds the model with its optimiser on this backend."]
                #[doc = "# Errors"]
                #[doc = "Invalid parameters."]
                #[cfg(feature = $feature)]
                fn $method(
                    &self,
                    request: Request<'_>,
                    device: &<types::$variant as BackendTypes>::Device,
                ) -> Result<Box<dyn TrainState<types::$variant>>>;
            )*
        }

        /// Builds a task on each backend of this build.
        pub trait BuildTask: Send + Sync {
            $(
                #[doc = "Builds the task on this backend."]
                #[doc = "# Errors"]
                #[doc = "Invalid parameters."]
                #[cfg(feature = $feature)]
                fn $method(&self, params: &Params, data: &DataFolder) -> Result<Box<dyn TaskOn<types::$variant>>>;
            )*
        }

        impl<C: ModelConfig> BuildModel for Builder<C> {
            $(
                #[cfg(feature = $feature)]
                fn $method(
                    &self,
                    request: Request<'_>,
                    device: &<types::$variant as BackendTypes>::Device,
                ) -> Result<Box<dyn TrainState<types::$variant>>> {
                    self.model::<types::$variant>(request, device)
                }
            )*
        }

        impl<C: TaskConfig> BuildTask for Builder<C> {
            $(
                #[cfg(feature = $feature)]
                fn $method(&self, params: &Params, data: &DataFolder) -> Result<Box<dyn TaskOn<types::$variant>>> {
                    self.task::<types::$variant>(params, data)
                }
            )*
        }

        $(
            #[cfg(feature = $feature)]
            impl TrainBackend for types::$variant {
                const KIND: BackendKind = BackendKind::$variant;

                fn listed() -> Vec<(Self::Device, String)> {
                    $devices()
                }

                fn model(
                    model: &dyn BuildModel,
                    request: Request<'_>,
                    device: &Self::Device,
                ) -> Result<Box<dyn TrainState<Self>>> {
                    model.$method(request, device)
                }

                fn task(task: &dyn BuildTask, params: &Params, data: &DataFolder) -> Result<Box<dyn TaskOn<Self>>> {
                    task.$method(params, data)
                }
            }
        )*
    };
}

backends! {
    Flex, flex, "flex", "CPU, pure Rust (burn-flex).", burn_flex::Flex, true, "", devices::host;
    NdArray, ndarray, "ndarray", "CPU, on the ndarray crate (burn-ndarray).", burn_ndarray::NdArray, true, "",
        devices::host;
    Wgpu, wgpu, "wgpu", "Any GPU, shaders in WGSL (burn-wgpu).", burn_wgpu::Wgpu, false,
        "the GPU's driver for Vulkan (on macOS Metal), or a software driver (Mesa's, package mesa-vulkan-drivers of \
         Debian; not where `vulkan` is in the build)", adapters;
    Vulkan, vulkan, "vulkan", "Any GPU through Vulkan, shaders in SPIR-V (burn-wgpu).", burn_wgpu::Vulkan, false,
        "the GPU's driver for Vulkan; software drivers do not do", adapters;
    Metal, metal, "metal", "Apple's GPUs, shaders in MSL (burn-wgpu).", burn_wgpu::Metal, false,
        "macOS on a machine with Metal", adapters;
    Cuda, cuda, "cuda", "NVIDIA's GPUs (burn-cuda).", burn_cuda::Cuda, false,
        "NVIDIA's driver, and CUDA 12 or later with NVRTC", devices::numbered::<types::Cuda>;
    Rocm, rocm, "rocm", "AMD's GPUs (burn-rocm).", burn_rocm::Rocm, false,
        "AMD's driver and ROCm with HIP", rocm_devices;
    Tch, tch, "tch", "LibTorch on the CPU (burn-tch).", burn_tch::LibTorch, true, "LibTorch 2.9", devices::host;
}

/// The adapters that burn-wgpu reaches, by name: of the same graphics interface as its own, numbered as its own are.
#[cfg(any(feature = "wgpu", feature = "vulkan", feature = "metal"))]
fn adapters() -> Vec<(burn_wgpu::WgpuDevice, String)> {
    use burn_wgpu::WgpuDevice;
    use burn_wgpu::graphics::{AutoGraphicsApi, GraphicsApi};
    use wgpu::DeviceType;

    let backends = AutoGraphicsApi::backend().into();
    let descriptor = wgpu::InstanceDescriptor { backends, ..wgpu::InstanceDescriptor::new_without_display_handle() };
    let adapters = burn::tensor::read_sync(wgpu::Instance::new(descriptor).enumerate_adapters(backends));
    let device = |kind, index| match kind {
        DeviceType::DiscreteGpu => WgpuDevice::DiscreteGpu(index),
        DeviceType::IntegratedGpu => WgpuDevice::IntegratedGpu(index),
        DeviceType::VirtualGpu => WgpuDevice::VirtualGpu(index),
        DeviceType::Cpu => WgpuDevice::Cpu,
        DeviceType::Other => WgpuDevice::DefaultDevice,
    };
    // Software drivers crash on cubecl's SPIR-V.
    let software = (!cfg!(feature = "vulkan")).then_some(DeviceType::Cpu);
    let gpus = [DeviceType::DiscreteGpu, DeviceType::IntegratedGpu, DeviceType::VirtualGpu];
    let mut listed: Vec<(WgpuDevice, String)> = Vec::new();
    for kind in gpus.into_iter().chain(software).chain([DeviceType::Other]) {
        let of_kind = adapters.iter().map(wgpu::Adapter::get_info).filter(|info| info.device_type == kind);
        for (index, info) in of_kind.enumerate() {
            let device = device(kind, index);
            // Of the last two kinds, burn-wgpu knows one adapter each.
            if listed.iter().all(|(other, _)| *other != device) {
                let name = format!("{}, {device:?}", info.name);
                listed.push((device, name));
            }
        }
    }
    listed
}

/// The devices of ROCm, whose runtime ends the process where its libraries are missing.
#[cfg(feature = "rocm")]
fn rocm_devices() -> Vec<(burn_rocm::RocmDevice, String)> {
    if cubecl_hip_sys::is_available() { devices::numbered::<types::Rocm>() } else { Vec::new() }
}

/// The names of the backends of this build.
pub fn compiled() -> Vec<&'static str> {
    BACKENDS.all().into_iter().filter(|backend| backend.compiled).map(|backend| backend.name).collect()
}

impl BackendKind {
    /// Its line of [`BACKENDS`].
    pub fn info(self) -> BackendInfo {
        BACKENDS.get(self.name()).expect("every backend is listed")
    }

    /// The first backend of this build.
    ///
    /// # Errors
    /// The build contains none.
    pub fn first() -> Result<Self> {
        match compiled().first() {
            Some(name) => Self::parse(name),
            None => {
                let features: Vec<_> = BACKENDS.all().iter().map(|backend| backend.name).collect();
                let features = features.join(", ");
                Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("This build contains no backend. Build with one of the features {features}."),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burn_version_is_the_locked_one() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"burn\"\nversion = \"{BURN_VERSION}\"")));
    }

    #[test]
    fn unknown_backends_list_the_known_ones() {
        assert_eq!(
            BackendKind::parse("flx").unwrap_err().to_string(),
            "There is no backend named `flx`. Did you mean `flex`? Known: flex, tch, wgpu, cuda, rocm, vulkan, metal, ndarray."
        );
    }
}
