//! Each fast form equals its composed form: output and all gradients, on random shapes, each input contiguous or not.
//!
//! Fast forms exist in single precision alone, in which some results have fewer than 5 digits: gradients of states that
//! remember longer than the sequence (composed exponentials are then 4e-5 from double precision, fast ones 3e-6), sums
//! that cancel, GELUs far in the tail. Values that avoid these keep 2000 cases of each law within 8e-6, but for one
//! recurrent matrix of a single element (3e-5). Composed gradients are compared with finite differences in 64 bits in
//! `models/tests/laws_f64.rs`.

mod operations;

use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use burn::tensor::{Tensor, TensorData};
use burn_autodiff::Autodiff;
use burn_flex::{Flex, FlexDevice};
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{self as ops, erased::erased, fast};

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
struct Draw(ChaCha8Rng);

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
        law(Case { batch, length, width, other }, &mut Draw(ChaCha8Rng::seed_from_u64(seed)));
    }
    let sizes = (1..7usize, lengths, 1..34usize, 1..34usize, any::<u64>().no_shrink());
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let law = |(batch, length, width, other, seed)| {
        law(Case { batch, length, width, other }, &mut Draw(ChaCha8Rng::seed_from_u64(seed)));
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
    let weights = Draw(ChaCha8Rng::seed_from_u64(u64::MAX))
        .stored(swapped.shape().num_elements(), |u| u + 0.5)
        .reshape(swapped.dims());
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

#[test]
fn layouts_are_what_they_are_called() {
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(0));
    for input in (0..9).map(|_| draw.values(&[2, 3, 4])) {
        let contiguous = erased(input.tensor::<3>()).primitive.is_contiguous();
        assert_eq!(contiguous, matches!(input.layout, Layout::Contiguous));
    }
}
