//! Numbers and trainings as people write them.

use lookback_benchmarks::{Decay, Optimizer, Precision, Schedule, TrainingConfig};
use serde_json::Value;

/// A number with four digits that count: `0.6701`, `12.5`, `1.2e-5`.
pub(super) fn amount(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor();
    if !(-4.0..6.0).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let decimals = (3.0 - magnitude).max(0.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A whole number with its thousands parted: `546,186`.
pub(super) fn count(value: usize) -> String {
    let digits = value.to_string();
    let parted = digits.char_indices().flat_map(|(index, digit)| {
        let comma = index > 0 && (digits.len() - index).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    });
    parted.collect()
}

/// A part of a whole: `5.0 %`.
pub(super) fn share(value: f64) -> String {
    format!("{:.1} %", 100.0 * value)
}

/// A time: `2.5 s`, `4 min 7 s`, `1 h 2 min`.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    if whole < 3600 {
        return format!("{} min {} s", whole / 60, whole % 60);
    }
    format!("{} h {} min", whole / 3600, whole % 3600 / 60)
}

/// A parameter's value, without the quotes of JSON.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

/// How a run is trained, in sentences. `epoch` is the number of training samples of an epoch, for a task that has epochs.
pub(super) fn describe_training(training: &TrainingConfig, seed: u64, epoch: Option<usize>) -> String {
    let optimizer = match training.optimizer {
        Optimizer::AdamW => "AdamW",
        Optimizer::Adam => "Adam",
        Optimizer::Sgd => "Stochastic gradient descent",
    };
    let epochs = epoch.map_or_else(String::new, |samples| {
        let epochs = (training.steps * training.batch_size) as f64 / samples as f64;
        format!(" ({} epochs)", amount((100.0 * epochs).round() / 100.0))
    });
    let batch = training.batch_size;
    let mut text = format!("{optimizer}, up to {} updates of {batch} samples each{epochs}. ", count(training.steps));
    text += &match training.warmup_steps {
        0 => "The learning rate begins at".to_owned(),
        steps => format!("The learning rate rises linearly over {} updates to", count(steps)),
    };
    let (rate, end) = (amount(training.learning_rate), amount(training.final_learning_rate));
    text += &match training.schedule {
        Schedule::Constant => format!(" {rate} and stays there."),
        Schedule::Cosine => format!(" {rate} and falls to {end} along half a cosine."),
        Schedule::Plateau => format!(
            " {rate}, and is multiplied by {} after {} evaluations without improvement, down to {end}.",
            amount(training.plateau_factor),
            training.plateau_patience
        ),
    };
    if training.weight_decay > 0.0 {
        let on = match training.decay {
            Decay::All => "all parameters",
            Decay::Weights => "the weights of linear maps and convolutions",
        };
        text += &format!(" Weight decay {} on {on}.", amount(training.weight_decay));
    }
    if let Some(norm) = training.clip_norm {
        text += &format!(" Gradients are clipped to a norm of {}.", amount(norm));
    }
    if training.accumulation > 1 {
        text += &format!(" The gradient of each batch is computed in {} parts.", training.accumulation);
    }
    text += match training.precision {
        Precision::Single => "",
        Precision::Half => " Matrix products are in half precision.",
        Precision::Bfloat16 => " Matrix products are in bfloat16.",
    };
    if let Some(decay) = training.ema_decay {
        text += &format!(" Evaluated is the moving average of the weights with a decay of {}.", amount(decay));
    }
    text + &format!(" Seed {seed}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        let numbers = [0.6701, 12.5, 1.2e-5, 0.0, 323.92, 1e6, 1e-3, 123_456.0, -0.05].map(amount);
        assert_eq!(numbers, ["0.6701", "12.5", "1.20e-5", "0", "323.9", "1.00e6", "0.001", "123456", "-0.05"]);
        assert_eq!([7, 999, 1000, 546_186, 12_345_678].map(count), ["7", "999", "1,000", "546,186", "12,345,678"]);
        assert_eq!([2.54, 247.2, 3725.0].map(duration), ["2.5 s", "4 min 7 s", "1 h 2 min"]);
        assert_eq!(amount(f64::NAN), "NaN");
    }

    #[test]
    fn a_training_is_told_with_what_is_on() {
        let training = TrainingConfig {
            steps: 3906,
            batch_size: 128,
            learning_rate: 1e-3,
            warmup_steps: 390,
            weight_decay: 0.05,
            decay: Decay::Weights,
            ema_decay: Some(0.999),
            ..TrainingConfig::default()
        };
        assert_eq!(
            describe_training(&training, 3, Some(50_000)),
            "AdamW, up to 3,906 updates of 128 samples each (10 epochs). The learning rate rises linearly over 390 \
             updates to 0.001 and falls to 1.00e-5 along half a cosine. Weight decay 0.05 on the weights of linear maps \
             and convolutions. Gradients are clipped to a norm of 1. Evaluated is the moving average of the weights with a \
             decay of 0.999. Seed 3."
        );
        let plain = TrainingConfig { schedule: Schedule::Constant, clip_norm: None, ..TrainingConfig::default() };
        assert_eq!(
            describe_training(&plain, 0, None),
            "AdamW, up to 1,000 updates of 32 samples each. The learning rate begins at 0.003 and stays there. Seed 0."
        );
    }
}
