//! Input processes `x(t)`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::SampleRng;

/// What the inputs are: every channel is an independent copy of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InputProcess {
    /// Independent N(0, 1) values.
    #[default]
    White,
    /// Stationary first-order autoregression: `x(t) = phi x(t-1) + sqrt(1 - phi^2) n(t)`, n white, variance 1.
    Ar1,
    /// The cumulative sum of white noise, over `sqrt(length)`: the variance at t is `(t + 1) / length`.
    Brownian,
    /// Independent signs, -1 or 1 with probability 1/2 each.
    Rademacher,
    /// Independent values uniform on [0, 1].
    Uniform,
}

impl InputProcess {
    /// All processes.
    pub const ALL: [Self; 5] = [Self::White, Self::Ar1, Self::Brownian, Self::Rademacher, Self::Uniform];

    /// The name in specs and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::White => "white",
            Self::Ar1 => "ar1",
            Self::Brownian => "brownian",
            Self::Rademacher => "rademacher",
            Self::Uniform => "uniform",
        }
    }

    /// The definition in plain text.
    pub fn formula(self) -> &'static str {
        match self {
            Self::White => "x(t) ~ N(0, 1), independent",
            Self::Ar1 => "x(t) = phi x(t-1) + sqrt(1 - phi^2) n(t), n white, stationary with variance 1",
            Self::Brownian => "x(t) = (n(0) + .. + n(t)) / sqrt(length), n white",
            Self::Rademacher => "x(t) = -1 or 1 with probability 1/2 each, independent",
            Self::Uniform => "x(t) ~ U[0, 1], independent",
        }
    }

    /// Draws `[length, d_input]`, row-major; time runs outermost, so with the same generator a longer sequence of
    /// any process but the scaled Brownian begins with the shorter one. `phi`, in (-1, 1), is that of [`InputProcess::Ar1`].
    pub fn draw(self, length: usize, d_input: usize, phi: f64, rng: &mut SampleRng) -> Vec<f32> {
        let mut state = vec![0.0_f64; d_input];
        let innovation = (1.0 - phi * phi).sqrt();
        let scale = 1.0 / (length as f64).sqrt();
        let mut values = Vec::with_capacity(length * d_input);
        for t in 0..length {
            for state in &mut state {
                let value = match self {
                    Self::White => rng.normal(),
                    Self::Ar1 => {
                        *state = if t == 0 { rng.normal() } else { phi * *state + innovation * rng.normal() };
                        *state
                    }
                    Self::Brownian => {
                        *state += rng.normal();
                        *state * scale
                    }
                    Self::Rademacher => rng.sign(),
                    Self::Uniform => rng.uniform(),
                };
                values.push(value as f32);
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    /// Means over many sequences of `x(s) x(t)`.
    fn second_moment(process: InputProcess, s: usize, t: usize) -> f64 {
        let count = 20_000;
        (0..count)
            .map(|index| {
                let mut rng = SampleRng::new(Key::new("moments", 1), index);
                let x = process.draw(16, 1, 0.8, &mut rng);
                f64::from(x[s]) * f64::from(x[t]) / count as f64
            })
            .sum()
    }

    #[test]
    fn covariances_are_those_of_the_processes() {
        use InputProcess::{Ar1, Brownian, Rademacher, Uniform, White};
        for (process, s, t, expected) in [
            (White, 5, 5, 1.0),
            (White, 5, 6, 0.0),
            (Ar1, 0, 0, 1.0),
            (Ar1, 15, 15, 1.0),
            (Ar1, 3, 5, 0.64),
            (Brownian, 3, 15, 4.0 / 16.0),
            (Brownian, 15, 15, 1.0),
            (Rademacher, 5, 5, 1.0),
            (Rademacher, 5, 6, 0.0),
            (Uniform, 5, 5, 1.0 / 3.0),
            (Uniform, 5, 6, 1.0 / 4.0),
        ] {
            let moment = second_moment(process, s, t);
            assert!((moment - expected).abs() < 0.05, "{process:?} {s} {t}: {moment}");
        }
    }

    #[test]
    fn names_are_those_of_specs() {
        for process in InputProcess::ALL {
            assert_eq!(serde_json::to_value(process).unwrap(), process.name());
        }
    }
}
