//! A transfer function's denominator as a product of second-order sections.

use nalgebra::Complex;

/// The poles of n states in real numbers: sections `1 - a q + b q^2` (q delays by one step), flat as
/// `[a_0, b_0, a_1, b_1, ..]`; where n is odd the last section is `1 - a q`.
///
/// A section is a conjugate pair or two real poles, with nothing special where one turns into the other, and
/// any of them may coincide: poles at 0 make a pure delay.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sections(pub Vec<f64>);

impl Sections {
    /// All poles at 0: responses end after n lags.
    pub fn zeros(n_states: usize) -> Self {
        Self(vec![0.0; n_states])
    }

    /// Sections with these poles. Complex ones stand for their conjugate too where that is not listed: only
    /// those with positive imaginary parts count. Real ones are sorted and paired with their neighbours, from
    /// the smallest on or, where `offset`, from the second smallest on.
    pub fn from_poles(poles: &[Complex<f64>], offset: bool) -> Self {
        let mut real: Vec<f64> = poles.iter().filter(|pole| pole.im == 0.0).map(|pole| pole.re).collect();
        real.sort_by(f64::total_cmp);
        if offset && !real.is_empty() {
            real.rotate_left(1);
        }
        let complex = poles.iter().filter(|pole| pole.im > 0.0).map(|pole| [2.0 * pole.re, pole.norm_sqr()]);
        let mut theta: Vec<f64> = complex.flatten().collect();
        for pair in real.chunks(2) {
            match *pair {
                [one, other] => theta.extend([one + other, one * other]),
                _ => theta.extend(pair),
            }
        }
        Self(theta)
    }

    /// The n poles: conjugate pairs one after the other, the one with positive imaginary part first.
    pub fn poles(&self) -> Vec<Complex<f64>> {
        let mut poles = Vec::with_capacity(self.0.len());
        for section in self.0.chunks(2) {
            match *section {
                [a, b] => {
                    let discriminant = 0.25 * a * a - b;
                    if discriminant < 0.0 {
                        let pole = Complex::new(0.5 * a, (-discriminant).sqrt());
                        poles.extend([pole, pole.conj()]);
                    } else {
                        // The larger root first; the other from the product, free of cancellation.
                        let large = 0.5 * a + discriminant.sqrt().copysign(a);
                        let small = if large == 0.0 { 0.0 } else { b / large };
                        poles.extend([Complex::new(large, 0.0), Complex::new(small, 0.0)]);
                    }
                }
                _ => poles.push(Complex::new(section[0], 0.0)),
            }
        }
        poles
    }

    /// Moves poles beyond `radius` back to it, at the same angle.
    pub fn clamp(&mut self, radius: f64) {
        for section in self.0.chunks_mut(2) {
            match section {
                [a, b] => {
                    let discriminant = 0.25 * *a * *a - *b;
                    if discriminant < 0.0 {
                        let scale = (radius / b.sqrt()).min(1.0);
                        *a *= scale;
                        *b *= scale * scale;
                    } else if 0.5 * a.abs() + discriminant.sqrt() > radius {
                        let (one, other) = (0.5 * *a + discriminant.sqrt(), 0.5 * *a - discriminant.sqrt());
                        let (one, other) = (one.clamp(-radius, radius), other.clamp(-radius, radius));
                        *a = one + other;
                        *b = one * other;
                    }
                }
                section => section[0] = section[0].clamp(-radius, radius),
            }
        }
    }

    /// n sequences that span the impulse responses of this denominator over lags 1..=length.
    ///
    /// A cascade of all-pass sections, decaying ones first: nearly orthogonal where poles are inside the unit
    /// circle (Ninness and Gustafsson, "A unifying construction of orthonormal bases for system identification",
    /// IEEE Transactions on Automatic Control 42(4), 1997), and independent where poles coincide.
    pub fn basis(&self, length: usize) -> Vec<Vec<f64>> {
        let mut sections: Vec<&[f64]> = self.0.chunks(2).collect();
        sections.sort_by(|one, other| growth(one).total_cmp(&growth(other)));
        let mut columns = Vec::with_capacity(self.0.len());
        let mut input = vec![0.0; length];
        input[0] = 1.0;
        for section in sections {
            let response = filter(section, &input);
            let delayed = delay(&response);
            let last = section.get(1).copied();
            for t in 0..length {
                input[t] = match last {
                    Some(b) => b * response[t] - section[0] * delayed[t] + if t > 1 { response[t - 2] } else { 0.0 },
                    None => delayed[t] - section[0] * response[t],
                };
            }
            columns.push(response);
            if last.is_some() {
                columns.push(delayed);
            }
        }
        columns
    }
}

