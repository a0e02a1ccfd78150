//! The grid: which models are trained on which memories, at which sizes, and how.

use std::collections::BTreeSet;

use lookback_models::{Catalogue, Io};
use lookback_registry::{Error, ErrorKind, Result, parse, to_params};
use serde_json::{Value, json};

use crate::spec::{Named, RunSpec, SPEC_VERSION, TrainingConfig};
use crate::experiment::{Axes, ExtraModel, PlanRequest, Planned, Preset};
use crate::tasks::memory;

/// How one model of the grid is built and trained.
struct Recipe {
    /// The value of the axis `model`.
    label: &'static str,
    /// The name in the models' registry.
    model: &'static str,
    /// The default size, for models without a size in states.
    size: &'static str,
    /// Parameters at the default size.
    params: fn() -> Value,
    /// The parameter that counts real states, for linear time-invariant models; their default size is the
    /// preset's.
    states: Option<&'static str>,
    training: Training,
}

/// What the training recipes differ in.
struct Training {
    /// At the preset `quick`.
    steps: usize,
    batch_size: usize,
    learning_rate: f64,
    clip_norm: Option<f64>,
}

/// Validation samples of evaluations before the last: enough for a curve.
const EVAL_SAMPLES: usize = 64;

/// Steps of linear warm-up, of all recipes.
const WARMUP_STEPS: usize = 20;

/// The training recipes, one line per model, the same for every memory. They were found by trying rates, batch
/// sizes and starts on impulse 32 and exponential .1, and keeping what solved them in the fewest samples.
#[rustfmt::skip]
const RECIPES: &[Recipe] = &[
    Recipe { label: "linear-rnn", model: "linear-rnn", size: "", params: || json!({"n_layers": 1}), states: Some("d_model"), training: Training { steps: 400, batch_size: 16, learning_rate: 1e-2, clip_norm: Some(1.0) } },
    Recipe { label: "s4d", model: "s4d", size: "", params: || json!({"d_model": 1, "dt_min": 0.05, "dt_max": 0.2}), states: Some("d_state"), training: Training { steps: 1200, batch_size: 16, learning_rate: 3e-2, clip_norm: None } },
    Recipe { label: "diagonal-ssm", model: "diagonal-ssm", size: "", params: || json!({"d_model": 1}), states: Some("d_state"), training: Training { steps: 1200, batch_size: 16, learning_rate: 3e-2, clip_norm: None } },
    Recipe { label: "lru", model: "lru", size: "", params: || json!({"d_model": 1, "r_min": 0.9, "max_phase": std::f64::consts::PI}), states: Some("d_state"), training: Training { steps: 500, batch_size: 16, learning_rate: 3e-2, clip_norm: None } },
    Recipe { label: "tanh-rnn", model: "tanh-rnn", size: "16 units", params: || json!({"d_model": 16}), states: None, training: Training { steps: 300, batch_size: 16, learning_rate: 1e-2, clip_norm: Some(1.0) } },
    Recipe { label: "lstm", model: "lstm", size: "16 units", params: || json!({"d_model": 16}), states: None, training: Training { steps: 300, batch_size: 16, learning_rate: 1e-2, clip_norm: Some(1.0) } },
    Recipe { label: "gru", model: "gru", size: "16 units", params: || json!({"d_model": 16}), states: None, training: Training { steps: 300, batch_size: 16, learning_rate: 1e-2, clip_norm: Some(1.0) } },
    Recipe { label: "tcn-short", model: "tcn", size: "16 channels", params: || json!({"d_model": 16, "kernel_size": 3, "n_layers": 4}), states: None, training: Training { steps: 300, batch_size: 8, learning_rate: 1e-2, clip_norm: Some(1.0) } },
    Recipe { label: "tcn-long", model: "tcn", size: "16 channels", params: || json!({"d_model": 16, "kernel_size": 2, "n_layers": 7}), states: None, training: Training { steps: 400, batch_size: 8, learning_rate: 1e-2, clip_norm: Some(1.0) } },
    Recipe { label: "transformer-none", model: "transformer", size: "width 32", params: || transformer("none"), states: None, training: Training { steps: 400, batch_size: 8, learning_rate: 1e-2, clip_norm: Some(1.0) } },
    Recipe { label: "transformer-learned", model: "transformer", size: "width 32", params: || transformer("learned"), states: None, training: Training { steps: 400, batch_size: 8, learning_rate: 1e-2, clip_norm: Some(1.0) } },
    Recipe { label: "transformer-sinusoidal", model: "transformer", size: "width 32", params: || transformer("sinusoidal"), states: None, training: Training { steps: 400, batch_size: 8, learning_rate: 1e-2, clip_norm: Some(1.0) } },
    Recipe { label: "transformer-rotary", model: "transformer", size: "width 32", params: || transformer("rotary"), states: None, training: Training { steps: 400, batch_size: 8, learning_rate: 1e-2, clip_norm: Some(1.0) } },
    Recipe { label: "transformer-alibi", model: "transformer", size: "width 32", params: || transformer("alibi"), states: None, training: Training { steps: 400, batch_size: 8, learning_rate: 1e-2, clip_norm: Some(1.0) } },
    Recipe { label: "transformer-t5-log", model: "transformer", size: "width 32", params: || transformer("t5-log"), states: None, training: Training { steps: 400, batch_size: 8, learning_rate: 1e-2, clip_norm: Some(1.0) } },
];

