//! Causal convolution with a memory function.

use std::fmt;
use std::sync::Arc;

use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlannerScalar};

/// `y(t) = sum_{s=0..t} rho(s) x(t-s)` for t = 0..length, rounded to f32.
///
/// The sums come from the fast Fourier transform in f64, in time `O(length log length)`. The transform takes its
/// roots of unity from the platform's mathematics library, so its last digits may differ between platforms; where
/// they could decide the rounding to f32 (about one value in 10^4 at length 128), the sum is taken term by term
/// instead. The result is therefore always the same bits: those of the direct sum in f64, rounded once to f32. A
/// unit impulse gives rho exactly.
pub struct Convolution {
    length: usize,
    /// The lags where rho is not 0, with its values.
    terms: Vec<(usize, f64)>,
    norm: f64,
    /// Absent where the direct sum has so few terms that it is the faster way.
    fourier: Option<Fourier>,
}

struct Fourier {
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
    /// The transform of rho over the padded size, divided by that size.
    spectrum: Vec<Complex64>,
}

impl Convolution {
    /// The convolution with `rho`, over sequences as long as `rho`.
    pub fn new(rho: &[f64]) -> Self {
        let terms: Vec<_> = rho.iter().copied().enumerate().filter(|(_, value)| *value != 0.0).collect();
        // 2 length - 1 keeps the circular convolution's wrapped part out of the first `length` values.
        let size = (2 * rho.len()).next_power_of_two();
        let worthwhile = terms.len() > 2 * size.ilog2() as usize;
        Self {
            length: rho.len(),
            norm: euclidean(rho.iter().copied()),
            terms,
            fourier: worthwhile.then(|| Fourier::new(rho, size)),
        }
    }

    /// Convolves `input`, `[length]`; returns `[length]`.
    ///
    /// # Panics
    /// `input` is not as long as rho.
    pub fn apply(&self, input: &[f64]) -> Vec<f32> {
        assert_eq!(input.len(), self.length, "the input must be as long as the memory function");
        let Some(fourier) = &self.fourier else {
            return (0..self.length).map(|t| self.direct(input, t) as f32).collect();
        };
        // The transforms' errors are below 64 eps log2(size) |rho| |x|, Higham's worst case with inexact roots
        // (Accuracy and Stability of Numerical Algorithms, 2nd ed., theorem 24.2), three transforms taken together.
        let size = fourier.spectrum.len();
        let norm = euclidean(input.iter().copied());
        let bound = 64.0 * f64::EPSILON * f64::from(size.ilog2() + 1) * self.norm * norm;
        let round = |(t, value): (usize, Complex64)| {
            let low = (value.re - bound) as f32;
            if low == (value.re + bound) as f32 && low != 0.0 { low } else { self.direct(input, t) as f32 }
        };
        fourier.convolve(input).into_iter().take(self.length).enumerate().map(round).collect()
    }

    /// The sum for one t, with Neumaier's compensation: its error is below eps |rho| |x|.
    fn direct(&self, input: &[f64], t: usize) -> f64 {
        let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
        for &(lag, rho) in self.terms.iter().take_while(|(lag, _)| *lag <= t) {
            let term = rho * input[t - lag];
            let next = sum + term;
            lost += if sum.abs() >= term.abs() { (sum - next) + term } else { (term - next) + sum };
            sum = next;
        }
        sum + lost
    }
}

impl Fourier {
    fn new(rho: &[f64], size: usize) -> Self {
        let mut planner = FftPlannerScalar::new();
        let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
        let mut spectrum = padded(rho, size);
        forward.process(&mut spectrum);
        spectrum.iter_mut().for_each(|value| *value /= size as f64);
        Self { forward, inverse, spectrum }
    }

    fn convolve(&self, input: &[f64]) -> Vec<Complex64> {
        let mut values = padded(input, self.spectrum.len());
        self.forward.process(&mut values);
        values.iter_mut().zip(&self.spectrum).for_each(|(value, rho)| *value *= rho);
        self.inverse.process(&mut values);
        values
    }
}

fn padded(values: &[f64], size: usize) -> Vec<Complex64> {
    let mut padded = vec![Complex64::ZERO; size];
    for (slot, value) in padded.iter_mut().zip(values) {
        slot.re = *value;
    }
    padded
}

fn euclidean(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

impl fmt::Debug for Convolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Convolution")
            .field("length", &self.length)
            .field("terms", &self.terms.len())
            .field("fourier", &self.fourier.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Key, SampleRng};
    use proptest::prelude::*;

    fn plain_sum(rho: &[f64], input: &[f64], t: usize) -> f64 {
        (0..=t).map(|s| rho[s] * input[t - s]).sum()
    }

    fn normals(seed: u64, length: usize) -> Vec<f64> {
        let mut rng = SampleRng::new(Key::new("convolution", seed), 0);
        (0..length).map(|_| rng.normal()).collect()
    }

    proptest! {
        #[test]
        fn equals_the_direct_sum(length in 1_usize..300, seed in any::<u64>(), decay in 0.0..1.0_f64) {
            let rho: Vec<f64> = normals(seed, length)
                .into_iter()
                .enumerate()
                .map(|(lag, value)| value * libm::exp(-decay * lag as f64))
                .collect();
            let input = normals(!seed, length);
            let convolution = Convolution::new(&rho);
            for (t, value) in convolution.apply(&input).into_iter().enumerate() {
                prop_assert!((f64::from(value) - plain_sum(&rho, &input, t)).abs() <= 1e-5);
                prop_assert_eq!(value.to_bits(), (convolution.direct(&input, t) as f32).to_bits());
            }
        }
    }

    #[test]
    fn the_transform_alone_is_exact_well_within_its_bound() {
        for length in [64, 128, 1000, 4096] {
            let (rho, input) = (normals(1, length), normals(2, length));
            let convolution = Convolution::new(&rho);
            let fourier = convolution.fourier.as_ref().unwrap();
            let bound = f64::EPSILON * convolution.norm * euclidean(input.iter().copied());
            for (t, value) in fourier.convolve(&input).into_iter().take(length).enumerate() {
                assert!((value.re - convolution.direct(&input, t)).abs() <= 4.0 * bound);
            }
        }
    }

    #[test]
    fn few_terms_go_without_a_transform() {
        let mut rho = vec![0.0; 1000];
        rho[700] = 1.0;
        let convolution = Convolution::new(&rho);
        assert!(convolution.fourier.is_none());
        let input = normals(3, 1000);
        let output = convolution.apply(&input);
        assert!(output[..700].iter().all(|value| *value == 0.0));
        assert!(output[700..].iter().zip(&input).all(|(y, x)| *y == *x as f32));
    }
}
