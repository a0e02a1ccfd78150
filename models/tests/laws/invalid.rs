//! What a model refuses: the field, and what would be valid.

use lookback_models::diagonal_ssm::DiagonalSsmConfig;
use lookback_models::{Io, MODELS, ModelConfig};
use lookback_registry::ErrorKind;
use serde_json::{Value, json};

const SEQUENCE: Io = Io::sequence(1, 1, 4);
const IMAGE: Io = Io::single(3, 10, 1024);

/// Asserts that the model refuses these parameters for the sake of the field.
fn refused(model: &str, io: Io, params: Value, field: &str, valid: &str) {
    let error = MODELS.get(model).unwrap().facts(params.as_object().unwrap(), io).unwrap_err();
    let found = (error.kind(), error.what(), error.valid());
    assert_eq!(found, (ErrorKind::InvalidValue, Some(field), Some(valid)), "{model} {params}: {}", error.chain());
    let given = params.get(field).and_then(Value::as_f64);
    let named = error.value().and_then(|value| value.parse().ok());
    assert!(given.is_none_or(|given| named == Some(given)), "{model} {params}: {:?}", error.value());
}

#[test]
fn numbers_out_of_their_ranges_are_errors() {
    let whole = "a whole number from 1 up";
    for (model, field) in [
        ("gru", "d_model"),
        ("lstm", "n_layers"),
        ("tcn", "kernel_size"),
        ("tcn", "dilation_base"),
        ("diagonal-ssm", "d_state"),
        ("deep-ssm", "d_channels"),
        ("transformer", "n_heads"),
        ("pointwise-attention", "ff_depth"),
    ] {
        refused(model, SEQUENCE, json!({field: 0}), field, whole);
    }
    for (model, field) in [("class-attention", "n_heads"), ("class-attention", "n_layers"), ("vit", "d_model")] {
        refused(model, IMAGE, json!({field: 0}), field, whole);
    }
    let positive = "a finite number greater than 0";
    for (model, field, value, valid) in [
        ("transformer", "d_head", json!(0), "a whole number from 1 up, or null"),
        ("transformer", "position_std", json!(-1), "a finite number from 0 up"),
        ("pointwise-attention", "d_head", json!(0), "a whole number from 1 up, or null"),
        ("s4d", "dt_min", json!(0.0), positive),
        ("diagonal-ssm", "best_offset", json!(-1.0), positive),
        ("lru", "d_state", json!(1), "a whole number from 2 up"),
        ("lru", "r_min", json!(-0.5), "in [0, 1)"),
        ("lru", "r_max", json!(1.0), "in (0, 1)"),
        ("lru", "max_phase", json!(7.0), "in (0, 6.283185307179586]"),
        ("deep-ssm", "r_min", json!(-0.5), "in [0, 1)"),
        ("deep-ssm", "r_min", json!(1.0), "in [0, 1)"),
        ("deep-ssm", "r_max", json!(1.5), "in (0, 1]"),
        ("deep-ssm", "max_phase", json!(4.0), "in (0, 3.141592653589793]"),
        ("rpe-transformer", "p_start", json!(0.0), positive),
        ("rpe-transformer", "p_last", json!(-1.0), "a finite number greater than 0, or null"),
    ] {
        refused(model, SEQUENCE, json!({field: value}), field, valid);
    }
    refused("class-attention", IMAGE, json!({"head_layers": 1}), "head_layers", "a whole number from 2 up");
    refused("class-attention", IMAGE, json!({"beta": -1.0}), "beta", positive);
    refused("vit", IMAGE, json!({"drop_path": 1.0}), "drop_path", "in [0, 0.99]");
}

