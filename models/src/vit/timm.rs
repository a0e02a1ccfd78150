use burn::module::Param;
use burn::tensor::{Tensor, TensorData, backend::Backend};
use lookback_registry::{Error, ErrorKind, Result};
use safetensors::{Dtype, SafeTensors};

use super::Vit;

impl<B: Backend> Vit<B> {
    /// The model with the weights of a timm `VisionTransformer` of the same sizes, from a safetensors file in single
    /// precision (as `timm` saves it, or PyTorch's `state_dict` saved by `safetensors`).
    ///
    /// | timm | here |
    /// |---|---|
    /// | `patch_embed.proj.{weight,bias}` (a convolution) | `patch` |
    /// | `cls_token`, `pos_embed` | `class_token`, `positions` |
    /// | `blocks.I.norm1`, `blocks.I.norm2` | `blocks.I.attention_norm`, `blocks.I.feed_forward.norm` |
    /// | `blocks.I.attn.qkv` (side by side) | `blocks.I.attention.{query,key,value}` |
    /// | `blocks.I.attn.proj` | `blocks.I.attention.output` |
    /// | `blocks.I.mlp.fc1`, `blocks.I.mlp.fc2` | `blocks.I.feed_forward.{hidden,output}` |
    /// | `norm` (`fc_norm` where patches are averaged) | `norm` |
    /// | `head` | `output` |
    ///
    /// # Errors
    /// The file is no safetensors file, lacks a tensor, has one too many, or one of another shape or type.
    pub fn load_timm(mut self, file: &[u8]) -> Result<Self> {
        let file = SafeTensors::deserialize(file)
            .map_err(|error| Error::caused(ErrorKind::InvalidValue, "The weights are no safetensors file", error))?;
        let mut source = Source { file: &file, used: Vec::new() };
        let d_model = self.patch.weight.dims()[1];

        source.patch(&mut self.patch.weight, self.patch_size)?;
        source.vector(&mut self.patch.bias, "patch_embed.proj.bias")?;
        source.tensor(&mut self.class_token, "cls_token")?;
        source.tensor(&mut self.positions, "pos_embed")?;
        for (index, block) in self.blocks.iter_mut().enumerate() {
            let name = |part: &str| format!("blocks.{index}.{part}");
            let attention = &mut block.attention;
            if let Some(norm) = &mut block.attention_norm {
                source.norm(norm, &name("norm1"))?;
            }
            let thirds = [&mut attention.query, &mut attention.key, &mut attention.value];
            for (third, map) in thirds.into_iter().enumerate() {
                let inner = map.weight.dims()[1];
                let rows = Rows { from: third * inner, of: 3 * inner };
                source.matrix(&mut map.weight, &name("attn.qkv.weight"), Some(rows))?;
                source.part(&mut map.bias, &name("attn.qkv.bias"), Some(rows))?;
            }
            source.linear(&mut attention.output, &name("attn.proj"))?;
            if let Some(feed_forward) = &mut block.feed_forward {
                if let Some(norm) = &mut feed_forward.norm {
                    source.norm(norm, &name("norm2"))?;
                }
                source.linear(&mut feed_forward.hidden, &name("mlp.fc1"))?;
                source.linear(&mut feed_forward.output, &name("mlp.fc2"))?;
            }
        }
        let norm = if self.class_token.is_some() { "norm" } else { "fc_norm" };
        debug_assert_eq!(self.norm.gamma.dims(), [d_model]);
        source.norm(&mut self.norm, norm)?;
        source.linear(&mut self.output, "head")?;
        source.finish()?;
        Ok(self)
    }
}

/// The rows `from..` of a matrix that has `of` rows.
#[derive(Clone, Copy)]
struct Rows {
    from: usize,
    of: usize,
}

/// A file of tensors, and which of them were read.
struct Source<'a> {
    file: &'a SafeTensors<'a>,
    used: Vec<String>,
}

