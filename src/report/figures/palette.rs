//! Colours by what they are for, on a light and on a dark ground.

use std::fmt::Write as _;

/// What a colour is for. Its class in SVG is its name; the colour itself is the light one unless a style says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Ground,
    Text,
    Muted,
    Axis,
    Grid,
    FineGrid,
    /// Cells of matrices.
    Heat,
    /// Index into [`SERIES`].
    Series(u8),
}

const PLAIN: [Role; 7] = [Role::Ground, Role::Text, Role::Muted, Role::Axis, Role::Grid, Role::FineGrid, Role::Heat];

/// `0xrrggbb` on light and on dark ground.
type Colour = (u32, u32);

/// Series colours, from the colour-blind-safe sets of Okabe and Ito (<https://jfly.uni-koeln.de/color/>) and
/// of Tol (<https://personal.sron.nl/~pault/>, "muted"); on dark ground the dark ones are lightened.
pub(super) const SERIES: [Colour; 16] = [
    (0x0072b2, 0x4ba6e0), // blue
    (0x56b4e9, 0x9bd7ff), // sky
    (0x332288, 0xa297f2), // indigo
    (0x44aa99, 0x5fd0bd), // teal
    (0xd55e00, 0xff7f2a), // vermilion
    (0xe69f00, 0xf2b632), // orange
    (0x882255, 0xe0679f), // wine
    (0x117733, 0x52b86b), // green
    (0x999933, 0xcdcd62), // olive
    (0xcc79a7, 0xeba3c9), // pink
    (0xaa4499, 0xd97fcb), // purple
    (0xcc6677, 0xf08c9c), // rose
    (0x8c6d31, 0xc9a45c), // brown
    (0x5b7083, 0xa3b8c9), // slate
    (0x111111, 0xf2f2f2), // truth
    (0x7f7f7f, 0x9a9a9a), // floor
];
/// Colours of [`SERIES`] for models and the like; those after them are for what they are compared with.
pub(super) const MODEL_COLOURS: u8 = 14;
pub(super) const TRUTH: u8 = 14;
pub(super) const FLOOR: u8 = 15;

impl Role {
    /// Its colour, and its name in CSS.
    fn colour(self) -> (Colour, String) {
        let (colour, name) = match self {
            Self::Ground => ((0xffffff, 0x16181d), "ground"),
            Self::Text => ((0x1b1d22, 0xe8e8ea), "text"),
            Self::Muted => ((0x5a5e68, 0xa6a9b2), "muted"),
            Self::Axis => ((0x4b4f58, 0x8b8f99), "axis"),
            Self::Grid => ((0xdcdee3, 0x343841), "grid"),
            Self::FineGrid => ((0xeff0f3, 0x242830), "fine-grid"),
            Self::Heat => ((0x0b3a63, 0xb5dcff), "heat"),
            Self::Series(index) => return (SERIES[usize::from(index)], format!("s{index}")),
        };
        (colour, name.to_owned())
    }

    /// The class of what is filled with this colour, or of lines in it.
    pub fn class(self, line: bool) -> String {
        format!("{}-{}", if line { "line" } else { "fill" }, self.colour().1)
    }

    /// The light colour as `#rrggbb`.
    pub fn hex(self) -> String {
        format!("#{:06x}", self.colour().0.0)
    }

    /// The light colour as red, green and blue.
    pub fn rgb(self) -> [u8; 3] {
        let [_, red, green, blue] = self.colour().0.0.to_be_bytes();
        [red, green, blue]
    }
}

/// CSS rules that give these roles their dark colours.
pub(super) fn dark_rules(roles: impl IntoIterator<Item = Role>) -> String {
    let mut css = String::new();
    for role in roles {
        for (line, property) in [(false, "fill"), (true, "stroke")] {
            let _ = write!(css, ".{}{{{property}:#{:06x}}}", role.class(line), role.colour().0.1);
        }
    }
    css
}

/// CSS rules that give all figures on a page their dark colours; without them they are as on paper.
pub fn dark_css() -> String {
    dark_rules(PLAIN.into_iter().chain((0..SERIES.len() as u8).map(Role::Series)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_a_class_for_areas_and_one_for_lines() {
        let css = dark_css();
        for index in 0..16 {
            let role = Role::Series(index);
            assert!(
                css.contains(&format!(".fill-s{index}{{fill:#")) && css.contains(&format!(".line-s{index}{{stroke:#"))
            );
            assert_eq!(role.hex(), format!("#{}", role.rgb().map(|part| format!("{part:02x}")).concat()));
        }
        assert!(css.contains(".fill-ground{fill:#16181d}") && css.contains(".line-fine-grid{stroke:#242830}"));
    }
}
