use burn::nn::{LayerNorm, Linear};
use burn::tensor::{FloatDType, Tensor, activation, backend::Backend, module};

#[cfg(feature = "flex")]
use super::fast;

/// What burn's layer norm adds to the variance unless told otherwise.
pub const EPSILON: f64 = 1e-5;

/// `input weight + bias` over all leading dimensions.
///
/// # Shapes
/// - input `[.., d_input]`, weight `[d_input, d_output]`, bias `[d_output]`
/// - output `[.., d_output]`
pub fn linear<B: Backend, const D: usize>(
    input: Tensor<B, D>,
    weight: Tensor<B, 2>,
    bias: Option<Tensor<B, 1>>,
) -> Tensor<B, D> {
    if let Some(dtype) = super::precision() {
        let output = module::linear(input.cast(dtype), weight.cast(dtype), None).cast(FloatDType::F32);
        return match bias {
            Some(bias) => output + bias.unsqueeze(),
            None => output,
        };
    }
    #[cfg(feature = "flex")]
    if fast::applies(&input) {
        let (input, weight) = (fast::erased(input), fast::erased(weight));
        return match bias {
            Some(bias) => fast::apply(fast::linear::Linear, [input, weight, fast::erased(bias)]),
            None => fast::apply(fast::linear::Linear, [input, weight]),
        };
    }
    if weight.dims()[0] != 1 {
        return module::linear(input, weight, bias);
    }
    // A product over one channel is a multiplication; cubecl 0.10 finds no kernel for one of a single output either.
    let mut shape = [1; D];
    shape[D - 1] = weight.dims()[1];
    let output = input * weight.reshape(shape);
    match bias {
        Some(bias) => output + bias.reshape(shape),
        None => output,
    }
}

/// A linear map as a module; see [`linear`].
pub fn map<B: Backend, const D: usize>(map: &Linear<B>, input: Tensor<B, D>) -> Tensor<B, D> {
    linear(input, map.weight.val(), map.bias.as_ref().map(|bias| bias.val()))
}

/// `linear(map(map, input), weight, bias)`: as one linear map where the channels between the two are more than those of
/// the input.
///
/// # Shapes
/// - input `[batch, length, d_input]`, weight `[d_model, d_output]`, bias `[d_output]`
/// - output `[batch, length, d_output]`
pub fn joined<B: Backend>(
    map: &Linear<B>,
    input: Tensor<B, 3>,
    weight: Tensor<B, 2>,
    bias: Option<Tensor<B, 1>>,
) -> Tensor<B, 3> {
    let [d_input, d_model] = map.weight.dims();
    if d_input >= d_model {
        return linear(self::map(map, input), weight, bias);
    }
    let bias = match &map.bias {
        Some(inner) => Some(linear(inner.val().unsqueeze::<2>(), weight.clone(), bias).squeeze_dim(0)),
        None => bias,
    };
    linear(input, linear(map.weight.val(), weight, None), bias)
}

/// `x Phi(x)` of each element, with the normal distribution function Phi by the error function.
pub fn gelu<B: Backend, const D: usize>(input: Tensor<B, D>) -> Tensor<B, D> {
    #[cfg(feature = "flex")]
    if fast::applies(&input) {
        return fast::apply(fast::elementwise::Gelu, [fast::erased(input)]);
    }
    activation::gelu(input)
}

/// `max(x, 0)` of each element.
pub fn relu<B: Backend, const D: usize>(input: Tensor<B, D>) -> Tensor<B, D> {
    #[cfg(feature = "flex")]
    if fast::applies(&input) {
        return fast::apply(fast::elementwise::Relu, [fast::erased(input)]);
    }
    activation::relu(input)
}

/// Layer normalisation over the last dimension, of a norm that was made with this `epsilon`, which burn keeps to itself.
pub fn layer_norm<B: Backend, const D: usize>(norm: &LayerNorm<B>, epsilon: f64, input: Tensor<B, D>) -> Tensor<B, D> {
    #[cfg(feature = "flex")]
    if let Some(beta) = norm.beta.as_ref().filter(|_| fast::applies(&input)) {
        let inputs = [fast::erased(input), fast::erased(norm.gamma.val()), fast::erased(beta.val())];
        return fast::apply(fast::layer_norm::LayerNorm { epsilon: epsilon as f32 }, inputs);
    }
    let _ = epsilon;
    norm.forward(input)
}