/// The training of models that are not of the suite.
const OWN: Training = Training { steps: 400, batch_size: 16, learning_rate: 1e-2, clip_norm: Some(1.0) };

/// One block of causal attention and a small feed-forward part. Softmax weights sum to 1, so attention alone
/// cannot be silent before a delayed impulse arrives; the feed-forward part can. No layer norm: it would blur a
/// scalar input's amplitude. Learned positions start as sinusoids: from noise the same lag is found too, but
/// later and not from every seed.
fn transformer(position: &str) -> Value {
    let start = if position == "learned" { "sinusoidal" } else { "normal" };
    json!({
        "d_model": 32, "n_heads": 2, "d_ff": 32, "residual": true, "norm": "none", "position": position,
        "learned_start": start, "position_std": std::f64::consts::SQRT_2,
    })
}

/// Memories, each with its values of alpha.
type Alphas = &'static [(&'static str, &'static [f64])];

/// What a preset runs.
struct Scale {
    length: usize,
    train_samples: usize,
    valid_samples: usize,
    /// Seeds per cell.
    seeds: usize,
    /// Divides (below 1) or multiplies the steps of every recipe.
    steps: f64,
    alphas: Alphas,
    models: &'static [&'static str],
    /// The default size of linear time-invariant models.
    states: usize,
    /// Further sizes of linear time-invariant models, in states, on these memories.
    states_sweep: (&'static [&'static str], &'static [usize]),
    /// Sizes of all models, in trainable scalars, on these memories.
    budget_sweep: (Alphas, &'static [usize]),
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
    models: &["s4d", "gru", "tcn-short", "transformer-learned"],
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
    models: &[
        "linear-rnn",
        "s4d",
        "lru",
        "lstm",
        "gru",
        "tcn-short",
        "tcn-long",
        "transformer-learned",
        "transformer-alibi",
    ],
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
    models: &[
        "linear-rnn",
        "s4d",
        "diagonal-ssm",
        "lru",
        "tanh-rnn",
        "lstm",
        "gru",
        "tcn-short",
        "tcn-long",
        "transformer-none",
        "transformer-learned",
        "transformer-sinusoidal",
        "transformer-rotary",
        "transformer-alibi",
        "transformer-t5-log",
    ],
    states: 16,
    states_sweep: (&["polynomial", "impulse", "airy"], &[4, 8, 32, 64]),
    budget_sweep: (
        &[("exponential", &[0.1]), ("polynomial", &[0.25, 1.1]), ("impulse", &[8.0, 32.0]), ("airy", &[6.0, 12.0])],
        &[250, 1_000, 4_000, 16_000],
    ),
};

/// All runs that are asked for.
///
/// # Errors
/// No seeds, or an extra model that is unknown, not valid, or has a label of the suite's.
pub(super) fn plan(request: &PlanRequest, models: &Catalogue) -> Result<Vec<Planned>> {
    if request.seeds == Some(0) {
        return Err(Error::invalid("seeds", 0, "a whole number from 1 up"));
    }
    let scale = match request.preset {
        Preset::Smoke => &SMOKE,
        Preset::Quick => &QUICK,
        Preset::Full => &FULL,
    };
    let mut labels: BTreeSet<&str> = scale.models.iter().copied().collect();
    for extra in &request.extra_models {
        if !labels.insert(&extra.label) {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!("The preset already has a model with the label `{}`.", extra.label),
            ));
        }
    }
    let seeds = request.seeds.unwrap_or(scale.seeds);
    let mut planner = Planner { scale, seeds, models, known: BTreeSet::new(), runs: Vec::new() };
    for (memory, alphas) in scale.alphas {
        for alpha in *alphas {
            for recipe in scale.models.iter().map(|label| recipe(label)) {
                planner.default_size(recipe, memory, *alpha)?;
                if scale.states_sweep.0.contains(memory) && recipe.states.is_some() {
                    for states in scale.states_sweep.1 {
                        planner.states(recipe, memory, *alpha, *states)?;
                    }
                }
            }
            for extra in &request.extra_models {
                planner.extra(extra, memory, *alpha)?;
            }
        }
    }
    for (memory, alphas) in scale.budget_sweep.0 {
        for alpha in *alphas {
            for recipe in scale.models.iter().map(|label| recipe(label)) {
                for budget in scale.budget_sweep.1 {
                    planner.budget(recipe, memory, *alpha, *budget)?;
                }
            }
        }
    }
    Ok(planner.runs)
}

/// The recipe of a label that a preset names.
fn recipe(label: &str) -> &'static Recipe {
    RECIPES.iter().find(|recipe| recipe.label == label).expect("presets name recipes of the table")
}

struct Planner<'a> {
    scale: &'static Scale,
    seeds: usize,
    models: &'a Catalogue,
    /// Cells that are already planned: two sizes may come to the same model.
    known: BTreeSet<String>,
    runs: Vec<Planned>,
}

