//! Lines, bands, error bars and markers.

use plotters::prelude::*;

use super::ink::Ink;
use super::style::{SOLID, Shape, Style};

/// Drawing units per pixel: plotters' coordinates are integers, and whole pixels would show as steps.
pub(super) const SCALE: u32 = 10;
/// The width of curves, in pixels.
pub(super) const LINE_WIDTH: f64 = 1.7;

/// The opacity of filled outlines.
pub(super) const AREA_OPACITY: f64 = 0.4;

pub(super) type Canvas<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
/// Drawing units on the whole canvas.
pub(super) type Spot = (i32, i32);

/// Writing to a string does not fail, and no coordinate is outside of `i32`.
const DRAWS: &str = "plotters draws into a string";

pub(super) fn units(pixels: f64) -> i32 {
    (pixels * f64::from(SCALE)).round() as i32
}

fn stroke(pixels: f64) -> u32 {
    units(pixels).max(1).unsigned_abs()
}

pub(super) fn line(canvas: &Canvas, points: Vec<Spot>, ink: Ink, dash: u8, width: f64, opacity: f64) {
    let style = ink.dashed(dash).mix(opacity).stroke_width(stroke(width));
    canvas.draw(&PathElement::new(points, style)).expect(DRAWS);
}

pub(super) fn area(canvas: &Canvas, points: Vec<Spot>, ink: Ink, opacity: f64) {
    canvas.draw(&Polygon::new(points, ink.solid().mix(opacity).filled())).expect(DRAWS);
}

/// A vertical bar from one end of an interval to the other; without caps, which would hide curves close by.
pub(super) fn error_bar(canvas: &Canvas, x: i32, ends: (i32, i32), style: Style) {
    line(canvas, vec![(x, ends.0), (x, ends.1)], Ink::Series(style.colour), SOLID, 1.4, 0.6);
}

/// The mark of a smallest value.
pub(super) fn minimum(canvas: &Canvas, (x, y): Spot, ink: Ink) {
    let half = units(3.5);
    line(canvas, vec![(x - half, y), (x + half, y)], ink, SOLID, 1.5, 1.0);
}

/// A marker of about 8 pixels, with a rim of the ground colour to stand out from lines below it.
pub(super) fn marker(canvas: &Canvas, at: Spot, style: Style) {
    let ink = Ink::Series(style.colour);
    let (body, rim) = if style.hollow { (Ink::Ground, ink) } else { (ink, Ink::Ground) };
    let rim_width = if style.hollow { 1.5 } else { 0.7 };
    if style.shape == Shape::Circle {
        let radius = stroke(3.5);
        canvas.draw(&Circle::new(at, radius, body.solid().filled())).expect(DRAWS);
        canvas.draw(&Circle::new(at, radius, rim.solid().stroke_width(stroke(rim_width)))).expect(DRAWS);
        return;
    }
    let mut corners: Vec<Spot> =
        outline(style.shape).into_iter().map(|(x, y)| (at.0 + units(x), at.1 + units(y))).collect();
    area(canvas, corners.clone(), body, 1.0);
    corners.push(corners[0]);
    line(canvas, corners, rim, SOLID, rim_width, 1.0);
}

/// Corners in pixels around the centre, y downwards.
fn outline(shape: Shape) -> Vec<(f64, f64)> {
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
    match shape {
        Shape::Circle => ring(24, 3.5, 0.0),
        Shape::Square => ring(4, 4.6, 45.0),
        Shape::Diamond => ring(4, 4.6, 0.0),
        Shape::TriangleUp => ring(3, 4.7, 0.0),
        Shape::TriangleDown => ring(3, 4.7, 180.0),
        Shape::TriangleLeft => ring(3, 4.7, 270.0),
        Shape::TriangleRight => ring(3, 4.7, 90.0),
        Shape::Pentagon => ring(5, 4.3, 0.0),
        Shape::Plus => plus(),
        Shape::Cross => turned(plus(), 45.0),
        Shape::Star => {
            let inner = ring(5, 2.1, 36.0);
            ring(5, 5.0, 0.0).into_iter().zip(inner).flat_map(|(tip, notch)| [tip, notch]).collect()
        }
    }
}

/// The parts of a polyline inside the unit square (Liang and Barsky, 1984).
pub(super) fn clip(points: &[Option<(f64, f64)>]) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = vec![];
    let mut open = false;
    for pair in points.windows(2) {
        let (Some(from), Some(to)) = (pair[0], pair[1]) else {
            open = false;
            continue;
        };
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let (mut enter, mut leave) = (0.0f64, 1.0f64);
        let mut inside = true;
        for (step, room) in [(-dx, from.0), (dx, 1.0 - from.0), (-dy, from.1), (dy, 1.0 - from.1)] {
            if step == 0.0 {
                inside &= room >= 0.0;
            } else if step < 0.0 {
                enter = enter.max(room / step);
            } else {
                leave = leave.min(room / step);
            }
        }
        if !inside || enter > leave {
            open = false;
            continue;
        }
        let at = |t: f64| (from.0 + t * dx, from.1 + t * dy);
        match parts.last_mut() {
            Some(part) if open && enter == 0.0 => part.push(at(leave)),
            _ => parts.push(vec![at(enter), at(leave)]),
        }
        open = leave == 1.0;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_keeps_what_is_inside() {
        let line = |points: &[(f64, f64)]| clip(&points.iter().copied().map(Some).collect::<Vec<_>>());
        assert_eq!(line(&[(0.0, 0.5), (0.5, 0.5), (1.0, 0.0)]), [[(0.0, 0.5), (0.5, 0.5), (1.0, 0.0)]]);
        assert_eq!(
            line(&[(0.5, 0.5), (0.5, 1.5), (0.75, 0.5)]),
            [vec![(0.5, 0.5), (0.5, 1.0)], vec![(0.625, 1.0), (0.75, 0.5)]]
        );
        assert!(line(&[(2.0, 0.5), (3.0, 0.5)]).is_empty());
        assert_eq!(clip(&[Some((0.0, 0.0)), None, Some((1.0, 1.0))]), Vec::<Vec<_>>::new());
    }
}
