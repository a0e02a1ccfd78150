//! Loops for the widest vectors that the processor has.
//!
//! The functions of one number are branch-free, so that loops over them are vectorised. They keep NaN: a diverged
//! run must be seen as one.

use std::sync::LazyLock;

use pulp::Arch;

static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// A closure that is inlined wherever it is called, as [`vectorized`] asks of itself and of what it calls.
macro_rules! inlined {
    ($closure:expr) => {{
        #[inline(always)]
        $closure
    }};
}
pub(crate) use inlined;

/// Runs loops compiled for the processor at hand. The closure and what it calls must be [`inlined`].
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    ARCH.dispatch(work)
}

/// `e^x` within 2 units in the last place; 0 below -87.3, and no more than 2.4e38.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 rounds to whole numbers, which are then in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let flush = x < -87.3;
    let x = x.clamp(-87.3, 88.3);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let whole = shifted - ROUND;
    let rest = whole.mul_add(-LN_2_LOW, whole.mul_add(-LN_2_HIGH, x));
    let mut sum = 1.0 / 720.0;
    sum = rest.mul_add(sum, 1.0 / 120.0);
    sum = rest.mul_add(sum, 1.0 / 24.0);
    sum = rest.mul_add(sum, 1.0 / 6.0);
    sum = rest.mul_add(sum, 0.5);
    sum = rest.mul_add(sum, 1.0);
    sum = rest.mul_add(sum, 1.0);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    if flush { 0.0 } else { sum * power }
}

/// `1 / (1 + e^(-x))`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent, within some units in the last place.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let square = x * x;
    let mut series = 21_844.0 / 6_081_075.0;
    series = square.mul_add(series, -1_382.0 / 155_925.0);
    series = square.mul_add(series, 62.0 / 2_835.0);
    series = square.mul_add(series, -17.0 / 315.0);
    series = square.mul_add(series, 2.0 / 15.0);
    series = square.mul_add(series, -1.0 / 3.0);
    let near = (x * square).mul_add(series, x);
    let far = 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
    if square < 0.16 { near } else { far }
}

/// The normal distribution function and density at x, to 2e-7 (Abramowitz, Stegun, "Handbook of mathematical
/// functions", 1964, formula 7.1.26).
#[inline(always)]
pub(crate) fn normal(x: f32) -> (f32, f32) {
    let half_square = 0.5 * x * x;
    let tail = exp(-half_square);
    let t = 1.0 / x.abs().mul_add(0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2, 1.0);
    let mut sum = 1.061_405_4_f32;
    sum = t.mul_add(sum, -1.453_152);
    sum = t.mul_add(sum, 1.421_413_8);
    sum = t.mul_add(sum, -0.284_496_74);
    sum = t.mul_add(sum, 0.254_829_6);
    let upper = 0.5 * t * sum * tail;
    let below = if x < 0.0 { upper } else { 1.0 - upper };
    (below, 0.398_942_3 * tail)
}

// Loops over few slices each: the compiler asks at run time whether they overlap, and gives up on vectors where there
// would be much to ask.
macro_rules! loops {
    ($($(#[$doc:meta])* $name:ident($($slice:ident),*) $(from $old:ident)?;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub(crate) fn $name(
            into: &mut [f32],
            $($slice: &[f32],)*
            of: impl Fn($(loops!(@number $old),)? $(loops!(@number $slice)),*) -> f32,
        ) {
            let count = into.len();
            $(let $slice = &$slice[..count];)*
            for j in 0..count {
                into[j] = of($({ let $old = into[j]; $old },)? $($slice[j]),*);
            }
        }
    )*};
    (@number $name:ident) => { f32 };
}

loops! {
    /// `into = of(a)` for each element.
    each1(a);
    /// `into = of(a, b)` for each element.
    each2(a, b);
    /// `into = of(a, b, c)` for each element.
    each3(a, b, c);
    /// `into = of(into, a)` for each element.
    update1(a) from old;
    /// `into = of(into, a, b)` for each element.
    update2(a, b) from old;
    /// `into = of(into, a, b, c)` for each element.
    update3(a, b, c) from old;
}

/// Independent sums in reductions, enough for the widest vectors.
const LANES: usize = 32;

