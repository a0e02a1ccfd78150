//! What single images show of a classifier.

use std::fmt::Write as _;

use lookback_datasets::images::Image;
use lookback_registry::Result;

use super::page::{figure, linked};
use super::words::share;
use crate::inspect::{AttentionMaps, Guess, Overlays, Spectra};
use crate::report::figures::{escape, picture_png};

/// Pictures of right guesses, and as many of wrong ones.
const SHOWN: usize = 16;

/// What single images show.
pub(crate) struct ImageInsights {
    /// The classes, by output channel.
    pub classes: Vec<String>,
    /// The first validation images; why not, where they cannot be read.
    pub guesses: Result<Vec<Guess>, String>,
    /// Where the model has attention: what it looks at in the first of these images; why that cannot be shown.
    pub attention: Option<Result<Attention, String>>,
}

/// Attention to several images.
pub(crate) struct Attention {
    /// Of the first images.
    pub maps: Vec<AttentionMaps>,
    /// The mean over them.
    pub spectra: Spectra,
}

/// The sections of predictions and of attention; the latter is empty for a model without attention.
///
/// # Errors
/// A picture is larger than memory can hold.
pub(super) fn pictures(images: &ImageInsights) -> Result<[String; 2]> {
    let guesses = match &images.guesses {
        Ok(guesses) => guesses,
        Err(reason) => return Ok([note(reason), String::new()]),
    };
    let attention = match &images.attention {
        None => String::new(),
        Some(Err(reason)) => note(reason),
        Some(Ok(attention)) => looks(attention, guesses, &images.classes)?,
    };
    Ok([gallery(guesses, &images.classes)?, attention])
}

/// Why something cannot be shown.
fn note(reason: &str) -> String {
    format!("<p class=\"lead\">Nothing can be shown here. {}</p>\n", linked(reason))
}

fn gallery(guesses: &[Guess], classes: &[String]) -> Result<String> {
    let count = guesses.len();
    let mut page = format!(
        "<p class=\"lead\">Of the first {count} validation images, the first that were classified rightly and the first \
         that were not, with the probability that the model gives its answer.</p>\n"
    );
    for (title, right) in [("Right", true), ("Wrong", false)] {
        let all: Vec<&Guess> = guesses.iter().filter(|guess| guess.right() == Some(right)).collect();
        let _ = write!(page, "<h3>{title}: {} of {count}</h3>\n<div class=\"gallery\">\n", all.len());
        for guess in all.into_iter().take(SHOWN) {
            let Some((class, probability)) = guess.ranked().first().copied() else { continue };
            let answer = format!("{} {}", name(classes, class), share(probability));
            let truth = match guess.truth {
                Some(truth) if !right => {
                    let given = guess.probabilities.get(truth).copied().unwrap_or_default();
                    format!("<br/>is {} ({})", escape(name(classes, truth)), share(given))
                }
                _ => String::new(),
            };
            let image = tile(&guess.picture, &answer)?;
            let _ = writeln!(page, "<div class=\"tile\">{image}<p><b>{}</b>{truth}</p></div>", escape(&answer));
        }
        page.push_str("</div>\n");
    }
    Ok(page)
}

fn looks(attention: &Attention, guesses: &[Guess], classes: &[String]) -> Result<String> {
    let query = match attention.maps.first() {
        Some(maps) if maps.class_token => "the class token, which becomes the output, gives to each patch",
        _ => "all patches together, whose mean becomes the output, give to each patch",
    };
    let mut page = format!(
        "<p class=\"lead\">How much attention {query} of the image, by layer and head: each map from its smallest share \
         <span class=\"heat\"></span> to its largest, which stand below it. Rollout: what part of the output stems from \
         each patch if residual branches pass on half of what they get ({}).</p>\n",
        linked("Abnar and Zuidema, 2020, https://arxiv.org/abs/2005.00928")
    );
    let heads = attention.maps.iter().flat_map(|maps| &maps.layers).map(Vec::len).max().unwrap_or(0);
    let _ = writeln!(page, "<div class=\"looks\" style=\"--heads:{heads}\">");
    for (number, (maps, guess)) in attention.maps.iter().zip(guesses).enumerate() {
        let truth = guess.truth.map_or_else(String::new, |truth| format!(": {}", name(classes, truth)));
        let answer = guess.ranked().first().map_or_else(String::new, |(class, probability)| {
            format!(", taken for {} ({})", name(classes, *class), share(*probability))
        });
        let _ = write!(page, "<figure>\n<h3>Validation image {}{}</h3>\n", number + 1, escape(&(truth + &answer)));
        grid(&mut page, &Overlays::new(&guess.picture, maps), heads)?;
        page.push_str("</figure>\n");
    }
    page.push_str("</div>\n");
    figure(&mut page, &attention.spectra.figure());
    Ok(page)
}

/// The image and its maps, a row per layer and a column per head.
fn grid(page: &mut String, overlays: &Overlays, heads: usize) -> Result<()> {
    page.push_str("<div class=\"maps\">\n");
    for (left, layer) in overlays.rows() {
        // A row has all its cells, filled or not.
        let cells = std::iter::once(left).chain((0..heads).map(|head| layer.get(head)));
        for cell in cells {
            match cell {
                Some(cell) => {
                    let image = tile(&cell.image, &cell.label)?;
                    let _ = writeln!(
                        page,
                        "<div class=\"tile\">{image}<p>{}<br/><span class=\"range\">{}</span></p></div>",
                        escape(&cell.label),
                        escape(&cell.range)
                    );
                }
                None => page.push_str("<div></div>\n"),
            }
        }
    }
    page.push_str("</div>\n");
    Ok(())
}

fn name(classes: &[String], class: usize) -> &str {
    classes.get(class).map_or("unknown", String::as_str)
}

/// A picture inside of the page.
fn tile(picture: &Image, shows: &str) -> Result<String> {
    let data = base64(&picture_png(picture)?);
    Ok(format!("<img alt=\"{}\" src=\"data:image/png;base64,{data}\"/>", escape(shows)))
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) as usize % 64;
            text.push(if digit <= group.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let all = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(all, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
        assert_eq!(base64(&[0xff, 0xef, 0xfe]), "/+/+");
    }

    #[test]
    fn what_cannot_be_shown_is_told() {
        let images = |guesses, attention| ImageInsights { classes: vec!["<cat>".into()], guesses, attention };
        let told = pictures(&images(Err("No data & so on.".into()), None)).unwrap();
        assert!(told[0].contains("No data &amp; so on.") && told[1].is_empty());
        let guess = Guess { picture: Image::filled(1, 1, [0; 3]), probabilities: vec![1.0], truth: Some(0) };
        let told = pictures(&images(Ok(vec![guess]), Some(Err("No patches.".into())))).unwrap();
        assert!(told[0].contains("Right: 1 of 1") && told[0].contains("&lt;cat&gt; 100.0 %"), "{}", told[0]);
        assert!(told[1].contains("No patches."));
    }
}
