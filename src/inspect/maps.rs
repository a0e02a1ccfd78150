//! Attention laid over the image.

use lookback_registry::{Error, ErrorKind, Result};
use nalgebra::{DMatrix, RowDVector};

use super::attention::{LayerAttention, rollout};

/// Where the token that becomes a model's output looks in an image: maps `[rows * columns]` over its patches, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct AttentionMaps {
    /// Rows and columns of patches.
    pub grid: [usize; 2],
    /// Whether the maps are of a class token in front of the patches; else of the mean over all patches.
    pub class_token: bool,
    /// A map per layer and head: shares of attention. They sum to 1 less the share that a class token gives itself.
    pub layers: Vec<Vec<Vec<f64>>>,
    /// The attention rollout over all layers: how much of the output stems from each patch. It sums to 1 less the share
    /// of a class token itself.
    pub rollout: Vec<f64>,
}

impl AttentionMaps {
    /// The maps of a model that cut an image of `size` (width and height, in pixels) into square patches.
    ///
    /// # Errors
    /// There are no layers, they differ in their tokens, or the tokens are not the patches of such an image.
    pub fn of(layers: &[LayerAttention], size: (usize, usize)) -> Result<Self> {
        let Some(first) = layers.first() else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "The model has no attention to look into; attention maps need one such as `vit`.",
            ));
        };
        let tokens = first.tokens();
        if layers.iter().flat_map(|layer| &layer.weights).any(|weights| weights.shape() != (tokens, tokens)) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "The layers of the model attend among different numbers of tokens; attention maps need the same patches in \
                 all of them.",
            ));
        }
        let (grid, class_token) = patches(tokens, size)?;
        let seen = |weights: &DMatrix<f64>| {
            let all: RowDVector<f64> = if class_token { weights.row(0).into_owned() } else { weights.row_mean() };
            all.iter().skip(usize::from(class_token)).copied().collect::<Vec<f64>>()
        };
        Ok(Self {
            grid,
            class_token,
            layers: layers.iter().map(|layer| layer.weights.iter().map(seen).collect()).collect(),
            rollout: seen(&rollout(layers)),
        })
    }
}

/// Rows and columns of patches, and whether there is a class token in front of them.
fn patches(tokens: usize, (width, height): (usize, usize)) -> Result<([usize; 2], bool)> {
    let sides = (1..=width.min(height)).filter(|side| width.is_multiple_of(*side) && height.is_multiple_of(*side));
    // No two sizes of patches give counts that differ by 1, so the count tells both. Single pixels without a class token
    // are those of a sequence model: the mean over all queries is not its output.
    let found = sides.map(|side| (side, [height / side, width / side])).find_map(|(side, grid)| {
        let count = grid[0] * grid[1];
        let class_token = tokens == count + 1;
        (class_token || (tokens == count && side > 1)).then_some((grid, class_token))
    });
    found.ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!(
            "The model's attention is among {tokens} tokens, which are no patches of an image of {width} x {height} \
             pixels; attention maps need a model of patches such as `vit`."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::super::attention::tests::layer;
    use super::*;

    #[test]
    fn maps_are_the_row_of_the_class_token_without_itself() {
        // 1 + 2 tokens: an image of 8 x 4 pixels in two patches.
        let head = [0.2, 0.5, 0.3, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        let maps = AttentionMaps::of(&[layer(3, &[&head, &head])], (8, 4)).unwrap();
        assert_eq!((maps.grid, maps.class_token), ([1, 2], true));
        assert_eq!(maps.layers, [[[0.5, 0.3], [0.5, 0.3]]]);
        assert_eq!(maps.rollout, [0.25, 0.15]);
    }

    #[test]
    fn without_a_class_token_maps_are_the_mean_and_sum_to_1() {
        let head = [0.2, 0.8, 0.6, 0.4];
        let maps = AttentionMaps::of(&[layer(2, &[&head])], (4, 8)).unwrap();
        assert_eq!((maps.grid, maps.class_token), ([2, 1], false));
        let sum = |map: &[f64]| map.iter().sum::<f64>();
        assert!((maps.layers[0][0][0] - 0.4).abs() < 1e-12 && (sum(&maps.layers[0][0]) - 1.0).abs() < 1e-12);
        assert!((maps.rollout[0] - 0.45).abs() < 1e-12 && (sum(&maps.rollout) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_number_of_tokens_tells_the_patches() {
        assert_eq!(patches(65, (32, 32)).unwrap(), ([8, 8], true));
        assert_eq!(patches(64, (32, 32)).unwrap(), ([8, 8], false));
        assert_eq!(patches(1025, (32, 32)).unwrap(), ([32, 32], true));
        assert_eq!(patches(6, (96, 64)).unwrap(), ([2, 3], false));
        assert_eq!(
            patches(1024, (32, 32)).unwrap_err().to_string(),
            "The model's attention is among 1024 tokens, which are no patches of an image of 32 x 32 pixels; attention \
             maps need a model of patches such as `vit`."
        );
        let (two, three) = (layer(2, &[&[0.5; 4]]), layer(3, &[&[0.5; 9]]));
        assert_eq!(
            AttentionMaps::of(&[two, three], (8, 4)).unwrap_err().to_string(),
            "The layers of the model attend among different numbers of tokens; attention maps need the same patches in \
             all of them."
        );
        assert_eq!(
            AttentionMaps::of(&[], (32, 32)).unwrap_err().to_string(),
            "The model has no attention to look into; attention maps need one such as `vit`."
        );
    }
}
