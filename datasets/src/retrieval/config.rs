//! The parameters of [`Retrieval`](super::Retrieval).

use lookback_registry::{Error, Result, check};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::InputProcess;
use crate::drawn::check_size;

/// A function `f_i` of a token, by a vector of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureFunction {
    /// `<a_i, x>`, a_i uniform on the unit sphere.
    #[default]
    Linear,
    /// `|x - c_i|^2`, c_i ~ N(0, I).
    SquaredDistance,
    /// `exp(-|x - c_i|^2 / 2)`, c_i ~ N(0, I).
    Bump,
}

/// Which extreme value of a function is retrieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Extreme {
    /// The largest.
    #[default]
    Max,
    /// The smallest.
    Min,
}

/// The times `S_i` over which the extreme value of function i is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IndexSets {
    /// All times: the target does not depend on the order of the tokens.
    #[default]
    All,
    /// The i-th of D windows of one length, from `0..` to `..length`, equally far apart: neighbours overlap by half, or by
    /// more where D is above 7, since none is shorter than a quarter of the sequence.
    Windows,
}

/// What the target makes of the extreme values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OuterFunction {
    /// `z_1 + .. + z_D`.
    #[default]
    Sum,
    /// `z_1 .. z_D`.
    Product,
    /// `sqrt(z_1^2 + .. + z_D^2)`.
    Norm,
}

/// The target and the inputs of [`Retrieval::dataset`](super::Retrieval::dataset).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RetrievalConfig {
    /// Tokens of a sequence, from 1 up.
    #[schemars(range(min = 1))]
    pub length: usize,
    /// Channels of a token, from 1 up.
    #[schemars(range(min = 1))]
    pub d_input: usize,
    /// The number D of functions, from 1 to 65536: their vectors are drawn once per dataset.
    #[schemars(range(min = 1, max = 65_536))]
    pub n_functions: usize,
    /// What they are: function i is the i-th of this list, which begins anew after its end. linear, squared-distance or
    /// bump.
    pub functions: Vec<FeatureFunction>,
    /// Which of their values is retrieved: max or min.
    pub extreme: Extreme,
    /// Over which times: all, or windows, the i-th of D overlapping windows.
    pub index_sets: IndexSets,
    /// What the target makes of the D values: their sum, product or norm.
    pub outer: OuterFunction,
    /// What the tokens are: white, rademacher or uniform.
    pub input: InputProcess,
    /// Seeds the vectors of the functions; those of fewer functions are the first of more.
    pub function_seed: u64,
    /// Whether targets have mean 0 and variance 1 over sequences: with length maxima rise and vary less, and a network
    /// that starts around 0 first has to climb to their mean.
    pub standardised: bool,
}

impl Default for RetrievalConfig {
    fn default() -> Self {
        Self {
            length: 32,
            d_input: 4,
            n_functions: 4,
            functions: vec![FeatureFunction::Linear],
            extreme: Extreme::Max,
            index_sets: IndexSets::All,
            outer: OuterFunction::Sum,
            input: InputProcess::White,
            function_seed: 0,
            standardised: false,
        }
    }
}

impl RetrievalConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// Names the field, its value and what would be valid.
    pub fn validate(&self) -> Result<()> {
        check(self)?;
        check_size(self.length, self.d_input)?;
        if self.functions.is_empty() {
            return Err(Error::invalid("functions", "[]", "a list of at least one function"));
        }
        if !matches!(self.input, InputProcess::White | InputProcess::Rademacher | InputProcess::Uniform) {
            let valid = "one that is independent over time: white, rademacher or uniform";
            return Err(Error::invalid("input", self.input.name(), valid));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refused;

    #[test]
    fn bad_configurations_are_errors() {
        let config = RetrievalConfig::default;
        for (config, field) in [
            (RetrievalConfig { length: 0, ..config() }, "length"),
            (RetrievalConfig { d_input: 0, ..config() }, "d_input"),
            (RetrievalConfig { n_functions: 0, ..config() }, "n_functions"),
            (RetrievalConfig { n_functions: 65_537, ..config() }, "n_functions"),
            (RetrievalConfig { length: 1 << 28, ..config() }, "length"),
            (RetrievalConfig { functions: vec![], ..config() }, "functions"),
        ] {
            assert_eq!(refused(config.validate()), field);
        }
        assert_eq!(
            RetrievalConfig { input: InputProcess::Ar1, ..config() }.validate().unwrap_err().to_string(),
            "`input` is ar1, but it must be one that is independent over time: white, rademacher or uniform."
        );
    }
}
