//! One layer from one input to one output, and the cascades that equal it.

use lookback_registry::{Error, ErrorKind, Result};
use nalgebra::{Complex, DMatrix, Schur};

use super::super::starts::Sequence;

/// A model of one layer: `rho(s) = sum_i residues_i poles_i^s`, and `feed_through` more at lag 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Shallow {
    /// The eigenvalues.
    pub poles: Vec<Complex<f64>>,
    /// `c_i b_i`.
    pub residues: Vec<Complex<f64>>,
    /// D.
    pub feed_through: Complex<f64>,
}

/// Coefficients smaller than this, relative to the largest, count as 0.
const NEGLIGIBLE: f64 = 1e-9;

impl Shallow {
    /// An instance by number: `states` real poles in [-0.9, 0.9], one in the middle of each of as many equal parts, and
    /// residues (and a feed-through, if asked for) in [-1, 1].
    pub fn instance(states: usize, seed: u64, feed_through: bool) -> Self {
        let mut sequence = Sequence(seed);
        let mut within = |low: f64, high: f64| Complex::new(low + (high - low) * sequence.next(), 0.0);
        let part = 1.8 / states as f64;
        let poles = (0..states)
            .map(|index| within(-0.9 + part * (index as f64 + 0.2), -0.9 + part * (index as f64 + 0.8)))
            .collect();
        let residues = (0..states).map(|_| within(-1.0, 1.0)).collect();
        Self { poles, residues, feed_through: if feed_through { within(-1.0, 1.0) } else { Complex::ZERO } }
    }

    /// The response to a unit impulse, t = 0..length.
    pub fn impulse_response(&self, length: usize) -> Vec<Complex<f64>> {
        let mut powers = self.residues.clone();
        (0..length)
            .map(|lag| {
                let sum: Complex<f64> = powers.iter().sum();
                powers.iter_mut().zip(&self.poles).for_each(|(power, pole)| *power *= pole);
                if lag == 0 { sum + self.feed_through } else { sum }
            })
            .collect()
    }

    /// The numerator over `prod_i (1 - lambda_i w)`, by rising power of w.
    pub(super) fn numerator(&self) -> Vec<Complex<f64>> {
        let others = |index: usize| {
            self.poles.iter().enumerate().filter(move |(other, _)| *other != index).map(|(_, pole)| pole)
        };
        let all = self.poles.iter().fold(vec![self.feed_through], |product, pole| times(&product, *pole));
        let mut sum = all;
        for (index, residue) in self.residues.iter().enumerate() {
            let part = others(index).fold(vec![*residue], |product, pole| times(&product, *pole));
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        sum
    }

    /// The zeros in w. A generic layer of n states has n of them with a feed-through and n - 1 without; a cascade of L
    /// layers of one channel without feed-through has n - L, since each layer brings one less than its states.
    ///
    /// # Errors
    /// The eigenvalues of the companion matrix are not found.
    pub fn zeros(&self) -> Result<Vec<Complex<f64>>> {
        let mut coefficients = self.numerator();
        let largest = coefficients.iter().map(|value| value.norm()).fold(0.0, f64::max);
        while coefficients.last().is_some_and(|value| value.norm() <= NEGLIGIBLE * largest) {
            coefficients.pop();
        }
        let Some((last, rest)) = coefficients.split_last() else { return Ok(Vec::new()) };
        let degree = rest.len();
        if degree == 0 {
            return Ok(Vec::new());
        }
        let companion = DMatrix::from_fn(degree, degree, |row, column| {
            let shift = if row == column + 1 { Complex::ONE } else { Complex::ZERO };
            if column + 1 == degree { shift - rest[row] / last } else { shift }
        });
        let schur = Schur::try_new(companion, f64::EPSILON, 1000 * degree).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidValue,
                "The zeros of a transfer function were not found: its companion matrix has no Schur form.",
            )
        })?;
        let polished = schur.unpack().1.diagonal().iter().map(|zero| self.polish(&coefficients, *zero)).collect();
        Ok(polished)
    }

    /// Two Newton steps on a zero.
    fn polish(&self, coefficients: &[Complex<f64>], mut zero: Complex<f64>) -> Complex<f64> {
        for _ in 0..2 {
            let horner = |(value, slope): (Complex<f64>, Complex<f64>), coefficient: &Complex<f64>| {
                (value * zero + coefficient, slope * zero + value)
            };
            let (value, slope) = coefficients.iter().rev().fold((Complex::ZERO, Complex::ZERO), horner);
            let next = zero - value / slope;
            if !next.is_finite() {
                break;
            }
            zero = next;
        }
        zero
    }

    /// Each layer of a cascade has a pole at least.
    pub(super) fn check_layers(&self, layers: usize) -> Result<()> {
        let states = self.poles.len();
        if (1..=states).contains(&layers) {
            return Ok(());
        }
        Err(Error::invalid("layers", layers, format!("a whole number from 1 to {states}, the number of poles")))
    }
}

