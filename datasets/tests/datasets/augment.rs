//! Laws of the image datasets.

use std::sync::Arc;

use burn_dataset::{Dataset, InMemDataset};
use lookback_datasets::images::{AugmentConfig, Image, ImageSet, ImageStream, LabelledImage, Policy, normalised};
use lookback_datasets::{Sample, permutation};
use lookback_registry::ErrorKind;
use proptest::prelude::*;

const MEAN: [f32; 3] = [0.4914, 0.4822, 0.4465];
const STD: [f32; 3] = [0.2470, 0.2435, 0.2616];

/// Values from 1 up, so that none is the black of padding.
fn noise(width: usize, height: usize, label: usize) -> LabelledImage {
    let value = |at: usize| (1 + (at * at * 31 + at * 17 + label * 101) % 255) as u8;
    LabelledImage { image: Image::new(width, height, (0..3 * width * height).map(value).collect()).unwrap(), label }
}

fn noises(count: usize, width: usize, height: usize) -> Arc<dyn Dataset<LabelledImage>> {
    Arc::new(InMemDataset::new((0..count).map(|label| noise(width, height, label)).collect()))
}

/// A black image of class 0 and a white one of class 1.
fn black_and_white(side: usize) -> Arc<dyn Dataset<LabelledImage>> {
    let image = |(label, value)| LabelledImage { image: Image::filled(side, side, [value; 3]), label };
    Arc::new(InMemDataset::new([(0, 0), (1, 255)].map(image).to_vec()))
}

/// A stream whose values are between 0 and 1.
fn plain(images: Arc<dyn Dataset<LabelledImage>>, config: &AugmentConfig, classes: usize) -> ImageStream {
    ImageStream::new(images, config, [0.0; 3], [1.0; 3], classes, 0).unwrap()
}

fn everything() -> AugmentConfig {
    AugmentConfig {
        policy: Policy::RandAugment,
        erasing: 0.5,
        mixup: 0.2,
        cutmix: 1.0,
        canvas: Some(40),
        ..Default::default()
    }
}

fn is_rectangle(width: usize, contains: impl Fn(usize) -> bool, pixels: usize) -> bool {
    let inside: Vec<(usize, usize)> =
        (0..pixels).filter(|at| contains(*at)).map(|at| (at % width, at / width)).collect();
    let span = |side: fn(&(usize, usize)) -> usize| {
        let least = inside.iter().map(side).min().unwrap_or(0);
        inside.iter().map(side).max().map_or(0, |greatest| greatest + 1 - least)
    };
    span(|place| place.0) * span(|place| place.1) == inside.len()
}

#[test]
fn samples_are_the_same_from_any_number_of_threads_in_any_order() {
    let stream = || ImageStream::new(noises(24, 32, 32), &everything(), MEAN, STD, 24, 5).unwrap();
    let (first, second) = (stream(), stream());
    let count = 120;
    let alone: Vec<Sample> = (0..count).map(|position| first.get(position).unwrap()).collect();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (alone, second) = (&alone, &second);
            scope.spawn(move || {
                for position in permutation(count, thread, 0) {
                    assert!(second.get(position).unwrap() == alone[position], "{position}");
                }
            });
        }
    });
    let other = ImageStream::new(noises(24, 32, 32), &everything(), MEAN, STD, 24, 6).unwrap();
    assert!((0..count).all(|position| other.get(position).unwrap() != alone[position]));
}

#[test]
fn epochs_are_permutations_and_differ() {
    let stream = plain(noises(10, 8, 8), &AugmentConfig::none(), 10);
    let set = ImageSet::new(noises(10, 8, 8), &AugmentConfig::none(), [0.0; 3], [1.0; 3], 10).unwrap();
    for position in 0..40 {
        let index = permutation(10, 0, position as u64 / 10)[position % 10];
        assert_eq!(stream.get(position), set.get(index));
    }
    assert_eq!((stream.len(), stream.get(usize::MAX)), (usize::MAX, None));
    assert!(stream.get(usize::MAX - 1).is_some());
    // The same image is augmented in another way in another epoch.
    let stream = plain(noises(1, 32, 32), &AugmentConfig { policy: Policy::RandAugment, ..Default::default() }, 1);
    let samples: Vec<Sample> = (0..20).map(|epoch| stream.get(epoch).unwrap()).collect();
    assert!((0..20).all(|one| (0..one).filter(|other| samples[one] == samples[*other]).count() < 2));
}

