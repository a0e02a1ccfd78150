use burn::nn::{LayerNorm, Linear};
use burn::tensor::{DType, FloatDType, Tensor, activation, backend::Backend, module};

use super::{cube_form, fast_form, is_on_host};

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
        let output = product(input.cast(dtype), weight.cast(dtype), None).cast(FloatDType::F32);
        return match bias {
            Some(bias) => output + bias.unsqueeze(),
            None => output,
        };
    }
    fast_form!(fast::linear::Linear, input, weight; bias);
    if weight.dims()[0] != 1 {
        return product(input, weight, bias);
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

fn product<B: Backend, const D: usize>(
    input: Tensor<B, D>,
    weight: Tensor<B, 2>,
    bias: Option<Tensor<B, 1>>,
) -> Tensor<B, D> {
    let mut shape = input.dims();
    let [batch, rows] = [D - 2, D - 1].map(|axes| shape[..axes].iter().product::<usize>());
    let parts = parts(rows);
    if is_on_host::<B>() || parts == batch {
        return module::linear(input, weight, bias);
    }
    let input = input.reshape([parts, rows / parts, shape[D - 1]]);
    shape[D - 1] = weight.dims()[1];
    module::linear(input, weight, bias).reshape(shape)
}

/// In how many products of equal size the gradient of a map's weights is worked out and summed, for an input of so many
/// rows. burn makes one per sample: of a ViT's 512 images a tensor of half a gigabyte for each map. One alone is too few:
/// its result is smaller than what a GPU works out at once.
fn parts(rows: usize) -> usize {
    [8, 4, 2].into_iter().find(|parts| rows.is_multiple_of(parts * 64)).unwrap_or(1)
}

/// A linear map as a module; see [`linear`].
pub fn map<B: Backend, const D: usize>(map: &Linear<B>, input: Tensor<B, D>) -> Tensor<B, D> {
    linear(input, map.weight.val(), map.bias.as_ref().map(|bias| bias.val()))
}

/// `x Phi(x)` of each element, with the normal distribution function Phi by the error function.
pub fn gelu<B: Backend, const D: usize>(input: Tensor<B, D>) -> Tensor<B, D> {
    fast_form!(fast::elementwise::Gelu, input);
    cube_form!(cube::gelu::Gelu, input);
    activation::gelu(input)
}

/// `max(x, 0)` of each element.
pub fn relu<B: Backend, const D: usize>(input: Tensor<B, D>) -> Tensor<B, D> {
    fast_form!(fast::elementwise::Relu, input);
    activation::relu(input)
}

/// `log(1 + e^x)` of each element, also where `e^x` is too large for a number.
pub fn softplus<B: Backend, const D: usize>(input: Tensor<B, D>) -> Tensor<B, D> {
    // The largest whole number whose exponential is finite. Beyond it the function is the identity.
    let largest = match input.dtype() {
        DType::F64 => 709.0,
        DType::F16 => 11.0,
        _ => 88.0,
    };
    let excess = input.clone() - largest;
    // A comparison with NaN is false, and NaN must stay.
    let beyond = excess.clone().mask_fill(excess.lower_equal_elem(0.0), 0.0);
    activation::softplus(input.clamp_max(largest), 1.0) + beyond
}

/// Layer normalisation over the last dimension, of a norm that was made with this `epsilon`, which burn keeps to itself.
pub fn layer_norm<B: Backend, const D: usize>(norm: &LayerNorm<B>, epsilon: f64, input: Tensor<B, D>) -> Tensor<B, D> {
    if let Some(beta) = &norm.beta {
        fast_form!(fast::layer_norm::LayerNorm { epsilon: epsilon as f32 }, input, norm.gamma.val(), beta.val());
        cube_form!(cube::layer_norm::LayerNorm { epsilon: epsilon as f32 }, input, norm.gamma.val(), beta.val());
        // Without fast forms nobody needs them.
        let _ = (epsilon, beta);
    }
    norm.forward(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate as ops;
    use burn_autodiff::Autodiff;
    use burn_flex::{Flex, FlexDevice};

    #[test]
    fn softplus_is_burn_s_where_that_is_finite_and_goes_on_beyond() {
        let all = [-1e30, -100.0, -20.0, -1.5, 0.0, 0.3, 17.0, 60.0, 88.0, 88.5, 89.0, 2e9, 1e30, f32::NAN];
        let values = |tensor: Tensor<Flex, 1>| tensor.into_data().to_vec::<f32>().unwrap();
        for composed in [false, true] {
            let input = Tensor::<Autodiff<Flex>, 1>::from_floats(all, &FlexDevice).require_grad();
            let output = if composed { ops::composed(|| softplus(input.clone())) } else { softplus(input.clone()) };
            let slopes = values(input.grad(&output.clone().sum().backward()).unwrap());
            let theirs = values(activation::softplus(input.clone(), 1.0).inner());
            for ((x, ours), (burn, slope)) in all.iter().zip(values(output.inner())).zip(theirs.into_iter().zip(slopes))
            {
                if x.is_nan() {
                    assert!(ours.is_nan());
                } else if burn.is_finite() {
                    assert_eq!(ours, burn, "{x}");
                } else {
                    assert_eq!((ours, slope), (*x, 1.0), "{x}");
                }
            }
        }
    }
}