/// The largest difference between two responses, relative to the largest value of the first.
pub fn gap(response: &[Complex<f64>], other: &[Complex<f64>]) -> f64 {
    let scale = response.iter().map(|value| value.norm()).fold(0.0, f64::max);
    response.iter().zip(other).map(|(one, other)| (one - other).norm() / scale).fold(0.0, f64::max)
}

/// `polynomial (1 - pole w)`, by rising power.
fn times(polynomial: &[Complex<f64>], pole: Complex<f64>) -> Vec<Complex<f64>> {
    let mut product = polynomial.to_vec();
    product.push(Complex::ZERO);
    for (power, coefficient) in polynomial.iter().enumerate() {
        product[power + 1] -= coefficient * pole;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::super::cascade::{Cascade, CascadeLayer};
    use super::*;

    fn real(value: f64) -> Complex<f64> {
        Complex::new(value, 0.0)
    }

    #[test]
    fn shallow_to_deep_and_back_keeps_the_response() {
        for n in 2..=10 {
            for seed in 0..5 {
                for feed_through in [false, true] {
                    let shallow = Shallow::instance(n, 100 * n as u64 + seed, feed_through);
                    let response = shallow.impulse_response(100);
                    for layers in 1..=n.min(5) {
                        let deep = shallow.cascade(layers).unwrap();
                        assert_eq!(deep.layers.len(), layers);
                        let place = format!("n {n}, seed {seed}, {layers} layers, feed-through {feed_through}");
                        let found = gap(&response, &deep.impulse_response(100));
                        assert!(found < 1e-10, "{place}: {found:e}");
                        let back = gap(&response, &deep.shallow().unwrap().impulse_response(100));
                        assert!(back < 1e-10, "{place}: {back:e}");
                        if !feed_through {
                            let sums = shallow.summing(layers).unwrap();
                            assert!(gap(&response, &sums.impulse_response(100)) < 1e-13, "{place}");
                            assert!(gap(&response, &sums.shallow().unwrap().impulse_response(100)) < 1e-12, "{place}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn one_channel_without_feed_through_has_a_zero_less_per_layer() {
        for (n, layers) in [(4, 1), (4, 2), (6, 3), (8, 4)] {
            let parts = (0..layers).map(|layer| {
                let part = Shallow::instance(n, 7, false);
                let own =
                    |values: &[Complex<f64>]| values.iter().skip(layer).step_by(layers).copied().collect::<Vec<_>>();
                CascadeLayer::single(own(&part.poles), &own(&part.residues), Complex::ZERO)
            });
            let cascade = Cascade { layers: parts.collect() };
            assert_eq!(cascade.shallow().unwrap().zeros().unwrap().len(), n - layers);
            assert_eq!(Shallow::instance(n, 8, false).zeros().unwrap().len(), n - 1);
            assert_eq!(Shallow::instance(n, 8, true).zeros().unwrap().len(), n);
        }
    }

    #[test]
    fn what_cannot_be_converted_is_named() {
        let twice = CascadeLayer::single(vec![real(0.5)], &[Complex::ONE], Complex::ZERO);
        let error = Cascade { layers: vec![twice.clone(), twice] }.shallow().unwrap_err();
        assert!(error.to_string().starts_with("The pole 0.5+0i is in the cascade twice"), "{error}");
        let error = Shallow::instance(3, 1, false).cascade(4).unwrap_err();
        assert_eq!(error.to_string(), "`layers` is 4, but it must be a whole number from 1 to 3, the number of poles.");
        let error = Shallow::instance(3, 1, true).summing(2).unwrap_err();
        assert!(error.to_string().starts_with("`feed_through` is "), "{error}");
    }
}