#[test]
fn without_transforms_samples_are_the_normalised_images() {
    let images = noises(3, 5, 4);
    let set = ImageSet::new(Arc::clone(&images), &everything().evaluation(), MEAN, STD, 4);
    let canvas = set.unwrap();
    // Random transforms have no place in an evaluation.
    let config = AugmentConfig { canvas: None, crop_padding: 2, ..everything() };
    let set = ImageSet::new(Arc::clone(&images), &config, MEAN, STD, 4).unwrap();
    assert_eq!((set.len(), set.size(), canvas.size()), (3, (5, 4), (40, 40)));
    for index in 0..3 {
        let image = images.get(index).unwrap().image;
        let sample = set.get(index).unwrap();
        assert_eq!(sample.inputs, normalised(&image, MEAN, STD));
        assert_eq!(sample.inputs[7], (f32::from(image.pixels()[7]) / 255.0 - MEAN[1]) / STD[1]);
        assert_eq!(sample.targets, [0, 1, 2, 3].map(|class| f32::from(u8::from(class == index))));
    }
    assert_eq!(set.get(3), None);
}

#[test]
fn crops_and_flips_are_as_frequent_as_each_other() {
    let config = AugmentConfig { crop_padding: 1, ..Default::default() };
    let image = noise(4, 3, 0).image;
    let stream = plain(noises(1, 4, 3), &config, 1);
    let mut counts = [0; 18];
    for position in 0..9000 {
        let inputs = stream.get(position).unwrap().inputs;
        let found = (0..18).find(|case| {
            let (dx, dy, flip) = (case % 3, case / 3 % 3, case / 9 == 1);
            (0..12).all(|at| {
                let (x, y) = (if flip { 3 - at % 4 } else { at % 4 } + dx, at / 4 + dy);
                let inside = (1..5).contains(&x) && (1..4).contains(&y);
                let expected = if inside { image.pixel(x - 1, y - 1) } else { [0; 3] };
                inputs[3 * at..3 * at + 3] == expected.map(|value| f32::from(value) / 255.0)
            })
        });
        counts[found.expect("a crop of the image")] += 1;
    }
    // 500 each, with a standard deviation of 22.
    assert!(counts.iter().all(|count| (385..615).contains(count)), "{counts:?}");
}

/// Where a canvas shows the whole of `picture`, from which everything else follows.
fn place(canvas: &[f32], side: usize, picture: &[f32], (width, height): (usize, usize)) -> Option<(usize, usize)> {
    let places = (0..=side - width).flat_map(|left| (0..=side - height).map(move |top| (left, top)));
    places.into_iter().find(|(left, top)| {
        (0..side * side).all(|at| {
            let x = (at % side).clamp(*left, left + width - 1) - left;
            let y = (at / side).clamp(*top, top + height - 1) - top;
            canvas[3 * at..][..3] == picture[3 * (y * width + x)..][..3]
        })
    })
}

#[test]
fn canvases_hold_the_image_anywhere_and_continue_its_border() {
    let config = AugmentConfig { canvas: Some(9), ..AugmentConfig::none() };
    let picture = normalised(&noise(6, 4, 0).image, [0.0; 3], [1.0; 3]);
    let stream = plain(noises(1, 6, 4), &config, 1);
    let mut places = std::collections::BTreeMap::new();
    for position in 0..2400 {
        let canvas = stream.get(position).unwrap().inputs;
        *places.entry(place(&canvas, 9, &picture, (6, 4)).expect("the image on its canvas")).or_insert(0) += 1;
    }
    assert_eq!(places.len(), 4 * 6);
    assert!(places.values().all(|count| (50..150).contains(count)), "{places:?}");
    let copies = InMemDataset::new(vec![noise(6, 4, 0); 50]);
    let set = ImageSet::new(Arc::new(copies), &config, [0.0; 3], [1.0; 3], 1).unwrap();
    let of = |index| place(&set.get(index).unwrap().inputs, 9, &picture, (6, 4)).unwrap();
    assert!((0..50).all(|index| of(index) == of(index)));
    assert!((0..50).map(of).collect::<std::collections::BTreeSet<_>>().len() > 12);
}

