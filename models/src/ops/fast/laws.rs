//! Each fast form equals its composed form: output and all gradients, on random shapes, each input contiguous or not.
//!
//! Fast forms exist in single precision alone, in which some results have fewer than 5 digits: gradients of states that
//! remember longer than the sequence (composed exponentials are then 4e-5 from double precision, fast ones 3e-6), sums
//! that cancel, GELUs far in the tail. Values that avoid these keep 2000 cases of each law within 8e-6, but for one
//! recurrent matrix of a single element (3e-5). Composed gradients are compared with finite differences in 64 bits in
//! `models/tests/laws_f64.rs`.

use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use burn::module::{Param, ParamId};
use burn::nn::{LayerNormConfig, Linear};
use burn::tensor::{Tensor, TensorData};
use burn_autodiff::Autodiff;
use burn_flex::{Flex, FlexDevice};
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rand::RngExt;

use crate::init::{self, InitRng};
use crate::ops::{self, Paired, ScoreBias, fast};
use crate::scan::scan;
use crate::stack::Block;
use crate::{gru::Gru, linear_rnn::LinearRnn, lstm::Lstm, tanh_rnn::TanhRnn};

type B = Autodiff<Flex>;

/// Lengths within and across the blocks of the fast forms (64) and of the composed ones (128).
const LENGTHS: RangeInclusive<usize> = 1..=150;

/// The sizes of one case.
struct Case {
    batch: usize,
    length: usize,
    width: usize,
    other: usize,
}

/// How an input lies in memory.
#[derive(Debug, Clone, Copy)]
enum Layout {
    Contiguous,
    /// The first and the last dimension swapped.
    Swapped,
    /// The middle of a larger tensor.
    Sliced,
}

/// One input of an operation.
#[derive(Clone)]
struct Input {
    /// All values in the order of memory, more than the input's own where it is a slice.
    stored: Tensor<B, 1>,
    shape: Vec<usize>,
    layout: Layout,
    /// Whether the gradient is 0 in exact arithmetic: what is left is rounding, to be seen beside other gradients.
    vanishes: bool,
}

impl Input {
    fn tensor<const D: usize>(&self) -> Tensor<B, D> {
        let shape: [usize; D] = self.shape.as_slice().try_into().expect("the rank that the law asks for");
        let stored = self.stored.clone();
        match self.layout {
            Layout::Contiguous => stored.reshape(shape),
            Layout::Swapped => {
                let mut swapped = shape;
                swapped.swap(0, D - 1);
                stored.reshape(swapped).swap_dims(0, D - 1)
            }
            Layout::Sliced => stored.reshape(shape.map(|size| size + 2)).slice(shape.map(|size| 1..size + 1)),
        }
    }

    fn vanishing_if(self, vanishes: bool) -> Self {
        Self { vanishes, ..self }
    }
}

/// The random values of a case.
struct Draw(InitRng);

impl Draw {
    /// An input of values `value(u)`, u uniform on [-1, 1).
    fn input(&mut self, shape: &[usize], value: impl Fn(f64) -> f64) -> Input {
        let layout = [Layout::Contiguous, Layout::Swapped, Layout::Sliced][self.0.random_range(0..3)];
        let margin = if matches!(layout, Layout::Sliced) { 2 } else { 0 };
        let stored = self.stored(shape.iter().map(|size| size + margin).product(), value);
        Input { stored, shape: shape.to_vec(), layout, vanishes: false }
    }

    fn stored(&mut self, count: usize, value: impl Fn(f64) -> f64) -> Tensor<B, 1> {
        let values: Vec<f64> = (0..count).map(|_| value(2.0 * self.0.random::<f64>() - 1.0)).collect();
        Tensor::from_data(TensorData::new(values, [count]), &FlexDevice)
    }

    /// Values of both signs around 0.3: their sums do not cancel.
    fn values(&mut self, shape: &[usize]) -> Input {
        self.input(shape, |u| u + 0.3)
    }

    /// A matrix by which states stay bounded.
    fn matrix(&mut self, shape: [usize; 2]) -> Input {
        self.input(&shape, |u| u / (shape[0] as f64).sqrt())
    }
}

