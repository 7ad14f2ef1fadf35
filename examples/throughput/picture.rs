//! A picture of the roofline, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use super::measure::Measured;

const SIZE: (u32, u32) = (800, 480);
const COLORS: [RGBColor; 4] = [BLUE, RED, GREEN, MAGENTA];

/// Operations for each byte that has to be moved.
fn intensity(row: &Measured) -> f64 {
    2.0 * row.multiply_adds as f64 / row.moved_bytes as f64
}

/// Draws a line for each number of threads, bent where memory stops and arithmetic starts to be the limit, and a
/// point for each row.
pub(crate) fn draw(path: &Path, rows: &[Measured]) -> Result<(), Box<dyn Error>> {
    let Some(first) = rows.first() else { return Ok(()) };
    let (mut left, mut right, mut top) = (intensity(first), intensity(first), first.limit_gflops);
    let mut bottom = first.gflops;
    for row in rows {
        (left, right) = (left.min(intensity(row)), right.max(intensity(row)));
        (bottom, top) = (bottom.min(row.gflops), top.max(row.limit_gflops));
    }
    let (left, right, bottom, top) = (left / 1.5, right * 1.5, bottom / 1.5, top * 1.5);

    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let widths: Vec<_> = first.widths.iter().map(ToString::to_string).collect();
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .caption(format!("{} {}, {}", first.pass, widths.join("-"), first.dtype), ("sans-serif", 20))
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d((left..right).log_scale(), (bottom..top).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("operations for each byte of weights")
        .y_desc("GFLOP/s")
        .x_label_formatter(&|x| format!("{x:.1}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .draw()?;

    let mut threads: Vec<_> = rows.iter().map(|row| row.threads).collect();
    threads.dedup();
    for (threads, color) in threads.into_iter().zip(COLORS.into_iter().cycle()) {
        let rows: Vec<_> = rows.iter().filter(|row| row.threads == threads).collect();
        let best = |limit: fn(&Measured) -> f64| rows.iter().map(|row| limit(row)).fold(0.0, f64::max);
        let (gflops, gbs) = (best(|row| row.limit_gflops), best(|row| row.limit_gbs));
        let roof = [left, gflops / gbs, right].map(|x| (x, gflops.min(x * gbs)));
        let name = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
        chart
            .draw_series(LineSeries::new(roof, color.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        chart.draw_series(rows.iter().map(|row| {
            EmptyElement::at((intensity(row), row.gflops))
                + Circle::new((0, 0), 4, color.filled())
                + Text::new(row.batch.to_string(), (6, 4), ("sans-serif", 13))
        }))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}
