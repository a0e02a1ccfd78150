//! Singular values of attention scores.

use lookback_benchmarks::experiment::figure::{Axis, Figure, Mark, Panel, Point, Series};
use serde::{Deserialize, Serialize};

use super::attention::LayerAttention;

/// The singular values of the scores of each layer and head before the softmax, largest first, averaged over inputs:
/// how fast they fall says how few directions the attention distinguishes its tokens by.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Spectra {
    /// Inputs that were averaged over.
    pub samples: usize,
    /// The mean of each singular value, by layer and head.
    pub layers: Vec<Vec<Vec<f64>>>,
}

impl Spectra {
    /// Takes in the attention to one more input, of the same model.
    pub fn add(&mut self, layers: &[LayerAttention]) {
        let singular = |layer: &LayerAttention| -> Vec<Vec<f64>> {
            layer.scores.iter().map(|scores| scores.singular_values().iter().copied().collect()).collect()
        };
        self.samples += 1;
        if self.layers.is_empty() {
            self.layers = layers.iter().map(singular).collect();
            return;
        }
        for (means, layer) in self.layers.iter_mut().zip(layers) {
            for (mean, value) in means.iter_mut().flatten().zip(singular(layer).into_iter().flatten()) {
                *mean += (value - *mean) / self.samples as f64;
            }
        }
    }

    /// A panel per layer, a curve per head.
    pub fn figure(&self) -> Figure {
        let point = |(index, value): (usize, &f64)| Point::new((index + 1) as f64, *value);
        let panels = self.layers.iter().enumerate().map(|(layer, heads)| {
            let curves = heads.iter().enumerate().map(|(head, values)| {
                // What lies below is rounding of single precision.
                let points = values.iter().enumerate().filter(|(_, value)| **value > 1e-6 * values[0]).map(point);
                Series::new(format!("head {}", head + 1), format!("#{head}"), Mark::LinePoints, points.collect())
            });
            let (x, y) = (Axis::new("index", false), Axis::new("singular value", true));
            Panel::new(format!("layer {}", layer + 1), x, y, curves.collect())
        });
        Figure {
            id: "spectra".to_owned(),
            title: "Singular values of the attention scores".to_owned(),
            caption: format!(
                "Singular values of the matrix of scores (queries by keys, before the softmax) of each head, largest \
                 first, mean over {} images; those below a millionth of the largest are left out as rounding.",
                self.samples
            ),
            panels: panels.collect(),
            columns: self.layers.len().clamp(1, 4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::attention::tests::layer;
    use super::*;

    #[test]
    fn values_of_known_matrices_are_averaged() {
        // A diagonal's are its absolute values; a rotation scaled by 3 has 3 twice.
        let mut spectra = Spectra::default();
        spectra.add(&[layer(2, &[&[1.0, 0.0, 0.0, -5.0], &[0.0, 3.0, -3.0, 0.0]])]);
        spectra.add(&[layer(2, &[&[2.0, 0.0, 0.0, 1.0], &[0.0, 0.0, 0.0, 0.0]])]);
        let expected = [[3.5, 1.0], [1.5, 1.5]];
        assert_eq!((spectra.samples, spectra.layers.len()), (2, 1));
        for (values, expected) in spectra.layers[0].iter().flatten().zip(expected.iter().flatten()) {
            assert!((values - expected).abs() < 1e-12, "{spectra:?}");
        }
    }

    #[test]
    fn the_figure_leaves_rounding_out() {
        let mut spectra = Spectra::default();
        spectra.add(&[layer(2, &[&[4.0, 0.0, 0.0, 1e-9]]), layer(2, &[&[4.0, 0.0, 0.0, 1.0]])]);
        let figure = spectra.figure();
        let counts: Vec<usize> = figure.panels.iter().map(|panel| panel.series[0].points.len()).collect();
        assert_eq!(counts, [1, 2]);
    }
}
