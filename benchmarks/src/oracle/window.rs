//! Models that see a finite window.

use super::weights_and_energy;

/// The exact error floor of any causal model whose output at time t depends on x(t-window+1..=t) alone:
/// `sum_(s >= window) w(s) rho(s)^2 / sum_s w(s) rho(s)^2`.
///
/// On white input the lags outside the window are independent of all that the model sees, so no model, linear
/// or not, does better, and the linear one with `rho_hat = rho` inside the window attains it. `window` is the
/// receptive field: `1 + (K - 1) sum of dilations` in a stack of dilated convolutions with kernels of K taps.
pub fn window_floor(rho: &[f64], window: usize, weights: Option<&[f64]>) -> f64 {
    let (weights, energy) = weights_and_energy(rho, weights);
    let outside: f64 = rho.iter().zip(&weights).skip(window).map(|(value, weight)| weight * value * value).sum();
    outside / energy
}

#[cfg(test)]
mod tests {
    use super::window_floor;
    use crate::oracle::loss_weights;

    #[test]
    fn an_impulse_is_inside_or_outside() {
        let rho = [0.0, 0.0, 0.0, 2.0, 0.0];
        assert_eq!(window_floor(&rho, 3, None), 1.0);
        assert_eq!(window_floor(&rho, 4, None), 0.0);
        assert_eq!(window_floor(&rho, 9, Some(&loss_weights(5))), 0.0);
    }

    #[test]
    fn the_floor_is_the_energy_outside() {
        assert_eq!(window_floor(&[1.0, 2.0, 2.0, 4.0], 2, None), 20.0 / 25.0);
        // Weights 1, 3/4, 1/2, 1/4.
        assert_eq!(window_floor(&[1.0, 2.0, 2.0, 4.0], 2, Some(&loss_weights(4))), 6.0 / 10.0);
    }
}
