//! Random policies of image operations, with torchvision's operations, names and ranges.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::geometry::{affine, rotated, shifted};
use super::{Image, colour};
use crate::random::SampleRng;

/// How operations are drawn and how strong they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// No operations.
    #[default]
    None,
    /// One operation of any magnitude (Mueller, Hutter, "TrivialAugment: Tuning-free yet state-of-the-art data
    /// augmentation", 2021, <https://arxiv.org/abs/2103.10158>), with the paper's "wide" ranges.
    TrivialAugment,
    /// Several operations of one magnitude (Cubuk, Zoph, Shlens, Le, "RandAugment: Practical automated data
    /// augmentation with a reduced search space", 2020, <https://arxiv.org/abs/1909.13719>).
    RandAugment,
}

/// The strongest of the magnitudes, which are 0, 1, .., 30.
pub(super) const MOST_MAGNITUDE: usize = 30;

/// The most operations per image, as many as there are.
pub(super) const MOST_OPERATIONS: usize = Operation::ALL.len();

impl Policy {
    /// The image after operations drawn with replacement, each reversed (where it has a direction) with
    /// probability 1/2. `operations` and `magnitude` (0 to 30) are those of RandAugment.
    pub(super) fn apply(self, image: Image, operations: usize, magnitude: usize, rng: &mut SampleRng) -> Image {
        let operations = match self {
            Self::None => 0,
            Self::TrivialAugment => 1,
            Self::RandAugment => operations,
        };
        (0..operations).fold(image, |image, _| {
            let operation = Operation::ALL[rng.below(Operation::ALL.len())];
            let magnitude = match self {
                Self::TrivialAugment => rng.below(MOST_MAGNITUDE + 1),
                Self::None | Self::RandAugment => magnitude,
            };
            let sign = if operation.signed() { rng.sign() } else { 1.0 };
            operation.apply(image, self, magnitude, sign)
        })
    }
}

/// What a policy draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
}

impl Operation {
    const ALL: [Self; 14] = [
        Self::Identity,
        Self::ShearX,
        Self::ShearY,
        Self::TranslateX,
        Self::TranslateY,
        Self::Rotate,
        Self::Brightness,
        Self::Color,
        Self::Contrast,
        Self::Sharpness,
        Self::Posterize,
        Self::Solarize,
        Self::AutoContrast,
        Self::Equalize,
    ];

    /// Whether the operation has a direction.
    fn signed(self) -> bool {
        !matches!(self, Self::Identity | Self::Posterize | Self::Solarize | Self::AutoContrast | Self::Equalize)
    }

