//! The law of each operation.

use burn::module::{Param, ParamId};
use burn::nn::LayerNormConfig;
use burn::tensor::Tensor;
use burn_flex::FlexDevice;
use rand::RngExt;

use super::{B, Case, Input, LENGTHS, agree, hold};
use crate::{self as ops, Paired, ScoreBias, fast};

/// A tensor of the graph as the parameter of a module.
fn param<const D: usize>(tensor: Tensor<B, D>) -> Param<Tensor<B, D>> {
    Param::initialized(ParamId::new(), tensor)
}

#[test]
fn linear() {
    hold(LENGTHS, |Case { batch, length, width, other }, draw| {
        let inputs = [draw.values(&[batch, length, width]), draw.matrix([width, other]), draw.values(&[other])];
        agree(&inputs, |x| ops::linear(x[0].tensor::<3>(), x[1].tensor(), Some(x[2].tensor())));
        let inputs = [draw.values(&[batch * length, width]), draw.matrix([width, other])];
        agree(&inputs, |x| ops::linear(x[0].tensor::<2>(), x[1].tensor(), None));
    });
}

/// A map of a map, joined where that is less work, as at the start of a stack of blocks.
#[test]
fn joined_maps() {
    hold(LENGTHS, |Case { batch, length, width, other }, draw| {
        let (d_model, inner, outer): (usize, bool, bool) =
            (draw.0.random_range(1..=20), draw.0.random(), draw.0.random());
        let mut inputs =
            vec![draw.values(&[batch, length, width]), draw.matrix([width, d_model]), draw.matrix([d_model, other])];
        inputs.extend(inner.then(|| draw.values(&[d_model])));
        inputs.extend(outer.then(|| draw.values(&[other])));
        agree(&inputs, |x| {
            let (sequence, first, second) = (x[0].tensor::<3>(), x[1].tensor(), x[2].tensor());
            let inner = inner.then(|| x[3].tensor::<1>());
            let outer = outer.then(|| x[x.len() - 1].tensor());
            if width >= d_model {
                return ops::linear(ops::linear(sequence, first, inner), second, outer);
            }
            let bias = match inner {
                Some(inner) => Some(ops::linear(inner.unsqueeze::<2>(), second.clone(), outer).squeeze_dim(0)),
                None => outer,
            };
            ops::linear(sequence, ops::linear(first, second, None), bias)
        });
    });
}

#[test]
fn gelu() {
    hold(LENGTHS, |Case { batch, length, width, .. }, draw| {
        // In the lower tail and at the minimum all digits cancel, which shows where no other element is larger.
        let spread = if batch * length * width < 8 { 1.0 } else { 4.0 };
        let input = draw.input(&[batch, length, width], |u| spread * u + 0.5);
        agree(&[input], |x| ops::gelu(x[0].tensor::<3>()));
    });
}

#[test]
fn relu() {
    hold(LENGTHS, |Case { batch, length, width, .. }, draw| {
        agree(&[draw.values(&[batch, length, width])], |x| ops::relu(x[0].tensor::<3>()));
    });
}

#[test]
fn pool() {
    hold(LENGTHS, |Case { batch, length, width, other }, draw| {
        let sets = [1, batch][draw.0.random_range(0..2)];
        // The mean of a single token is the token.
        let queries = 1 + other % 7;
        let directions = draw.values(&[sets, queries, width]).vanishing_if(length == 1);
        let mut inputs = vec![draw.values(&[batch, length, width]), directions];
        if draw.0.random() {
            inputs.push(draw.values(&[queries, length]).vanishing_if(length == 1));
        }
        agree(&inputs, |x| ops::pool(x[0].tensor(), x[1].tensor(), x.get(2).map(Input::tensor)));
    });
}

#[test]
fn by_head() {
    hold(1..=20, |Case { batch, length, width, other }, draw| {
        // More sequences than one task takes, too.
        let (batch, n_heads, d_head) = (batch * length, 1 + width % 5, 1 + other % 7);
        let weight = draw.matrix([width, n_heads * d_head]);
        agree(&[draw.values(&[batch, n_heads, width]), weight.clone()], |x| {
            ops::head_values(x[0].tensor(), x[1].tensor())
        });
        agree(&[draw.values(&[batch, n_heads * d_head]), weight], |x| {
            ops::head_directions(x[0].tensor(), x[1].tensor(), n_heads)
        });
    });
}

