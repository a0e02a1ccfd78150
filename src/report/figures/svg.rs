//! A drawing as SVG: colours are attributes for paper, and classes by which a style gives those of the screen.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use lookback_benchmarks::experiment::figure::Figure;
use maud::{Markup, PreEscaped, html};

use super::heat;
use super::palette::{Role, dark_rules};
use super::scene::{Anchor, Item, Paint, Path, Scene, Segment, Shape, Spot, Text};
use super::text::{FAMILY, RAISED_BY, RAISED_SIZE, clean, runs};

/// On a narrow screen, the part of its size down to which a figure of a page shrinks; beyond, it is scrolled.
const LEAST_ZOOM: f64 = 0.72;

/// Draws a figure as an SVG file, with its title: dark on white on paper and where no style is known, and in the colours of
/// dark mode on a screen that asks for them.
pub fn svg(figure: &Figure) -> String {
    let scene = super::scene(figure, true);
    let roles: BTreeSet<_> = scene.roles().collect();
    let style = format!("@media screen and (prefers-color-scheme:dark){{{}}}", dark_rules(roles));
    write(figure, &scene, Some(&style)).into_string()
}

/// Draws a figure inside of a page whose style has [`dark_css`](super::dark_css), and which says the title.
pub(crate) fn inline_svg(figure: &Figure) -> Markup {
    write(figure, &super::scene(figure, false), None)
}

fn write(figure: &Figure, scene: &Scene, style: Option<&str>) -> Markup {
    let (width, height) = (scene.width, scene.height);
    let id = clean(&figure.id);
    let least = style.is_none().then(|| format!("min-width:{:.0}px", LEAST_ZOOM * width));
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) }
            role="img" aria-labelledby={ (id) "-title " (id) "-desc" } style=[least] font-family=(FAMILY) fill="none"
            stroke-linejoin="round" {
            title id={ (id) "-title" } { (clean(&figure.title)) }
            desc id={ (id) "-desc" } { (description(figure)) }
            @if let Some(style) = style { style { (PreEscaped(style)) } }
            "\n"
            @for items in scene.items.chunk_by(belong_together) {
                @match &items[0] {
                    Item::Shape(one) => (shape(one)),
                    Item::Text(first) => (texts(first, items)),
                }
                "\n"
            }
        }
    }
}

/// What there is to see, in words.
fn description(figure: &Figure) -> String {
    let mut description = figure.caption.clone();
    for panel in &figure.panels {
        let mut labels: Vec<_> = panel.series.iter().map(|series| series.label.as_str()).collect();
        labels.dedup();
        let (title, y, x) = (&panel.title, &panel.y.label, &panel.x.label);
        let _ = write!(description, " Panel {title}: {y} against {x}: {}.", labels.join(", "));
        if let Some(matrix) = &panel.heat {
            let (rows, columns) = heat::size(matrix);
            let _ = write!(description, " A matrix of {rows} x {columns} shaded cells.");
        }
    }
    clean(description.trim())
}

/// Texts of one style are a group.
fn belong_together(one: &Item, next: &Item) -> bool {
    matches!((one, next), (Item::Text(one), Item::Text(next)) if one.style == next.style)
}

fn shape(Shape { path, fill, stroke }: &Shape) -> Markup {
    let class = |paint: Option<&Paint>, line| paint.map(|(role, _)| role.class(line));
    let line = stroke.as_ref().map(|stroke| &stroke.paint);
    let classes: Vec<String> = class(fill.as_ref(), false).into_iter().chain(class(line, true)).collect();
    let hex = |paint: Option<&Paint>| paint.map(|(role, _)| role.hex());
    let opacity = fill.as_ref().or(line).map(|(_, opacity)| *opacity).filter(|opacity| *opacity < 1.0);
    let dashes = stroke.map(|stroke| stroke.dashes).filter(|dashes| !dashes.is_empty());
    let dashes = dashes.map(|dashes| dashes.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
    // Browsers would let the ground shine through between cells.
    let sharp = fill.filter(|(role, _)| *role == Role::Heat).map(|_| "crispEdges");
    html! {
        path class=(classes.join(" ")) fill=[hex(fill.as_ref())] stroke=[hex(line)]
            stroke-width=[stroke.map(|stroke| stroke.width)] stroke-dasharray=[dashes] opacity=[opacity] shape-rendering=[sharp]
            d=(data(path)) {}
    }
}

fn texts(first: &Text, items: &[Item]) -> Markup {
    let style = first.style;
    let anchor = match style.anchor {
        Anchor::Start => None,
        Anchor::Middle => Some("middle"),
        Anchor::End => Some("end"),
    };
    html! {
        g class=(style.role.class(false)) fill=(style.role.hex()) font-size=(style.size) text-anchor=[anchor]
            font-weight=[style.bold.then_some(600)] {
            @for item in items {
                @if let Item::Text(text) = item {
                    @let (x, y) = (tenths(text.at.0), tenths(text.at.1));
                    text x=(x) y=(y) transform=[style.upright.then(|| format!("rotate(-90 {x} {y})"))] { (letters(&text.text)) }
                }
            }
        }
    }
}

/// Raised parts, and the parts after them lowered again.
fn letters(text: &str) -> Markup {
    let percent = 100.0 * RAISED_SIZE;
    html! {
        @for (index, (run, raised)) in runs(text).into_iter().enumerate() {
            @if raised { tspan dy=(format!("{:.2}em", -RAISED_BY / RAISED_SIZE)) font-size={ (percent) "%" } { (run) } }
            @else if index > 0 { tspan dy={ (RAISED_BY) "em" } { (run) } }
            @else { (run) }
        }
    }
}

/// A tenth of a pixel is as exact as anyone sees.
fn tenths(value: f64) -> f64 {
    (10.0 * value).round() / 10.0
}

/// The path as an attribute `d`: each part begins at its place, and goes on with differences.
fn data(path: &Path) -> String {
    // Tenths of pixels are whole numbers, whose differences add up exactly.
    let tenths = |(x, y): Spot| ((10.0 * x).round(), (10.0 * y).round());
    let (mut d, mut at) = (String::new(), (0.0, 0.0));
    for segment in &path.0 {
        let (letter, ends): (char, &[Spot]) = match segment {
            Segment::Move(to) => ('M', &[*to]),
            Segment::Line(to) => ('l', &[*to]),
            Segment::Curve(first, second, to) => ('c', &[*first, *second, *to]),
            Segment::Close => ('z', &[]),
        };
        let origin = if letter == 'M' { (0.0, 0.0) } else { at };
        d.push(letter);
        for (index, end) in ends.iter().map(|end| tenths(*end)).enumerate() {
            let space = if index > 0 { " " } else { "" };
            let _ = write!(d, "{space}{} {}", (end.0 - origin.0) / 10.0, (end.1 - origin.1) / 10.0);
            at = end;
        }
    }
    d
}