impl Planner<'_> {
    fn io(&self) -> Io {
        Io::sequence(1, 1, self.scale.length)
    }

    fn default_size(&mut self, recipe: &Recipe, memory: &str, alpha: f64) -> Result<()> {
        if recipe.states.is_some() {
            return self.states(recipe, memory, alpha, self.scale.states);
        }
        let model = Named::new(recipe.model, (recipe.params)());
        self.cell(recipe, memory, alpha, model, recipe.size.into())
    }

    fn extra(&mut self, extra: &ExtraModel, memory: &str, alpha: f64) -> Result<()> {
        let mut training = to_params(&self.training(&OWN));
        training.extend(extra.training.clone());
        let training: TrainingConfig = parse(&format!("the training of `{}`", extra.label), &training)?;
        training
            .validate()
            .map_err(|error| error.context(format!("The training of `{}` is not valid", extra.label)))?;
        let facts = self.models.get(&extra.model.name)?.facts(&extra.model.params, self.io())?;
        let size = format!("{} parameters", facts.num_params);
        self.runs_of(&extra.label, memory, alpha, extra.model.clone(), size, training)
    }

    fn states(&mut self, recipe: &Recipe, memory: &str, alpha: f64, states: usize) -> Result<()> {
        let mut model = Named::new(recipe.model, (recipe.params)());
        let field = recipe.states.expect("only models with states are swept over states");
        model.params.insert(field.into(), json!(states));
        self.cell(recipe, memory, alpha, model, format!("{states} states"))
    }

    fn budget(&mut self, recipe: &Recipe, memory: &str, alpha: f64, budget: usize) -> Result<()> {
        let mut model = Named::new(recipe.model, (recipe.params)());
        model.params = self.models.get(&model.name)?.at_budget(&model.params, budget, self.io())?;
        self.cell(recipe, memory, alpha, model, format!("{budget} parameters"))
    }

    fn cell(&mut self, recipe: &Recipe, memory: &str, alpha: f64, model: Named, size: String) -> Result<()> {
        self.runs_of(recipe.label, memory, alpha, model, size, self.training(&recipe.training))
    }

    fn training(&self, recipe: &Training) -> TrainingConfig {
        let steps = ((recipe.steps as f64 * self.scale.steps).round() as usize).max(20);
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

    /// Plans the runs of one cell, unless the same model is already planned for the same memory.
    fn runs_of(
        &mut self,
        label: &str,
        memory: &str,
        alpha: f64,
        model: Named,
        size: String,
        training: TrainingConfig,
    ) -> Result<()> {
        let params = self.models.get(&model.name)?.facts(&model.params, self.io())?.params;
        let model = Named { params, name: model.name };
        let identity = format!("{memory} {alpha} {label} {}", Value::Object(model.params.clone()));
        if !self.known.insert(identity) {
            return Ok(());
        }
        let scale = self.scale;
        let mut task = Named::new(
            "memory",
            json!({
                "function": memory,
                "function_params": {"alpha": alpha},
                "length": scale.length,
                "train_samples": scale.train_samples,
                "valid_samples": scale.valid_samples,
            }),
        );
        task.params = memory::resolve(&task.params)?;
        let axes: Axes = [
            ("memory", memory.to_string()),
            ("alpha", alpha.to_string()),
            ("model", label.to_string()),
            ("size", size),
        ]
        .map(|(axis, value)| (axis.to_string(), value))
        .into();
        self.runs.extend((0..self.seeds as u64).map(|seed| Planned {
            spec: RunSpec {
                version: SPEC_VERSION,
                task: task.clone(),
                model: model.clone(),
                training: training.clone(),
                seed,
            },
            axes: axes.clone(),
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_seeds_is_an_error() {
        let request = PlanRequest { seeds: Some(0), ..PlanRequest::new(Preset::Smoke) };
        assert_eq!(
            plan(&request, &Catalogue::default()).unwrap_err().to_string(),
            "`seeds` is 0, but it must be a whole number from 1 up."
        );
    }

    #[test]
    fn sizes_in_states_are_what_the_models_report() {
        for recipe in RECIPES {
            let Some(field) = recipe.states else { continue };
            let mut params = Named::new(recipe.model, (recipe.params)()).params;
            params.insert(field.into(), json!(16));
            let io = Io::sequence(1, 1, 128);
            let facts = Catalogue::default().get(recipe.model).unwrap().facts(&params, io).unwrap();
            assert_eq!(facts.lti_states, Some(16), "{}", recipe.label);
        }
    }

    #[test]
    fn receptive_fields_are_what_the_labels_say() {
        let io = Io::sequence(1, 1, 128);
        for (label, window) in [("tcn-short", 31), ("tcn-long", 128)] {
            let recipe = recipe(label);
            let facts = Catalogue::default()
                .get(recipe.model)
                .unwrap()
                .facts(&Named::new(recipe.model, (recipe.params)()).params, io)
                .unwrap();
            assert_eq!(facts.window, Some(window), "{label}");
        }
    }
}
