//! The grids: which models are trained on which memories, at which sizes, and how.

use std::f64::consts::{PI, SQRT_2};
use std::sync::LazyLock;

use lookback_models::Io;
use lookback_registry::{Error, ErrorKind, Params, Result};
use serde_json::{Value, json};

use super::{Label, Setting};
use crate::experiment::{ExtraModel, Preset, Trial, text};
use crate::spec::{Named, TrainingConfig};
use crate::tasks::TASKS;

/// How one model of the grid is built and trained.
pub(super) struct Recipe {
    /// The model's name in the suite.
    pub label: String,
    /// What fixes its look in figures: variants of one architecture share its colour.
    pub key: String,
    /// The model at its default size; of a linear time-invariant one that is the preset's.
    pub model: Named,
    /// The parameter that counts real states, for linear time-invariant models.
    pub states: Option<&'static str>,
    training: Training,
}

/// What the training recipes differ in.
#[derive(Clone, Copy)]
struct Training {
    /// At the preset `quick`.
    steps: usize,
    batch_size: usize,
    learning_rate: f64,
    clip_norm: Option<f64>,
}

/// Where a recipe starts from, and the training of models that are not of the suite.
const TRAINING: Training = Training { steps: 400, batch_size: 16, learning_rate: 1e-2, clip_norm: Some(1.0) };

/// Validation samples of evaluations before the last: enough for a curve.
const EVAL_SAMPLES: usize = 64;

/// Steps of linear warm-up, of all recipes.
const WARMUP_STEPS: usize = 20;

/// The training recipes, one per model, the same for every memory. They were found by trying rates, batch sizes and
/// starts on impulse 32 and exponential .1, and keeping what solved them in the fewest samples.
static RECIPES: LazyLock<Vec<Recipe>> = LazyLock::new(|| {
    let unclipped = |steps: usize| Training { steps, learning_rate: 3e-2, clip_norm: None, ..TRAINING };
    let recurrent = Training { steps: 300, ..TRAINING };
    let wide = Training { batch_size: 8, ..TRAINING };
    let tcn = |kernel: usize, layers: usize| json!({"d_model": 16, "kernel_size": kernel, "n_layers": layers});
    let transformer = |position| Recipe::new(&format!("transformer-{position}"), "transformer", block(position), wide);
    let s4d = json!({"d_model": 1, "dt_min": 0.05, "dt_max": 0.2});
    let lru = json!({"d_model": 1, "r_min": 0.9, "max_phase": PI});
    vec![
        Recipe::linear("linear-rnn", "d_model", json!({"n_layers": 1}), TRAINING),
        Recipe::linear("s4d", "d_state", s4d, unclipped(1200)),
        Recipe::linear("diagonal-ssm", "d_state", json!({"d_model": 1}), unclipped(1200)),
        Recipe::linear("lru", "d_state", lru, unclipped(500)),
        Recipe::new("tanh-rnn", "tanh-rnn", json!({"d_model": 16}), recurrent),
        Recipe::new("lstm", "lstm", json!({"d_model": 16}), recurrent),
        Recipe::new("gru", "gru", json!({"d_model": 16}), recurrent),
        Recipe::new("tcn-short", "tcn", tcn(3, 4), Training { steps: 300, ..wide }).drawn_as("tcn@short"),
        Recipe::new("tcn-long", "tcn", tcn(2, 7), wide).drawn_as("tcn"),
        transformer("none"),
        transformer("learned"),
        transformer("sinusoidal"),
        transformer("rotary"),
        transformer("alibi"),
        transformer("t5-log").drawn_as("transformer-t5"),
    ]
});

/// One block of causal attention and a small feed-forward part. Softmax weights sum to 1, so attention alone
/// cannot be silent before a delayed impulse arrives; the feed-forward part can. No layer norm: it would blur a
/// scalar input's amplitude. Learned positions start as sinusoids: from noise the same lag is found too, but
/// later and not from every seed.
fn block(position: &str) -> Value {
    let start = if position == "learned" { "sinusoidal" } else { "normal" };
    json!({
        "d_model": 32, "n_heads": 2, "d_ff": 32, "residual": true, "norm": "none", "position": position,
        "learned_start": start, "position_std": SQRT_2,
    })
}

impl Recipe {
    fn new(label: &str, model: &str, params: Value, training: Training) -> Self {
        Self { label: label.into(), key: label.into(), model: Named::new(model, params), states: None, training }
    }

    /// A linear time-invariant model whose real states the parameter `states` counts.
    fn linear(model: &str, states: &'static str, params: Value, training: Training) -> Self {
        Self { states: Some(states), ..Self::new(model, model, params, training) }
    }

    fn drawn_as(self, key: &str) -> Self {
        Self { key: key.into(), ..self }
    }