#[test]
fn layer_norm() {
    hold(LENGTHS, |Case { batch, length, width, .. }, draw| {
        let epsilon = [ops::EPSILON, 1e-6][draw.0.random_range(0..2)];
        // Two channels are +1 and -1 after the norm, whatever they were, and the gradient is all cancellation, unless
        // they vary as little as the norm's epsilon.
        let spread = if width < 3 { epsilon.sqrt() } else { 1.0 };
        let input = draw.input(&[batch, length, width], |u| spread * (u + 0.3)).vanishing_if(width == 1);
        agree(&[input, draw.values(&[width]), draw.values(&[width])], |x| {
            let mut norm = LayerNormConfig::new(width).with_epsilon(epsilon).init(&FlexDevice);
            norm.gamma = param(x[1].tensor());
            norm.beta = Some(param(x[2].tensor()));
            ops::layer_norm(&norm, epsilon, x[0].tensor::<3>())
        });
    });
}

#[test]
fn attention() {
    hold(LENGTHS, |Case { batch, length, width, other }, draw| {
        let (n_heads, d_head) = (1 + other % 3, width.div_ceil(3));
        let (causal, by_heads) = (draw.0.random(), draw.0.random());
        let side = [batch, length, n_heads * d_head];
        let paired: &[usize] = if by_heads { &[batch, n_heads, length, d_head] } else { &side };
        // A single key has all the weight.
        let mut inputs = [paired; 2].map(|shape| draw.values(shape).vanishing_if(length == 1)).to_vec();
        inputs.push(draw.values(&side));
        let bias_heads = [0, 1, n_heads][draw.0.random_range(0..3)];
        if bias_heads > 0 {
            inputs.push(draw.values(&[bias_heads, length, length]).vanishing_if(length == 1));
        }
        agree(&inputs, |x| {
            let pair = match by_heads {
                true => Paired::ByHeads([x[0].tensor(), x[1].tensor()]),
                false => Paired::BySteps([x[0].tensor(), x[1].tensor()]),
            };
            let later = Tensor::<B, 2>::ones([length, length], &FlexDevice).triu(1);
            let mask = later * if causal { ops::FORBIDDEN } else { 0.0 };
            let values = x.get(3).map(|bias| ops::add_trailing(bias.tensor::<3>(), mask));
            ops::attention(pair, x[2].tensor(), &ScoreBias { values, causal }, n_heads)
        });
    });
}

/// By products with Toeplitz matrices, and by Fourier transforms.
#[test]
fn causal_conv() {
    for lengths in [LENGTHS, 257..=400] {
        hold(lengths, |Case { batch, length, width, .. }, draw| {
            let inputs = [draw.values(&[batch, length, width]), draw.values(&[width, length])];
            agree(&inputs, |x| ops::causal_conv(x[0].tensor(), x[1].tensor()));
        });
    }
}

#[test]
fn dilated_conv() {
    hold(LENGTHS, |Case { batch, length, width, other }, draw| {
        let (taps, dilation) = (draw.0.random_range(1..=4), draw.0.random_range(1..=60));
        let inputs = [draw.values(&[batch, length, width]), draw.matrix([taps * width, other]), draw.values(&[other])];
        agree(&inputs, |x| ops::dilated_conv(x[0].tensor(), x[1].tensor(), x[2].tensor(), dilation));
    });
}

#[test]
fn real_exponentials() {
    hold(LENGTHS, |Case { length, width, other, .. }, draw| {
        let inputs = [draw.values(&[width, other]), draw.input(&[width, other], |u| -0.5 * (u + 1.01))];
        agree(&inputs, |x| ops::real_exponentials(x[0].tensor(), x[1].tensor(), length));
    });
}

