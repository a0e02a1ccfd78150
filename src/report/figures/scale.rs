//! Axes as functions: values to positions in [0, 1], and where the ticks are.

use lookback_benchmarks::experiment::figure::{Axis, Mark, Panel, Point};

use super::{heat, text};

/// The longest span of a logarithmic axis without a fixed range, in decades.
const MAX_DECADES: f64 = 16.0;
/// How far bounds, intervals and minima may stretch an automatic logarithmic axis below the curves, in decades.
const SLACK_DECADES: f64 = 1.0;
/// Free space at each end of an automatic axis, as a part of its span.
const MARGIN: f64 = 0.045;

/// A tick: its position in [0, 1] and its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub at: f64,
    pub label: String,
}

/// One axis with its range and its ticks.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    log: bool,
    /// Ends, as exponents of 10 where `log`.
    low: f64,
    high: f64,
    pub ticks: Vec<Tick>,
    /// Lines without label between the ticks.
    pub fine: Vec<f64>,
}

impl Scale {
    /// The horizontal scale of `panel` on `pixels` pixels.
    pub fn horizontal(panel: &Panel, pixels: f64) -> Self {
        if let Some(matrix) = &panel.heat {
            return Self::cells(&panel.x, heat::size(matrix).1, pixels, 34.0);
        }
        let values = panel.series.iter().flat_map(|series| &series.points).map(|point| point.x);
        // A label is about 40 pixels wide.
        let mut scale = Self::new(&panel.x, values, std::iter::empty(), pixels, 62.0);
        scale.drop_overlapping(pixels);
        scale
    }

    /// The vertical scale of `panel` on `pixels` pixels.
    pub fn vertical(panel: &Panel, pixels: f64) -> Self {
        if let Some(matrix) = &panel.heat {
            let mut scale = Self::cells(&panel.y, heat::size(matrix).0, pixels, 22.0);
            (scale.low, scale.high) = (scale.high, scale.low);
            scale.ticks.iter_mut().for_each(|tick| tick.at = 1.0 - tick.at);
            return scale;
        }
        let is_bound = |mark: Mark| mark == Mark::Dashed;
        let points = |bounds: bool| {
            panel.series.iter().filter(move |series| is_bound(series.mark) == bounds).flat_map(|series| &series.points)
        };
        let beside = |point: &Point| {
            let (low, high) = point.interval.unwrap_or((point.y, point.y));
            [low, high, point.min.unwrap_or(point.y)]
        };
        // Bounds may lie decades below everything else; on a linear axis there are no decades.
        let main = points(false).chain(points(true).filter(|_| !panel.y.log)).map(|point| point.y);
        let slack = points(true).map(|point| point.y).chain(points(false).flat_map(beside));
        Self::new(&panel.y, main, slack, pixels, 38.0)
    }

    /// An axis along `count` cells with centres at 0, 1, ..: ticks at whole numbers.
    fn cells(axis: &Axis, count: usize, pixels: f64, spacing: f64) -> Self {
        let end = count.max(1) as f64 - 0.5;
        let mut scale = Self { log: false, low: -0.5, high: end, ticks: vec![], fine: vec![] };
        let rough = (end + 0.5) * spacing / pixels;
        let step = (0..).flat_map(|power| [1, 2, 5].map(|digit: usize| digit * 10usize.pow(power)));
        let step = step.into_iter().find(|step| *step as f64 >= rough).unwrap_or(count.max(1));
        scale.ticks = match &axis.ticks {
            Some(ticks) => ticks.iter().filter_map(|(at, label)| scale.tick(*at, label.clone())).collect(),
            None => (0..count).step_by(step).filter_map(|cell| scale.tick(cell as f64, cell.to_string())).collect(),
        };
        scale
    }

    /// An axis over `main`, and `slack` in reason, with ticks about `spacing` pixels apart.
    fn new<M, S>(axis: &Axis, main: M, slack: S, pixels: f64, spacing: f64) -> Self
    where
        M: Iterator<Item = f64>,
        S: Iterator<Item = f64>,
    {
        let usable = |value: &f64| value.is_finite() && (!axis.log || *value > 0.0);
        let transform = |value: f64| if axis.log { value.log10() } else { value };
        let fixed = axis.range.filter(|(low, high)| usable(low) && usable(high) && low < high);
        let (low, high) = fixed.map_or_else(
            || automatic(main.filter(usable).map(transform), slack.filter(usable).map(transform), axis.log),
            |(low, high)| (transform(low), transform(high)),
        );
        let mut scale = Self { log: axis.log, low, high, ticks: vec![], fine: vec![] };
        let count = (pixels / spacing).max(2.0);
        match &axis.ticks {
            Some(ticks) => {
                scale.ticks = ticks.iter().filter_map(|(at, label)| scale.tick(*at, label.clone())).collect()
            }
            None if axis.log => scale.log_ticks(count),
            None => scale.linear_ticks(count),
        }
        scale
    }

