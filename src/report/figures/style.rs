//! What fixes the look of a series: its key, and nothing else.

use lookback_benchmarks::experiment::figure::Mark;

use super::palette::{FLOOR, MODEL_COLOURS, Role, TRUTH};

/// The outline of a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Marker {
    Circle,
    Square,
    TriangleUp,
    TriangleDown,
    Diamond,
    Pentagon,
    Plus,
    Cross,
    Star,
    TriangleLeft,
    TriangleRight,
}

use Marker::{
    Circle, Cross, Diamond, Pentagon, Plus, Square, Star, TriangleDown, TriangleLeft, TriangleRight, TriangleUp,
};

const MARKERS: [Marker; 11] =
    [Circle, Square, TriangleUp, TriangleDown, Diamond, Pentagon, Plus, Cross, Star, TriangleLeft, TriangleRight];

/// Lengths of dashes and gaps, in pixels; empty for a solid line.
pub(super) const DASHES: [&[f64]; 5] = [&[], &[6.0, 3.0], &[2.0, 3.0], &[7.0, 3.0, 2.0, 3.0], &[10.0, 4.0]];
const SOLID: u8 = 0;
const DASHED: u8 = 1;
const DOTTED: u8 = 2;
const DASH_DOT: u8 = 3;

/// Keys outside the table take one of the colours of models.
const FREE: u64 = MODEL_COLOURS as u64;

/// How a series looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Style {
    /// Index into the palette's colours of series.
    pub colour: u8,
    pub marker: Marker,
    /// Filled with the ground colour instead of its own.
    pub hollow: bool,
    /// Index into [`DASHES`].
    pub dash: u8,
}

impl Style {
    pub fn role(self) -> Role {
        Role::Series(self.colour)
    }

    /// Index into [`DASHES`] for a line of this look: a bound of a model is dotted, so that it is not taken for
    /// the model.
    pub fn line_dash(self, mark: Mark) -> u8 {
        match mark {
            Mark::Dashed if self.colour < TRUTH => DOTTED,
            Mark::Dashed if self.dash == SOLID => DASHED,
            _ => self.dash,
        }
    }
}

const fn style(colour: u8, marker: Marker, hollow: bool, dash: u8) -> Style {
    Style { colour, marker, hollow, dash }
}

/// The keys with a look of their own. Families share a dash: recurrent nets solid and dashed blues, state-space
/// models warm, attention pink to purple.
const KEYS: [(&str, Style); 19] = [
    ("linear-rnn", style(0, Circle, false, SOLID)),
    ("tanh-rnn", style(1, Square, false, DASHED)),
    ("lstm", style(2, TriangleUp, false, SOLID)),
    ("gru", style(3, TriangleDown, false, DASHED)),
    ("s4d", style(4, Diamond, false, SOLID)),
    ("diagonal-ssm", style(5, Pentagon, false, DASHED)),
    ("lru", style(6, Diamond, true, DASH_DOT)),
    ("tcn", style(7, Plus, false, SOLID)),
    ("transformer", style(9, Circle, true, SOLID)),
    ("transformer-none", style(8, Cross, false, DOTTED)),
    ("transformer-learned", style(9, Star, false, SOLID)),
    ("transformer-sinusoidal", style(11, TriangleLeft, false, DASHED)),
    ("transformer-rotary", style(12, TriangleRight, false, DASH_DOT)),
    ("transformer-alibi", style(10, Star, true, DASHED)),
    ("transformer-t5", style(13, Square, true, DASH_DOT)),
    ("truth", style(TRUTH, Circle, false, DASHED)),
    ("floor", style(FLOOR, Circle, true, DASHED)),
    ("oracle", style(FLOOR, Square, true, DOTTED)),
    ("reference", style(FLOOR, Diamond, true, DASH_DOT)),
];

/// The look of `key`, the same in every figure.
///
/// `name@variant` keeps the colour of `name` and takes marker and dash from the variant. `#n` is the n-th of a few
/// curves that have no look of their own, all unlike each other up to 14. A key that is not in the table takes all three
/// from its own letters, never a solid line.
pub(super) fn of(key: &str) -> Style {
    if let Some((_, style)) = KEYS.iter().find(|(name, _)| *name == key) {
        return *style;
    }
    let style = |colour: u64, marker: u64, hollow, dash: u64| Style {
        colour: (colour % FREE) as u8,
        marker: MARKERS[(marker % MARKERS.len() as u64) as usize],
        hollow,
        dash: dash as u8,
    };
    let not_solid = |letters: u64| 1 + letters % (DASHES.len() as u64 - 1);
    if let Some((family, variant)) = key.split_once('@') {
        let (base, letters) = (of(family), fnv1a(variant));
        return Style { colour: base.colour, ..style(0, letters, !base.hollow, not_solid(letters / 16)) };
    }
    if let Some(number) = key.strip_prefix('#').and_then(|number| number.parse::<u64>().ok()) {
        let place = number % FREE;
        // 5 is coprime to 14, and neighbours of the palette are much alike.
        return style(place * 5, place, place >= MARKERS.len() as u64, number / FREE % DASHES.len() as u64);
    }
    let letters = fnv1a(key);
    style(letters, letters / 16, letters & 256 == 0, not_solid(letters / 1024))
}

/// FNV-1a: a hash that is the same in every build, unlike the standard library's.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_with_a_look_of_their_own_differ() {
        let looks: HashSet<_> = KEYS.iter().map(|(key, _)| of(key)).collect();
        assert_eq!(looks.len(), KEYS.len());
        // Apart in print without colour: no two architectures share a marker.
        let models = || KEYS.iter().filter(|(_, style)| style.colour < TRUTH);
        let markers: HashSet<_> = models().map(|(_, style)| (style.marker, style.hollow)).collect();
        assert_eq!(markers.len(), models().count());
    }

    #[test]
    fn variants_keep_the_colour_of_their_family() {
        assert_eq!(of("s4d@16").colour, of("s4d").colour);
        assert_ne!(of("s4d@16"), of("s4d"));
        assert_ne!(of("s4d@16"), of("s4d@inv"));
        assert_eq!(of("mine@wide").colour, of("mine").colour);
    }

    #[test]
    fn numbered_keys_differ_in_colour_and_marker_and_then_in_dash() {
        let looks: Vec<_> = (0..28).map(|number| of(&format!("#{number}"))).collect();
        let first = &looks[..14];
        assert!(first.iter().all(|look| look.dash == SOLID && look.colour < TRUTH));
        assert_eq!(first.iter().map(|look| look.colour).collect::<HashSet<_>>().len(), 14);
        assert_eq!(first.iter().map(|look| (look.marker, look.hollow)).collect::<HashSet<_>>().len(), 14);
        assert_eq!(looks.iter().collect::<HashSet<_>>().len(), 28);
        assert!(of("#18446744073709551615").colour < TRUTH);
    }

    #[test]
    fn unknown_keys_have_a_fixed_look() {
        assert_eq!(of("my-model"), of("my-model"));
        assert_ne!(of("my-model").dash, SOLID);
        assert!(of("my-model").colour < TRUTH);
        // The look of a user's model must not move between releases.
        assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
    }
}