#[test]
fn fields_that_do_not_fit_each_other_are_errors() {
    let shared = "a multiple of `n_heads`, 3, unless `d_head` is set";
    let even = "an even whole number from 2 up";
    for (model, params, field, valid) in [
        ("s4d", json!({"d_state": 5}), "d_state", even),
        ("s4d", json!({"dt_min": 0.2}), "dt_max", "greater than `dt_min`, which is 0.2"),
        ("diagonal-ssm", json!({"rate_min": 2.0}), "rate_max", "greater than `rate_min`, which is 2"),
        (
            "diagonal-ssm",
            json!({"reparameterization": "best", "rate_max": 2.0}),
            "rate_max",
            "less than 1 / `best_offset`, which is 2",
        ),
        ("lru", json!({"d_state": 3}), "d_state", even),
        ("lru", json!({"r_min": 0.5, "r_max": 0.5}), "r_max", "greater than `r_min`, which is 0.5"),
        ("deep-ssm", json!({"d_state": 3}), "d_state", "even where `eigenvalues` is `complex`"),
        ("deep-ssm", json!({"r_max": 0.5}), "r_max", "greater than `r_min`, which is 0.6"),
        ("transformer", json!({"n_heads": 3}), "d_model", shared),
        ("transformer", json!({"position": "rotary", "d_head": 3}), "d_head", "even for rotary positions"),
        ("transformer", json!({"position": "t5-log", "num_buckets": 1}), "num_buckets", "at least 2"),
        (
            "transformer",
            json!({"position": "t5-log", "causal": false, "num_buckets": 7}),
            "num_buckets",
            "even and at least 4 for bidirectional attention",
        ),
        (
            "transformer",
            json!({"position": "t5-log", "max_distance": 16}),
            "max_distance",
            "greater than 16, the number of lags with a bucket of their own",
        ),
        (
            "pointwise-attention",
            json!({"n_heads": 3, "d_head": 4}),
            "d_model",
            "a multiple of `n_heads`, 3, unless `d_value` is set",
        ),
        (
            "pointwise-attention",
            json!({"position": "rotary"}),
            "position",
            "none, learned, sinusoidal, alibi or t5-log: a rotation would change the rank of the scores",
        ),
        (
            "rpe-transformer",
            json!({"tmx": true}),
            "tmx",
            "false unless `normalise` is false: the softmax cancels its part",
        ),
        (
            "rpe-transformer",
            json!({"tmx": true, "normalise": false, "rpe": "free"}),
            "tmx",
            "false where `rpe` is free, which has no p",
        ),
    ] {
        refused(model, SEQUENCE, params, field, valid);
    }
    for (model, params, field, valid) in [
        ("class-attention", json!({"n_kv_heads": 3}), "n_kv_heads", "a divisor of `n_heads`, 4, or null"),
        ("vit", json!({"n_heads": 3}), "d_model", shared),
        ("vit", json!({"image_width": 31}), "image_width", "a divisor of the number of pixels, 1024, or null"),
        (
            "vit",
            json!({"patch_size": 5}),
            "patch_size",
            "a whole number from 1 up that divides both sides of the image, 32 x 32",
        ),
        (
            "vit",
            json!({"patch_position": "sin-cos", "d_model": 130, "n_heads": 1}),
            "d_model",
            "a multiple of 4 where `patch_position` is sin-cos",
        ),
    ] {
        refused(model, IMAGE, params, field, valid);
    }
    for (model, params) in [
        ("transformer", json!({"n_heads": 3, "d_head": 5})),
        ("deep-ssm", json!({"d_state": 3, "eigenvalues": "real"})),
        ("diagonal-ssm", json!({"reparameterization": "best"})),
    ] {
        MODELS.get(model).unwrap().facts(params.as_object().unwrap(), SEQUENCE).unwrap();
    }
    let wide = json!({"image_width": 64});
    MODELS.get("vit").unwrap().facts(wide.as_object().unwrap(), IMAGE).unwrap();
}

#[test]
fn shapes_that_a_model_does_not_take_are_errors() {
    let message = |model: &str, io| MODELS.get(model).unwrap().facts(&Default::default(), io).unwrap_err().chain();
    assert_eq!(
        message("class-attention", SEQUENCE),
        "The model `class-attention` cannot be built: The model `class-attention` has one output per sequence, not one per \
         time step."
    );
    assert_eq!(
        message("vit", Io { single_output: false, ..IMAGE }),
        "The model `vit` cannot be built: A Vision Transformer has one output per image; the task asks for one per pixel."
    );
    assert_eq!(
        message("vit", Io { length: 1000, ..IMAGE }),
        "The model `vit` cannot be built: A sequence of 1000 pixels is no square image; set `image_width`."
    );
}

#[test]
fn numbers_that_are_not_finite_are_errors() {
    let config = DiagonalSsmConfig { rate_max: f64::NAN, ..DiagonalSsmConfig::default() };
    let error = config.validate(SEQUENCE).unwrap_err();
    assert_eq!((error.what(), error.value()), (Some("rate_max"), Some("NaN or infinite")));
}
