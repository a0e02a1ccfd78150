//! The pointwise nonlinearities that models choose from.

use burn::tensor::{Tensor, backend::Backend};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops;

/// A pointwise nonlinearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// The identity.
    None,
    /// `max(x, 0)`.
    #[default]
    Relu,
    /// `x Phi(x)` with the normal distribution function `Phi`, by the error function.
    Gelu,
}

impl Activation {
    /// Applies it to every element.
    pub fn apply<B: Backend, const D: usize>(self, input: Tensor<B, D>) -> Tensor<B, D> {
        match self {
            Self::None => input,
            Self::Relu => ops::relu(input),
            Self::Gelu => ops::gelu(input),
        }
    }
}
