//! Memory functions `rho(s)`, `s` = lag: one file each, and the list of them.

mod airy;
mod airy_ai;
mod damped_cosine;
mod exponential;
mod gaussian_peak;
mod impulse;
mod pole_product;
mod polynomial;
mod shift_window;
mod sine;
mod tabulated;
mod two_parts;

use std::fmt::Debug;

use lookback_registry::{
    Configurable, Entry, Error, ErrorKind, Field, Params, Registry, Result, check, fields, parse, to_params,
};

pub use airy::Airy;
pub use airy_ai::airy_ai;
pub use damped_cosine::DampedCosine;
pub use exponential::Exponential;
pub use gaussian_peak::GaussianPeak;
pub use impulse::Impulse;
pub use pole_product::PoleProduct;
pub use polynomial::Polynomial;
pub use shift_window::ShiftWindow;
pub use sine::Sine;
pub use tabulated::{Table, Tabulated};
pub use two_parts::TwoParts;

/// The list of memory functions. Adding one is one file, its `mod` line, and one line here; a program adds its own as shown at
/// [`MemoryConfig`].
pub static MEMORY_FUNCTIONS: Registry<MemoryFunctionEntry> = Registry::new(|| {
    vec![
        MemoryFunctionEntry::of::<Exponential>(),
        MemoryFunctionEntry::of::<Polynomial>(),
        MemoryFunctionEntry::of::<Impulse>(),
        MemoryFunctionEntry::of::<Airy>(),
        MemoryFunctionEntry::of::<ShiftWindow>(),
        MemoryFunctionEntry::of::<TwoParts>(),
        MemoryFunctionEntry::of::<Sine>(),
        MemoryFunctionEntry::of::<GaussianPeak>(),
        MemoryFunctionEntry::of::<DampedCosine>(),
        MemoryFunctionEntry::of::<PoleProduct>(),
        MemoryFunctionEntry::of::<Tabulated>(),
    ]
});

/// The paper of the four functions of the memory suite.
const PAPER: &str = "Jiang, Bao, Wang, Li, \"Numerical investigation of sequence modeling theory using controllable \
                     memory functions\", 2025, https://arxiv.org/abs/2506.05678";

/// The theory behind the other functions: linear functionals with a memory kernel. The kernels' exact forms and
/// defaults are ours.
const SURVEY: &str = "Linear functionals as in Jiang, Li, Li, Wang, \"A brief survey on the approximation theory for \
                      sequence modelling\", 2023, https://arxiv.org/abs/2302.13752; form and defaults ours";

/// The largest magnitude of rho that [`MemoryFunction::memory`] accepts: targets stay finite in f32.
const LARGEST: f64 = 1e30;

/// A memory function `rho(s)`: the weight of the input of `s` steps ago in the output.
pub trait MemoryFunction: Debug + Send + Sync {
    /// The formula at `lag`, before any normalisation.
    fn rho(&self, lag: usize) -> f64;

    /// Whether [`MemoryFunction::memory`] scales rho to `||rho||_2 = 1` over the sequence.
    fn normalise(&self) -> bool;

    /// Checks that sequences of `length` steps can show this memory.
    ///
    /// # Errors
    /// Names the parameter that does not fit `length`, and what would.
    fn check_length(&self, _length: usize) -> Result<()> {
        Ok(())
    }

    /// `rho(0), .., rho(length - 1)`, scaled to unit Euclidean norm where [`MemoryFunction::normalise`] says so.
    ///
    /// # Errors
    /// `length` is 0 or too short for the function; a value is not finite or larger than 1e30 in magnitude;
    /// every value is 0 (or below what an f32 can hold), so that there is nothing to remember.
    fn memory(&self, length: usize) -> Result<Vec<f64>> {
        if length == 0 {
            return Err(Error::invalid("length", length, "a whole number from 1 up"));
        }
        self.check_length(length)?;
        let mut rho: Vec<f64> = (0..length).map(|lag| self.rho(lag)).collect();
        if let Some(lag) = rho.iter().position(|value| !value.is_finite() || value.abs() > LARGEST) {
            return Err(Error::invalid(&format!("rho({lag})"), rho[lag], "a finite number of magnitude 1e30 or less"));
        }
        let largest = rho.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        if largest < f64::from(f32::MIN_POSITIVE) {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "The memory function is 0 at every lag below {length}, but it must have a magnitude of at least \
                 1e-37 at some lag that fits in `length`; choose other parameters or a longer sequence."
                ),
            ));
        }
        if self.normalise() {
            // Dividing by the largest first keeps the squares from under- and overflowing.
            let norm = largest * rho.iter().map(|value| (value / largest) * (value / largest)).sum::<f64>().sqrt();
            rho.iter_mut().for_each(|value| *value /= norm);
        }
        Ok(rho)
    }
}

