//! A chart of static, motion and fused energy over time, with cuts marked.
//!
//! The vertical axis always goes from 0 to 1, so that it never jumps and frames and clips can be compared. It shows
//! square roots: most energies are below 0.3, and small ones matter.

use opencv::core::{Mat, Point, Rect, Scalar};
use opencv::imgproc::{self, FILLED, LINE_8, LINE_AA};

use super::energy::MapEnergy;
use super::text;
use crate::Result;

/// The colours of a chart, in BGR. The curves can also be told apart by colour-blind viewers (Okabe and Ito 2008).
pub struct ChartPalette {
    pub paper: Scalar,
    pub ink: Scalar,
    rule: Scalar,
    static_: Scalar,
    motion: Scalar,
    fused: Scalar,
}

/// Dark background, for display on a screen.
pub const SCREEN: ChartPalette = ChartPalette {
    paper: Scalar::new(24.0, 24.0, 24.0, 0.0),
    ink: Scalar::new(235.0, 235.0, 235.0, 0.0),
    rule: Scalar::new(70.0, 70.0, 70.0, 0.0),
    static_: Scalar::new(233.0, 180.0, 86.0, 0.0),
    motion: Scalar::new(0.0, 159.0, 230.0, 0.0),
    fused: Scalar::new(167.0, 121.0, 204.0, 0.0),
};

/// White background, for print.
pub const PRINT: ChartPalette = ChartPalette {
    paper: Scalar::new(255.0, 255.0, 255.0, 0.0),
    ink: Scalar::new(0.0, 0.0, 0.0, 0.0),
    rule: Scalar::new(205.0, 205.0, 205.0, 0.0),
    static_: Scalar::new(178.0, 114.0, 0.0, 0.0),
    motion: Scalar::new(0.0, 94.0, 213.0, 0.0),
    fused: Scalar::new(115.0, 158.0, 0.0, 0.0),
};

/// Energies that have a line on the vertical axis, with their labels.
const LEVELS: [(f64, &str); 4] = [(0.0, "0"), (0.1, "0.1"), (0.4, "0.4"), (1.0, "1")];

/// Possible distances between the ticks of the time axis, in seconds.
const TICK_STEPS_SECONDS: [f64; 18] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 21_600.0,
];

/// Where and how a chart is drawn.
pub struct EnergyChart<'a> {
    /// The rectangle to fill.
    pub place: Rect,
    /// Times at the left and right edge, in seconds; the right one is later.
    pub span: (f64, f64),
    /// Height of capital letters in pixels; `None` for a chart without text.
    pub capital: Option<f64>,
    /// Its colours.
    pub palette: &'a ChartPalette,
}

