//! What happens to an image's values after normalisation: random erasing, mixup and cutmix.

use std::ops::Range;

use crate::random::SampleRng;

/// The share of the image that random erasing erases, and the range of height over width of its rectangle.
const ERASED: (f64, f64) = (0.02, 0.33);
const ASPECT: (f64, f64) = (0.3, 3.3);

/// Part of an image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rectangle {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Rectangle {
    /// Its rows within the values of an image of `width` pixels, `[height, width, 3]`.
    fn rows(self, width: usize) -> impl Iterator<Item = Range<usize>> {
        (self.top..self.top + self.height).map(move |row| {
            let start = 3 * (row * width + self.left);
            start..start + 3 * self.width
        })
    }

    fn share(self, (width, height): (usize, usize)) -> f64 {
        (self.width * self.height) as f64 / (width * height) as f64
    }
}

/// Sets a random rectangle to 0 (Zhong, Zheng, Kang, Li, Yang, "Random erasing data augmentation", 2017,
/// <https://arxiv.org/abs/1708.04896>). An image on which ten rectangles in a row do not fit stays.
pub(super) fn erase(values: &mut [f32], size: (usize, usize), rng: &mut SampleRng) {
    let (width, height) = size;
    let area = (width * height) as f64;
    for _ in 0..10 {
        let erased = area * (ERASED.0 + (ERASED.1 - ERASED.0) * rng.uniform());
        let (narrow, tall) = (libm::log(ASPECT.0), libm::log(ASPECT.1));
        let aspect = libm::exp(narrow + (tall - narrow) * rng.uniform());
        let side = |square: f64| square.sqrt().round() as usize;
        let mut part = Rectangle { left: 0, top: 0, width: side(erased / aspect), height: side(erased * aspect) };
        let fits = part.width <= width && part.height <= height;
        if fits && (ERASED.0..=ERASED.1).contains(&part.share(size)) {
            part.left = rng.below(width - part.width + 1);
            part.top = rng.below(height - part.height + 1);
            for row in part.rows(width) {
                values[row].fill(0.0);
            }
            return;
        }
    }
}

/// How an image is mixed with a partner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mixing {
    /// The weighted mean, with this weight of the partner (Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond empirical
    /// risk minimization", 2018, <https://arxiv.org/abs/1710.09412>).
    Blend(f64),
    /// A rectangle of the partner in its place (Yun, Han, Oh, Chun, Choe, Yoo, "CutMix: Regularization strategy to
    /// train strong classifiers with localizable features", 2019, <https://arxiv.org/abs/1905.04899>).
    Paste(Rectangle),
}

impl Mixing {
    /// Draws for an image of `size`; an alpha of 0 rules its kind out. `None` where both are.
    pub(super) fn draw(mixup: f64, cutmix: f64, size: (usize, usize), rng: &mut SampleRng) -> Option<Self> {
        let pastes = match (mixup > 0.0, cutmix > 0.0) {
            (false, false) => return None,
            (true, true) => rng.happens(0.5),
            (_, pastes) => pastes,
        };
        if !pastes {
            return Some(Self::Blend(beta(mixup, rng)));
        }
        // The rectangle has the image's shape and a share of Beta(alpha, alpha) before it is cut at the border.
        let scale = beta(cutmix, rng).sqrt();
        let mut cut = |side: usize| {
            let (center, half) = (rng.below(side), (side as f64 * scale) as usize / 2);
            (center.saturating_sub(half), (center + half).min(side))
        };
        let ((left, right), (top, bottom)) = (cut(size.0), cut(size.1));
        Some(Self::Paste(Rectangle { left, top, width: right - left, height: bottom - top }))
    }

    /// Mixes `partner` into `values`, both `[height, width, 3]`; returns the partner's share of the labels.
    pub(super) fn apply(self, values: &mut [f32], partner: &[f32], size: (usize, usize)) -> f32 {
        match self {
            Self::Blend(share) => {
                let share = share as f32;
                for (value, other) in values.iter_mut().zip(partner) {
                    *value += share * (other - *value);
                }
                share
            }
            Self::Paste(part) => {
                for row in part.rows(size.0) {
                    values[row.clone()].copy_from_slice(&partner[row]);
                }
                part.share(size) as f32
            }
        }
    }
}

/// Beta(alpha, alpha), alpha from 0.001 to 1000: one of two gamma variates over their sum.
fn beta(alpha: f64, rng: &mut SampleRng) -> f64 {
    let (one, other) = (log_gamma_variate(alpha, rng), log_gamma_variate(alpha, rng));
    1.0 / (1.0 + libm::exp(other - one))
}

/// The logarithm of a gamma variate of shape `alpha` (Marsaglia and Tsang, "A simple method for generating gamma
/// variables", 2000), which for small shapes would itself underflow.
fn log_gamma_variate(alpha: f64, rng: &mut SampleRng) -> f64 {
    // Of shape alpha + 1, where the method works for any alpha, and brought down by a power of a uniform variate.
    let d = alpha + 2.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = rng.normal();
        let root = 1.0 + c * x;
        let v = root * root * root;
        if v > 0.0 && libm::log(1.0 - rng.uniform()) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
            return libm::log(d * v) + libm::log(1.0 - rng.uniform()) / alpha;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    /// Beta(alpha, alpha) has mean 1/2 and variance 1 / (4 (2 alpha + 1)).
    #[test]
    fn beta_variates_have_their_moments() {
        for alpha in [0.001, 0.2, 1.0, 8.0, 1000.0] {
            let mut rng = SampleRng::new(Key::new("beta", 0), 0);
            let draws: Vec<f64> = (0..100_000).map(|_| beta(alpha, &mut rng)).collect();
            let moment = |f: fn(f64) -> f64| draws.iter().copied().map(f).sum::<f64>() / draws.len() as f64;
            let variance = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            // More than five standard errors: no kurtosis here is above 3.
            assert!((moment(|x| x - 0.5)).abs() < 5.0 * (variance / 1e5).sqrt(), "{alpha}");
            assert!((moment(|x| (x - 0.5) * (x - 0.5)) / variance - 1.0).abs() < 0.025, "{alpha}");
        }
    }

    #[test]
    fn both_kinds_of_mixing_are_equally_frequent() {
        let pastes = (0..4000).filter(|index| {
            let mut rng = SampleRng::new(Key::new("mixing", 0), *index);
            matches!(Mixing::draw(0.2, 1.0, (8, 8), &mut rng), Some(Mixing::Paste(_)))
        });
        assert!((1840..2160).contains(&pastes.count()));
    }
}
