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

/// Poles and zeros of one layer of a cascade.
type Factor = (Vec<Complex<f64>>, Vec<Complex<f64>>);

impl Shallow {
    /// A cascade of `layers` layers with one channel and a feed-through each that has the same response: the factors of
    /// the transfer function, residues of each by evaluation. Layer g takes poles g, g + L, g + 2 L, .. and as many of the
    /// zeros, each time those nearest to its poles.
    ///
    /// # Errors
    /// `layers` is 0 or more than there are poles, a pole is 0, or as [`Shallow::zeros`].
    pub fn cascade(&self, layers: usize) -> Result<Cascade> {
        self.check_layers(layers)?;
        if self.poles.contains(&Complex::ZERO) {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                "A pole is 0, but a factor of a transfer function must have poles other than 0.",
            ));
        }
        let mut zeros = self.zeros()?;
        let mut gain = self.numerator()[0];
        let mut factors: Vec<Factor> = Vec::with_capacity(layers);
        for layer in 0..layers {
            let poles: Vec<_> = self.poles.iter().skip(layer).step_by(layers).copied().collect();
            let mut own = Vec::with_capacity(poles.len());
            for pole in &poles {
                let distance = |zero: &Complex<f64>| (zero - pole.inv()).norm();
                let nearest =
                    zeros.iter().enumerate().min_by(|one, other| distance(one.1).total_cmp(&distance(other.1)));
                if let Some((index, _)) = nearest {
                    own.push(zeros.swap_remove(index));
                }
            }
            factors.push((poles, own));
        }
        let built = factors.into_iter().map(|(poles, zeros)| {
            // The first layer takes the gain: each factor is gain prod (1 - w / zero) / prod (1 - pole w).
            let scale = std::mem::replace(&mut gain, Complex::ONE);
            let numerator =
                |w: Complex<f64>| zeros.iter().map(|zero| Complex::<f64>::ONE - w / zero).product::<Complex<f64>>();
            let residue = |pole: &Complex<f64>| {
                let others =
                    poles.iter().filter(|other| *other != pole).map(|other| Complex::<f64>::ONE - other / pole);
                scale * numerator(pole.inv()) / others.product::<Complex<f64>>()
            };
            let residues: Vec<Complex<f64>> = poles.iter().map(residue).collect();
            // The factor at w = 0 is its gain.
            let feed_through = scale - residues.iter().sum::<Complex<f64>>();
            CascadeLayer::single(poles, &residues, feed_through)
        });
        Ok(Cascade { layers: built.collect() })
    }

    /// A cascade of `layers` layers with two channels between them and no feed-through that has the same response: one
    /// channel hands the input on, the other adds up the outputs of the layers' own states. Without D, what is handed on
    /// passes through states of pole 0.
    ///
    /// # Errors
    /// `layers` is 0 or more than there are poles, or there is a feed-through.
    pub fn summing(&self, layers: usize) -> Result<Cascade> {
        self.check_layers(layers)?;
        let states = self.poles.len();
        if self.feed_through != Complex::ZERO {
            return Err(Error::invalid("feed_through", self.feed_through, "0"));
        }
        let built = (0..layers).map(|layer| {
            let own: Vec<usize> = (layer..states).step_by(layers).collect();
            let [d_input, d_output] = [if layer == 0 { 1 } else { 2 }, if layer + 1 == layers { 1 } else { 2 }];
            // Channels in: the input, then the sum so far. Channels out: the sum, then the input, so that the last layer
            // can leave the second out.
            let mut poles: Vec<Complex<f64>> = own.iter().map(|state| self.poles[*state]).collect();
            let mut links: Vec<(usize, usize, Complex<f64>)> =
                own.iter().map(|state| (d_input - 1, 0, self.residues[*state])).collect();
            if layer > 0 {
                links.push((0, 0, Complex::ONE));
            }
            if layer + 1 < layers {
                links.push((d_input - 1, 1, Complex::ONE));
            }
            poles.resize(links.len(), Complex::ZERO);
            let mut input = DMatrix::zeros(links.len(), d_input);
            let mut output = DMatrix::zeros(d_output, links.len());
            for (state, (from, to, weight)) in links.into_iter().enumerate() {
                input[(state, from)] = Complex::ONE;
                output[(to, state)] = weight;
            }
            CascadeLayer { poles, input, output, feed_through: DMatrix::zeros(d_output, d_input) }
        });
        Ok(Cascade { layers: built.collect() })
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
