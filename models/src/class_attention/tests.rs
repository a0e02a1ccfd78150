//! The model against its formula, term by term.

use burn::tensor::TensorData;
use burn_autodiff::Autodiff;
use burn_flex::{Flex, FlexDevice};

use super::*;

type B = Autodiff<Flex>;

fn built(config: &ClassAttentionConfig, io: Io) -> ClassAttention<B> {
    config.validate(io).unwrap();
    config.init(io, &mut init::rng(1), &FlexDevice)
}

fn input(shape: [usize; 3]) -> Tensor<B, 3> {
    let mut rng = init::rng(2);
    let values = (0..shape.iter().product()).map(|_| init::standard_normal(&mut rng)).collect();
    Tensor::from_data(TensorData::new(values, shape), &FlexDevice)
}

fn values<const D: usize>(tensor: Tensor<B, D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// `x W + b` of one row.
fn mapped(map: &Linear<B>, row: &[f64]) -> Vec<f64> {
    let weight = values(map.weight.val());
    let width = map.weight.dims()[1];
    let bias = map.bias.as_ref().map_or(vec![0.0; width], |bias| values(bias.val()));
    (0..width)
        .map(|column| bias[column] + row.iter().enumerate().map(|(i, x)| x * weight[i * width + column]).sum::<f64>())
        .collect()
}

/// The formula of the module's documentation, token by token and head by head.
fn formula(model: &ClassAttention<B>, tokens: &[Vec<f64>], beta: f64, d_head: usize) -> (f64, Vec<Vec<f64>>) {
    let class_token = values(model.class_token.val());
    let encoded: Vec<Vec<f64>> = tokens
        .iter()
        .map(|token| {
            let hidden: Vec<f64> =
                mapped(&model.encoder_hidden, token).into_iter().map(|value| value.max(0.0)).collect();
            mapped(&model.encoder_output, &hidden)
        })
        .collect();
    let query = mapped(&model.query, &class_token);
    let group = query.len() / model.key.weight.dims()[1];
    let (mut heads, mut all_weights) = (Vec::new(), Vec::new());
    for head in 0..model.n_heads {
        let own = head * d_head..(head + 1) * d_head;
        let shared = head / group * d_head..(head / group + 1) * d_head;
        let scores = encoded.iter().map(|token| {
            let key = mapped(&model.key, token);
            let product: f64 = query[own.clone()].iter().zip(&key[shared.clone()]).map(|(q, k)| q * k).sum();
            (beta * product / (d_head as f64).sqrt()).exp()
        });
        let scores: Vec<f64> = scores.collect();
        let total: f64 = scores.iter().sum();
        let weights: Vec<f64> = scores.iter().map(|score| score / total).collect();
        for channel in shared {
            let of = |(weight, token): (&f64, &Vec<f64>)| weight * mapped(&model.value, token)[channel];
            heads.push(weights.iter().zip(&encoded).map(of).sum());
        }
        all_weights.push(weights);
    }
    let state: Vec<f64> =
        mapped(&model.output, &heads).iter().zip(&class_token).map(|(value, token)| value + token).collect();
    let hidden: Vec<f64> = values(ops::gelu(Tensor::<B, 1>::from_floats(
        mapped(&model.head[0], &state).iter().map(|value| *value as f32).collect::<Vec<_>>().as_slice(),
        &FlexDevice,
    )));
    (mapped(&model.head[1], &hidden)[0], all_weights)
}

#[test]
fn is_the_formula_of_the_paper_also_where_heads_share_keys() {
    let io = Io::single(3, 1, 5);
    for (n_kv_heads, beta) in [(None, 1.0), (Some(2), 3.0), (Some(1), 8.0)] {
        let config =
            ClassAttentionConfig { n_heads: 4, d_head: 2, d_hidden: 6, beta, n_kv_heads, ..Default::default() };
        let model = built(&config, io);
        let input = input([2, 5, 3]);
        let outputs = values(model.forward(input.clone()));
        let weights = values(model.attention(input.clone())[0].weights());
        for (sample, tokens) in values(input).chunks(15).enumerate() {
            let tokens: Vec<Vec<f64>> = tokens.chunks(3).map(<[f64]>::to_vec).collect();
            let (output, expected) = formula(&model, &tokens, beta, 2);
            assert!((outputs[sample] - output).abs() < 1e-5, "{n_kv_heads:?}: {} {output}", outputs[sample]);
            for (weight, expected) in weights[sample * 20..].iter().zip(expected.concat()) {
                assert!((weight - expected).abs() < 1e-5, "{n_kv_heads:?}");
            }
        }
    }
}

#[test]
fn only_positions_tell_tokens_of_another_order_apart() {
    let io = Io::single(2, 1, 6);
    for (positions, n_layers) in [(false, 1), (false, 2), (true, 1), (true, 2)] {
        let model = built(&ClassAttentionConfig { positions, n_layers, ..Default::default() }, io);
        let reversed = model.forward(input([3, 6, 2]).flip([1]));
        let gaps = values(model.forward(input([3, 6, 2])) - reversed);
        let largest = gaps.iter().fold(0.0, |largest: f64, gap| largest.max(gap.abs()));
        assert_eq!(largest > 1e-5, positions, "{largest} with {n_layers} layers");
    }
}
