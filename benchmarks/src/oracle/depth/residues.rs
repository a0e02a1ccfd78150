//! How large the residues of close poles are, at once and split over layers.

/// `count` numbers from `low` to `high` in equal steps; `low` alone if `count` is 1.
pub fn equally_spaced(count: usize, low: f64, high: f64) -> Vec<f64> {
    let step = (high - low) / (count.max(2) - 1) as f64;
    (0..count).map(|index| low + step * index as f64).collect()
}

/// The largest residue in absolute value of the factors of `prod_i 1 / (z - poles_i)`, where factor g of `layers` takes
/// poles g, g + L, g + 2 L, ..: how large C must be in some layer of a cascade with B = 1.
///
/// # Panics
/// `layers` is 0.
pub fn largest_residue(poles: &[f64], layers: usize) -> f64 {
    assert!(layers > 0, "there must be a layer");
    let factor = |first: usize| poles.iter().skip(first).step_by(layers).copied().collect::<Vec<f64>>();
    let residues = (0..layers.min(poles.len())).map(factor).flat_map(|own| {
        let of =
            |pole: f64| own.iter().filter(|other| **other != pole).map(|other| (pole - other).recip()).product::<f64>();
        own.iter().map(|pole| of(*pole).abs()).collect::<Vec<f64>>()
    });
    residues.fold(0.0, f64::max)
}

/// The smallest number of layers at which [`largest_residue`] is at most `bound`; `None` where no split reaches it.
pub fn depth_within(poles: &[f64], bound: f64) -> Option<usize> {
    (1..=poles.len()).find(|layers| largest_residue(poles, *layers) <= bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn residues_of_close_poles_split_over_layers() {
        // By exact arithmetic: tests/reference/residues.py.
        let known: [(usize, &[(usize, f64)]); 2] = [
            (12, &[(1, 3.77363e8), (2, 3614.64), (3, 89.7520), (4, 17.8994), (6, 2.82051), (12, 1.0)]),
            (8, &[(1, 116_662.0), (2, 78.0610), (4, 2.69231), (8, 1.0)]),
        ];
        for (n, splits) in known {
            let poles = equally_spaced(n, 0.3, 0.95);
            for (layers, value) in splits {
                let found = largest_residue(&poles, *layers);
                assert!((found / value - 1.0).abs() <= 1e-5, "n {n}, {layers} layers: {found}, known {value}");
            }
        }
        assert!((largest_residue(&[0.5, 0.25], 1) - 4.0).abs() < 1e-15);
    }

    #[test]
    fn the_smallest_depth_is_the_first_that_keeps_the_bound() {
        let poles = equally_spaced(12, 0.3, 0.95);
        assert_eq!(
            [1e9, 100.0, 3.0, 1.0].map(|bound| depth_within(&poles, bound)),
            [Some(1), Some(3), Some(6), Some(12)]
        );
        assert_eq!(depth_within(&poles, 0.5), None);
    }
}
