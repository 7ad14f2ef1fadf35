//! A picture of accuracies and gaps over the number of parameters, as SVG.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use super::study::{Mean, Row, Verdict};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Outcome = Result<(), Box<dyn Error>>;

const SIZE: (u32, u32) = (900, 640);
const ACCURACY_HEIGHT: i32 = 400;

/// A curve: a name, a color and a number of each design.
type Curve = (&'static str, RGBColor, fn(&Row) -> Mean);

/// Draws accuracies above and the gap below, each design a point with its standard error, and a line at the bar that a
/// design has to pass.
pub(crate) fn draw(path: &Path, rows: &[Row], verdict: &Verdict<'_>) -> Outcome {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(ACCURACY_HEIGHT);
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(|row| row.parameters);

    let caption = format!("the fewest parameters above the dashed line: {}", verdict.chosen.design);
    let curves: [Curve; 2] = [("train", BLUE, Row::train), ("test", RED, Row::test)];
    chart(&above, &rows, &caption, "accuracy", &curves, Some(verdict.bar))?;
    chart(&below, &rows, "train less test", "gap", &[("gap", BLACK, Row::gap)], None)?;
    root.present()?;
    Ok(())
}

fn chart(
    area: &Area<'_>,
    rows: &[&Row],
    caption: &str,
    name: &str,
    curves: &[Curve],
    bar: Option<f64>,
) -> Outcome {
    let along = across(rows);
    let means = || rows.iter().flat_map(|row| curves.iter().map(|(_, _, number)| number(row)));
    let bottom = means().fold(f64::INFINITY, |low, mean| low.min(mean.mean - mean.error)).min(0.99);
    let top = means().fold(0.01, |high: f64, mean| high.max(mean.mean + mean.error));
    // Whole steps of 5 %.
    let range = (bottom * 20.0).floor() / 20.0..(top * 20.0).ceil() / 20.0;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(caption, ("sans-serif", 18))
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(along.clone().log_scale(), range.clone())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("parameters")
        .y_desc(name)
        .x_label_formatter(&|count| format!("{count:.0}"))
        .y_label_formatter(&|value| format!("{:.0} %", 100.0 * value))
        .draw()?;
    if let Some(bar) = bar {
        let line = [(along.start, bar), (along.end, bar)];
        chart.draw_series(DashedLineSeries::new(line, 6, 4, BLACK.into()))?;
    }
    for &(name, color, number) in curves {
        let points = rows.iter().map(|row| (row.parameters as f64, number(row)));
        chart.draw_series(points.clone().map(|(x, mean)| {
            let error = [(x, mean.mean - mean.error), (x, mean.mean + mean.error)];
            PathElement::new(error, color.stroke_width(5))
        }))?;
        let line = LineSeries::new(points.map(|(x, mean)| (x, mean.mean)), color.stroke_width(2));
        let series = chart.draw_series(line)?;
        if curves.len() > 1 {
            series
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        }
    }
    if curves.len() > 1 {
        // Widths stand along the lower edge.
        let style = TextStyle::from(("sans-serif", 12)).pos(Pos::new(HPos::Center, VPos::Bottom));
        chart.draw_series(rows.iter().map(|row| {
            let at = (row.parameters as f64, range.start);
            EmptyElement::at(at) + Text::new(row.design.to_string(), (0, -4), style.clone())
        }))?;
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
    }
    Ok(())
}

/// The parameters from the fewest to the most, with some room at both ends.
fn across(rows: &[&Row]) -> Range<f64> {
    let most = rows.last().map_or(1.0, |row| row.parameters as f64);
    rows.first().map_or(1.0, |row| row.parameters as f64) / 1.5..most * 1.5
}
