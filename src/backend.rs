//! The one place that names concrete backends.
//!
//! Each backend is a Cargo feature and one line of the list below. Everything else is generic over
//! [`Hosted`] and reaches a backend through [`BackendKind::dispatch`].

use burn::tensor::backend::{AutodiffBackend, BackendTypes};
use lookback_benchmarks::TrainingConfig;
use lookback_models::{Io, ModelConfig};
use lookback_registry::{Error, Params, Result, unknown_name};
use serde::Serialize;

use crate::model_list::Builder;
use crate::trainee::Trainee;

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
pub trait Hosted: AutodiffBackend {
    /// Builds a model with its optimiser on this backend.
    ///
    /// # Errors
    /// Invalid parameters.
    fn trainee(
        model: &dyn BuildEverywhere,
        request: Request<'_>,
        device: &Self::Device,
    ) -> Result<Box<dyn Trainee<Self>>>;
}

/// Work that is generic over the backend.
pub trait BackendTask {
    /// What it gives.
    type Output;

    /// Does the work on a backend's default device.
    fn run<B: Hosted>(self, device: B::Device) -> Self::Output;
}

/// A backend that lookback knows of.
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
}

macro_rules! backends {
    ($($variant:ident, $method:ident, $feature:literal, $cpu:literal, $summary:literal, $backend:ty;)*) => {
        /// A backend of this build.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum BackendKind {
            $(
                #[doc = $summary]
                #[cfg(feature = $feature)]
                $variant,
            )*
        }

        /// All backends that lookback knows of, compiled in or not; the first compiled one is the default.
        pub fn backends() -> Vec<BackendInfo> {
            vec![$(BackendInfo {
                name: $feature,
                summary: $summary,
                compiled: cfg!(feature = $feature),
                cpu: $cpu,
            }),*]
        }

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
                        $feature => Err(Error::new(format!(
                            "This build does not contain the backend `{name}`. Build with `--features {name}`; compiled in: {}.",
                            compiled().join(", ")
                        ))),
                    )*
                    _ => Err(unknown_name("backend", name, backends().iter().map(|backend| backend.name))),
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
        pub trait BuildEverywhere {
            $(
                #[doc = "Builds the model with its optimiser on this backend."]
                #[doc = "# Errors"]
                #[doc = "Invalid parameters."]
                #[cfg(feature = $feature)]
                fn $method(
                    &self,
                    request: Request<'_>,
                    device: &<types::$variant as BackendTypes>::Device,
                ) -> Result<Box<dyn Trainee<types::$variant>>>;
            )*
        }

        impl<C: ModelConfig> BuildEverywhere for Builder<C> {
            $(
                #[cfg(feature = $feature)]
                fn $method(
                    &self,
                    request: Request<'_>,
                    device: &<types::$variant as BackendTypes>::Device,
                ) -> Result<Box<dyn Trainee<types::$variant>>> {
                    self.build::<types::$variant>(request, device)
                }
            )*
        }

        $(
            #[cfg(feature = $feature)]
            impl Hosted for types::$variant {
                fn trainee(
                    model: &dyn BuildEverywhere,
                    request: Request<'_>,
                    device: &Self::Device,
                ) -> Result<Box<dyn Trainee<Self>>> {
                    model.$method(request, device)
                }
            }
        )*
    };
}

backends! {
    Flex, flex, "flex", true, "CPU, pure Rust (burn-flex).", burn_flex::Flex;
    NdArray, ndarray, "ndarray", true, "CPU, on the ndarray crate (burn-ndarray).", burn_ndarray::NdArray;
    Wgpu, wgpu, "wgpu", false, "Any GPU through WebGPU (burn-wgpu).", burn_wgpu::Wgpu;
    Cuda, cuda, "cuda", false, "NVIDIA GPUs (burn-cuda).", burn_cuda::Cuda;
    Tch, tch, "tch", true, "LibTorch on the CPU (burn-tch).", burn_tch::LibTorch;
}

/// The names of the backends of this build.
pub fn compiled() -> Vec<&'static str> {
    backends().into_iter().filter(|backend| backend.compiled).map(|backend| backend.name).collect()
}

impl BackendKind {
    /// What is known of it.
    pub fn info(self) -> BackendInfo {
        backends().into_iter().find(|backend| backend.name == self.name()).expect("every backend is listed")
    }

    /// The first backend of this build.
    ///
    /// # Errors
    /// The build contains none.
    pub fn first() -> Result<Self> {
        match compiled().first() {
            Some(name) => Self::parse(name),
            None => Err(Error::new(
                "This build contains no backend. Build with one of the features flex, ndarray, wgpu, cuda, tch.",
            )),
        }
    }

    /// Checks that the machine has a device for this backend.
    ///
    /// # Errors
    /// The backend's runtime found none.
    pub fn check_device(self) -> Result<()> {
        struct Touch;
        impl BackendTask for Touch {
            type Output = ();
            fn run<B: Hosted>(self, device: B::Device) {
                let sum = burn::tensor::Tensor::<B, 1>::ones([2], &device).sum();
                let _ = sum.into_data();
            }
        }
        if self.info().cpu {
            return Ok(());
        }
        // GPU runtimes report a missing adapter by panicking.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let touched = std::panic::catch_unwind(|| self.dispatch(Touch));
        std::panic::set_hook(hook);
        touched.map_err(|_| {
            Error::new(format!(
                "The backend `{}` finds no usable device on this machine. Install the GPU's driver (for a software \
                 renderer: Mesa's Vulkan drivers), or use `--backend {}`.",
                self.name(),
                Self::first().map_or("flex", Self::name)
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burn_version_is_the_locked_one() {
        let lock = include_str!("../Cargo.lock");
        assert!(lock.contains(&format!("name = \"burn\"\nversion = \"{BURN_VERSION}\"")));
    }

    #[test]
    fn unknown_backends_list_the_known_ones() {
        assert_eq!(
            BackendKind::parse("flx").unwrap_err().to_string(),
            "There is no backend named `flx`. Did you mean `flex`? Known: flex, tch, wgpu, cuda, ndarray."
        );
    }
}
