//! The trainable parameters of a model as one vector.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{
    Tensor, TensorData,
    backend::{AutodiffBackend, BackendTypes},
};

/// All trainable parameters, `[parameters]`.
pub(super) fn all_values<B: AutodiffBackend, M: Module<B>>(model: &M) -> Tensor<B::InnerBackend, 1> {
    let mut gather = Gather::<B>::new(None);
    model.visit(&mut gather);
    Tensor::cat(gather.gathered, 0)
}

/// 1 for each weight of a linear map or convolution, 0 for all other parameters; `[parameters]`.
pub(super) fn decayed<B: AutodiffBackend, M: Module<B>>(
    model: &M,
    device: &<B::InnerBackend as BackendTypes>::Device,
) -> Tensor<B::InnerBackend, 1> {
    struct Weights {
        path: Vec<String>,
        decayed: Vec<f32>,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for Weights {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let value = param.val();
            if value.is_require_grad() {
                let weight = D > 1 && self.path.last().is_some_and(|name| name == "weight");
                self.decayed.extend(vec![f32::from(weight); value.shape().num_elements()]);
            }
        }
    }
    let mut weights = Weights { path: Vec::new(), decayed: Vec::new() };
    Module::<B>::visit(model, &mut weights);
    let count = weights.decayed.len();
    Tensor::from_data(TensorData::new(weights.decayed, [count]), device)
}

/// Collects trainable parameters, or their gradients where there are any.
pub(super) struct Gather<'a, B: AutodiffBackend> {
    pub gathered: Vec<Tensor<B::InnerBackend, 1>>,
    gradients: Option<&'a mut GradientsParams>,
}

impl<'a, B: AutodiffBackend> Gather<'a, B> {
    /// Collects from here on: gradients that are given, else parameters.
    pub fn new(gradients: Option<&'a mut GradientsParams>) -> Self {
        Self { gathered: Vec::new(), gradients }
    }
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Gather<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let value = param.val();
        if !value.is_require_grad() {
            return;
        }
        let value = value.inner();
        let count = value.shape().num_elements();
        let gathered = match &mut self.gradients {
            Some(gradients) => gradients.remove::<B::InnerBackend, D>(param.id).unwrap_or_else(|| value.zeros_like()),
            None => value,
        };
        self.gathered.push(gathered.reshape([count]));
    }
}

/// The model with other values of its trainable parameters, in the order of [`Gather`].
pub(super) fn scatter<B: AutodiffBackend, M: Module<B>>(model: M, values: Tensor<B::InnerBackend, 1>) -> M {
    struct Scatter<B: AutodiffBackend> {
        values: Tensor<B::InnerBackend, 1>,
        start: usize,
    }
    impl<B: AutodiffBackend> ModuleMapper<B> for Scatter<B> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let (id, old, mapper) = param.consume();
            if !old.is_require_grad() {
                return Param::from_mapped_value(id, old, mapper);
            }
            let count = old.shape().num_elements();
            let value = self.values.clone().narrow(0, self.start, count).reshape(old.dims());
            self.start += count;
            Param::from_mapped_value(id, Tensor::from_inner(value).require_grad(), mapper)
        }
    }
    model.map(&mut Scatter::<B> { values, start: 0 })
}
