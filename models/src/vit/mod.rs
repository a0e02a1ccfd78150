//! The Vision Transformer
//!
//! An image, read as a sequence of pixels, is cut into square patches; each patch is mapped to a token, positions are
//! added, [`Encoder`] blocks mix the tokens, and one of them (the class token) or their mean is normalised and mapped
//! to the output.
//!
//! Source: Dosovitskiy et al., "An image is worth 16x16 words: Transformers for image recognition at scale", 2021,
//! <https://arxiv.org/abs/2010.11929>. Names of parameters and initial weights follow timm's `VisionTransformer`,
//! whose weights [`Vit::load_timm`] reads.

mod timm;

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{
    Tensor, TensorData,
    backend::{AutodiffBackend, Backend},
};
use lookback_registry::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::activation::Activation;
use crate::attention::{Attended, AttentionBias, AttentionConfig, check_heads};
use crate::encoder::{Drops, Encoder, EncoderConfig};
use crate::init::{self, InitRng, Weights};
use crate::model::{Io, ModelConfig, ModelInfo, SequenceModel};
use crate::noise::Noise;
use crate::ops::{self, ScoreBias};
use crate::position::sinusoids;
use crate::stack::Norm;

/// What timm's norms add to the variance.
const EPSILON: f64 = 1e-6;
/// The standard deviation of initial weights and positions.
const STD: f64 = 0.02;

/// Which token becomes the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// A trainable token in front of the patches.
    #[default]
    Class,
    /// The mean over all patches, without a class token.
    Mean,
}

/// What tells a patch's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PatchPosition {
    /// A trainable vector per token.
    #[default]
    Learned,
    /// Fixed sines and cosines: the first half of the channels for the row, the second for the column.
    SinCos,
    /// Nothing.
    None,
}

/// A Vision Transformer.
///
/// Parameters: `(patch_size^2 d_input + 1) d_model + c d_model + P T d_model + n_layers (A + F [d_ff > 0]) + 2 d_model + (d_model + 1) d_output`
/// with a class token if `c = [pooling = class]`, positions if `P = [patch_position = learned]`, of
/// `T = length / patch_size^2 + c` tokens, the attention's `A = 2 d_model + 4 d_model E + 3 E [qkv_bias] + d_model`,
/// `E = n_heads d_head`, and the feed-forward network's `F = 2 d_model + (d_model + 1) d_ff + (d_ff + 1) d_model`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VitConfig {
    /// Pixels along a side of a patch; must divide both sides of the image.
    #[schemars(range(min = 1))]
    pub patch_size: usize,
    /// Pixels per row of the image; null for a square image.
    #[schemars(range(min = 1))]
    pub image_width: Option<usize>,
    /// Channels of a token.
    #[schemars(range(min = 1))]
    pub d_model: usize,
    /// Number of blocks.
    #[schemars(range(min = 1))]
    pub n_layers: usize,
    /// Number of attention heads.
    #[schemars(range(min = 1))]
    pub n_heads: usize,
    /// Channels of each head's queries, keys and values; null for `d_model / n_heads`.
    #[schemars(range(min = 1))]
    pub d_head: Option<usize>,
    /// Hidden channels of the feed-forward networks; 0 for none.
    pub d_ff: usize,
    /// Nonlinearity of the feed-forward networks.
    pub activation: Activation,
    /// Whether queries, keys and values have biases; the attention's output always has one.
    pub qkv_bias: bool,
    /// Which token becomes the output.
    pub pooling: Pooling,
    /// What tells a patch's place.
    pub patch_position: PatchPosition,
    /// Share of channels set to 0 in training, in [0, 0.99]: of tokens, of hidden layers and of the parts' outputs.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub dropout: f64,
    /// Chance that a part of the last block is left out for a sample in training, in [0, 0.99]; less in earlier
    /// blocks, 0 in the first (stochastic depth).
    #[schemars(range(min = 0.0, max = 0.99))]
    pub drop_path: f64,
}

impl Default for VitConfig {
    fn default() -> Self {
        Self {
            patch_size: 4,
            image_width: None,
            d_model: 128,
            n_layers: 4,
            n_heads: 4,
            d_head: None,
            d_ff: 256,
            activation: Activation::Gelu,
            qkv_bias: true,
            pooling: Pooling::Class,
            patch_position: PatchPosition::Learned,
            dropout: 0.0,
            drop_path: 0.0,
        }
    }
}

/// Patch embedding, class token, positions, blocks, norm, output projection.
#[derive(Module, Debug)]
pub struct Vit<B: Backend> {
    /// The values of a patch, row-major with channels last, to `d_model`.
    pub patch: Linear<B>,
    /// The token in front of the patches, `[1, 1, d_model]`.
    pub class_token: Option<Param<Tensor<B, 3>>>,
    /// One vector per token, `[1, tokens, d_model]`.
    pub positions: Option<Param<Tensor<B, 3>>>,
    /// Fixed vectors of all tokens, `[1, tokens, d_model]`.
    sinusoids: Option<Tensor<B, 3>>,
    /// The blocks, first to last.
    pub blocks: Vec<Encoder<B>>,
    /// Normalises the token that becomes the output.
    pub norm: LayerNorm<B>,
    /// `d_model` to `d_output`.
    pub output: Linear<B>,
    width: usize,
    patch_size: usize,
    dropout: f64,
    drop_path: f64,
}

