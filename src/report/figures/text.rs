//! Text in figures: estimated widths, and numbers as axes write them.

/// The family list of all text: the first is embedded for PNGs, the others are what browsers have.
pub(super) const FAMILY: &str = "Ubuntu, Helvetica, Arial, sans-serif";

/// Advance widths of Helvetica (and Arial) for the characters from space to `~`, in thousandths of the size.
/// The embedded font is narrower, so what is laid out with these fits in either.
#[rustfmt::skip]
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// The width of `text` at `size` pixels, in pixels.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let thousandths: u32 = text
        .chars()
        .map(|c| match c {
            ' '..='~' => u32::from(WIDTHS[c as usize - 32]),
            '\u{300}'..='\u{36f}' => 0,
            c if from_superscript(c).is_some() => 420,
            _ => 620,
        })
        .sum();
    f64::from(thousandths) * size / 1000.0
}

/// `text` without what XML 1.0 forbids.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c }).collect()
}

/// Escapes what XML gives a meaning.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

const SUPERSCRIPTS: [(char, char); 12] = [
    ('⁰', '0'),
    ('¹', '1'),
    ('²', '2'),
    ('³', '3'),
    ('⁴', '4'),
    ('⁵', '5'),
    ('⁶', '6'),
    ('⁷', '7'),
    ('⁸', '8'),
    ('⁹', '9'),
    ('⁻', '−'),
    ('⁺', '+'),
];

fn from_superscript(c: char) -> Option<char> {
    SUPERSCRIPTS.iter().find(|(raised, _)| *raised == c).map(|(_, plain)| *plain)
}

/// `10⁻³` for -3.
pub(super) fn power_of_ten(exponent: i32) -> String {
    let digits = exponent.to_string();
    let raised = digits.chars().map(|c| {
        let plain = if c == '-' { '−' } else { c };
        SUPERSCRIPTS.iter().find(|(_, p)| *p == plain).map_or(c, |(raised, _)| *raised)
    });
    format!("10{}", raised.collect::<String>())
}

/// A tick of a linear axis whose ticks are `step` apart.
pub(super) fn decimal(value: f64, step: f64) -> String {
    if value.abs() < step * 1e-6 {
        return "0".into();
    }
    if !(1e-4..1e5).contains(&step) {
        let exponent = value.abs().log10().floor();
        let mantissa = value / 10f64.powf(exponent);
        let exponent = power_of_ten(exponent as i32);
        let mantissa = format!("{:.2}", mantissa);
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.').replace('-', "−");
        return format!("{mantissa}·{exponent}");
    }
    let decimals = (-step.log10() - 1e-9).ceil().max(0.0) as usize;
    // Steps such as 0.25 need one digit more than their magnitude says.
    let scaled = step * 10f64.powi(decimals as i32);
    let decimals = if (scaled - scaled.round()).abs() > 1e-6 { decimals + 1 } else { decimals };
    format!("{value:.decimals$}").replace('-', "−")
}

/// Raises superscript characters of text nodes with `tspan`s, so that every font draws them alike.
pub(super) fn raise_superscripts(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len());
    let mut in_tag = false;
    let mut raised = false;
    // Text after a raised part is lowered again by a `tspan` that lasts to the end of the text.
    let mut lowered = false;
    for c in svg.chars() {
        let plain = if in_tag { None } else { from_superscript(c) };
        if raised && plain.is_none() {
            out.push_str("</tspan>");
            raised = false;
            if c != '<' && c != '\n' {
                out.push_str("<tspan dy=\"0.32em\">");
                lowered = true;
            }
        }
        if lowered && c == '<' {
            out.push_str("</tspan>");
            lowered = false;
        }
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ => {}
        }
        match plain {
            Some(plain) => {
                if lowered {
                    out.push_str("</tspan>");
                    lowered = false;
                }
                if !raised {
                    out.push_str("<tspan dy=\"-0.45em\" font-size=\"72%\">");
                    raised = true;
                }
                out.push(plain);
            }
            None => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_on_paper() {
        assert_eq!(power_of_ten(-12), "10⁻¹²");
        assert_eq!(decimal(0.30000000000000004, 0.1), "0.3");
        assert_eq!(decimal(-0.25, 0.25), "−0.25");
        assert_eq!(decimal(1500.0, 500.0), "1500");
        assert_eq!(decimal(2.5e6, 5e5), "2.5·10⁶");
        assert_eq!(decimal(1e-17, 0.1), "0");
    }

    #[test]
    fn superscripts_are_raised_in_text_alone() {
        assert_eq!(
            raise_superscripts("<text a=\"²\">10⁻³\n</text>"),
            "<text a=\"²\">10<tspan dy=\"-0.45em\" font-size=\"72%\">−3</tspan>\n</text>"
        );
        assert_eq!(
            raise_superscripts("<text>x² y</text>"),
            "<text>x<tspan dy=\"-0.45em\" font-size=\"72%\">2</tspan><tspan dy=\"0.32em\"> y</tspan></text>"
        );
    }

    #[test]
    fn widths_follow_the_characters() {
        assert!((width("mm", 10.0) - 16.66).abs() < 1e-9);
        assert!(width("10⁻³", 10.0) < width("10-33", 10.0));
        assert_eq!(escape("a<b>&\"'\u{1}"), "a&lt;b&gt;&amp;&quot;&#39; ");
    }
}
