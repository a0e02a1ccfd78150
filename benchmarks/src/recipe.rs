//! Named starting points of single runs: a task, a model and its training, all of which can be changed.

use lookback_models::MODELS;
use lookback_registry::{Entry, Error, Params, Registry, Result};
use serde_json::{Value, json};

/// A named run. What it leaves out takes its default.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// The name on the command line.
    pub name: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Where its numbers are from: title, link.
    pub source: &'static str,
    /// The task's name.
    pub task: &'static str,
    /// The model's name.
    pub model: &'static str,
    /// Passes over the training data.
    pub epochs: f64,
    /// Passes of linear warm-up.
    pub warmup_epochs: f64,
    /// Parameters of the task, as a JSON object.
    pub task_params: fn() -> Value,
    /// Parameters of the model, as a JSON object.
    pub model_params: fn() -> Value,
    /// Parameters of the training, as a JSON object.
    pub training: fn() -> Value,
}

impl Entry for Recipe {
    const KIND: &'static str = "recipe";

    fn name(&self) -> &str {
        self.name
    }
}

impl Recipe {
    /// Parameters of the task, the model and the training.
    ///
    /// # Panics
    /// One of them is no JSON object.
    pub fn params(&self) -> [Params; 3] {
        [(self.task_params)(), (self.model_params)(), (self.training)()].map(|value| match value {
            Value::Object(params) => params,
            other => panic!("parameters of the recipe `{}` are an object, not {other}", self.name),
        })
    }
}

/// The list of recipes; the first of a model is the one that its name alone stands for.
pub static RECIPES: Registry<Recipe> = Registry::new(|| {
    let vit = Recipe {
        name: "vit-micro",
        summary: "A ViT of 0.55 M parameters on CIFAR-10, for two CPU cores.",
        source: "Dosovitskiy et al., \"An image is worth 16x16 words\", 2021, https://arxiv.org/abs/2010.11929",
        task: "cifar10",
        model: "vit",
        epochs: 10.0,
        warmup_epochs: 1.0,
        task_params: || json!({}),
        model_params: || json!({}),
        training: || adamw(128, 1e-3),
    };
    vec![
        vit,
        Recipe {
            name: "vit-tiny",
            summary: "A ViT of 5.4 M parameters (width 192, 12 blocks, 3 heads) on CIFAR-10.",
            epochs: 100.0,
            warmup_epochs: 5.0,
            task_params: || json!({"policy": "rand-augment", "mixup": 0.2}),
            model_params: || json!({"d_model": 192, "n_layers": 12, "n_heads": 3, "d_ff": 768, "drop_path": 0.1}),
            ..vit
        },
        Recipe {
            name: "vit-small",
            summary: "A ViT of 21 M parameters (width 384, 12 blocks, 6 heads) on CIFAR-10.",
            epochs: 100.0,
            warmup_epochs: 5.0,
            task_params: || json!({"policy": "rand-augment", "mixup": 0.2}),
            model_params: || json!({"d_model": 384, "n_layers": 12, "n_heads": 6, "d_ff": 1536, "drop_path": 0.1}),
            training: || adamw(128, 5e-4),
            ..vit
        },
        Recipe {
            name: "vit-reference",
            summary: "The ViT of 9.5 M parameters (width 512, 6 blocks, 8 heads) of a public reference curve on CIFAR-10.",
            source: "vision-transformers-cifar10, https://github.com/kentaroy47/vision-transformers-cifar10",
            epochs: 200.0,
            warmup_epochs: 0.0,
            task_params: || json!({"policy": "rand-augment", "rand_magnitude": 14, "label_smoothing": 0.0}),
            model_params: || json!({"d_model": 512, "n_layers": 6, "n_heads": 8, "d_ff": 512, "qkv_bias": false, "dropout": 0.1}),
            training: || {
                json!({"batch_size": 512, "optimizer": "adam", "learning_rate": 1e-4, "clip_norm": null,
                "final_learning_rate": 0.0})
            },
            ..vit
        },
    ]
});

fn adamw(batch_size: usize, learning_rate: f64) -> Value {
    json!({"batch_size": batch_size, "learning_rate": learning_rate, "weight_decay": 0.05, "decay": "weights"})
}

/// The recipe named `name`, or else the first recipe of the model named so; `None` for a model without a recipe.
///
/// # Errors
/// It is neither a recipe nor a model: lists all, nearest first.
pub fn recipe_or_model(name: &str) -> Result<Option<Recipe>> {
    let (recipes, models) = (RECIPES.all(), MODELS.all());
    let found = recipes.iter().find(|recipe| recipe.name == name);
    let found = found.or_else(|| recipes.iter().find(|recipe| recipe.model == name)).copied();
    if found.is_none() && models.iter().all(|model| model.info.name != name) {
        let known = recipes.iter().map(|recipe| recipe.name).chain(models.iter().map(|model| model.info.name));
        return Err(Error::unknown_name("recipe or model", name, known));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use lookback_registry::ErrorKind;

    use super::*;
    use crate::{TASKS, TrainingConfig};

    #[test]
    fn a_name_is_a_recipe_or_a_model() {
        let name_of = |name: &str| recipe_or_model(name).unwrap().map(|recipe| recipe.name);
        assert_eq!((name_of("vit-tiny"), name_of("vit"), name_of("gru")), (Some("vit-tiny"), Some("vit-micro"), None));
        let error = recipe_or_model("vit-mikro").unwrap_err();
        assert_eq!((error.kind(), error.what()), (ErrorKind::UnknownName, Some("recipe or model")));
        assert!(error.valid().unwrap().starts_with("vit-micro, "));
    }

    #[test]
    fn every_recipe_is_valid() {
        for recipe in RECIPES.all() {
            let [task, model, training] = recipe.params();
            let io = TASKS.get(recipe.task).unwrap().io(&task).unwrap();
            MODELS.get(recipe.model).unwrap().facts(&model, io).unwrap();
            let training: TrainingConfig = lookback_registry::parse("the training", &training).unwrap();
            training.validate().unwrap();
        }
    }
}
