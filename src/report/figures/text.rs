//! Text in figures: estimated widths, and numbers as axes write them.

// Sizes of letters, in pixels.
pub(super) const TITLE_SIZE: f64 = 15.0;
pub(super) const PANEL_TITLE_SIZE: f64 = 13.0;
pub(super) const LABEL_SIZE: f64 = 12.5;
pub(super) const TICK_SIZE: f64 = 11.5;
/// From the middle of letters to their baseline, in heights of a capital with its accents.
pub(super) const HALF_LETTER: f64 = 0.35;

/// The family list of all text: the first is embedded for PNG and PDF, the others are what browsers have.
pub(super) const FAMILY: &str = "Ubuntu, Helvetica, Arial, sans-serif";

/// Advance widths of the characters from space to `~`, in thousandths of the size: of Helvetica (and Arial) and of the
/// embedded font the wider, so that what is laid out with these fits in either.
#[rustfmt::skip]
const WIDTHS: [u16; 95] = [
    278, 278, 392, 653, 564, 889, 667, 240, 333, 333, 472, 584, 278, 333, 278, 359, 564, 564, 564,
    564, 564, 564, 564, 564, 564, 564, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 865, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 310, 359, 310, 564, 556, 376, 556, 583, 500, 583, 556, 376, 573, 569, 237, 237, 500,
    255, 863, 569, 582, 583, 583, 374, 500, 387, 569, 500, 775, 500, 500, 500, 334, 262, 334, 584,
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

const RAISED: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺";
const PLAIN: &str = "0123456789−+";

fn from_superscript(c: char) -> Option<char> {
    RAISED.chars().zip(PLAIN.chars()).find(|(raised, _)| *raised == c).map(|(_, plain)| plain)
}

/// `10⁻³` for -3.
pub(super) fn power_of_ten(exponent: i32) -> String {
    let digits = exponent.to_string().replace('-', "−");
    let raised = |c| RAISED.chars().zip(PLAIN.chars()).find(|(_, plain)| *plain == c).map_or(c, |(raised, _)| raised);
    format!("10{}", digits.chars().map(raised).collect::<String>())
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
        let mantissa = format!("{mantissa:.2}");
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.').replace('-', "−");
        return format!("{mantissa}·{exponent}");
    }
    let decimals = (-step.log10() - 1e-9).ceil().max(0.0) as usize;
    // Steps such as 0.25 need one digit more than their magnitude says.
    let scaled = step * 10f64.powi(decimals as i32);
    let decimals = if (scaled - scaled.round()).abs() > 1e-6 { decimals + 1 } else { decimals };
    format!("{value:.decimals$}").replace('-', "−")
}

/// The height of raised letters, as a part of the others'.
pub(super) const RAISED_SIZE: f64 = 0.72;
/// How far they are raised, in heights of the others.
pub(super) const RAISED_BY: f64 = 0.324;

/// Parts of a text that are raised or not, in turns; superscript digits become plain ones, so that every font draws them
/// alike.
pub(super) fn runs(text: &str) -> Vec<(String, bool)> {
    let mut runs: Vec<(String, bool)> = vec![];
    for c in text.chars() {
        let plain = from_superscript(c);
        match runs.last_mut() {
            Some((run, raised)) if *raised == plain.is_some() => run.push(plain.unwrap_or(c)),
            _ => runs.push((plain.unwrap_or(c).into(), plain.is_some())),
        }
    }
    runs
}

/// `line` in lines of at most `room` pixels, where its words allow.
pub(super) fn wrap(line: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for word in clean(line).split_whitespace() {
        match lines.last_mut() {
            Some(last) if width(&format!("{last} {word}"), size) <= room => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
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
    fn superscripts_are_parted_from_the_rest() {
        let parts =
            |text: &str| runs(text).into_iter().map(|(run, raised)| format!("{run}{raised}")).collect::<Vec<_>>();
        assert_eq!(parts("2·10⁻³"), ["2·10false", "−3true"]);
        assert_eq!(parts("x² y"), ["xfalse", "2true", " yfalse"]);
        assert!(parts("").is_empty());
    }

    #[test]
    fn widths_follow_the_characters() {
        assert!((width("mm", 10.0) - 17.26).abs() < 1e-9);
        assert!(width("10⁻³", 10.0) < width("10-33", 10.0));
        assert_eq!(clean("a<b>\u{1}"), "a<b> ");
        assert_eq!(wrap("one two  three", 10.0, 45.0), ["one two", "three"]);
    }
}