    /// The model, with this many states if it is linear and time-invariant.
    pub fn with_states(&self, states: usize) -> Named {
        let mut model = self.model.clone();
        model.params.extend(self.states.map(|field| (field.to_owned(), json!(states))));
        model
    }
}

/// Where the suite has a memory or a model of this name in its order.
pub(super) fn position(label: &str) -> Option<usize> {
    let memories = FULL.alphas.iter().map(|(memory, _)| *memory);
    memories.chain(RECIPES.iter().map(|recipe| recipe.label.as_str())).position(|known| known == label)
}

/// What fixes the look of a model in figures.
pub(super) fn key(model: &Label) -> String {
    RECIPES.iter().find(|recipe| *model == *recipe.label).map_or_else(|| model.to_string(), |recipe| recipe.key.clone())
}

/// Memories, each with its values of alpha.
type Alphas = &'static [(&'static str, &'static [f64])];

/// What a preset runs.
pub(super) struct Scale {
    length: usize,
    train_samples: usize,
    valid_samples: usize,
    /// Seeds per cell.
    pub seeds: usize,
    /// Divides (below 1) or multiplies the steps of every recipe.
    steps: f64,
    /// Memories on which every model is trained at its default size.
    pub alphas: Alphas,
    /// Labels of its models; all recipes where absent.
    models: Option<&'static [&'static str]>,
    /// The default size of linear time-invariant models.
    pub states: usize,
    /// Further sizes of linear time-invariant models, in states, on these memories.
    pub states_sweep: (&'static [&'static str], &'static [usize]),
    /// Sizes of all models, in trainable scalars, on these memories.
    pub budget_sweep: (Alphas, &'static [usize]),
}

const SMOKE: Scale = Scale {
    length: 32,
    train_samples: 256,
    valid_samples: 32,
    seeds: 1,
    steps: 0.02,
    alphas: &[
        ("exponential", &[0.1, 0.5]),
        ("polynomial", &[0.5, 1.1]),
        ("impulse", &[1.0, 8.0]),
        ("airy", &[0.0, 6.0]),
    ],
    models: Some(&["s4d", "gru", "tcn-short", "transformer-learned"]),
    states: 4,
    states_sweep: (&["impulse"], &[2]),
    budget_sweep: (&[], &[]),
};

const QUICK: Scale = Scale {
    length: 128,
    train_samples: 4096,
    valid_samples: 512,
    seeds: 2,
    steps: 1.0,
    alphas: &[
        ("exponential", &[0.01, 0.1, 0.5, 1.0]),
        ("polynomial", &[0.25, 0.5, 1.1, 3.0]),
        ("impulse", &[1.0, 8.0, 32.0, 64.0]),
        ("airy", &[0.0, 4.0, 6.0, 12.0]),
    ],
    models: Some(&[
        "linear-rnn",
        "s4d",
        "lru",
        "lstm",
        "gru",
        "tcn-short",
        "tcn-long",
        "transformer-learned",
        "transformer-alibi",
    ]),
    states: 16,
    states_sweep: (&["impulse", "airy"], &[4, 8]),
    budget_sweep: (&[], &[]),
};

const FULL: Scale = Scale {
    length: 128,
    train_samples: 16384,
    valid_samples: 2048,
    seeds: 5,
    steps: 4.0,
    alphas: &[
        ("exponential", &[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0]),
        ("polynomial", &[0.25, 0.5, 0.75, 1.0, 1.1, 1.5, 2.0, 3.0]),
        ("impulse", &[0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 96.0]),
        ("airy", &[0.0, 2.0, 4.0, 6.0, 8.0, 12.0]),
    ],
    models: None,
    states: 16,
    states_sweep: (&["polynomial", "impulse", "airy"], &[4, 8, 32, 64]),
    budget_sweep: (
        &[("exponential", &[0.1]), ("polynomial", &[0.25, 1.1]), ("impulse", &[8.0, 32.0]), ("airy", &[6.0, 12.0])],
        &[250, 1_000, 4_000, 16_000],
    ),
};

/// A memory function as its runs learn it.
pub(super) struct Function {
    pub memory: Label,
    pub alpha: Option<f64>,
    task: Named,
}