#[test]
fn erased_rectangles_have_the_area_they_should() {
    let white = InMemDataset::new(vec![LabelledImage { image: Image::filled(32, 32, [255; 3]), label: 0 }]);
    let stream = plain(Arc::new(white), &AugmentConfig { erasing: 0.4, ..AugmentConfig::none() }, 1);
    let (mut erased, mut areas) = (0, 0.0);
    for position in 0..4000 {
        let inputs = stream.get(position).unwrap().inputs;
        let area = inputs.iter().filter(|value| **value == 0.0).count() as f64 / inputs.len() as f64;
        if area > 0.0 {
            assert!((0.02..=0.33).contains(&area), "{area}");
            assert!(is_rectangle(32, |at| inputs[3 * at..][..3] == [0.0; 3], 1024));
            erased += 1;
            areas += area;
        }
    }
    // Five standard errors. The mean area is a little below 0.175, since large flat rectangles do not fit.
    assert!((1445..1755).contains(&erased), "{erased}");
    assert!((0.155..0.18).contains(&(areas / f64::from(erased))), "{}", areas / f64::from(erased));
}

#[test]
fn labels_are_shared_as_the_pixels_are() {
    let near = |left: f32, right: f32| (left - right).abs() < 1e-6;
    let mixup = plain(black_and_white(8), &AugmentConfig { mixup: 1.0, ..AugmentConfig::none() }, 2);
    let cutmix = plain(black_and_white(8), &AugmentConfig { cutmix: 1.0, ..AugmentConfig::none() }, 2);
    let (mut blends, mut pastes) = (0, 0);
    for position in 0..400 {
        let Sample { inputs, targets } = mixup.get(position).unwrap();
        assert!(inputs.iter().all(|value| near(*value, targets[1])));
        assert!(near(targets[0] + targets[1], 1.0));
        blends += usize::from(targets[0] > 0.01 && targets[1] > 0.01);

        let Sample { inputs, targets } = cutmix.get(position).unwrap();
        assert!(inputs.iter().all(|value| *value == 0.0 || *value == 1.0));
        assert!(near(inputs.iter().sum::<f32>() / inputs.len() as f32, targets[1]));
        assert!(near(targets[0] + targets[1], 1.0));
        let white = |at: usize| inputs[3 * at] == 1.0;
        assert!(is_rectangle(8, white, 64) || is_rectangle(8, |at| !white(at), 64));
        pastes += usize::from(targets[0] > 0.01 && targets[1] > 0.01);
    }
    // Half of the partners have the other class.
    assert!(blends > 150 && pastes > 120, "{blends} {pastes}");
}

fn configs() -> impl Strategy<Value = (usize, usize, AugmentConfig)> {
    let policy = prop_oneof![Just(Policy::None), Just(Policy::TrivialAugment), Just(Policy::RandAugment)];
    let alpha = || prop_oneof![Just(0.0), 0.001..1000.0_f64];
    let random = (0..9_usize, any::<bool>(), policy, 1..=14_usize, 0..=30_usize, 0.0..=1.0_f64, alpha(), alpha());
    let sizes = (1..10_usize, 1..10_usize, proptest::option::of(1..12_usize), proptest::option::of(12..20_usize));
    (random, sizes).prop_map(|(random, (width, height, resize, canvas))| {
        let (crop_padding, flip, policy, rand_operations, rand_magnitude, erasing, mixup, cutmix) = random;
        let crop_padding = crop_padding.min(resize.unwrap_or(width.min(height)) - 1);
        let config = AugmentConfig {
            crop_padding,
            flip,
            policy,
            rand_operations,
            rand_magnitude,
            erasing,
            mixup,
            cutmix,
            resize,
            canvas,
        };
        (width, height, config)
    })
}

