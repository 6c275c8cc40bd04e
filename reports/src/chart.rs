//! Series as shapes: numbers that a template writes into SVG.
//!
//! A plot stretches with the page. Its shapes live in a box of 1000 units by its height in pixels
//! that is scaled sideways only; strokes do not scale, so a dot (a line of no length with a round
//! cap) stays round and a mark upright stays upright. Texts stand outside of that box, in percent.

use crate::series::{Dot, Series};
use crate::text;
use std::fmt::Write as _;

/// Units from the left to the right edge of every plot.
const WIDTH: f64 = 1_000.0;

/// Ticks on an axis of time.
const TIME_TICKS_MAX: u64 = 12;

/// A label beside or below a plot.
#[derive(Clone, Debug)]
pub(crate) struct Tick {
    /// Pixels from the top, or percent from the left.
    pub(crate) at: String,
    pub(crate) label: String,
    /// Whether it gives way on a narrow screen.
    pub(crate) minor: bool,
}

/// A line, an area or a set of dots.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// The class that gives it its colour and dash.
    pub(crate) class: &'static str,
    /// The path.
    pub(crate) d: String,
}

/// One plot over the run's time.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) height: u32,
    pub(crate) ticks: Vec<Tick>,
    pub(crate) shapes: Vec<Shape>,
}

/// Where times lie, in every plot, strip and table of the page alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeAxis {
    pub(crate) end_ns: u64,
}

impl TimeAxis {
    /// Units from the left edge.
    fn x(&self, time_ns: u64) -> f64 {
        WIDTH * time_ns.min(self.end_ns) as f64 / self.end_ns.max(1) as f64
    }

    /// Percent from the left edge.
    pub(crate) fn percent(&self, time_ns: u64) -> String {
        format!("{:.3}%", self.x(time_ns) / 10.0)
    }

    /// Percent between two times; never quite nothing, so that it can be seen.
    pub(crate) fn percent_between(&self, start_ns: u64, end_ns: u64) -> String {
        format!("{:.3}%", ((self.x(end_ns) - self.x(start_ns)) / 10.0).max(0.12))
    }

    /// Labels at round times.
    pub(crate) fn ticks(&self) -> Vec<Tick> {
        let steps_ms = [
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000,
            120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000,
        ];
        let step_ns = steps_ms
            .map(|ms: u64| ms * 1_000_000)
            .into_iter()
            .find(|step| self.end_ns / step < TIME_TICKS_MAX)
            .unwrap_or(self.end_ns / TIME_TICKS_MAX + 1);
        (0..=self.end_ns / step_ns)
            .map(|position| position * step_ns)
            // A label at the right edge would be cut off.
            .filter(|&time_ns| self.x(time_ns) < WIDTH * 0.975)
            .enumerate()
            .map(|(position, time_ns)| Tick {
                at: self.percent(time_ns),
                label: text::duration(time_ns).replace("0 ns", "0"),
                minor: position % 3 != 0,
            })
            .collect()
    }
}

/// A scale from latencies to pixels: whole decades, the longest on top.
#[derive(Clone, Copy, Debug)]
struct LogScale {
    low: u32,
    high: u32,
    height: f64,
}

impl LogScale {
    fn new(values: impl Iterator<Item = u64> + Clone, height: u32) -> Self {
        let low = values.clone().min().unwrap_or(1_000_000).max(1_000).ilog10();
        let high = values.max().unwrap_or(1_000_000).max(1_000).ilog10() + 1;
        Self { low, high: high.max(low + 2), height: f64::from(height) }
    }

    fn y(&self, value_ns: u64) -> f64 {
        let decades = f64::from(self.high - self.low);
        let above = (value_ns.max(1) as f64).log10() - f64::from(self.low);
        (self.height * (1.0 - above / decades)).clamp(0.0, self.height)
    }

    fn ticks(&self) -> Vec<Tick> {
        (self.low..=self.high)
            .map(|decade| 10_u64.pow(decade))
            .map(|ns| Tick {
                at: format!("{:.1}", self.y(ns)),
                label: text::duration(ns),
                minor: false,
            })
            .collect()
    }
}

/// Latencies on a scale of decades: quantiles as lines, single operations as dots by outcome.
pub(crate) fn latency(series: &Series, time: TimeAxis, height: u32) -> Plot {
    let values = series.sample.iter().flatten().map(|dot| dot.latency_ns);
    let quantiles = series.latency.iter().flatten();
    let values = values.chain(quantiles.clone().map(|bucket| bucket.p99_ns));
    let scale = LogScale::new(values.chain(quantiles.map(|bucket| bucket.p50_ns)), height);
    let [ok, fail, info] = &series.sample;
    let mut shapes = vec![
        Shape { class: "dots ok", d: dots(ok, time, scale, "h0") },
        // Upright marks: a failure is told from a success without its colour.
        Shape { class: "dots fail", d: dots(fail, time, scale, "m0-3v6") },
        Shape { class: "dots info", d: dots(info, time, scale, "h0") },
    ];
    let middle = series.bucket_ns / 2;
    let line = |value: fn(&crate::series::Quantiles) -> u64| {
        let points = series.latency.iter().enumerate().map(|(bucket, quantiles)| {
            let time_ns = bucket as u64 * series.bucket_ns + middle;
            quantiles.as_ref().map(|quantiles| (time.x(time_ns), scale.y(value(quantiles))))
        });
        broken_line(points)
    };
    shapes.push(Shape { class: "line p99", d: line(|quantiles| quantiles.p99_ns) });
    shapes.push(Shape { class: "line p95", d: line(|quantiles| quantiles.p95_ns) });
    shapes.push(Shape { class: "line p50", d: line(|quantiles| quantiles.p50_ns) });
    shapes.retain(|shape| !shape.d.is_empty());
    Plot { height, ticks: scale.ticks(), shapes }
}

