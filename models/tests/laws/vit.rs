//! The Vision Transformer is timm's: same weights, same logits, same gradients. The fixture is made by
//! `tests/reference/vit_timm.py`.

use burn::tensor::{Tensor, TensorData};
use lookback_models::vit::{Pooling, Vit, VitConfig};
use lookback_models::{Io, ModelConfig, SequenceModel, init};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use crate::common::{B, alone, device, parameters, vec};

const FIXTURE: &[u8] = include_bytes!("../../../tests/reference/vit_timm.safetensors");
const IO: Io = Io::single(3, 5, 64);

/// What the fixture holds beside weights.
const REST: [&str; 4] = ["input", "logits", "weights", "gradient."];

fn config(pooling: Pooling) -> VitConfig {
    VitConfig { d_model: 12, n_layers: 2, n_heads: 3, d_ff: 24, pooling, ..VitConfig::default() }
}

fn model(config: &VitConfig) -> Vit<B> {
    config.init(IO, &mut init::rng(0), &device())
}

/// The tensors whose names begin with `prefix`, under what is left of their names.
fn file(prefix: &str) -> Vec<(String, TensorView<'static>)> {
    let all = SafeTensors::deserialize(FIXTURE).unwrap();
    let named = all.tensors().into_iter();
    named.filter_map(|(name, view)| Some((name.strip_prefix(prefix)?.to_owned(), view))).collect()
}

fn bytes(tensors: Vec<(String, TensorView<'static>)>) -> Vec<u8> {
    safetensors::serialize(tensors, None).unwrap()
}

fn weights(prefix: &str) -> Vec<(String, TensorView<'static>)> {
    let mut all = file(prefix);
    all.retain(|(name, _)| !name.starts_with("avg.") && !REST.iter().any(|other| name.starts_with(other)));
    all
}

fn values(name: &str) -> Vec<f32> {
    let all = SafeTensors::deserialize(FIXTURE).unwrap();
    let view = all.tensor(name).unwrap();
    view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn tensor<const D: usize>(name: &str, shape: [usize; D]) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values(name), shape), &device())
}

/// The images with channels last, as a sequence of pixels.
fn input() -> Tensor<B, 3> {
    tensor("input", [2, 3, 64]).swap_dims(1, 2)
}

#[test]
fn logits_are_those_of_timm() {
    for (pooling, prefix) in [(Pooling::Class, ""), (Pooling::Mean, "avg.")] {
        let model = model(&config(pooling)).load_timm(&bytes(weights(prefix))).unwrap();
        let logits = vec(&model.forward(input()));
        for (ours, theirs) in logits.iter().zip(values(&format!("{prefix}logits"))) {
            assert!((ours - f64::from(theirs)).abs() < 1e-5, "{prefix}: {ours} {theirs}");
        }
    }
}

#[test]
fn gradients_are_those_of_timm() {
    let _alone = alone();
    let config = config(Pooling::Class);
    let model = model(&config).load_timm(&bytes(weights(""))).unwrap();
    let gradients = (model.forward(input()).squeeze_dim::<2>(1) * tensor("weights", [2, 5])).sum().backward();
    // The gradients as if they were weights, so that names and layouts are mapped.
    let expected = self::model(&config).load_timm(&bytes(file("gradient."))).unwrap();
    for (ours, theirs) in parameters(&model, Some(&gradients)).iter().zip(parameters(&expected, None)) {
        let gradient = ours.gradient.as_ref().unwrap();
        let scale = theirs.values.iter().fold(1e-2, |scale: f64, value| scale.max(value.abs()));
        for (ours, theirs) in gradient.iter().zip(&theirs.values) {
            assert!((ours - theirs).abs() < 1e-4 * scale, "{ours} {theirs}");
        }
        assert_eq!(ours.path, theirs.path);
    }
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let message = |tensors, config: &VitConfig| model(config).load_timm(&bytes(tensors)).err().unwrap().chain();
    let config = config(Pooling::Class);
    let mut lacking = weights("");
    lacking.retain(|(name, _)| name != "head.bias");
    let lacks = message(lacking, &config);
    assert!(lacks.starts_with("The weights have no tensor `head.bias`: "), "{lacks}");
    assert_eq!(
        message(weights(""), &VitConfig { n_layers: 1, ..config.clone() }),
        "The weights have tensors that the model has no place for: blocks.1.attn.proj.bias, blocks.1.attn.proj.weight, \
         blocks.1.attn.qkv.bias, blocks.1.attn.qkv.weight, blocks.1.mlp.fc1.bias, blocks.1.mlp.fc1.weight, \
         blocks.1.mlp.fc2.bias, blocks.1.mlp.fc2.weight, blocks.1.norm1.bias, blocks.1.norm1.weight, \
         blocks.1.norm2.bias, blocks.1.norm2.weight."
    );
    assert_eq!(
        message(weights(""), &VitConfig { d_ff: 25, ..config.clone() }),
        "The tensor `blocks.0.mlp.fc1.weight` is F32 of shape [24, 12], but the model needs F32 of shape [25, 12]."
    );
    let error = model(&config).load_timm(b"nothing").err().unwrap().chain();
    assert!(error.starts_with("The weights are no safetensors file: "), "{error}");
}
