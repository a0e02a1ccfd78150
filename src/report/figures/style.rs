//! What fixes the look of a series: its key, and nothing else.

use lookback_benchmarks::experiment::figure::Mark;

/// A colour on light and on dark ground, `#rrggbb`.
pub(super) struct Colour {
    pub light: &'static str,
    pub dark: &'static str,
}

const fn colour(light: &'static str, dark: &'static str) -> Colour {
    Colour { light, dark }
}

/// Series colours, from the colour-blind-safe sets of Okabe and Ito (<https://jfly.uni-koeln.de/color/>) and
/// of Tol (<https://personal.sron.nl/~pault/>, "muted"); on dark ground the dark ones are lightened.
pub(super) const COLOURS: [Colour; 16] = [
    colour("#0072b2", "#4ba6e0"), // blue
    colour("#56b4e9", "#9bd7ff"), // sky
    colour("#332288", "#a297f2"), // indigo
    colour("#44aa99", "#5fd0bd"), // teal
    colour("#d55e00", "#ff7f2a"), // vermilion
    colour("#e69f00", "#f2b632"), // orange
    colour("#882255", "#e0679f"), // wine
    colour("#117733", "#52b86b"), // green
    colour("#999933", "#cdcd62"), // olive
    colour("#cc79a7", "#eba3c9"), // pink
    colour("#aa4499", "#d97fcb"), // purple
    colour("#cc6677", "#f08c9c"), // rose
    colour("#8c6d31", "#c9a45c"), // brown
    colour("#5b7083", "#a3b8c9"), // slate
    colour("#111111", "#f2f2f2"), // truth
    colour("#7f7f7f", "#9a9a9a"), // floor
];

const TRUTH: u8 = 14;
const FLOOR: u8 = 15;
/// Keys outside the table take one of the colours before `TRUTH`.
const FREE: u64 = 14;

/// The outline of a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
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

const SHAPES: [Shape; 11] = [
    Shape::Circle,
    Shape::Square,
    Shape::TriangleUp,
    Shape::TriangleDown,
    Shape::Diamond,
    Shape::Pentagon,
    Shape::Plus,
    Shape::Cross,
    Shape::Star,
    Shape::TriangleLeft,
    Shape::TriangleRight,
];

/// Lengths of dashes and gaps, in pixels; empty for a solid line.
pub(super) const DASHES: [&[u32]; 5] = [&[], &[6, 3], &[2, 3], &[7, 3, 2, 3], &[10, 4]];
pub(super) const SOLID: u8 = 0;
const DASHED: u8 = 1;
const DOTTED: u8 = 2;
const DASH_DOT: u8 = 3;

/// How a series looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Style {
    /// Index into [`COLOURS`].
    pub colour: u8,
    pub shape: Shape,
    /// Filled with the ground colour instead of its own.
    pub hollow: bool,
    /// Index into [`DASHES`].
    pub dash: u8,
}

impl Style {
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

const fn style(colour: u8, shape: Shape, hollow: bool, dash: u8) -> Style {
    Style { colour, shape, hollow, dash }
}

/// The keys whose look is settled. Families share a dash: recurrent nets solid and dashed blues, state-space
/// models warm, attention pink to purple.
const KEYS: [(&str, Style); 19] = [
    ("linear-rnn", style(0, Shape::Circle, false, SOLID)),
    ("tanh-rnn", style(1, Shape::Square, false, DASHED)),
    ("lstm", style(2, Shape::TriangleUp, false, SOLID)),
    ("gru", style(3, Shape::TriangleDown, false, DASHED)),
    ("s4d", style(4, Shape::Diamond, false, SOLID)),
    ("diagonal-ssm", style(5, Shape::Pentagon, false, DASHED)),
    ("lru", style(6, Shape::Diamond, true, DASH_DOT)),
    ("tcn", style(7, Shape::Plus, false, SOLID)),
    ("transformer", style(9, Shape::Circle, true, SOLID)),
    ("transformer-none", style(8, Shape::Cross, false, DOTTED)),
    ("transformer-learned", style(9, Shape::Star, false, SOLID)),
    ("transformer-sinusoidal", style(11, Shape::TriangleLeft, false, DASHED)),
    ("transformer-rotary", style(12, Shape::TriangleRight, false, DASH_DOT)),
    ("transformer-alibi", style(10, Shape::Star, true, DASHED)),
    ("transformer-t5", style(13, Shape::Square, true, DASH_DOT)),
    ("truth", style(TRUTH, Shape::Circle, false, DASHED)),
    ("floor", style(FLOOR, Shape::Circle, true, DASHED)),
    ("oracle", style(FLOOR, Shape::Square, true, DOTTED)),
    ("reference", style(FLOOR, Shape::Diamond, true, DASH_DOT)),
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
    if let Some((family, variant)) = key.split_once('@') {
        let letters = fnv1a(variant);
        let base = of(family);
        return Style {
            colour: base.colour,
            shape: pick(&SHAPES, letters),
            hollow: !base.hollow,
            dash: not_solid(letters / 16),
        };
    }
    if let Some(number) = key.strip_prefix('#').and_then(|number| number.parse::<u64>().ok()) {
        return Style {
            // 5 is coprime to 14, and neighbours of the palette are much alike.
            colour: u8::try_from(number % FREE * 5 % FREE).expect("less than 14"),
            shape: pick(&SHAPES, number % FREE),
            hollow: number % FREE >= SHAPES.len() as u64,
            dash: u8::try_from(number / FREE % DASHES.len() as u64).expect("less than 5"),
        };
    }
    let letters = fnv1a(key);
    Style {
        colour: u8::try_from(letters % FREE).expect("less than 14"),
        shape: pick(&SHAPES, letters / 16),
        hollow: letters & 256 == 0,
        dash: not_solid(letters / 1024),
    }
}

fn not_solid(letters: u64) -> u8 {
    1 + u8::try_from(letters % (DASHES.len() as u64 - 1)).expect("less than 5")
}

fn pick<T: Copy>(from: &[T], letters: u64) -> T {
    from[usize::try_from(letters % from.len() as u64).expect("less than a slice's length")]
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
    fn settled_keys_differ_from_each_other() {
        let looks: HashSet<_> = KEYS.iter().map(|(key, _)| of(key)).collect();
        assert_eq!(looks.len(), KEYS.len());
        // Apart in print without colour: no two architectures share a marker.
        let models = || KEYS.iter().filter(|(_, style)| style.colour < TRUTH);
        let markers: HashSet<_> = models().map(|(_, style)| (style.shape, style.hollow)).collect();
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
        assert_eq!(first.iter().map(|look| (look.shape, look.hollow)).collect::<HashSet<_>>().len(), 14);
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
