//! What single images show of a classifier.

use lookback_datasets::images::Image;
use lookback_registry::Result;
use maud::{Markup, html};

use super::page::{figure, linked};
use super::phrases::share;
use crate::inspect::{AttentionMaps, Guess, Overlay, Overlays, Spectra};
use crate::report::figures::picture_png;

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

/// The sections of predictions and of attention; no latter for a model without attention.
///
/// # Errors
/// A picture is larger than memory can hold.
pub(super) fn pictures(images: &ImageInsights) -> Result<(Markup, Option<Markup>)> {
    let guesses = match &images.guesses {
        Ok(guesses) => guesses,
        Err(reason) => return Ok((note(reason), None)),
    };
    let attention = match &images.attention {
        None => None,
        Some(Err(reason)) => Some(note(reason)),
        Some(Ok(attention)) => Some(maps(attention, guesses, &images.classes)?),
    };
    Ok((gallery(guesses, &images.classes)?, attention))
}

/// Why something cannot be shown.
fn note(reason: &str) -> Markup {
    html! { p class="lead" { "Nothing can be shown here. " (linked(reason)) } }
}

fn gallery(guesses: &[Guess], classes: &[String]) -> Result<Markup> {
    let count = guesses.len();
    let part = |title: &str, right: bool| -> Result<Markup> {
        let all: Vec<&Guess> = guesses.iter().filter(|guess| guess.right() == Some(right)).collect();
        let tiles = all.iter().take(SHOWN).filter_map(|guess| {
            let (class, probability) = guess.ranked().first().copied()?;
            let truth = guess.truth.filter(|_| !right).map(|truth| {
                let given = guess.probabilities.get(truth).copied().unwrap_or_default();
                format!("is {} ({})", name(classes, truth), share(given))
            });
            let answer = format!("{} {}", name(classes, class), share(probability));
            Some(tile(&guess.picture, &answer, &html! { b { (answer) } @if let Some(truth) = truth { br; (truth) } }))
        });
        let tiles = tiles.collect::<Result<Vec<_>>>()?;
        Ok(html! {
            h3 { (title) ": " (all.len()) " of " (count) }
            div class="gallery" { @for tile in tiles { (tile) } }
        })
    };
    Ok(html! {
        p class="lead" {
            "Of the first " (count) " validation images, the first that were classified rightly and the first that were \
             not, with the probability that the model gives its answer."
        }
        (part("Right", true)?)
        (part("Wrong", false)?)
    })
}

fn maps(attention: &Attention, guesses: &[Guess], classes: &[String]) -> Result<Markup> {
    let query = match attention.maps.first() {
        Some(maps) if maps.class_token => "the class token, which becomes the output, gives to each patch",
        _ => "all patches together, whose mean becomes the output, give to each patch",
    };
    let heads = attention.maps.iter().flat_map(|maps| &maps.layers).map(Vec::len).max().unwrap_or(0);
    let images = attention.maps.iter().zip(guesses).enumerate().map(|(number, (maps, guess))| {
        let truth = guess.truth.map_or_else(String::new, |truth| format!(": {}", name(classes, truth)));
        let answer = guess.ranked().first().map_or_else(String::new, |(class, probability)| {
            format!(", taken for {} ({})", name(classes, *class), share(*probability))
        });
        let grid = grid(&Overlays::new(&guess.picture, maps), heads)?;
        Ok(html! { figure { h4 { "Validation image " (number + 1) (truth) (answer) } (grid) } })
    });
    let images = images.collect::<Result<Vec<_>>>()?;
    Ok(html! {
        p class="lead" {
            "How much attention " (query) " of the image, by layer and head: each map from its smallest share "
            span class="heat" {}
            " to its largest, which are below it. Rollout: what part of the output stems from each patch if residual \
             branches pass on half of what they get ("
            (linked("Abnar and Zuidema, 2020, https://arxiv.org/abs/2005.00928")) ")."
        }
        div class="looks" style={ "--heads:" (heads) } { @for image in images { (image) } }
        (figure(&attention.spectra.figure()))
    })
}

/// The image and its maps, a row per layer and a column per head.
fn grid(overlays: &Overlays, heads: usize) -> Result<Markup> {
    let filled = |cell: &Overlay| {
        tile(&cell.image, &cell.label, &html! { (cell.label) br; span class="range" { (cell.range) } })
    };
    // A row has all its cells, filled or not.
    let rows = overlays.rows();
    let cells =
        rows.iter().flat_map(|(left, layer)| std::iter::once(*left).chain((0..heads).map(|head| layer.get(head))));
    let cells = cells.map(|cell| cell.map_or_else(|| Ok(html! { div {} }), filled)).collect::<Result<Vec<_>>>()?;
    Ok(html! { div class="maps" { @for cell in cells { (cell) } } })
}

fn name(classes: &[String], class: usize) -> &str {
    classes.get(class).map_or("unknown", String::as_str)
}

/// A picture inside of the page, with a text below.
fn tile(picture: &Image, shows: &str, text: &Markup) -> Result<Markup> {
    let source = format!("data:image/png;base64,{}", base64(&picture_png(picture)?));
    Ok(html! { div class="tile" { img alt=(shows) src=(source); p { (text) } } "\n" })
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
        let (predictions, attention) = pictures(&images(Err("No data & so on.".into()), None)).unwrap();
        assert!(predictions.into_string().contains("No data &amp; so on.") && attention.is_none());
        let guess = Guess { picture: Image::filled(1, 1, [0; 3]), probabilities: vec![1.0], truth: Some(0) };
        let (predictions, attention) = pictures(&images(Ok(vec![guess]), Some(Err("No patches.".into())))).unwrap();
        let predictions = predictions.into_string();
        assert!(predictions.contains("Right: 1 of 1") && predictions.contains("&lt;cat&gt; 100.0 %"), "{predictions}");
        assert!(attention.unwrap().into_string().contains("No patches."));
    }
}