/// The largest modulus of a section's poles.
fn growth(section: &[f64]) -> f64 {
    match *section {
        [a, b] if 0.25 * a * a < b => b.sqrt(),
        [a, b] => 0.5 * a.abs() + (0.25 * a * a - b).sqrt(),
        _ => section[0].abs(),
    }
}

/// `input / (1 - a q + b q^2)`.
pub(super) fn filter(section: &[f64], input: &[f64]) -> Vec<f64> {
    let (a, b) = (section[0], section.get(1).copied().unwrap_or(0.0));
    let (mut last, mut before) = (0.0, 0.0);
    let step = |&value: &f64| {
        let next = value + a * last - b * before;
        before = last;
        last = next;
        next
    };
    input.iter().map(step).collect()
}

/// One step later.
pub(super) fn delay(sequence: &[f64]) -> Vec<f64> {
    let mut delayed = Vec::with_capacity(sequence.len());
    delayed.push(0.0);
    delayed.extend(&sequence[..sequence.len() - 1]);
    delayed
}

#[cfg(test)]
mod tests {
    use nalgebra::Complex;

    use super::Sections;

    #[test]
    fn poles_and_sections_are_the_same_thing() {
        let pole = Complex::new(0.3, 0.4);
        let poles = [pole, pole.conj(), Complex::new(0.9, 0.0), Complex::new(-0.5, 0.0), Complex::new(0.1, 0.0)];
        for offset in [false, true] {
            let sections = Sections::from_poles(&poles, offset);
            assert_eq!(sections.0.len(), 5);
            let mut back = sections.poles();
            for pole in poles {
                let nearest =
                    (0..back.len()).min_by(|&i, &j| (back[i] - pole).norm().total_cmp(&(back[j] - pole).norm()));
                assert!((back.swap_remove(nearest.expect("one is left")) - pole).norm() < 1e-15);
            }
        }
    }

    #[test]
    fn clamp_moves_only_what_is_outside() {
        let mut sections = Sections(vec![0.0, 4.0, 0.5, 0.06, 3.0]);
        sections.clamp(1.5);
        assert_eq!(sections.0, [0.0, 2.25, 0.5, 0.06, 1.5]);
    }

    #[test]
    fn the_basis_obeys_the_recurrence_and_is_nearly_orthogonal_inside_the_unit_circle() {
        let sections = Sections(vec![0.8, 0.5, 1.0, 0.24, -0.7]);
        // The product of the sections, in powers of q.
        let mut product = vec![1.0];
        for section in sections.0.chunks(2) {
            let factor = [1.0, -section[0], section.get(1).copied().unwrap_or(0.0)];
            let mut next = vec![0.0; product.len() + 2];
            for (i, p) in product.iter().enumerate() {
                for (j, f) in factor.iter().enumerate() {
                    next[i + j] += p * f;
                }
            }
            product = next;
        }
        let columns = sections.basis(200);
        assert_eq!(columns.len(), 5);
        for column in &columns {
            for t in product.len()..200 {
                let sum: f64 = product.iter().enumerate().map(|(k, p)| p * column[t - k]).sum();
                assert!(sum.abs() < 1e-12, "{sum}");
            }
        }
        let dot = |i: usize, j: usize| columns[i].iter().zip(&columns[j]).map(|(x, y)| x * y).sum::<f64>();
        // Sorted by growth: the real pair, the single real pole, the conjugate pair.
        for (i, j) in [(0, 2), (1, 2), (0, 3), (1, 4), (2, 3), (2, 4)] {
            assert!(dot(i, j).abs() < 1e-12, "{i} {j}");
        }
    }
}