/// Calls the law with corner cases, then with random ones: the same every time.
fn hold(lengths: RangeInclusive<usize>, law: impl Fn(Case, &mut Draw)) {
    // A backward pass of burn 0.21 can lose gradients of another thread's (burn issue 5573).
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let shortest = *lengths.start();
    // One of everything; one sequence; one step; more sequences and rows than one task takes.
    let corners = [(1, shortest, 1, 1), (1, *lengths.end(), 3, 2), (5, shortest, 7, 3), (34, 31.max(shortest), 3, 5)];
    for (seed, (batch, length, width, other)) in (0..16).zip(corners.into_iter().cycle()) {
        law(Case { batch, length, width, other }, &mut Draw(init::rng(seed)));
    }
    let sizes = (1..7usize, lengths, 1..34usize, 1..34usize, any::<u64>().no_shrink());
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let law = |(batch, length, width, other, seed)| {
        law(Case { batch, length, width, other }, &mut Draw(init::rng(seed)));
        Ok(())
    };
    runner.run(&sizes, law).unwrap_or_else(|failure| panic!("{failure}"));
}

/// The output, and the gradients of all inputs or of only one.
fn passes<const D: usize>(
    inputs: &[Input],
    op: &impl Fn(&[Input]) -> Tensor<B, D>,
    only: Option<usize>,
) -> Vec<Vec<f64>> {
    let wanted = |index| only.is_none_or(|only| only == index);
    let leaf = |(index, input): (usize, &Input)| {
        let stored = if wanted(index) { input.stored.clone().require_grad() } else { input.stored.clone() };
        Input { stored, ..input.clone() }
    };
    let leaves: Vec<Input> = inputs.iter().enumerate().map(leaf).collect();
    let output = op(&leaves);
    // The gradient that reaches the operation is not contiguous either.
    let swapped = output.clone().swap_dims(0, D - 1);
    let weights = Draw(init::rng(u64::MAX)).stored(swapped.shape().num_elements(), |u| u + 0.5).reshape(swapped.dims());
    let gradients = (swapped * weights).sum().backward();
    let values = |data: TensorData| data.convert::<f64>().to_vec().expect("64-bit values");
    // Nothing flows back to what the output does not depend on, as to a recurrent matrix at a single step.
    let of_leaf = |leaf: &Input| match leaf.stored.grad(&gradients) {
        Some(gradient) => values(gradient.into_data()),
        None => vec![0.0; leaf.stored.dims()[0]],
    };
    let wanted = leaves.iter().enumerate().filter(|(index, _)| wanted(*index));
    std::iter::once(values(output.into_data())).chain(wanted.map(|(_, leaf)| of_leaf(leaf))).collect()
}

/// The largest difference relative to the largest value of either, or to `least` where that is larger.
fn relative(left: &[f64], right: &[f64], least: f64) -> f64 {
    assert_eq!(left.len(), right.len());
    let scale = left.iter().chain(right).fold(least, |scale: f64, value| scale.max(value.abs()));
    let gaps = left.iter().zip(right).map(|(left, right)| (left - right).abs());
    // A NaN on either side must not look like agreement.
    let gap = gaps.fold(0.0, |worst: f64, gap| if gap <= worst { worst } else { gap });
    if gap == 0.0 { 0.0 } else { gap / scale }
}

/// Asserts that both forms of `op` give the same output and the same gradients of all inputs, each within 1e-5 of its
/// largest element.
fn agree<const D: usize>(inputs: &[Input], op: impl Fn(&[Input]) -> Tensor<B, D>) {
    assert!(fast::applies(&inputs[0].stored) && ops::composed(|| !fast::applies(&inputs[0].stored)));
    let fast = passes(inputs, &op, None);
    let composed = ops::composed(|| passes(inputs, &op, None));
    let shapes: Vec<_> = inputs.iter().map(|input| (&input.shape, input.layout)).collect();
    let largest = fast[1..].iter().flatten().fold(0.0, |largest: f64, slope| largest.max(slope.abs()));
    for (index, (fast, composed)) in fast.iter().zip(&composed).enumerate() {
        let vanishes = index > 0 && inputs[index - 1].vanishes;
        let distance = relative(fast, composed, if vanishes { largest } else { 0.0 });
        let what = if index == 0 { "the output".to_owned() } else { format!("the gradient of input {}", index - 1) };
        assert!(distance <= 1e-5, "{what} differs by {distance:e}; inputs {shapes:?}");
    }
    // Leaving out the gradients that nobody wants changes nothing.
    for index in 0..inputs.len() {
        let alone = passes(inputs, &op, Some(index));
        assert!(alone == [&fast[0][..], &fast[index + 1][..]], "input {index} alone has another gradient; {shapes:?}");
    }
}

