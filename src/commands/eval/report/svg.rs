//! Charts as SVG, coloured by the style of the page.

use std::fmt::Write;

use crate::commands::eval::statistics::Interval;
use crate::reporting::html::escaped;

/// A line of a chart.
pub struct SvgLine<'a> {
    pub name: &'a str,
    /// Its points, x and y in 0..=1.
    pub points: Vec<(f64, f64)>,
}

/// A bar of a chart.
pub struct SvgBar<'a> {
    pub name: &'a str,
    /// Its length.
    pub value: f64,
    /// Its interval.
    pub interval: Option<Interval>,
}

/// The side of a chart's plot area, and its margin, in SVG units.
const SIDE: f64 = 300.0;
const MARGIN: f64 = 42.0;
/// Height of a bar with the gap below it.
const STEP: f64 = 26.0;

/// Curves over 0..=1 in both directions; curve i has colour i of the style.
pub fn lines(x: &str, y: &str, lines: &[SvgLine]) -> String {
    let whole = SIDE + MARGIN + 12.0;
    let mut svg = format!("<svg viewBox='0 0 {whole} {whole}' role='img' aria-label='{y} by {x}'>");
    for tick in 0..=5 {
        let part = f64::from(tick) / 5.0;
        let (across, up) = (MARGIN + part * SIDE, 12.0 + (1.0 - part) * SIDE);
        let (right, bottom) = (MARGIN + SIDE, 12.0 + SIDE);
        let _ = write!(
            svg,
            "<path class='grid' d='M{MARGIN} {up:.1}H{right}M{across:.1} 12V{bottom}'/>\
             <text x='{:.1}' y='{:.1}' text-anchor='end'>{part:.1}</text>\
             <text x='{across:.1}' y='{:.1}' text-anchor='middle'>{part:.1}</text>",
            MARGIN - 5.0,
            up + 4.0,
            bottom + 16.0,
        );
    }
    for (index, line) in lines.iter().enumerate() {
        let place = |(x, y): &(f64, f64)| format!("{:.1},{:.1}", MARGIN + x * SIDE, 12.0 + (1.0 - y) * SIDE);
        let points: Vec<String> = line.points.iter().map(place).collect();
        let _ = write!(svg, "<polyline class='c{}' points='{}'/>", index % COLOURS, points.join(" "));
    }
    let middle = 12.0 + SIDE / 2.0;
    let _ = write!(
        svg,
        "<text x='{:.1}' y='{:.1}' text-anchor='middle'>{x}</text>\
         <text transform='translate(11 {middle:.1}) rotate(-90)' text-anchor='middle'>{y}</text></svg>",
        MARGIN + SIDE / 2.0,
        whole - 6.0,
    );
    svg + &legend(lines)
}

/// The number of colours in the style.
pub const COLOURS: usize = 8;

fn legend(lines: &[SvgLine]) -> String {
    let entry = |(index, line): (usize, &SvgLine)| {
        format!("<span><i class='c{}'></i>{}</span>", index % COLOURS, escaped(line.name))
    };
    format!("<p class='legend'>{}</p>", lines.iter().enumerate().map(entry).collect::<String>())
}

/// Horizontal bars from 0, with their intervals and values.
pub fn bars(label: &str, bars: &[SvgBar]) -> String {
    const NAMES: f64 = 130.0;
    const LENGTH: f64 = 340.0;
    let longest = bars.iter().map(|bar| bar.interval.map_or(bar.value, |bounds| bounds.high)).fold(1.0, f64::max);
    let at = |value: f64| NAMES + value.max(0.0) / longest * LENGTH;
    let height = STEP * bars.len() as f64 + 6.0;
    let mut svg = format!("<svg viewBox='0 0 540 {height}' role='img' aria-label='{label} by sequence'>");
    for (index, bar) in bars.iter().enumerate() {
        let top = STEP * index as f64 + 6.0;
        let (end, middle) = (at(bar.value), top + 9.0);
        let _ = write!(
            svg,
            "<text x='{:.1}' y='{:.1}' text-anchor='end'>{}</text>\
             <rect class='c0' x='{NAMES}' y='{top:.1}' width='{:.1}' height='18'/>",
            NAMES - 6.0,
            middle + 4.0,
            escaped(bar.name),
            end - NAMES,
        );
        let mut right = end;
        if let Some(Interval { low, high }) = bar.interval {
            right = at(high).max(end);
            let _ = write!(svg, "<path class='bounds' d='M{:.1} {middle:.1}H{:.1}'/>", at(low), at(high));
        }
        let _ = write!(svg, "<text x='{:.1}' y='{:.1}'>{:.3}</text>", right + 6.0, middle + 4.0, bar.value);
    }
    svg + "</svg>"
}