impl Scale {
    /// That of a preset.
    pub const fn of(preset: Preset) -> &'static Self {
        match preset {
            Preset::Smoke => &SMOKE,
            Preset::Quick => &QUICK,
            Preset::Full => &FULL,
        }
    }

    /// The shape of all tasks.
    pub const fn io(&self) -> Io {
        Io::sequence(1, 1, self.length)
    }

    /// The recipes of its models, in order.
    pub fn recipes(&self) -> impl Iterator<Item = &'static Recipe> {
        let models = self.models;
        RECIPES.iter().filter(move |recipe| models.is_none_or(|models| models.contains(&recipe.label.as_str())))
    }

    /// Memories of the grid at each of their alphas.
    pub fn functions(
        &self,
        alphas: impl IntoIterator<Item = &'static (&'static str, &'static [f64])>,
    ) -> impl Iterator<Item = Function> {
        let all = alphas.into_iter().flat_map(|(memory, alphas)| alphas.iter().map(|alpha| (*memory, *alpha)));
        all.map(|(memory, alpha)| Function {
            memory: Label(memory.into()),
            alpha: Some(alpha),
            task: self.task(memory, json!({"alpha": alpha})),
        })
    }

    /// A memory function of the request. Its parameters beside alpha are part of its name.
    ///
    /// # Errors
    /// It is unknown, or a parameter is not valid.
    pub fn function(&self, function: &Named) -> Result<Function> {
        let task = self.task(&function.name, Value::Object(function.params.clone()));
        let resolved = TASKS.get(&task.name)?.resolve(&task.params)?;
        let given: Params = function.params.clone().into_iter().filter(|(name, _)| name != "alpha").collect();
        let given: Vec<String> = given.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
        let memory =
            if given.is_empty() { function.name.clone() } else { format!("{}:{}", function.name, given.join(":")) };
        Ok(Function { memory: Label(memory), alpha: resolved["function_params"]["alpha"].as_f64(), task })
    }

    fn task(&self, function: &str, params: Value) -> Named {
        Named::new(
            "memory",
            json!({
                "function": function,
                "function_params": params,
                "length": self.length,
                "train_samples": self.train_samples,
                "valid_samples": self.valid_samples,
            }),
        )
    }

    /// A model of the suite on a memory function.
    pub fn trial(&self, function: &Function, recipe: &Recipe, model: Named) -> Trial<Setting> {
        self.place(function, &recipe.label, model, self.training(recipe.training))
    }

    /// A model that is not of the suite on a memory function.
    ///
    /// # Errors
    /// It has the label of a model of the preset, or its training is not valid.
    pub fn extra(&self, function: &Function, extra: &ExtraModel) -> Result<Trial<Setting>> {
        if self.recipes().any(|recipe| recipe.label == extra.label) {
            let message = format!("The preset already has a model with the label `{}`.", extra.label);
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let training = extra.training(&self.training(TRAINING))?;
        Ok(self.place(function, &extra.label, extra.model.clone(), training))
    }

    fn place(&self, function: &Function, label: &str, model: Named, training: TrainingConfig) -> Trial<Setting> {
        let (memory, model_label) = (function.memory.clone(), Label(label.into()));
        let setting = Setting { memory, alpha: function.alpha, model: model_label, states: None, budget: None };
        Trial { setting, task: function.task.clone(), model, training }
    }

    fn training(&self, recipe: Training) -> TrainingConfig {
        let steps = ((recipe.steps as f64 * self.steps).round() as usize).max(20);
        TrainingConfig {
            steps,
            batch_size: recipe.batch_size,
            learning_rate: recipe.learning_rate,
            warmup_steps: WARMUP_STEPS.min(steps / 10),
            clip_norm: recipe.clip_norm,
            eval_every: (steps / 20).max(1),
            eval_samples: Some(EVAL_SAMPLES),
            ..TrainingConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use lookback_models::{MODELS, ModelFacts};

    use super::*;

    fn facts(recipe: &Recipe) -> ModelFacts {
        let model = recipe.with_states(16);
        MODELS.get(&model.name).unwrap().facts(&model.params, FULL.io()).unwrap()
    }

    #[test]
    fn sizes_in_states_are_what_the_models_report() {
        for recipe in RECIPES.iter() {
            assert_eq!(facts(recipe).lti_states, recipe.states.map(|_| 16), "{}", recipe.label);
        }
    }

    #[test]
    fn receptive_fields_are_what_the_labels_say() {
        for (label, window) in [("tcn-short", 31), ("tcn-long", 128)] {
            let recipe = RECIPES.iter().find(|recipe| recipe.label == label).unwrap();
            assert_eq!(facts(recipe).window, Some(window), "{label}");
        }
    }

    #[test]
    fn names_are_in_the_order_of_the_grid() {
        let label = |name: &str| Label(name.into());
        let mut labels = ["comb:period=8", "airy", "exponential", "my-model", "impulse", "gru", "s4d"].map(label);
        labels.sort_by(|left, right| left.partial_cmp(right).unwrap());
        let expected = ["exponential", "impulse", "airy", "s4d", "gru", "comb:period=8", "my-model"].map(label);
        assert_eq!(labels, expected);
    }

    #[test]
    fn presets_name_recipes_of_the_table() {
        for preset in Preset::ALL {
            let scale = Scale::of(preset);
            assert_eq!(scale.recipes().count(), scale.models.map_or(RECIPES.len(), <[_]>::len));
        }
    }
}
