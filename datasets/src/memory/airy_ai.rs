//! The Airy function Ai on the real line, in f64 and with the same bits on every platform.
//!
//! The crates that offer Ai take sines and exponentials from the platform's mathematics library; this one takes
//! them from `libm`.
//!
//! Source: NIST Digital Library of Mathematical Functions, chapter 9, <https://dlmf.nist.gov/9>.

use std::f64::consts::{FRAC_PI_4, PI};

/// Ai(0) = 3^(-2/3) / Gamma(2/3).
const AI_0: f64 = 0.355_028_053_887_817_2;
/// -Ai'(0) = 3^(-1/3) / Gamma(1/3).
const MINUS_AI_PRIME_0: f64 = 0.258_819_403_792_806_8;
/// Below this the asymptotic expansion is used: there it and the Maclaurin series are about equally exact
/// (3e-12 of the envelope).
const ASYMPTOTIC_BELOW: f64 = -7.0;
/// Above this the integral is used: the series cancels there.
const INTEGRAL_ABOVE: f64 = 1.0;
/// Above this Ai(x) is below the smallest f64.
const ZERO_ABOVE: f64 = 110.0;

/// Ai(x), the solution of `y'' = x y` that falls off for large x.
///
/// The error is below 1e-11 times `max(|Ai(x)|, |x|^(-1/4) / sqrt(pi))` for x in [-40, 0], where the second term is
/// the envelope of the oscillation, and below 1e-13 relative for x in [0, 20]. Further to the left the phase's
/// rounding adds about `1e-16 |x|^(3/2)` of the envelope. NaN gives NaN.
pub fn airy_ai(x: f64) -> f64 {
    if x.is_nan() {
        x
    } else if x > ZERO_ABOVE {
        0.0
    } else if x < ASYMPTOTIC_BELOW {
        oscillating(-x)
    } else if x <= INTEGRAL_ABOVE {
        maclaurin(x)
    } else {
        integral(x)
    }
}

/// DLMF 9.4.1: two power series in x^3.
fn maclaurin(x: f64) -> f64 {
    let cube = x * x * x;
    let (mut even, mut odd) = (1.0_f64, x);
    let (mut sum_even, mut sum_odd) = (even, odd);
    let mut k = 1.0;
    while even.abs() > 1e-18 || odd.abs() > 1e-18 {
        even *= cube / ((3.0 * k - 1.0) * (3.0 * k));
        odd *= cube / ((3.0 * k) * (3.0 * k + 1.0));
        sum_even += even;
        sum_odd += odd;
        k += 1.0;
    }
    AI_0 * sum_even - MINUS_AI_PRIME_0 * sum_odd
}

/// DLMF 9.6.2 and 10.32.9: `Ai(x) = sqrt(x / 3) K_(1/3)(zeta) / pi`, `zeta = 2/3 x^(3/2)`, with
/// `K_nu(zeta) = int_0^inf exp(-zeta cosh t) cosh(nu t) dt` by the trapezoidal rule, which converges
/// geometrically on this integrand.
fn integral(x: f64) -> f64 {
    const STEP: f64 = 1.0 / 16.0;
    let zeta = 2.0 / 3.0 * x * x.sqrt();
    // exp(-zeta) is taken outside, so that the terms neither underflow nor lose digits: cosh t - 1 = 2 sinh^2(t/2).
    let mut sum = 0.5;
    for k in 1.. {
        let t = STEP * f64::from(k);
        let half = libm::sinh(0.5 * t);
        let term = libm::exp(-2.0 * zeta * half * half) * libm::cosh(t / 3.0);
        sum += term;
        if term < 1e-18 * sum {
            break;
        }
    }
    (x / 3.0).sqrt() / PI * libm::exp(-zeta) * STEP * sum
}

/// DLMF 9.7.9: the asymptotic expansion of Ai(-z), summed up to its smallest term.
fn oscillating(z: f64) -> f64 {
    let zeta = 2.0 / 3.0 * z * z.sqrt();
    let (mut even, mut odd) = (1.0, 0.0);
    let mut term = 1.0_f64;
    for k in 1_u32.. {
        // u_k / u_(k-1), DLMF 9.7.2.
        let six_k = 6.0 * f64::from(k);
        let ratio = (six_k - 5.0) * (six_k - 3.0) * (six_k - 1.0) / (216.0 * f64::from(k) * (2.0 * f64::from(k) - 1.0));
        let next = term * ratio / zeta;
        if next >= term || next < 1e-18 {
            break;
        }
        term = next;
        let sign = if k / 2 % 2 == 0 { 1.0 } else { -1.0 };
        *(if k % 2 == 0 { &mut even } else { &mut odd }) += sign * term;
    }
    let phase = zeta - FRAC_PI_4;
    (libm::cos(phase) * even + libm::sin(phase) * odd) / (PI.sqrt() * z.sqrt().sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy's values on a grid over [-40, 20]; see `tests/reference/airy.py`.
    const REFERENCE: &str = include_str!("../../../tests/reference/airy.csv");

    #[test]
    fn agrees_with_scipy() {
        let mut rows = csv::Reader::from_reader(REFERENCE.as_bytes());
        let (mut count, mut worst_relative, mut worst_envelope, mut worst_right) = (0, 0.0_f64, 0.0_f64, 0.0_f64);
        for row in rows.deserialize() {
            let (x, expected): (f64, f64) = row.unwrap();
            let error = (airy_ai(x) - expected).abs();
            worst_relative = worst_relative.max(error / expected.abs());
            if x < 0.0 {
                let envelope = 1.0 / (PI.sqrt() * libm::pow(-x, 0.25));
                worst_envelope = worst_envelope.max(error / expected.abs().max(envelope));
            } else {
                worst_right = worst_right.max(error / expected);
            }
            count += 1;
        }
        assert!(count > 1000);
        assert!(worst_relative <= 1e-6, "relative error {worst_relative:e}");
        assert!(worst_envelope <= 1e-11, "error relative to the envelope {worst_envelope:e}");
        assert!(worst_right <= 1e-13, "relative error for x >= 0 {worst_right:e}");
    }

    #[test]
    fn the_three_forms_meet() {
        assert!((maclaurin(INTEGRAL_ABOVE) / integral(INTEGRAL_ABOVE) - 1.0).abs() < 1e-14);
        assert!((maclaurin(ASYMPTOTIC_BELOW) - oscillating(-ASYMPTOTIC_BELOW)).abs() < 1e-10);
    }

    #[test]
    fn far_values_are_finite() {
        assert_eq!(airy_ai(1e5), 0.0);
        assert!(airy_ai(-1e5).abs() < 0.04);
        assert!(airy_ai(f64::NAN).is_nan());
    }
}
