//! Curves, markers and error bars.

use lookback_benchmarks::experiment::figure::Mark;

use super::palette::Role;
use super::scene::{Path, Scene, Spot, Stroke};
use super::style::{DASHES, Marker, Style};

/// The width of curves, in pixels.
pub(super) const LINE_WIDTH: f64 = 1.7;
/// The opacity of filled outlines.
pub(super) const AREA_OPACITY: f64 = 0.4;

/// Draws a line through all parts of a path.
pub(super) fn line(scene: &mut Scene, path: Path, style: Style, mark: Mark) {
    let dashes = DASHES[usize::from(style.line_dash(mark))];
    scene.shape(path, None, Some(Stroke { paint: (style.role(), 1.0), width: LINE_WIDTH, dashes }));
}

/// Vertical bars over intervals; without caps, which would hide curves close by.
pub(super) fn error_bars(scene: &mut Scene, bars: Path, style: Style) {
    scene.line(bars, (style.role(), 0.6), 1.4);
}

/// Short bars at smallest values.
pub(super) fn minima(scene: &mut Scene, spots: impl IntoIterator<Item = Spot>, role: Role) {
    let mut path = Path::default();
    spots.into_iter().for_each(|(x, y)| path.line([(x - 3.5, y), (x + 3.5, y)]));
    scene.line(path, (role, 1.0), 1.5);
}

/// Markers of about 8 pixels, with a rim of the ground colour to stand out from lines below them.
pub(super) fn markers(scene: &mut Scene, spots: impl IntoIterator<Item = Spot>, style: Style) {
    let corners = corners(style.marker);
    let mut path = Path::default();
    for (x, y) in spots {
        if style.marker == Marker::Circle {
            path.circle((x, y), 3.5);
        } else {
            path.polygon(corners.iter().map(|(dx, dy)| (x + dx, y + dy)));
        }
    }
    let (own, ground) = ((style.role(), 1.0), (Role::Ground, 1.0));
    let (fill, rim, width) = if style.hollow { (ground, own, 1.5) } else { (own, ground, 0.7) };
    scene.shape(path, Some(fill), Some(Stroke { paint: rim, width, dashes: &[] }));
}

/// Corners in pixels around the centre, y downwards.
fn corners(marker: Marker) -> Vec<(f64, f64)> {
    let ring = |corners: u32, radius: f64, start: f64| -> Vec<(f64, f64)> {
        (0..corners)
            .map(|corner| {
                let angle = (start + f64::from(corner) * 360.0 / f64::from(corners)).to_radians();
                (radius * angle.sin(), -radius * angle.cos())
            })
            .collect()
    };
    let turned = |corners: Vec<(f64, f64)>, degrees: f64| -> Vec<(f64, f64)> {
        let (sin, cos) = degrees.to_radians().sin_cos();
        corners.into_iter().map(|(x, y)| (x * cos - y * sin, x * sin + y * cos)).collect()
    };
    let plus = || {
        let (arm, half) = (4.2, 1.35);
        vec![
            (-half, -arm),
            (half, -arm),
            (half, -half),
            (arm, -half),
            (arm, half),
            (half, half),
            (half, arm),
            (-half, arm),
            (-half, half),
            (-arm, half),
            (-arm, -half),
            (-half, -half),
        ]
    };
    match marker {
        Marker::Circle => vec![],
        Marker::Square => ring(4, 4.6, 45.0),
        Marker::Diamond => ring(4, 4.6, 0.0),
        Marker::TriangleUp => ring(3, 4.7, 0.0),
        Marker::TriangleDown => ring(3, 4.7, 180.0),
        Marker::TriangleLeft => ring(3, 4.7, 270.0),
        Marker::TriangleRight => ring(3, 4.7, 90.0),
        Marker::Pentagon => ring(5, 4.3, 0.0),
        Marker::Plus => plus(),
        Marker::Cross => turned(plus(), 45.0),
        Marker::Star => {
            let inner = ring(5, 2.1, 36.0);
            ring(5, 5.0, 0.0).into_iter().zip(inner).flat_map(|(tip, notch)| [tip, notch]).collect()
        }
    }
}