/// A tensor of the graph as the parameter of a module.
fn param<const D: usize>(tensor: Tensor<B, D>) -> Param<Tensor<B, D>> {
    Param::initialized(ParamId::new(), tensor)
}

/// The weight and bias by which a recurrent block's input is its projected input.
fn identity(channels: usize) -> (Param<Tensor<B, 2>>, Param<Tensor<B, 1>>) {
    (param(Tensor::eye(channels, &FlexDevice)), param(Tensor::zeros([channels], &FlexDevice)))
}

#[test]
fn layouts_are_what_they_are_called() {
    let mut draw = Draw(init::rng(0));
    for input in (0..9).map(|_| draw.values(&[2, 3, 4])) {
        let contiguous = fast::erased(input.tensor::<3>()).primitive.is_contiguous();
        assert_eq!(contiguous, matches!(input.layout, Layout::Contiguous));
    }
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

#[test]
fn joined() {
    hold(LENGTHS, |Case { batch, length, width, other }, draw| {
        let (d_model, inner, outer): (usize, bool, bool) =
            (draw.0.random_range(1..=20), draw.0.random(), draw.0.random());
        let mut inputs =
            vec![draw.values(&[batch, length, width]), draw.matrix([width, d_model]), draw.matrix([d_model, other])];
        inputs.extend(inner.then(|| draw.values(&[d_model])));
        inputs.extend(outer.then(|| draw.values(&[other])));
        agree(&inputs, |x| {
            let map = Linear { weight: param(x[1].tensor()), bias: inner.then(|| param(x[3].tensor())) };
            ops::joined(&map, x[0].tensor(), x[2].tensor(), outer.then(|| x[x.len() - 1].tensor()))
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

/// The reference is a loop over the time steps: models that have no fast scan take a convolution.
#[test]
fn complex_scan() {
    hold(LENGTHS, |Case { batch, length, width: n, .. }, draw| {
        let inputs = [draw.values(&[batch, length, 2 * n]), draw.input(&[2, n], |u| 0.69 * u)];
        agree(&inputs, |x| {
            let (input, lambda) = (x[0].tensor::<3>(), x[1].tensor::<2>());
            ops::complex_scan(&input, &lambda).unwrap_or_else(|| {
                let parts = |of: &Tensor<B, 2>, dim, n| [of.clone().narrow(dim, 0, n), of.clone().narrow(dim, n, n)];
                let [re, im] = parts(&lambda, 0, 1);
                scan(input, Tensor::zeros([batch, 2 * n], &FlexDevice), |now, before| {
                    let [h_re, h_im] = parts(&before, 1, n);
                    let real = re.clone() * h_re.clone() - im.clone() * h_im.clone();
                    let imaginary = re.clone() * h_im + im.clone() * h_re;
                    let state = now + Tensor::cat(vec![real, imaginary], 1);
                    (state.clone(), state)
                })
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
    recurrence(4, |projected, recurrent| {
        ops::lstm(&projected, &recurrent).unwrap_or_else(|| {
            let (input, bias) = identity(projected.dims()[2]);
            Lstm { input, recurrent: param(recurrent), bias }.forward(projected)
        })
    });
}

#[test]
fn gru() {
    hold(LENGTHS, |Case { batch, length, width: n, .. }, draw| {
        let inputs = [draw.values(&[batch, length, 3 * n]), draw.matrix([n, 3 * n]), draw.values(&[n])];
        agree(&inputs, |x| {
            let (projected, recurrent, inside) = (x[0].tensor(), x[1].tensor(), x[2].tensor());
            ops::gru(&projected, &recurrent, &inside).unwrap_or_else(|| {
                let (input, bias) = identity(projected.dims()[2]);
                Gru { input, bias, recurrent: param(recurrent), recurrent_bias: param(inside) }.forward(projected)
            })
        });
    });
}

#[test]
fn tanh_rnn() {
    recurrence(1, |projected, recurrent| {
        ops::tanh_rnn(&projected, &recurrent).unwrap_or_else(|| {
            let (input, bias) = identity(projected.dims()[2]);
            TanhRnn { input, recurrent: param(recurrent), bias }.forward(projected)
        })
    });
}

#[test]
fn linear_rnn() {
    recurrence(1, |projected, recurrent| {
        ops::linear_rnn(&projected, &recurrent).unwrap_or_else(|| {
            let (input, _) = identity(projected.dims()[2]);
            LinearRnn { recurrent: param(recurrent), input }.forward(projected)
        })
    });
}
