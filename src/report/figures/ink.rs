//! Colours as roles: what is drawn names a role, and the theme says last which colour that is.
//!
//! Plotters writes explicit `#rrggbb`. Here each role (and dash pattern) is drawn in a stand-in colour of its
//! own, and [`resolve`] replaces the stand-ins in the finished SVG.

use std::fmt::Write as _;

use plotters::style::RGBColor;

use super::style::{COLOURS, DASHES, SOLID};

/// Where a figure will be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// A file of its own: dark on white, with the figure's title.
    Paper,
    /// Inside a page that has [`css_variables`]: it follows the page's colours, and the page has the title.
    Page,
}

/// What a colour is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Ground,
    Text,
    Muted,
    Axis,
    Grid,
    FineGrid,
    /// Index into [`COLOURS`].
    Series(u8),
}

/// Roles that are not series: name in CSS, on light, on dark.
const ROLES: [(&str, &str, &str); 6] = [
    ("ground", "#ffffff", "#16181d"),
    ("text", "#1b1d22", "#e8e8ea"),
    ("muted", "#5a5e68", "#a6a9b2"),
    ("axis", "#4b4f58", "#8b8f99"),
    ("grid", "#dcdee3", "#343841"),
    ("fine-grid", "#eff0f3", "#242830"),
];

/// No colour of the palette begins with this byte, so it marks the stand-ins.
const STAND_IN: u8 = 0xFD;

impl Ink {
    fn index(self) -> u8 {
        match self {
            Self::Ground => 0,
            Self::Text => 1,
            Self::Muted => 2,
            Self::Axis => 3,
            Self::Grid => 4,
            Self::FineGrid => 5,
            Self::Series(index) => 6 + index,
        }
    }

    /// The stand-in for this role in a solid line, a text or an area.
    pub fn solid(self) -> RGBColor {
        self.dashed(SOLID)
    }

    /// The stand-in for this role in a line of the dash pattern `dash`.
    pub fn dashed(self, dash: u8) -> RGBColor {
        RGBColor(STAND_IN, dash, self.index())
    }
}

fn name(index: usize) -> String {
    match ROLES.get(index) {
        Some((name, ..)) => format!("--fig-{name}"),
        None => format!("--fig-s{}", index - ROLES.len()),
    }
}

fn light(index: usize) -> &'static str {
    ROLES.get(index).map_or_else(|| COLOURS[index - ROLES.len()].light, |role| role.1)
}

fn dark(index: usize) -> &'static str {
    ROLES.get(index).map_or_else(|| COLOURS[index - ROLES.len()].dark, |role| role.2)
}

/// The CSS declarations that figures of [`Theme::Page`] refer to, for light and for dark ground:
/// `--fig-text:#1b1d22;...`.
pub fn css_variables() -> (String, String) {
    let all = 0..ROLES.len() + COLOURS.len();
    let declare = |value: fn(usize) -> &'static str| {
        all.clone().fold(String::new(), |mut css, index| {
            let _ = write!(css, "{}:{};", name(index), value(index));
            css
        })
    };
    (declare(light), declare(dark))
}

/// Replaces the stand-ins by the theme's colours, and writes out the dash patterns; `scale` drawing units are
/// one pixel.
pub(super) fn resolve(svg: &str, theme: Theme, scale: u32) -> String {
    let mut out = String::with_capacity(svg.len() + svg.len() / 4);
    let mut rest = svg;
    let marker = format!("=\"#{STAND_IN:02X}");
    while let Some(at) = rest.find(&marker) {
        let code = at + marker.len();
        let byte = |from: usize| {
            let digits = &rest[code + from..code + from + 2];
            usize::from(u8::from_str_radix(digits, 16).expect("plotters writes #RRGGBB"))
        };
        let (dash, index) = (byte(0), byte(2));
        let attribute = rest[..at].rfind(' ').expect("an attribute follows a space") + 1;
        out.push_str(&rest[..attribute]);
        let property = &rest[attribute..at];
        let _ = match theme {
            Theme::Paper => write!(out, "{property}=\"{}\"", light(index)),
            Theme::Page => write!(out, "style=\"{property}:var({})\"", name(index)),
        };
        if !DASHES[dash].is_empty() {
            let lengths: Vec<_> = DASHES[dash].iter().map(|length| (length * scale).to_string()).collect();
            let _ = write!(out, " stroke-dasharray=\"{}\"", lengths.join(" "));
        }
        rest = &rest[code + 5..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_become_colours_dashes_and_variables() {
        let drawn = "<line opacity=\"1\" stroke=\"#FD0101\"/><text fill=\"#FD0006\">#FD</text>";
        assert_eq!(
            resolve(drawn, Theme::Paper, 10),
            "<line opacity=\"1\" stroke=\"#1b1d22\" stroke-dasharray=\"60 30\"/><text fill=\"#0072b2\">#FD</text>"
        );
        assert_eq!(
            resolve(drawn, Theme::Page, 10),
            "<line opacity=\"1\" style=\"stroke:var(--fig-text)\" stroke-dasharray=\"60 30\"/>\
             <text style=\"fill:var(--fig-s0)\">#FD</text>"
        );
    }

    #[test]
    fn every_variable_is_declared_twice() {
        let (on_light, on_dark) = css_variables();
        for index in 0..ROLES.len() + COLOURS.len() {
            let declaration = format!("{}:#", name(index));
            assert!(on_light.contains(&declaration) && on_dark.contains(&declaration), "{declaration}");
        }
    }
}