fn dots(dots: &[Dot], time: TimeAxis, scale: LogScale, mark: &str) -> String {
    let mut d = String::with_capacity(dots.len() * 16);
    for dot in dots {
        let (x, y) = (time.x(dot.time_ns), scale.y(dot.latency_ns));
        write!(d, "M{x:.1} {y:.1}{mark}").expect("a string takes everything");
    }
    d
}

/// A line through the points; a bucket without one leaves a gap, and a lone point stays visible.
fn broken_line(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let mut d = String::new();
    let mut pen_down = false;
    for point in points {
        if let Some((x, y)) = point {
            let command = if pen_down { "L" } else { "M" };
            write!(d, "{command}{x:.1} {y:.1}").expect("a string takes everything");
            if !pen_down {
                d.push_str("h.1");
            }
        }
        pen_down = point.is_some();
    }
    d
}

/// Acknowledged operations a second, as an area.
pub(crate) fn acknowledged(series: &Series, time: TimeAxis, height: u32) -> Plot {
    let [ok, _, _] = &series.per_second;
    let top = nice_ceiling(ok.iter().copied().fold(0.0, f64::max));
    let line = steps(ok, series.bucket_ns, time, top, height);
    let mut shapes = Vec::new();
    if !line.is_empty() {
        shapes.push(Shape { class: "area ok", d: format!("{line}V{height}H0Z") });
        shapes.push(Shape { class: "line ok", d: line });
    }
    Plot { height, ticks: linear_ticks(top, height), shapes }
}

/// Failed operations and open outcomes a second, on a scale of their own: they are few, and they
/// are what one looks for.
pub(crate) fn lost(series: &Series, time: TimeAxis, height: u32) -> Plot {
    let [_, fail, info] = &series.per_second;
    let top = nice_ceiling(fail.iter().chain(info).copied().fold(0.0, f64::max));
    let shapes = [("line fail", fail), ("line info", info)]
        .map(|(class, rates)| Shape { class, d: steps(rates, series.bucket_ns, time, top, height) })
        .into();
    Plot { height, ticks: linear_ticks(top, height), shapes }
}

/// A staircase: a rate holds for its bucket.
fn steps(rates: &[f64], bucket_ns: u64, time: TimeAxis, top: f64, height: u32) -> String {
    let height = f64::from(height);
    let mut d = String::new();
    for (bucket, rate) in rates.iter().enumerate() {
        let y = height * (1.0 - rate / top);
        let end = time.x((bucket as u64 + 1).saturating_mul(bucket_ns));
        let start = if bucket == 0 { "M0 " } else { "V" };
        write!(d, "{start}{y:.1}H{end:.1}").expect("a string takes everything");
    }
    d
}

fn linear_ticks(top: f64, height: u32) -> Vec<Tick> {
    [1.0, 0.5, 0.0]
        .map(|part| Tick {
            at: format!("{:.1}", f64::from(height) * (1.0 - part)),
            label: if part == 0.0 { "0".to_owned() } else { text::rate(top * part) },
            minor: part == 0.5,
        })
        .into()
}

/// The next number of the form 1, 2, 4, 5 or 10 times a power of ten; at least 2.
fn nice_ceiling(value: f64) -> f64 {
    let mut decade = 1.0;
    while decade * 10.0 < value {
        decade *= 10.0;
    }
    let nice = [1.0, 2.0, 4.0, 5.0, 10.0].map(|factor| factor * decade);
    nice.into_iter().find(|&nice| nice >= value && nice >= 2.0).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_leaves_a_gap_in_the_line() {
        let points = [Some((0.0, 1.0)), Some((1.0, 2.0)), None, Some((3.0, 4.0))];
        assert_eq!(broken_line(points.into_iter()), "M0.0 1.0h.1L1.0 2.0M3.0 4.0h.1");
    }

    #[test]
    fn axes_end_on_round_numbers() {
        assert_eq!(
            [0.0, 1.5, 2.1, 39.0, 410.0, 1_000.0].map(nice_ceiling),
            [2.0, 2.0, 4.0, 40.0, 500.0, 1_000.0]
        );
        let axis = TimeAxis { end_ns: 31_000_000_000 };
        let labels: Vec<String> = axis.ticks().into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["0", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]);
    }

    #[test]
    fn every_length_of_run_has_an_axis_with_few_ticks() {
        for end_ns in [0, 1, 999, 1_000_000, 31_000_000_000, 100_000_000_000_000, u64::MAX] {
            let ticks = TimeAxis { end_ns }.ticks();
            assert!((1..=13).contains(&ticks.len()), "{end_ns} ns: {} ticks", ticks.len());
        }
    }

    #[test]
    fn latencies_lie_between_the_first_and_the_last_decade() {
        let scale = LogScale::new([850_000_u64, 2_000_000_000].into_iter(), 100);
        let labels: Vec<String> = scale.ticks().into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
        assert_eq!(scale.y(100_000), 100.0);
        assert_eq!(scale.y(10_000_000_000), 0.0);
    }
}