/// The sum of `of` over two slices of one length.
#[inline(always)]
pub(crate) fn sum2(left: &[f32], right: &[f32], of: impl Fn(f32, f32) -> f32) -> f32 {
    assert_eq!(left.len(), right.len());
    let mut lanes = [0.0f32; LANES];
    let (mut left, mut right) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    for (a, b) in left.by_ref().zip(right.by_ref()) {
        for lane in 0..LANES {
            lanes[lane] += of(a[lane], b[lane]);
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(left.remainder()).zip(right.remainder()) {
        *lane += of(*a, *b);
    }
    fold(lanes, |a, b| a + b)
}

/// The sum of `of` over a slice.
#[inline(always)]
pub(crate) fn sum(values: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in chunks.by_ref() {
        for lane in 0..LANES {
            lanes[lane] += of(chunk[lane]);
        }
    }
    for (lane, value) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane += of(*value);
    }
    fold(lanes, |a, b| a + b)
}

/// The larger number; NaN where one is, as a comparison with it is false.
#[inline(always)]
pub(crate) fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// The largest value; NaN where one is.
#[inline(always)]
pub(crate) fn max(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in chunks.by_ref() {
        for lane in 0..LANES {
            lanes[lane] = larger(lanes[lane], chunk[lane]);
        }
    }
    for (lane, value) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane = larger(*lane, *value);
    }
    fold(lanes, larger)
}

#[inline(always)]
fn fold(mut lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = join(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest of `error(x)` over a fine grid of `[-range, range]`.
    fn worst(range: f32, error: impl Fn(f32) -> f64) -> f64 {
        (-200_000..=200_000).map(|step| error(step as f32 / 200_000.0 * range)).fold(0.0, f64::max)
    }

    fn relative(value: f32, exact: f64) -> f64 {
        ((f64::from(value) - exact) / exact).abs()
    }

    #[test]
    fn functions_agree_with_double_precision() {
        assert!(worst(87.0, |x| relative(exp(x), f64::from(x).exp())) < 3e-7);
        assert!(worst(80.0, |x| relative(sigmoid(x), 1.0 / (1.0 + (-f64::from(x)).exp()))) < 4e-7);
        let tanh_error = |x: f32| if x == 0.0 { f64::from(tanh(x)) } else { relative(tanh(x), f64::from(x).tanh()) };
        assert!(worst(20.0, tanh_error) < 4e-7, "{}", worst(20.0, tanh_error));
        assert!(worst(1e-3, tanh_error) < 2e-7);
        let normal_error = |x: f32| {
            let (below, density) = normal(x);
            let wide = f64::from(x);
            let exact = 0.5 * libm::erfc(-wide * std::f64::consts::FRAC_1_SQRT_2);
            let exact_density = (-0.5 * wide * wide).exp() / std::f64::consts::TAU.sqrt();
            (f64::from(below) - exact).abs().max((f64::from(density) - exact_density).abs())
        };
        assert!(worst(12.0, normal_error) < 3e-7, "{}", worst(12.0, normal_error));
    }

    #[test]
    fn ends_and_nan_are_kept() {
        assert_eq!((exp(-1e30), exp(f32::NEG_INFINITY), tanh(1e30)), (0.0, 0.0, 1.0));
        assert!(sigmoid(-1e30) < 1e-38 && sigmoid(1e30) == 1.0);
        assert!(exp(1e30) > 2e38 && tanh(-1e30) == -1.0 && normal(-1e30).0 == 0.0 && normal(1e30).0 == 1.0);
        for value in [exp(f32::NAN), sigmoid(f32::NAN), tanh(f32::NAN), normal(f32::NAN).0] {
            assert!(value.is_nan());
        }
        assert!(max(&[1.0, f32::NAN, 2.0]).is_nan());
        assert!(larger(1.0, f32::NAN).is_nan() && larger(f32::NAN, 1.0).is_nan());
        assert_eq!((larger(1.0, 2.0), larger(2.0, 1.0)), (2.0, 2.0));
    }

    #[test]
    fn reductions_cover_every_element() {
        for count in [0usize, 1, 31, 32, 33, 100] {
            let values: Vec<f32> = (0..count).map(|index| index as f32).collect();
            let total = (count * count.saturating_sub(1) / 2) as f32;
            assert_eq!(vectorized(|| sum(&values, |value| value)), total);
            assert_eq!(vectorized(|| sum2(&values, &values, |a, b| 0.5 * (a + b))), total);
            assert_eq!(max(&values), if count == 0 { f32::NEG_INFINITY } else { count as f32 - 1.0 });
        }
    }
}
