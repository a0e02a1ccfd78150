//! Statistics of errors over seeds.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use serde::{Deserialize, Serialize};

/// What several seeds of one cell of a grid say together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// How many values, one per seed.
    pub n: usize,
    /// Their arithmetic mean.
    pub mean: f64,
    /// Their sample standard deviation (divisor n - 1); 0 where `n` is 1, which says nothing of the spread.
    pub sd: f64,
    /// The smallest: closest to approximation error, least of it training luck.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// A 95 % confidence interval of the geometric mean, low end first.
    ///
    /// Student's t interval of the mean of the logarithms, taken back: errors spread over orders of magnitude,
    /// and this interval stays positive. The geometric mean is its middle on a log scale, `sqrt(low * high)`;
    /// the arithmetic `mean` may lie outside. `None` where `n` is 1, or where a value is 0 or negative.
    pub interval: Option<(f64, f64)>,
}

/// Summarises errors over seeds; `None` where there are none.
///
/// # Panics
/// A value is not finite.
///
/// ```
/// let summary = lookback_benchmarks::experiment::stats::summarise(&[1e-3, 1e-2, 1e-1]).unwrap();
/// let (low, high) = summary.interval.unwrap();
/// assert!((low * high - 1e-4).abs() < 1e-12);
/// assert_eq!((summary.n, summary.min, summary.max), (3, 1e-3, 1e-1));
/// ```
pub fn summarise(values: &[f64]) -> Option<Summary> {
    assert!(values.iter().all(|value| value.is_finite()), "errors to summarise must be finite");
    let min = values.iter().copied().reduce(f64::min)?;
    let (mean, sd) = mean_and_sd(values);
    let interval = (values.len() > 1 && min > 0.0).then(|| {
        let logs: Vec<f64> = values.iter().map(|value| value.log10()).collect();
        let (centre, spread) = mean_and_sd(&logs);
        let half = student_t_quantile_975(values.len() - 1) * spread / (values.len() as f64).sqrt();
        (10f64.powf(centre - half), 10f64.powf(centre + half))
    });
    let max = values.iter().copied().fold(min, f64::max);
    Some(Summary { n: values.len(), mean, sd, min, max, interval })
}

/// Mean and sample standard deviation; the latter is 0 for one value.
fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 })
}

/// The number that Student's t with `df >= 1` degrees of freedom is below with probability 0.975.
fn student_t_quantile_975(df: usize) -> f64 {
    // Bisection on the angle theta = atan(t / sqrt(df)), in which the distribution function is a finite sum.
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if two_sided_probability(middle, df) < 0.95 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (0.5 * (low + high)).tan() * (df as f64).sqrt()
}

/// `P(|t| < sqrt(df) tan(theta))` of Student's t.
///
/// Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.3 and 26.7.4,
/// <https://personal.math.ubc.ca/~cbm/aands/page_948.htm>.
fn two_sided_probability(theta: f64, df: usize) -> f64 {
    let (sin, cos) = theta.sin_cos();
    let odd = df % 2 == 1;
    // Terms cos^k, k = 0, 2, .. for even df and 1, 3, .. for odd df, up to df - 2.
    let (mut term, mut k) = if odd { (cos, 1) } else { (1.0, 0) };
    let mut sum = 0.0;
    while k + 2 <= df {
        sum += term;
        term *= cos * cos * (k + 1) as f64 / (k + 2) as f64;
        k += 2;
    }
    if odd { FRAC_2_PI * (theta + sin * sum) } else { sin * sum }
}

#[cfg(test)]
mod tests {
    use super::{student_t_quantile_975, summarise};

    #[test]
    fn t_quantiles_agree_with_scipy() {
        // scipy.stats.t.ppf(0.975, df)
        let known = [
            (1, 12.706204736174694),
            (2, 4.302652729749462),
            (3, 3.1824463052837078),
            (4, 2.7764451051977934),
            (5, 2.5705818356363146),
            (9, 2.262157162798205),
            (10, 2.228138851986274),
            (30, 2.0422724563012378),
            (31, 2.039513446396408),
            (60, 2.0002978220142604),
            (99, 1.9842169515864174),
            (1000, 1.9623390808264083),
        ];
        for (df, scipy) in known {
            let ours = student_t_quantile_975(df);
            assert!((ours / scipy - 1.0).abs() < 1e-12, "df {df}: {ours}, scipy {scipy}");
        }
    }

    #[test]
    fn several_seeds() {
        let summary = summarise(&[0.01, 0.1, 0.4]).expect("there are values");
        assert_eq!((summary.n, summary.min), (3, 0.01));
        assert!((summary.mean - 0.17).abs() < 1e-15);
        assert!((summary.sd - 0.0417f64.sqrt()).abs() < 1e-15);
        // scipy.stats.t.interval(0.95, 2, loc=mean, scale=sem) of the logarithms, taken back.
        let (low, high) = summary.interval.expect("three seeds have an interval");
        assert!((low / 0.0007196585983267476 - 1.0).abs() < 1e-12, "{low}");
        assert!((high / 7.5436258884590615 - 1.0).abs() < 1e-12, "{high}");
    }

    #[test]
    fn one_seed_has_no_interval() {
        let summary = summarise(&[0.5]).expect("there is a value");
        assert_eq!((summary.n, summary.mean, summary.sd, summary.min, summary.interval), (1, 0.5, 0.0, 0.5, None));
    }

    #[test]
    fn equal_seeds_have_an_interval_of_no_width() {
        let (low, high) = summarise(&[0.25; 4]).and_then(|summary| summary.interval).expect("four seeds");
        assert!((low - 0.25).abs() < 1e-15 && (high - 0.25).abs() < 1e-15);
    }

    #[test]
    fn nothing_and_zero() {
        assert_eq!(summarise(&[]), None);
        let summary = summarise(&[0.0, 1.0]).expect("there are values");
        assert_eq!((summary.mean, summary.interval), (0.5, None));
    }

    #[test]
    #[should_panic(expected = "finite")]
    fn a_diverged_seed_is_not_an_error_value() {
        summarise(&[0.1, f64::NAN]);
    }
}
