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

use lookback_registry::{Configurable, Error, ErrorKind, Field, Params, Result, parse, to_params};

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

/// The list of memory functions. Adding one is one file, its `mod` line, and one line here.
static LIST: &[MemoryFunctionEntry] = &[
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
];

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
                ErrorKind::Corrupt,
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

/// What is known of a memory function without building it.
#[derive(Debug, Clone, Copy)]
pub struct MemoryInfo {
    /// The name in specs and on the command line, lower-case with hyphens.
    pub name: &'static str,
    /// The name in figures and tables.
    pub title: &'static str,
    /// `rho(s)` in plain text.
    pub formula: &'static str,
    /// The kind of memory in a few words.
    pub structure: &'static str,
    /// The paper: authors, title, year, link.
    pub source: &'static str,
    /// The values of `alpha` that the memory suite runs over, ascending; empty for a function that is not in the
    /// suite.
    pub alphas: &'static [f64],
}

/// A named, typed memory function: its parameters, what is known of it, and how it is built.
pub trait MemoryConfig: Configurable + Debug + 'static {
    /// Name, title, formula, structure, source, grid.
    const INFO: MemoryInfo;

    /// What [`MemoryConfig::build`] makes; mostly the configuration itself.
    type Function: MemoryFunction + 'static;

    /// Checks every parameter.
    ///
    /// # Errors
    /// Names the parameter, its value and what would be valid.
    fn validate(&self) -> Result<()>;

    /// The parameters with everything filled in that determines the function.
    ///
    /// # Errors
    /// As [`MemoryConfig::validate`]; where parameters name a file, it cannot be read.
    fn resolve(self) -> Result<Self> {
        self.validate()?;
        Ok(self)
    }

    /// Checks the parameters and makes the function.
    ///
    /// # Errors
    /// As [`MemoryConfig::validate`]; where parameters name a file, it is not as it should be.
    fn build(self) -> Result<Self::Function>;
}

/// One line of the list of memory functions.
#[derive(Debug, Clone, Copy)]
pub struct MemoryFunctionEntry {
    /// Name, title, formula, structure, source, grid.
    pub info: MemoryInfo,
    /// Parameters with documentation and defaults.
    pub fields: fn() -> Vec<Field>,
    /// All parameters, checked, with defaults filled in. Resolving twice changes nothing.
    pub resolve: fn(&Params) -> Result<Params>,
    /// Builds the function from its parameters.
    pub build: fn(&Params) -> Result<Box<dyn MemoryFunction>>,
}

impl MemoryFunctionEntry {
    const fn of<C: MemoryConfig>() -> Self {
        Self { info: C::INFO, fields: lookback_registry::fields::<C>, resolve: resolve::<C>, build: build::<C> }
    }
}

fn read<C: MemoryConfig>(params: &Params) -> Result<C> {
    parse(&format!("the memory function `{}`", C::INFO.name), params)
}

fn resolve<C: MemoryConfig>(params: &Params) -> Result<Params> {
    Ok(to_params(&read::<C>(params)?.resolve()?))
}

fn build<C: MemoryConfig>(params: &Params) -> Result<Box<dyn MemoryFunction>> {
    Ok(Box::new(read::<C>(params)?.build()?))
}

/// All memory functions.
pub fn memory_functions() -> &'static [MemoryFunctionEntry] {
    LIST
}

/// The line of the list that has `name`.
///
/// # Errors
/// The name is unknown: lists the known ones, nearest first.
pub fn memory_function_entry(name: &str) -> Result<&'static MemoryFunctionEntry> {
    LIST.iter()
        .find(|entry| entry.info.name == name)
        .ok_or_else(|| Error::unknown_name("memory function", name, LIST.iter().map(|entry| entry.info.name)))
}

/// The memory function `name` with `params`; what is absent takes its default.
///
/// # Errors
/// The name is unknown, or a parameter is unknown, mistyped or out of range.
pub fn memory_function(name: &str, params: &Params) -> Result<Box<dyn MemoryFunction>> {
    (memory_function_entry(name)?.build)(params)
}

/// Refuses a `field` that is not a finite number for which `valid`; `range` says what would be.
fn check(field: &str, value: f64, valid: impl FnOnce(f64) -> bool, range: &str) -> Result<()> {
    if value.is_finite() && valid(value) { Ok(()) } else { Err(Error::invalid(field, value, range)) }
}