impl EnergyChart<'_> {
    /// Draws `energies`, which are in order of time and lie within the span.
    pub fn draw(&self, picture: &mut Mat, energies: &[MapEnergy]) -> Result<()> {
        imgproc::rectangle(picture, self.place, self.palette.paper, FILLED, LINE_8, 0)?;
        self.levels(picture)?;
        if let Some(capital) = self.capital {
            self.times(picture, capital)?;
            self.legend(picture, capital)?;
        }
        let plot = self.plot()?;
        for cut in energies.iter().filter(|energy| energy.cut) {
            let x = self.x(plot, cut.time);
            let (top, bottom) = (Point::new(x, plot.y), Point::new(x, plot.y + plot.height - 1));
            imgproc::line(picture, top, bottom, self.palette.ink, self.stroke(), LINE_8, 0)?;
        }
        self.curve(picture, plot, energies, |energy| energy.static_, self.palette.static_)?;
        self.curve(picture, plot, energies, |energy| energy.motion, self.palette.motion)?;
        self.curve(picture, plot, energies, |energy| energy.fused, self.palette.fused)
    }

    /// The rectangle between the axes.
    pub fn plot(&self) -> Result<Rect> {
        let (left, row) = match self.capital {
            Some(capital) => (text::width("0.4", capital)? + 2 * pad(capital), row(capital)),
            None => (4, 4),
        };
        let Rect { x, y, width, height } = self.place;
        Ok(Rect::new(x + left, y + row, (width - left - row / 2).max(2), (height - 2 * row).max(2)))
    }

    fn curve(
        &self,
        picture: &mut Mat,
        plot: Rect,
        energies: &[MapEnergy],
        value: impl Fn(&MapEnergy) -> f64,
        colour: Scalar,
    ) -> Result<()> {
        let point = |energy: &MapEnergy| Point::new(self.x(plot, energy.time), y(plot, value(energy)));
        for pair in energies.windows(2) {
            imgproc::line(picture, point(&pair[0]), point(&pair[1]), colour, self.stroke(), LINE_AA, 0)?;
        }
        Ok(())
    }

    fn x(&self, plot: Rect, time: f64) -> i32 {
        let (from, to) = self.span;
        plot.x + ((time - from) / (to - from) * f64::from(plot.width - 1)).round() as i32
    }

    fn stroke(&self) -> i32 {
        (self.place.height / 60).clamp(1, 3)
    }

    fn levels(&self, picture: &mut Mat) -> Result<()> {
        let plot = self.plot()?;
        let mut free = self.place.y + self.place.height;
        for (level, name) in LEVELS {
            let y = y(plot, level);
            let (left, right) = (Point::new(plot.x, y), Point::new(plot.x + plot.width - 1, y));
            imgproc::line(picture, left, right, self.palette.rule, 1, LINE_8, 0)?;
            let Some(capital) = self.capital else { continue };
            let baseline = y + (capital / 2.0).round() as i32;
            // In a low chart the labels would touch.
            if baseline < free {
                let at = Point::new(plot.x - pad(capital) - text::width(name, capital)?, baseline);
                text::line(picture, name, at, capital, self.palette.ink)?;
                free = baseline - (capital * 1.3) as i32;
            }
        }
        Ok(())
    }

    fn times(&self, picture: &mut Mat, capital: f64) -> Result<()> {
        let (plot, (from, to)) = (self.plot()?, self.span);
        let widest = f64::from(text::width("0:00:00", capital)?) * 1.5;
        let fits = |step: &f64| (to - from) / step * widest <= f64::from(plot.width);
        let step = TICK_STEPS_SECONDS.into_iter().find(fits).unwrap_or(to - from);
        let bottom = plot.y + plot.height;
        let (first, last) = ((from / step).ceil().max(0.0) as u64, (to / step).floor().max(0.0) as u64);
        for time in (first..=last).map(|k| k as f64 * step) {
            let x = self.x(plot, time);
            let (top, end) = (Point::new(x, bottom), Point::new(x, bottom + pad(capital) / 2));
            imgproc::line(picture, top, end, self.palette.ink, 1, LINE_8, 0)?;
            // Move slightly later, so that rounding does not lose a tenth.
            let clock = text::clock(time + 1e-6);
            let name = clock.strip_suffix(".0").unwrap_or(&clock);
            let width = text::width(name, capital)?;
            let left = (x - width / 2).min(self.place.x + self.place.width - width).max(plot.x - pad(capital));
            let at = Point::new(left, bottom + pad(capital) / 2 + (capital * 1.25) as i32);
            text::line(picture, name, at, capital, self.palette.ink)?;
        }
        Ok(())
    }

    fn legend(&self, picture: &mut Mat, capital: f64) -> Result<()> {
        let ChartPalette { ink, static_, motion, fused, .. } = *self.palette;
        let (plot, length) = (self.plot()?, capital as i32 * 3 / 2);
        let baseline = self.place.y + pad(capital) + capital as i32;
        let middle = baseline - capital as i32 / 2;
        let mut x = plot.x;
        for (name, colour) in [("static", static_), ("motion", motion), ("fused", fused), ("cut", ink)] {
            let sample = if name == "cut" {
                let x = x + length / 2;
                (Point::new(x, baseline - capital as i32), Point::new(x, baseline))
            } else {
                (Point::new(x, middle), Point::new(x + length, middle))
            };
            imgproc::line(picture, sample.0, sample.1, colour, self.stroke() + 1, LINE_8, 0)?;
            text::line(picture, name, Point::new(x + length + pad(capital), baseline), capital, ink)?;
            x += length + text::width(name, capital)? + 3 * pad(capital);
        }
        let meaning = "mean of each map";
        let left = plot.x + plot.width - text::width(meaning, capital)?;
        if left > x { text::line(picture, meaning, Point::new(left, baseline), capital, ink) } else { Ok(()) }
    }
}

fn y(plot: Rect, energy: f64) -> i32 {
    plot.y + plot.height - 1 - (energy.clamp(0.0, 1.0).sqrt() * f64::from(plot.height - 1)).round() as i32
}

/// The space around text.
fn pad(capital: f64) -> i32 {
    (capital * 0.45).ceil() as i32
}

/// The height of a row of text.
fn row(capital: f64) -> i32 {
    capital.ceil() as i32 + 2 * pad(capital)
}
