//! Lines cut off at the edges of the axes.

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
