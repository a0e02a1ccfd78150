use burn::tensor::{Tensor, backend::Backend};

/// Delays a sequence by `lag` steps, with zeros before its start: `output(t) = input(t - lag)`.
///
/// # Shapes
/// - input and output `[batch, length, channels]`
pub fn shift<B: Backend>(input: Tensor<B, 3>, lag: usize) -> Tensor<B, 3> {
    if lag == 0 {
        return input;
    }
    let [batch, length, channels] = input.dims();
    let lag = lag.min(length);
    let zeros = Tensor::zeros([batch, lag, channels], &input.device());
    if lag == length {
        return zeros;
    }
    Tensor::cat(vec![zeros, input.narrow(1, 0, length - lag)], 1)
}

/// Splits a sequence into its time steps: the way to step over time in a model of one's own, which [`scan`](super::scan)
/// does where each step needs the one before.
///
/// The backward pass of one slice allocates its whole source, so slicing step by step costs the square of
/// the length; halving recursively costs length times its logarithm.
///
/// # Shapes
/// - input `[batch, length, channels]`
/// - output: `length` tensors `[batch, channels]`
pub fn unbind<B: Backend>(input: Tensor<B, 3>) -> Vec<Tensor<B, 2>> {
    fn halve<B: Backend>(input: Tensor<B, 3>, steps: &mut Vec<Tensor<B, 2>>) {
        let [_, length, _] = input.dims();
        if length == 1 {
            steps.push(input.squeeze_dim(1));
            return;
        }
        let middle = length / 2;
        halve(input.clone().narrow(1, 0, middle), steps);
        halve(input.narrow(1, middle, length - middle), steps);
    }
    let mut steps = Vec::with_capacity(input.dims()[1]);
    halve(input, &mut steps);
    steps
}