proptest! {
    #[test]
    fn every_configuration_gives_finite_samples_of_its_size((width, height, config) in configs(), seed in any::<u64>()) {
        let stream = ImageStream::new(noises(3, width, height), &config, MEAN, STD, 5, seed).unwrap();
        let size = config.output_size((width, height)).unwrap();
        prop_assert_eq!(stream.size(), size);
        for position in 0..6 {
            let sample = stream.get(position).unwrap();
            prop_assert_eq!(sample.inputs.len(), 3 * size.0 * size.1);
            prop_assert!(sample.inputs.iter().all(|value| value.is_finite()));
            prop_assert_eq!(sample.targets.len(), 5);
            prop_assert!(sample.targets.iter().all(|target| (0.0..=1.0 + 1e-6).contains(target)));
            prop_assert!((sample.targets.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }
}

#[test]
fn images_of_several_sizes_are_resized() {
    let images = || Arc::new(InMemDataset::new(vec![noise(4, 4, 0), noise(4, 6, 1)]));
    let config = AugmentConfig { resize: Some(5), crop_padding: 1, ..AugmentConfig::default() };
    let stream = plain(images(), &config, 2);
    assert!((0..4).all(|position| stream.get(position).unwrap().inputs.len() == 75));
    let set = ImageSet::new(images(), &config, MEAN, STD, 2).unwrap();
    assert_eq!(set.get(1).unwrap().inputs, normalised(&noise(4, 6, 1).image.resized(5, 5), MEAN, STD));
}

#[test]
fn bad_configurations_are_errors() {
    let none = AugmentConfig::none();
    let error = |config: AugmentConfig| {
        let error = config.output_size((8, 6)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
        error
    };
    for (config, field) in [
        (AugmentConfig { rand_operations: 0, ..none.clone() }, "rand_operations"),
        (AugmentConfig { rand_operations: 15, ..none.clone() }, "rand_operations"),
        (AugmentConfig { rand_magnitude: 31, ..none.clone() }, "rand_magnitude"),
        (AugmentConfig { erasing: f64::NAN, ..none.clone() }, "erasing"),
        (AugmentConfig { mixup: -1.0, ..none.clone() }, "mixup"),
        (AugmentConfig { cutmix: f64::INFINITY, ..none.clone() }, "cutmix"),
        (AugmentConfig { resize: Some(0), ..none.clone() }, "resize"),
        (AugmentConfig { canvas: Some(8193), ..none.clone() }, "canvas"),
    ] {
        assert_eq!(error(config).what(), Some(field));
    }
    for (config, expected) in [
        (
            AugmentConfig { mixup: 1e-4, ..none.clone() },
            "`mixup` is 0.0001, but it must be 0 (off) or a number from 0.001 to 1000.",
        ),
        (
            AugmentConfig { canvas: Some(7), ..none.clone() },
            "`canvas` is 7, but it must be from 8 to 8192 for images of 8 x 6.",
        ),
        (
            AugmentConfig { crop_padding: 6, ..none.clone() },
            "`crop_padding` is 6, but it must be less than the shorter side of images of 8 x 6 pixels.",
        ),
    ] {
        assert_eq!(error(config).to_string(), expected);
    }
    AugmentConfig::default().validate().unwrap();
    let parsed: AugmentConfig = serde_json::from_str(r#"{"policy": "rand-augment", "canvas": 64}"#).unwrap();
    assert_eq!(parsed, AugmentConfig { policy: Policy::RandAugment, canvas: Some(64), ..Default::default() });
}

#[test]
fn unfit_images_are_errors() {
    let error = |images: Vec<LabelledImage>, std: f32, classes| {
        let images = Arc::new(InMemDataset::new(images));
        let std = [1.0, std, 1.0];
        let error = ImageSet::new(Arc::clone(&images) as _, &AugmentConfig::none(), MEAN, std, classes).err().unwrap();
        let stream = ImageStream::new(images, &AugmentConfig::none(), MEAN, std, classes, 0).err().unwrap();
        assert_eq!(error.to_string(), stream.to_string());
        error
    };
    assert_eq!(error(vec![], 1.0, 10).kind(), ErrorKind::InvalidValue);
    assert_eq!(error(vec![noise(4, 4, 0)], 0.0, 1).what(), Some("std[1]"));
    for (images, classes, expected) in [
        (
            [noise(4, 4, 9), noise(4, 4, 10)],
            10,
            "Image 1 has the label 10, but with 10 classes labels must be below 10.",
        ),
        (
            [noise(4, 4, 0), noise(4, 5, 0)],
            1,
            "Image 1 has 4 x 5 pixels and image 0 has 4 x 4, but without `resize` all images must have one size.",
        ),
    ] {
        let error = error(images.to_vec(), 1.0, classes);
        assert_eq!((error.kind(), error.place()), (ErrorKind::Mismatch, Some("image 1")));
        assert_eq!(error.to_string(), expected);
    }
}
