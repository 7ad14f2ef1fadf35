//! A picture of the roofline, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use super::measure::Measured;

const SIZE: (u32, u32) = (800, 480);
const COLORS: [RGBColor; 4] = [BLUE, RED, GREEN, MAGENTA];

/// Draws a line for each network and number of threads, bent where memory stops and arithmetic starts to be the limit, and
/// a point for each row.
pub(crate) fn draw(path: &Path, lines: &[Vec<&Measured>]) -> Result<(), Box<dyn Error>> {
    let Some(first) = lines.first().and_then(|line| line.first()) else { return Ok(()) };
    let (mut left, mut right, mut top) = (first.intensity(), first.intensity(), first.limit_gflops);
    let mut bottom = first.gflops;
    for row in lines.iter().flatten() {
        (left, right) = (left.min(row.intensity()), right.max(row.intensity()));
        (bottom, top) = (bottom.min(row.gflops), top.max(row.limit_gflops));
    }
    let (left, right, bottom, top) = (left / 1.5, right * 1.5, bottom / 1.5, top * 1.5);

    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let is_one = lines.iter().flatten().all(|row| row.widths == first.widths);
    let network = if is_one { first.network() } else { "several networks".to_owned() };
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .caption(format!("{} {network}, {}", first.pass, first.dtype), ("sans-serif", 20))
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

    for (rows, color) in lines.iter().zip(COLORS.into_iter().cycle()) {
        let best = |limit: fn(&Measured) -> f64| rows.iter().map(|row| limit(row)).fold(0.0, f64::max);
        let (gflops, gbs) = (best(|row| row.limit_gflops), best(|row| row.limit_gbs));
        let roof = [left, gflops / gbs, right].map(|x| (x, gflops.min(x * gbs)));
        let threads = rows[0].threads;
        let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
        let name = if is_one { threads } else { format!("{}, {threads}", rows[0].network()) };
        chart
            .draw_series(LineSeries::new(roof, color.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        chart.draw_series(rows.iter().map(|row| {
            EmptyElement::at((row.intensity(), row.gflops))
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