#[test]
fn complex_exponentials() {
    hold(LENGTHS, |Case { length, width, other, .. }, draw| {
        let shape = [width, other];
        let decay = draw.input(&shape, |u| -0.5 * (u + 1.1));
        let inputs = [draw.values(&shape), draw.values(&shape), decay, draw.input(&shape, |u| 3.2 * u)];
        agree(&inputs, |x| {
            ops::complex_exponentials([x[0].tensor(), x[1].tensor()], [x[2].tensor(), x[3].tensor()], length)
        });
    });
}

/// The composed form, and a loop over the time steps.
#[test]
fn diagonal_scan() {
    hold(LENGTHS, |Case { batch, length, width: n, .. }, draw| {
        let inputs =
            [draw.values(&[batch, length, 2 * n]), draw.input(&[n], |u| 0.69 * u), draw.input(&[n], |u| 0.69 * u)];
        agree(&inputs, |x| ops::diagonal_scan(x[0].tensor(), x[1].tensor(), Some(x[2].tensor())));
        agree(&inputs, |x| {
            let (input, re, im) = (x[0].tensor::<3>(), x[1].tensor::<1>(), x[2].tensor::<1>());
            if fast::applies(&input) {
                return ops::diagonal_scan(input, re, Some(im));
            }
            let [re, im] = [re, im].map(|part| part.unsqueeze::<2>());
            ops::scan(input, Tensor::zeros([batch, 2 * n], &FlexDevice), |now, before| {
                let [h_re, h_im] = [0, n].map(|from| before.clone().narrow(1, from, n));
                let real = re.clone() * h_re.clone() - im.clone() * h_im.clone();
                let imaginary = re.clone() * h_im + im.clone() * h_re;
                let state = now + Tensor::cat(vec![real, imaginary], 1);
                (state.clone(), state)
            })
        });
        let inputs = [draw.values(&[batch, length, n]), draw.input(&[n], |u| 0.9 * u)];
        agree(&inputs, |x| ops::diagonal_scan(x[0].tensor(), x[1].tensor(), None));
    });
}

/// The composed form, and a loop over the time steps.
#[test]
fn selective_scan() {
    hold(LENGTHS, |Case { batch, length, width, .. }, draw| {
        let shape = [batch, length, width];
        let inputs = [draw.input(&shape, |u| 0.5 + 0.45 * u), draw.values(&shape)];
        agree(&inputs, |x| ops::selective_scan(x[0].tensor(), x[1].tensor()));
        agree(&inputs, |x| {
            let (decay, input) = (x[0].tensor::<3>(), x[1].tensor::<3>());
            if fast::applies(&input) {
                return ops::selective_scan(decay, input);
            }
            let pairs = Tensor::cat(vec![decay, input], 2);
            ops::scan(pairs, Tensor::zeros([batch, width], &FlexDevice), |pair, before| {
                let [decay, input] = [0, width].map(|from| pair.clone().narrow(1, from, width));
                let state = decay * before + input;
                (state.clone(), state)
            })
        });
    });
}

/// The law of a recurrence from a projected input of `gates` times the hidden size.
fn recurrence(gates: usize, op: impl Fn(Tensor<B, 3>, Tensor<B, 2>) -> Tensor<B, 3>) {
    hold(LENGTHS, |Case { batch, length, width: n, .. }, draw| {
        let inputs = [draw.values(&[batch, length, gates * n]), draw.matrix([n, gates * n])];
        agree(&inputs, |x| op(x[0].tensor(), x[1].tensor()));
    });
}

#[test]
fn lstm() {
    recurrence(4, ops::lstm);
}

#[test]
fn gru() {
    hold(LENGTHS, |Case { batch, length, width: n, .. }, draw| {
        let inputs = [draw.values(&[batch, length, 3 * n]), draw.matrix([n, 3 * n]), draw.values(&[n])];
        agree(&inputs, |x| ops::gru(x[0].tensor(), x[1].tensor(), x[2].tensor()));
    });
}

#[test]
fn tanh_rnn() {
    recurrence(1, ops::tanh_rnn);
}

#[test]
fn linear_rnn() {
    recurrence(1, ops::linear_rnn);
}