    /// The image after the operation in the direction of `sign`, -1 or 1.
    fn apply(self, image: Image, policy: Policy, magnitude: usize, sign: f64) -> Image {
        let wide = policy == Policy::TrivialAugment;
        // From 0 at magnitude 0 to `most` (`widest` in the wide ranges) at the strongest.
        let scaled =
            |most: f64, widest: f64| (if wide { widest } else { most }) * magnitude as f64 / MOST_MAGNITUDE as f64;
        let shear = || sign * scaled(0.3, 0.99);
        let pixels = |side: usize| (sign * scaled(150.0 / 331.0 * side as f64, 32.0)) as isize;
        let factor = || (1.0 + sign * scaled(0.9, 0.99)) as f32;
        match self {
            Self::Identity => image,
            Self::ShearX => affine(&image, [1.0, shear(), 0.0, 0.0, 1.0, 0.0]),
            Self::ShearY => affine(&image, [1.0, 0.0, 0.0, shear(), 1.0, 0.0]),
            Self::TranslateX => shifted(&image, pixels(image.width()), 0),
            Self::TranslateY => shifted(&image, 0, pixels(image.height())),
            Self::Rotate => rotated(&image, sign * scaled(30.0, 135.0)),
            Self::Brightness => colour::brightness(&image, factor()),
            Self::Color => colour::color(&image, factor()),
            Self::Contrast => colour::contrast(&image, factor()),
            Self::Sharpness => colour::sharpness(&image, factor()),
            Self::Posterize => colour::posterize(&image, 8 - scaled(4.0, 6.0).round() as u32),
            Self::Solarize => colour::solarize(&image, 255.0 - scaled(255.0, 255.0)),
            Self::AutoContrast => colour::autocontrast(&image),
            Self::Equalize => colour::equalize(&image),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::reference::{fingerprint, noise};
    use crate::random::Key;

    /// The operations of torchvision on Pillow images, bit for bit: hashes of the results at all magnitudes in both
    /// directions, made by `tests/reference/image_operations.py`.
    #[test]
    fn operations_are_those_of_torchvision() {
        let image = noise(32, 24);
        for (policy, expected) in [(Policy::RandAugment, RAND_AUGMENT), (Policy::TrivialAugment, TRIVIAL_AUGMENT)] {
            for (operation, expected) in Operation::ALL.into_iter().zip(expected) {
                let both = |magnitude| [1.0, -1.0].map(|sign| operation.apply(image.clone(), policy, magnitude, sign));
                let results = (0..=MOST_MAGNITUDE).flat_map(both);
                assert_eq!(fingerprint(results), expected, "{operation:?} of {policy:?}");
            }
        }
    }

    const RAND_AUGMENT: [&str; 14] = [
        "7880bd3c7dc14287",
        "f44db630feab8f4b",
        "6083b05e499630cb",
        "fb2b2a0b69b7278a",
        "b6085001ba7f1d66",
        "24059e4847ef150b",
        "400685ee7e0bef75",
        "580da03d03264b8a",
        "2cccf38ba6264381",
        "207878e6c8b63143",
        "93a8b5fad18e8095",
        "9851fe39b5a9a391",
        "543b7c9d42e79ce1",
        "eda51725da5fa424",
    ];
    const TRIVIAL_AUGMENT: [&str; 14] = [
        "7880bd3c7dc14287",
        "6c6eb9f755bc7013",
        "dd6497b93e7ca27a",
        "591b0675b6a3231f",
        "edf86fe29e61326e",
        "ea7042b4c032c2b5",
        "8e6d4824cf808dec",
        "5b2d683d6c8a14dc",
        "e5a62ef45ea885fd",
        "db9cd34992a45bea",
        "97d8df978b8c5b97",
        "9851fe39b5a9a391",
        "543b7c9d42e79ce1",
        "eda51725da5fa424",
    ];

    /// As torchvision's, solarisation at magnitude 0 still inverts 255.
    #[test]
    fn operations_without_magnitude_leave_the_image() {
        let image = noise(17, 31);
        assert!(image.pixels().iter().all(|value| *value < 255));
        for operation in Operation::ALL {
            let changes = matches!(operation, Operation::AutoContrast | Operation::Equalize);
            for policy in [Policy::RandAugment, Policy::TrivialAugment] {
                for sign in [1.0, -1.0] {
                    assert_eq!(operation.apply(image.clone(), policy, 0, sign) == image, !changes, "{operation:?}");
                }
            }
        }
    }

    #[test]
    fn operations_are_drawn_as_often_as_each_other() {
        let image = noise(16, 16);
        let mut outcomes = std::collections::HashMap::new();
        for index in 0..14_000 {
            let mut rng = SampleRng::new(Key::new("policy", 0), index);
            let after = Policy::RandAugment.apply(image.clone(), 1, 9, &mut rng);
            *outcomes.entry(after.pixels().to_vec()).or_insert(0) += 1;
        }
        let mut counts: Vec<_> = outcomes.into_values().collect();
        counts.sort_unstable();
        // Nine operations in two directions each and five others; the tolerances are above five standard errors.
        assert_eq!(counts.len(), 9 * 2 + 5);
        assert!(counts[..18].iter().all(|count| (390..610).contains(count)), "{counts:?}");
        assert!(counts[18..].iter().all(|count| (840..1160).contains(count)), "{counts:?}");
        let mut rng = SampleRng::new(Key::new("policy", 0), 0);
        assert_eq!(Policy::None.apply(image.clone(), 2, 30, &mut rng), image);
    }
}