    /// Where `value` is: 0 is the lower end and 1 the upper, and values outside are outside, except below a
    /// logarithmic axis: those are at 0. `None` if it is not a number.
    pub fn position(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        if self.log && value <= 0.0 {
            return Some(0.0);
        }
        let value = if self.log { value.log10() } else { value };
        let at = (value - self.low) / (self.high - self.low);
        Some(if self.log { at.max(0.0) } else { at }.clamp(-1e6, 1e6))
    }

    fn tick(&self, value: f64, label: String) -> Option<Tick> {
        let at = self.position(value).filter(|at| (-1e-9..=1.0 + 1e-9).contains(at))?;
        Some(Tick { at: at.clamp(0.0, 1.0), label })
    }

    fn linear_ticks(&mut self, count: f64) {
        let rough = (self.high - self.low) / count;
        let magnitude = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|nice| nice * magnitude);
        let step = step.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(10.0 * magnitude);
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        self.ticks = (first..=last)
            .map(|k| k as f64 * step)
            .filter_map(|value| self.tick(value, text::decimal(value, step)))
            .collect();
    }

    fn log_ticks(&mut self, count: f64) {
        let first = (self.low - 1e-9).ceil() as i32;
        let last = (self.high + 1e-9).floor() as i32;
        let decades = f64::from(last - first + 1);
        let step = (decades / count).ceil().max(1.0) as i32;
        // Exponents divisible by the step, so that 10^0 is among them.
        let labelled: Vec<i32> = (first..=last).filter(|exponent| exponent.rem_euclid(step) == 0).collect();
        let mut values: Vec<(f64, i32)> = labelled.iter().map(|exponent| (1.0, *exponent)).collect();
        if labelled.len() < 3 && step == 1 {
            let between: &[f64] =
                if self.high - self.low < 0.9 { &[2.0, 3.0, 4.0, 5.0, 6.0, 8.0] } else { &[2.0, 5.0] };
            values.extend((first - 1..=last).flat_map(|exponent| between.iter().map(move |digit| (*digit, exponent))));
        }
        let value = |(digit, exponent): (f64, i32)| digit * 10f64.powi(exponent);
        values.retain(|tick| (self.low - 1e-9..=self.high + 1e-9).contains(&value(*tick).log10()));
        values.sort_by(|a, b| value(*a).total_cmp(&value(*b)));
        let plain = values.iter().all(|(_, exponent)| (-2..=3).contains(exponent));
        self.ticks = values
            .iter()
            .filter_map(|&(digit, exponent)| {
                let label = match (plain, digit) {
                    (true, _) => text::decimal(value((digit, exponent)), 10f64.powi(exponent.min(0))),
                    (false, 1.0) => text::power_of_ten(exponent),
                    (false, digit) => format!("{digit}·{}", text::power_of_ten(exponent)),
                };
                self.tick(value((digit, exponent)), label)
            })
            .collect();
        self.fine = if step > 1 {
            (first..=last).filter_map(|exponent| self.tick(10f64.powi(exponent), String::new())).map(|t| t.at).collect()
        } else if decades <= 5.0 {
            (first - 1..=last)
                .flat_map(|exponent| (2..10).map(move |digit| f64::from(digit) * 10f64.powi(exponent)))
                .filter(|value| value.log10() > self.low)
                .filter_map(|value| self.tick(value, String::new()))
                .map(|tick| tick.at)
                .collect()
        } else {
            vec![]
        };
    }

    /// Empties labels of a horizontal axis that would touch the one before; the ticks stay.
    fn drop_overlapping(&mut self, pixels: f64) {
        let mut free_from = f64::NEG_INFINITY;
        for tick in &mut self.ticks {
            let half = text::width(&tick.label, text::TICK_SIZE) / 2.0;
            let at = tick.at * pixels;
            if at - half < free_from {
                tick.label.clear();
            } else {
                free_from = at + half + 5.0;
            }
        }
    }
}

