//! Where the search for poles starts.

use std::f64::consts::PI;

use nalgebra::{Complex, DMatrix, Schur, SymmetricEigen};

use super::hankel::hankel;
use super::sections::Sections;

/// Shifted singular subspaces of a memory's Hankel matrices, from which poles of any order can be read.
///
/// Kung, "A new identification and model reduction algorithm via singular value decomposition", 12th Asilomar
/// Conference on Circuits, Systems and Computers, 1978, pp. 705-714. With lags from the end on counted as 0 it is
/// balanced truncation of the memory as a finite response.
pub(super) struct Realisations(Vec<DMatrix<f64>>);

impl Realisations {
    /// Singular vectors of four sizes of Hankel matrices of rho, largest singular value first.
    pub fn new(rho: &[f64]) -> Self {
        let lags = rho.len() - 1;
        let sizes = [lags, lags.div_ceil(2), lags / 3, lags / 6];
        Self(sizes.into_iter().filter(|&m| m > 1).filter_map(|m| singular_vectors(hankel(rho, m))).collect())
    }

    /// The poles of order n by shift invariance, one set for each matrix that is large enough.
    pub fn poles(&self, n_states: usize) -> impl Iterator<Item = Vec<Complex<f64>>> {
        self.0.iter().filter(move |vectors| vectors.nrows() > n_states).filter_map(move |vectors| {
            let rows = vectors.nrows();
            let upper = vectors.view((0, 0), (rows - 1, n_states)).into_owned();
            let lower = vectors.view((1, 0), (rows - 1, n_states));
            let shift = upper.clone().svd(true, true).solve(&lower, 1e-12).ok()?;
            let poles = Schur::try_new(shift, f64::EPSILON, 100 * n_states)?.complex_eigenvalues();
            poles.iter().all(|pole| pole.is_finite()).then(|| poles.iter().copied().collect())
        })
    }
}

/// Eigenvectors of a symmetric matrix by falling modulus of the eigenvalue.
fn singular_vectors(matrix: DMatrix<f64>) -> Option<DMatrix<f64>> {
    let rows = matrix.nrows();
    let eigen = SymmetricEigen::try_new(matrix, f64::EPSILON, 100 * rows)?;
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|&i, &j| eigen.eigenvalues[j].abs().total_cmp(&eigen.eigenvalues[i].abs()));
    Some(DMatrix::from_fn(rows, rows, |i, j| eigen.eigenvectors[(i, order[j])]))
}

/// Conjugate pairs at even phases up to `bandwidth` (in units of pi) with one radius, as an impulse wants them.
///
/// Where n is odd, one real pole of that radius is added.
pub(super) fn even_phases(n_states: usize, radius: f64, bandwidth: f64) -> Sections {
    let pairs = n_states / 2;
    let step = PI * bandwidth / n_states as f64;
    let first = if n_states.is_multiple_of(2) { 1 } else { 2 };
    let poles = (0..pairs).map(|k| Complex::from_polar(radius, step * (2 * k + first) as f64));
    let single = (n_states % 2 == 1).then_some(Complex::new(radius, 0.0));
    Sections::from_poles(&poles.chain(single).collect::<Vec<_>>(), false)
}

/// Real poles whose time constants are evenly spaced in the logarithm between `shortest` and `longest`.
pub(super) fn real_decays(n_states: usize, shortest: f64, longest: f64) -> Sections {
    let at = |k: usize| (k as f64 + 0.5) / n_states as f64;
    let decay = |k: usize| (-1.0 / (shortest * (longest / shortest).powf(at(k)))).exp();
    Sections::from_poles(&(0..n_states).map(|k| Complex::new(decay(k), 0.0)).collect::<Vec<_>>(), false)
}

/// Numbers in [0, 1), the same on every run.
///
/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014,
/// <https://doi.org/10.1145/2714064.2660195>); the field is its state.
pub(super) struct Sequence(pub u64);

impl Sequence {
    /// The next number.
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A section somewhere: a quarter of them real pairs; decay times between 1 step and `longest`; phases up to
    /// `bandwidth` (in units of pi).
    pub fn section(&mut self, longest: f64, bandwidth: f64) -> [f64; 2] {
        let mut radius = || (-1.0 / longest.powf(self.next())).exp();
        let (one, other) = (radius(), radius());
        if self.next() < 0.25 {
            [one + other, one * other]
        } else {
            let pole = Complex::from_polar(one, PI * bandwidth * self.next());
            [2.0 * pole.re, pole.norm_sqr()]
        }
    }

    /// `n_states` poles somewhere, see [`Sequence::section`].
    pub fn sections(&mut self, n_states: usize, longest: f64) -> Sections {
        let bandwidth = 0.5f64.powf(5.0 * self.next());
        let mut theta: Vec<f64> = (0..n_states / 2).flat_map(|_| self.section(longest, bandwidth)).collect();
        if n_states % 2 == 1 {
            theta.push((-1.0 / longest.powf(self.next())).exp());
        }
        Sections(theta)
    }

    /// Every pole moved: the radius's decay time by up to a factor of e^`size`, the phase by up to `size` times
    /// itself and pi / n, real ones likewise.
    pub fn perturbed(&mut self, sections: &Sections, size: f64) -> Sections {
        let n = sections.0.len() as f64;
        let moved = |pole: &Complex<f64>| {
            let mut shake = || size * (2.0 * self.next() - 1.0);
            let radius = pole.norm().powf(shake().exp());
            let phase = pole.arg();
            if pole.im == 0.0 {
                return Complex::new(radius.copysign(pole.re), 0.0);
            }
            let step = PI / n;
            Complex::from_polar(radius, (phase + shake() * phase.min(step)).clamp(1e-4, PI - 1e-4))
        };
        let poles: Vec<_> = sections.poles().iter().filter(|pole| pole.im >= 0.0).map(moved).collect();
        Sections::from_poles(&poles, false)
    }
}
