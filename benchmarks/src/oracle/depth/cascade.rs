//! Cascades of diagonal state-space layers with any number of channels between them.

use lookback_registry::{Error, ErrorKind, Result};
use nalgebra::{Complex, DMatrix};

use super::shallow::Shallow;

/// One layer of a [`Cascade`].
#[derive(Debug, Clone, PartialEq)]
pub struct CascadeLayer {
    /// The diagonal of Lambda.
    pub poles: Vec<Complex<f64>>,
    /// B, `[states, d_input]`.
    pub input: DMatrix<Complex<f64>>,
    /// C, `[d_output, states]`.
    pub output: DMatrix<Complex<f64>>,
    /// D, `[d_output, d_input]`.
    pub feed_through: DMatrix<Complex<f64>>,
}

impl CascadeLayer {
    /// A layer of one channel in and out: `D + sum_i residues_i / (1 - poles_i w)`.
    pub fn single(poles: Vec<Complex<f64>>, residues: &[Complex<f64>], feed_through: Complex<f64>) -> Self {
        let states = poles.len();
        Self {
            poles,
            input: DMatrix::from_element(states, 1, Complex::ONE),
            output: DMatrix::from_row_slice(1, states, residues),
            feed_through: DMatrix::from_element(1, 1, feed_through),
        }
    }

    /// The transfer function at w, `[d_output, d_input]`; no pole may be 1 / w.
    fn at(&self, w: Complex<f64>) -> DMatrix<Complex<f64>> {
        let mut driven = self.input.clone();
        for (mut row, pole) in driven.row_iter_mut().zip(&self.poles) {
            row /= Complex::<f64>::ONE - pole * w;
        }
        &self.output * driven + &self.feed_through
    }

    /// The largest absolute value in B, C and D.
    pub fn norm(&self) -> f64 {
        let all = self.input.iter().chain(&self.output).chain(&self.feed_through);
        all.map(|value| value.norm()).fold(0.0, f64::max)
    }
}

/// Layers one after the other, from one input to one output.
#[derive(Debug, Clone, PartialEq)]
pub struct Cascade {
    /// The layers, first to last.
    pub layers: Vec<CascadeLayer>,
}

impl Cascade {
    /// The response to a unit impulse, t = 0..length, by running the recurrence.
    pub fn impulse_response(&self, length: usize) -> Vec<Complex<f64>> {
        let mut states: Vec<_> =
            self.layers.iter().map(|layer| DMatrix::<Complex<f64>>::zeros(layer.poles.len(), 1)).collect();
        let mut response = Vec::with_capacity(length);
        for time in 0..length {
            let input = if time == 0 { Complex::ONE } else { Complex::ZERO };
            let mut signal = DMatrix::from_element(1, 1, input);
            for (layer, state) in self.layers.iter().zip(&mut states) {
                for (value, pole) in state.iter_mut().zip(&layer.poles) {
                    *value *= pole;
                }
                *state += &layer.input * &signal;
                signal = &layer.output * &*state + &layer.feed_through * signal;
            }
            response.push(signal[(0, 0)]);
        }
        response
    }

    /// The one layer with the same response: its poles are those of all layers, its residues follow by evaluation,
    /// `c_i = [prod_(l > m) H_l(1 / lambda_i)] C_m e_i e_i^T B_m [prod_(l < m) H_l(1 / lambda_i)]` for pole i of layer m.
    /// Poles of 0 hold an input for no step, so they are part of D.
    ///
    /// # Errors
    /// Two poles are equal: then the state matrix of the whole, which is block triangular, may have no diagonal form.
    pub fn shallow(&self) -> Result<Shallow> {
        let layers: Vec<CascadeLayer> = self.layers.iter().map(without_zero_poles).collect();
        let poles: Vec<Complex<f64>> = layers.iter().flat_map(|layer| layer.poles.iter().copied()).collect();
        for (index, pole) in poles.iter().enumerate() {
            if poles[..index].contains(pole) {
                return Err(Error::new(
                    ErrorKind::InvalidValue,
                    format!(
                        "The pole {pole} is in the cascade twice, but the poles of all layers must differ for it to have a diagonal form."
                    ),
                ));
            }
        }
        let one = || DMatrix::from_element(1, 1, Complex::ONE);
        let mut residues = Vec::with_capacity(poles.len());
        for (place, layer) in layers.iter().enumerate() {
            for (state, pole) in layer.poles.iter().enumerate() {
                let w = pole.inv();
                let through =
                    |part: &[CascadeLayer], start| part.iter().fold(start, |signal, layer| layer.at(w) * signal);
                let reached = layer.input.row(state) * through(&layers[..place], one());
                let sent = layer.output.column(state) * reached;
                residues.push(through(&layers[place + 1..], sent)[(0, 0)]);
            }
        }
        // Every term with a pole vanishes as w grows.
        let feed_through = layers.iter().fold(one(), |signal, layer| &layer.feed_through * signal)[(0, 0)];
        Ok(Shallow { poles, residues, feed_through })
    }

    /// The largest absolute value in B, C and D over all layers.
    pub fn norm(&self) -> f64 {
        self.layers.iter().map(CascadeLayer::norm).fold(0.0, f64::max)
    }
}

/// The same layer with states of pole 0 moved into D.
fn without_zero_poles(layer: &CascadeLayer) -> CascadeLayer {
    let (held, kept): (Vec<usize>, Vec<usize>) =
        (0..layer.poles.len()).partition(|state| layer.poles[*state] == Complex::ZERO);
    let mut feed_through = layer.feed_through.clone();
    for state in held {
        feed_through += layer.output.column(state) * layer.input.row(state);
    }
    CascadeLayer {
        poles: kept.iter().map(|state| layer.poles[*state]).collect(),
        input: layer.input.select_rows(&kept),
        output: layer.output.select_columns(&kept),
        feed_through,
    }
}