/// A memory function as lists, figures and tables show it.
#[derive(Debug, Clone, Copy)]
pub struct MemoryInfo {
    /// The name in specs and on the command line, lower-case with hyphens.
    pub name: &'static str,
    /// The name in figures and tables.
    pub title: &'static str,
    /// `rho(s)` in plain text.
    pub formula: &'static str,
    /// The kind of memory, in short, e.g. "decay, slow".
    pub structure: &'static str,
    /// The paper: authors, title, year, link.
    pub source: &'static str,
}

/// A memory function by its parameters.
///
/// ```
/// use lookback_datasets::{MEMORY_FUNCTIONS, MemoryConfig, MemoryFunction, MemoryFunctionEntry, MemoryInfo, memory_function};
/// use lookback_registry::Params;
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// /// `rho(s) = 1 if period divides s, else 0`.
/// #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
/// #[serde(default)]
/// struct Comb {
///     /// Steps from one tooth to the next, from 1 up.
///     #[schemars(range(min = 1))]
///     period: usize,
///     /// Whether rho is scaled to unit Euclidean norm over the sequence.
///     normalise: bool,
/// }
///
/// impl Default for Comb {
///     fn default() -> Self {
///         Self { period: 8, normalise: false }
///     }
/// }
///
/// impl MemoryFunction for Comb {
///     fn rho(&self, lag: usize) -> f64 {
///         if lag.is_multiple_of(self.period) { 1.0 } else { 0.0 }
///     }
///
///     fn normalise(&self) -> bool {
///         self.normalise
///     }
/// }
///
/// impl MemoryConfig for Comb {
///     const INFO: MemoryInfo = MemoryInfo {
///         name: "comb",
///         title: "Comb",
///         formula: "rho(s) = 1 if period divides s, else 0",
///         structure: "periodic, sparse",
///         source: "your paper",
///     };
/// }
///
/// MEMORY_FUNCTIONS.add(MemoryFunctionEntry::of::<Comb>());
///
/// let params = Params::from_iter([("period".to_owned(), 2.into())]);
/// assert_eq!(memory_function("comb", &params)?.memory(5)?, [1.0, 0.0, 1.0, 0.0, 1.0]);
/// let error = memory_function("comb", &Params::from_iter([("period".to_owned(), 0.into())])).unwrap_err();
/// assert_eq!(
///     error.chain(),
///     "The parameters of the memory function `comb` are not valid: `period` is 0, but it must be a whole number from 1 up."
/// );
/// # Ok::<(), lookback_registry::Error>(())
/// ```
pub trait MemoryConfig: MemoryFunction + Configurable {
    /// Name, title, formula, structure, source.
    const INFO: MemoryInfo;

    /// Checks what concerns several parameters together; the range of each is declared at its field.
    ///
    /// # Errors
    /// Names a parameter, its value and what would be valid.
    fn validate(&self) -> Result<()> {
        Ok(())
    }

    /// The function, its parameters checked; where they name a file, the file is read and its hash becomes a parameter.
    ///
    /// # Errors
    /// Names the parameter that is not valid, its value and what would be; or a file is not as it should be.
    fn build(self) -> Result<Self> {
        check(&self)?;
        self.validate()?;
        Ok(self)
    }
}

/// One line of [`MEMORY_FUNCTIONS`].
#[derive(Debug, Clone, Copy)]
pub struct MemoryFunctionEntry {
    /// Name, title, formula, structure, source.
    pub info: MemoryInfo,
    /// Parameters with documentation, defaults and ranges.
    pub fields: fn() -> Vec<Field>,
    /// All parameters, checked, with defaults filled in. Resolving twice changes nothing.
    pub resolve: fn(&Params) -> Result<Params>,
    /// Builds the function from its parameters.
    pub build: fn(&Params) -> Result<Box<dyn MemoryFunction>>,
}

impl MemoryFunctionEntry {
    /// The line of the memory function `C`.
    pub const fn of<C: MemoryConfig>() -> Self {
        Self {
            info: C::INFO,
            fields: fields::<C>,
            resolve: |params| Ok(to_params(&build::<C>(params)?)),
            build: |params| Ok(Box::new(build::<C>(params)?)),
        }
    }
}

impl Entry for MemoryFunctionEntry {
    const KIND: &'static str = "memory function";

    fn name(&self) -> &str {
        self.info.name
    }
}

fn build<C: MemoryConfig>(params: &Params) -> Result<C> {
    parse::<C>(&format!("the memory function `{}`", C::INFO.name), params)?.build()
}

/// The memory function `name` of [`MEMORY_FUNCTIONS`] with `params`; what is absent takes its default.
///
/// # Errors
/// The name is unknown, or a parameter is unknown, mistyped or out of range.
pub fn memory_function(name: &str, params: &Params) -> Result<Box<dyn MemoryFunction>> {
    (MEMORY_FUNCTIONS.get(name)?.build)(params)
}
