//! A picture of the accuracy over the number of training pictures.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

const SIZE: (u32, u32) = (640, 360);
const COLORS: [RGBColor; 3] = [RED, BLUE, GREEN];

/// Draws a line for each row of the table.
pub(crate) fn draw(
    path: &Path,
    pictures: [f64; 3],
    rows: &[(String, [f64; 3])],
) -> Result<(), Box<dyn Error>> {
    let all = || rows.iter().flat_map(|(_, accuracies)| accuracies.iter().copied());
    let (bottom, top) = (all().fold(1.0, f64::min) - 0.05, all().fold(0.0, f64::max) + 0.03);
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .caption("a head of one dense layer", ("sans-serif", 20))
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d((pictures[0] / 1.3..pictures[2] * 1.3).log_scale(), bottom..top)?;
    chart.configure_mesh().x_desc("pictures to train with").y_desc("accuracy on test pictures").draw()?;
    for ((name, accuracies), color) in rows.iter().zip(COLORS) {
        let points = pictures.into_iter().zip(*accuracies);
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)).point_size(4))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}