impl Source<'_> {
    /// The values of a tensor of this shape, row-major.
    fn values(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let view = self.file.tensor(name).map_err(|error| {
            Error::caused(ErrorKind::InvalidValue, format!("The weights have no tensor `{name}`"), error)
        })?;
        if view.dtype() != Dtype::F32 || view.shape() != shape {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "The tensor `{name}` is {:?} of shape {:?}, but the model needs F32 of shape {shape:?}.",
                    view.dtype(),
                    view.shape()
                ),
            ));
        }
        if !self.used.iter().any(|used| used == name) {
            self.used.push(name.to_owned());
        }
        Ok(view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes"))).collect())
    }

    /// Fails where a tensor of the file has no place in the model.
    fn finish(self) -> Result<()> {
        let mut left: Vec<&str> =
            self.file.names().into_iter().filter(|name| !self.used.iter().any(|used| used == name)).collect();
        left.sort_unstable();
        match left.first() {
            None => Ok(()),
            Some(_) => Err(Error::new(
                ErrorKind::InvalidValue,
                format!("The weights have tensors that the model has no place for: {}.", left.join(", ")),
            )),
        }
    }

    /// A parameter of the same shape.
    fn tensor<B: Backend, const D: usize>(&mut self, into: &mut Option<Param<Tensor<B, D>>>, name: &str) -> Result<()> {
        if let Some(param) = into {
            let shape = param.dims();
            let values = self.values(name, &shape)?;
            replace(param, values);
        }
        Ok(())
    }

    fn vector<B: Backend>(&mut self, into: &mut Option<Param<Tensor<B, 1>>>, name: &str) -> Result<()> {
        self.part(into, name, None)
    }

    /// A vector, or some entries of one.
    fn part<B: Backend>(
        &mut self,
        into: &mut Option<Param<Tensor<B, 1>>>,
        name: &str,
        rows: Option<Rows>,
    ) -> Result<()> {
        if let Some(param) = into {
            let [count] = param.dims();
            let rows = rows.unwrap_or(Rows { from: 0, of: count });
            let values = self.values(name, &[rows.of])?;
            replace(param, values[rows.from..][..count].to_vec());
        }
        Ok(())
    }

    /// A matrix `[inputs, outputs]` from PyTorch's `[outputs, inputs]`, or some of its rows.
    fn matrix<B: Backend>(&mut self, into: &mut Param<Tensor<B, 2>>, name: &str, rows: Option<Rows>) -> Result<()> {
        let [inputs, outputs] = into.dims();
        let rows = rows.unwrap_or(Rows { from: 0, of: outputs });
        let values = self.values(name, &[rows.of, inputs])?;
        let at = |input: usize, output: usize| values[(rows.from + output) * inputs + input];
        replace(
            into,
            (0..inputs)
                .flat_map(|input| (0..outputs).map(move |output| (input, output)))
                .map(|(i, o)| at(i, o))
                .collect(),
        );
        Ok(())
    }

    fn linear<B: Backend>(&mut self, into: &mut burn::nn::Linear<B>, name: &str) -> Result<()> {
        self.matrix(&mut into.weight, &format!("{name}.weight"), None)?;
        self.vector(&mut into.bias, &format!("{name}.bias"))
    }

    fn norm<B: Backend>(&mut self, into: &mut burn::nn::LayerNorm<B>, name: &str) -> Result<()> {
        let [count] = into.gamma.dims();
        let gamma = self.values(&format!("{name}.weight"), &[count])?;
        replace(&mut into.gamma, gamma);
        self.vector(&mut into.beta, &format!("{name}.bias"))
    }

    /// The map of patches with channels last, from a convolution `[d_model, channels, size, size]`.
    fn patch<B: Backend>(&mut self, into: &mut Param<Tensor<B, 2>>, size: usize) -> Result<()> {
        let [values_per_patch, d_model] = into.dims();
        let channels = values_per_patch / (size * size);
        let kernel = self.values("patch_embed.proj.weight", &[d_model, channels, size, size])?;
        let mut values = Vec::with_capacity(kernel.len());
        for pixel in 0..size * size {
            for channel in 0..channels {
                values.extend((0..d_model).map(|to| kernel[(to * channels + channel) * size * size + pixel]));
            }
        }
        replace(into, values);
        Ok(())
    }
}

fn replace<B: Backend, const D: usize>(param: &mut Param<Tensor<B, D>>, values: Vec<f32>) {
    *param = param.clone().map(|old| {
        let tracked = old.is_require_grad();
        Tensor::from_data(TensorData::new(values, old.dims()), &old.device()).set_require_grad(tracked)
    });
}