impl VitConfig {
    /// Channels of each head.
    pub fn d_head(&self) -> usize {
        self.d_head.unwrap_or(self.d_model / self.n_heads)
    }

    fn encoder(&self) -> EncoderConfig {
        EncoderConfig {
            attention: AttentionConfig {
                d_model: self.d_model,
                n_heads: self.n_heads,
                d_head: self.d_head(),
                bias: AttentionBias { query_value: self.qkv_bias, key: self.qkv_bias, output: true },
            },
            d_ff: self.d_ff,
            activation: self.activation,
            norm: Norm::Layer,
            epsilon: EPSILON,
            residual: true,
            weights: Weights::Normal(STD),
        }
    }

    /// Rows and columns of patches.
    fn grid(&self, io: Io) -> Result<[usize; 2]> {
        let width = match self.image_width {
            Some(width) => width,
            None => {
                let side = io.length.isqrt();
                if side * side != io.length {
                    return Err(Error::new(
                        ErrorKind::InvalidValue,
                        format!("A sequence of {} pixels is no square image; set `image_width`.", io.length),
                    ));
                }
                side
            }
        };
        if width == 0 || !io.length.is_multiple_of(width) {
            let valid = format!("a divisor of the number of pixels, {}, or null", io.length);
            return Err(Error::invalid("image_width", width, valid));
        }
        let height = io.length / width;
        let size = self.patch_size;
        if size == 0 || !width.is_multiple_of(size) || !height.is_multiple_of(size) {
            let valid = format!("a whole number from 1 up that divides both sides of the image, {width} x {height}");
            return Err(Error::invalid("patch_size", size, valid));
        }
        Ok([height / size, width / size])
    }

    fn tokens(&self, patches: usize) -> usize {
        patches + usize::from(self.pooling == Pooling::Class)
    }

    fn patch_values(&self, io: Io) -> usize {
        self.patch_size * self.patch_size * io.d_input
    }
}

impl ModelConfig for VitConfig {
    const INFO: ModelInfo = ModelInfo {
        name: "vit",
        title: "ViT",
        summary: "Attention among the square patches of an image, to one output.",
        source: "Dosovitskiy et al., \"An image is worth 16x16 words: Transformers for image recognition at scale\", \
                 2021, https://arxiv.org/abs/2010.11929",
    };
    type Model<B: AutodiffBackend> = Vit<B>;

    fn example_io() -> Io {
        Io::single(3, 10, 32 * 32)
    }

    fn init<B: AutodiffBackend>(&self, io: Io, rng: &mut InitRng, device: &B::Device) -> Self::Model<B> {
        let [rows, columns] = self.grid(io).expect("a valid configuration");
        let weights = Weights::Normal(STD);
        let d_model = self.d_model;
        let tokens = self.tokens(rows * columns);
        Vit {
            patch: weights.linear(self.patch_values(io), d_model, true, rng, device),
            class_token: (self.pooling == Pooling::Class).then(|| init::normal([1, 1, d_model], 1e-6, rng, device)),
            positions: (self.patch_position == PatchPosition::Learned)
                .then(|| init::normal([1, tokens, d_model], STD, rng, device)),
            sinusoids: (self.patch_position == PatchPosition::SinCos).then(|| {
                let values = grid_sinusoids([rows, columns], d_model, self.pooling == Pooling::Class);
                Tensor::from_data(TensorData::new(values, [1, tokens, d_model]), device)
            }),
            blocks: (0..self.n_layers).map(|_| self.encoder().init(rng, device)).collect(),
            norm: LayerNormConfig::new(d_model).with_epsilon(EPSILON).init(device),
            output: weights.linear(d_model, io.d_output, true, rng, device),
            width: columns * self.patch_size,
            patch_size: self.patch_size,
            dropout: self.dropout,
            drop_path: self.drop_path,
        }
    }

    fn constraints(&self, io: Io) -> Result<()> {
        if !io.single_output {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                "A Vision Transformer has one output per image; the task asks for one per pixel.",
            ));
        }
        check_heads(self.d_model, self.n_heads, "d_head", self.d_head)?;
        if self.patch_position == PatchPosition::SinCos && !self.d_model.is_multiple_of(4) {
            return Err(Error::invalid("d_model", self.d_model, "a multiple of 4 where `patch_position` is sin-cos"));
        }
        self.grid(io).map(|_| ())
    }

    fn causal(&self) -> bool {
        false
    }
}

