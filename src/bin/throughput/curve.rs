//! A picture of a sweep, as SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use super::measure::Measured;
use super::sweep::Sweep;

const SIZE: (u32, u32) = (800, 480);
const COLORS: [RGBColor; 4] = [BLUE, RED, GREEN, MAGENTA];

/// Where a row stands: the batch, or the multiply-adds of a sample.
fn x(sweep: Sweep, row: &Measured) -> f64 {
    match sweep {
        Sweep::Batch => row.batch as f64,
        Sweep::Width => row.multiply_adds as f64 / row.batch as f64,
    }
}

/// The samples a second that the machine allows.
fn allowed(row: &Measured) -> f64 {
    let (arithmetic, memory) = row.least_ns();
    row.batch as f64 / arithmetic.max(memory) * 1e9
}

/// Draws samples a second over the batch, or over how much a sample has to be multiplied and added: a line of points for
/// each line of the sweep, and a thin one of what the machine allows.
pub(crate) fn draw(path: &Path, sweep: Sweep, lines: &[Vec<&Measured>]) -> Result<(), Box<dyn Error>> {
    let Some(first) = lines.first().and_then(|line| line.first()) else { return Ok(()) };
    let (mut left, mut right) = (f64::INFINITY, 0.0_f64);
    let (mut bottom, mut top) = (f64::INFINITY, 0.0_f64);
    for row in lines.iter().flatten() {
        (left, right) = (left.min(x(sweep, row)), right.max(x(sweep, row)));
        let (here, allowed) = (row.samples_per_second(), allowed(row));
        (bottom, top) = (bottom.min(here.min(allowed)), top.max(here.max(allowed)));
    }
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .caption(
            format!("{}, {}: sweep of the {}", first.pass, first.dtype, sweep.name()),
            ("sans-serif", 20),
        )
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d((left / 1.2..right * 1.2).log_scale(), (bottom / 1.5..top * 1.5).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc(match sweep {
            Sweep::Batch => "samples of a call",
            Sweep::Width => "multiply-adds of a sample",
        })
        .y_desc("samples/s; thin: what the machine allows")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .draw()?;
    for (line, color) in lines.iter().zip(COLORS.into_iter().cycle()) {
        let mut rows = line.clone();
        rows.sort_by(|a, b| x(sweep, a).total_cmp(&x(sweep, b)));
        let name = match sweep {
            Sweep::Batch => format!("{}, threads {}", rows[0].network(), rows[0].threads),
            Sweep::Width => {
                let widest = rows[rows.len() - 1];
                format!("to {}, batch {}, threads {}", widest.network(), widest.batch, widest.threads)
            }
        };
        chart.draw_series(LineSeries::new(
            rows.iter().map(|row| (x(sweep, row), allowed(row))),
            color.mix(0.4).stroke_width(1),
        ))?;
        let points = rows.iter().map(|row| (x(sweep, row), row.samples_per_second()));
        chart
            .draw_series(LineSeries::new(points.clone(), color.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        chart.draw_series(rows.iter().zip(points).map(|(row, point)| {
            let text = match sweep {
                Sweep::Batch => row.batch.to_string(),
                Sweep::Width => row.network().split('-').skip(1).collect::<Vec<_>>().join("-"),
            };
            EmptyElement::at(point)
                + Circle::new((0, 0), 4, color.filled())
                + Text::new(text, (6, -12), ("sans-serif", 12))
        }))?;
    }
    chart
        .configure_series_labels()
        .position(if sweep == Sweep::Batch {
            SeriesLabelPosition::LowerRight
        } else {
            SeriesLabelPosition::LowerLeft
        })
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}
