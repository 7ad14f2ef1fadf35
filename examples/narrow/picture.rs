//! Accuracies and what is lost over the number of parameters, as SVG; and the units that are left, as PNG.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use super::study::Mean;
use super::trial::Outcome;
use plotters::coord::Shift;
use plotters::prelude::*;
use taper::narrow::Narrowing;
use taper::{Sequential, Tensor};

#[path = "../common/bitmap.rs"]
mod bitmap;

use bitmap::Bitmap;

const SIZE: (u32, u32) = (900, 640);
const ACCURACY_HEIGHT: i32 = 420;

/// A curve: a name, a color and numbers of each design.
type Curve = (&'static str, RGBColor, fn(&Outcome) -> &[f64]);

/// Draws accuracies above and the part of the variance that is lost below, each with its standard error.
pub(crate) fn draw(path: &Path, rows: &[Outcome], wide: Mean) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(ACCURACY_HEIGHT);
    let curves: [Curve; 5] = [
        ("trained so", BLUE, |row| &row.trained),
        ("trained so, shifted", CYAN, |row| &row.trained_shifted),
        ("by magnitude", RGBColor(150, 150, 150), |row| &row.by_magnitude),
        ("narrowed", RED, |row| &row.narrowed),
        ("narrowed, imitating", RGBColor(0, 130, 0), |row| &row.imitating[2]),
    ];
    chart(&above, rows, "test accuracy; the line is the wide network", &curves, 0.6..0.95, Some(wide.mean))?;
    let lost: [Curve; 1] = [("outputs lost", BLACK, |row| &row.lost)];
    chart(&below, rows, "variance of the outputs that is lost", &lost, 0.0..0.4, None)?;
    root.present()?;
    Ok(())
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    rows: &[Outcome],
    caption: &str,
    curves: &[Curve],
    range: Range<f64>,
    bar: Option<f64>,
) -> Result<(), Box<dyn Error>> {
    let parameters = || rows.iter().map(|row| row.parameters as f64);
    let (least, most) = (parameters().fold(f64::INFINITY, f64::min), parameters().fold(1.0, f64::max));
    let along = least / 1.5..most * 1.5;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(caption, ("sans-serif", 18))
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(along.clone().log_scale(), range)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("parameters")
        .x_label_formatter(&|count| format!("{count:.0}"))
        .y_label_formatter(&|value| format!("{:.0} %", 100.0 * value))
        .draw()?;
    if let Some(bar) = bar {
        chart.draw_series(DashedLineSeries::new(
            [(along.start, bar), (along.end, bar)],
            6,
            4,
            BLACK.into(),
        ))?;
    }
    for &(name, color, numbers) in curves {
        let mean = |row: &Outcome| Mean::of(numbers(row).iter().copied());
        chart.draw_series(rows.iter().map(|row| {
            let (x, mean) = (row.parameters as f64, mean(row));
            PathElement::new(
                [(x, mean.mean - mean.error), (x, mean.mean + mean.error)],
                color.stroke_width(4),
            )
        }))?;
        let line = rows.iter().map(|row| (row.parameters as f64, mean(row).mean));
        chart
            .draw_series(LineSeries::new(line, color.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
    }
    if curves.len() > 1 {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
    }
    Ok(())
}

/// An image's pixels on a side, the white between two, and how many stand beside each other.
const SIDE: usize = 28;
const SPACE: usize = 2;
const ACROSS: usize = 16;
/// How many units are drawn of each kind.
const UNITS: usize = 64;

/// Draws the weights of the units of the first layer that are left at 64-32, and below them the 64 that went first. Blue speaks for a unit,
/// red against it; each image has a scale of its own.
pub(crate) fn draw_units(
    path: &Path,
    wide: &Sequential<f32>,
    images: &Tensor<f32>,
) -> Result<(), Box<dyn Error>> {
    let kept = |widths: [usize; 2]| {
        let [first, second] = widths;
        let narrowed = Narrowing::new().to_widths(wide, images, [("fc1", first), ("fc2", second)])?;
        Ok::<_, taper::Error>(narrowed.report.layers[0].kept.clone())
    };
    let weight = wide.param("fc1.weight")?.to_tensor();
    let units = weight.shape().axes()[1];
    let late = kept([units - UNITS, 32])?;
    let first: Vec<usize> = (0..units).filter(|unit| !late.contains(unit)).collect();
    let cell = SIDE + SPACE;
    let band = UNITS / ACROSS * cell;
    let mut picture = Bitmap::new(ACROSS * cell + SPACE, 2 * band + 5 * SPACE);
    for (units_of, top) in [(kept([UNITS, 32])?, SPACE), (first, band + 4 * SPACE)] {
        for (number, unit) in units_of.into_iter().enumerate() {
            let pixels: Vec<f32> = weight.as_slice().iter().skip(unit).step_by(units).copied().collect();
            let largest = pixels.iter().fold(f32::MIN_POSITIVE, |most, pixel| most.max(pixel.abs()));
            let (left, top) = (SPACE + number % ACROSS * cell, top + number / ACROSS * cell);
            for (place, pixel) in pixels.iter().enumerate() {
                // Few shades, so that the file stays small.
                let pale = 255 - (4.0 * pixel.abs() / largest).round() as u8 * 63;
                let color = if *pixel > 0.0 { [pale, pale, 255] } else { [255, pale, pale] };
                picture.put(left + place % SIDE, top + place / SIDE, color);
            }
        }
    }
    picture.save(path)?;
    Ok(())
}