/// Fixed positions of a grid of patches, row-major, behind zeros for the class token: `[tokens, d_model]`.
fn grid_sinusoids([rows, columns]: [usize; 2], d_model: usize, class_token: bool) -> Vec<f64> {
    let half = d_model / 2;
    let (by_row, by_column) = (sinusoids(rows, half), sinusoids(columns, d_model - half));
    let mut values = vec![0.0; if class_token { d_model } else { 0 }];
    for row in by_row.chunks(half.max(1)) {
        for column in by_column.chunks(d_model - half) {
            values.extend_from_slice(row);
            values.extend_from_slice(column);
        }
    }
    values
}

impl<B: Backend> Vit<B> {
    /// The tokens of the patches.
    ///
    /// # Shapes
    /// - input `[batch, height * width, d_input]`, row-major pixels
    /// - output `[batch, patches, d_model]`
    fn patches(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, length, channels] = input.dims();
        let size = self.patch_size;
        let (rows, columns) = (length / self.width / size, self.width / size);
        let patches = input.reshape([batch, rows, size, columns, size * channels]).swap_dims(2, 3).reshape([
            batch,
            rows * columns,
            size * size * channels,
        ]);
        ops::map(&self.patch, patches)
    }

    /// What the first block sees.
    ///
    /// # Shapes
    /// - input `[batch, height * width, d_input]`, output `[batch, tokens, d_model]`
    fn embed(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let mut tokens = self.patches(input);
        if let Some(class_token) = &self.class_token {
            let [batch, _, d_model] = tokens.dims();
            // burn 0.21's backward pass of a repetition is wrong; a sum broadcasts.
            let first = Tensor::zeros([batch, 1, d_model], &tokens.device()) + class_token.val();
            tokens = Tensor::cat(vec![first, tokens], 1);
        }
        match (&self.positions, &self.sinusoids) {
            (Some(positions), _) => tokens + positions.val(),
            (None, Some(sinusoids)) => tokens + sinusoids.clone(),
            (None, None) => tokens,
        }
    }

    fn run(&self, input: Tensor<B, 3>, mut noise: Option<&mut Noise>) -> Tensor<B, 3> {
        let mut tokens = self.embed(input);
        if let Some(noise) = &mut noise {
            tokens = noise.dropout(tokens, self.dropout);
        }
        let bias = ScoreBias::none();
        for (layer, block) in self.blocks.iter().enumerate() {
            let deepest = self.blocks.len().saturating_sub(1).max(1) as f64;
            let drops = noise.as_deref_mut().map(|noise| Drops {
                noise,
                elements: self.dropout,
                paths: self.drop_path * layer as f64 / deepest,
            });
            tokens = block.forward_dropping(tokens, &bias, None, drops);
        }
        let pooled = match self.class_token {
            Some(_) => tokens.narrow(1, 0, 1),
            None => tokens.mean_dim(1),
        };
        ops::map(&self.output, ops::layer_norm(&self.norm, EPSILON, pooled))
    }
}

impl<B: Backend> SequenceModel<B> for Vit<B> {
    fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        self.run(input, None)
    }

    fn forward_training(&self, input: Tensor<B, 3>, noise: &mut Noise) -> Tensor<B, 3> {
        self.run(input, Some(noise))
    }

    fn attention(&self, input: Tensor<B, 3>) -> Vec<Attended<B>> {
        let bias = ScoreBias::none();
        let mut tokens = self.embed(input);
        let mut all = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            all.push(block.attended(tokens.clone(), &bias, None));
            tokens = block.forward(tokens, &bias, None);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CIFAR: Io = Io::single(3, 10, 1024);

    #[test]
    fn counts_are_those_of_timm_and_of_the_reference() {
        let timm = |d_model: usize, n_heads| VitConfig {
            d_model,
            n_layers: 12,
            n_heads,
            d_ff: 4 * d_model,
            ..VitConfig::default()
        };
        assert_eq!(timm(192, 3).num_params(CIFAR), 5_362_762);
        assert_eq!(timm(384, 6).num_params(CIFAR), 21_342_346);
        let reference =
            VitConfig { d_model: 512, n_layers: 6, n_heads: 8, d_ff: 512, qkv_bias: false, ..VitConfig::default() };
        assert_eq!(reference.num_params(CIFAR), 9_523_722);
    }

    #[test]
    fn sinusoids_tell_rows_and_columns_apart() {
        let values = grid_sinusoids([3, 5], 8, true);
        assert_eq!(values.len(), 16 * 8);
        assert_eq!(values[..8], [0.0; 8]);
        let token = |row: usize, column: usize| &values[8 * (1 + 5 * row + column)..][..8];
        assert_eq!(token(2, 1)[..4], token(2, 4)[..4]);
        assert_eq!(token(0, 3)[4..], token(2, 3)[4..]);
        assert_ne!(token(2, 3)[..4], token(1, 3)[..4]);
        assert_ne!(token(2, 3)[4..], token(2, 4)[4..]);
    }
}