/// Ends of an axis that covers `main`, and `slack` in reason.
fn automatic(main: impl Iterator<Item = f64>, slack: impl Iterator<Item = f64>, log: bool) -> (f64, f64) {
    let widen = |ends: Option<(f64, f64)>, value: f64| {
        Some(ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    };
    let (mut low, mut high) = match (main.fold(None, widen), slack.fold(None, widen)) {
        (None, None) => (if log { -1.0 } else { 0.0 }, if log { 0.0 } else { 1.0 }),
        (None, Some(ends)) | (Some(ends), None) => ends,
        (Some((low, high)), Some((slack_low, slack_high))) => {
            let room = if log { SLACK_DECADES } else { 0.5 * (high - low).max(high.abs() * 0.1) };
            (low.min(slack_low.max(low - room)), high.max(slack_high.min(high + room * 0.5)))
        }
    };
    if log {
        low = low.max(high - MAX_DECADES);
    }
    let span = high - low;
    let least = if log { 0.3 } else { 1e-9 + 1e-3 * high.abs().max(low.abs()) };
    if span < least {
        let middle = f64::midpoint(low, high);
        let half = if log { 0.5 } else { (0.1 * middle.abs()).max(0.5 * least) };
        (low, high) = (middle - half, middle + half);
    }
    let margin = MARGIN * (high - low);
    (low - margin, high + margin)
}

#[cfg(test)]
mod tests {
    use lookback_benchmarks::experiment::figure::Series;

    use super::*;

    fn panel(log: bool, values: &[f64]) -> Panel {
        let points = values.iter().enumerate().map(|(x, y)| Point::new(x as f64, *y)).collect();
        let series = vec![Series::new("a", "a", Mark::Line, points)];
        Panel::new("", Axis::default(), Axis::new("", log), series)
    }

    fn labels(scale: &Scale) -> Vec<&str> {
        scale.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn decades_are_labelled_as_powers() {
        let scale = Scale::vertical(&panel(true, &[1e-6, 1.0]), 200.0);
        assert_eq!(labels(&scale), ["10⁻⁶", "10⁻⁴", "10⁻²", "10⁰"]);
        let scale = Scale::vertical(&panel(true, &[0.02, 0.9]), 200.0);
        assert_eq!(labels(&scale), ["0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
    }

    #[test]
    fn what_is_not_positive_is_at_the_lower_edge() {
        let scale = Scale::vertical(&panel(true, &[1e-3, 0.0, -1.0, 1.0, f64::NAN]), 200.0);
        assert_eq!(scale.position(0.0), Some(0.0));
        assert_eq!(scale.position(-1.0), Some(0.0));
        assert_eq!(scale.position(f64::NAN), None);
        assert!(scale.position(1e-3).unwrap() > 0.0);
    }

    #[test]
    fn a_tiny_floor_does_not_flatten_the_curves() {
        let mut panel = panel(true, &[1e-3, 1.0]);
        let mut floor = panel.series[0].clone();
        floor.mark = Mark::Dashed;
        floor.points[0].y = 1e-25;
        panel.series.push(floor);
        let scale = Scale::vertical(&panel, 200.0);
        assert!(scale.position(1e-3).unwrap() > 0.2);
        assert_eq!(scale.position(1e-25), Some(0.0));
    }

    #[test]
    fn degenerate_data_still_gives_an_axis() {
        for values in [&[][..], &[f64::NAN], &[0.0], &[3.0, 3.0], &[-5.0], &[f64::INFINITY], &[1e300, -1e300]] {
            for log in [false, true] {
                let scale = Scale::vertical(&panel(log, values), 200.0);
                assert!(scale.low.is_finite() && scale.high > scale.low, "{values:?} {log}");
                assert!(!scale.ticks.is_empty(), "{values:?} {log}");
            }
        }
    }

    #[test]
    fn cells_are_numbered_from_the_top() {
        let matrix =
            |rows: usize, columns: usize| Panel { heat: Some(vec![vec![1.0; columns]; rows]), ..panel(false, &[]) };
        let small = matrix(4, 6);
        assert_eq!(labels(&Scale::horizontal(&small, 262.0)), ["0", "1", "2", "3", "4", "5"]);
        let down = Scale::vertical(&small, 180.0);
        assert_eq!(labels(&down), ["0", "1", "2", "3"]);
        assert_eq!((down.ticks[0].at, down.position(0.0), down.position(3.0)), (0.875, Some(0.875), Some(0.125)));
        assert_eq!(labels(&Scale::vertical(&matrix(128, 128), 180.0)), ["0", "20", "40", "60", "80", "100", "120"]);
    }

    #[test]
    fn crowded_labels_give_way_and_their_ticks_stay() {
        let mut panel = panel(false, &[0.0, 0.0, 0.0]);
        let at = [0.0, 0.001, 2.0];
        panel.x.ticks = Some(at.iter().map(|at| (*at, "label".into())).collect());
        assert_eq!(labels(&Scale::horizontal(&panel, 200.0)), ["label", "", "label"]);
    }
}
