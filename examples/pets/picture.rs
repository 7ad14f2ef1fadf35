//! A picture of the curves of a training and of the mistakes, as SVG.
//!
//! SVG leaves letters to the program that shows it, so no font is needed here.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use taper::train::{Evaluation, History};

/// A test image that was taken for something else.
pub(crate) struct Mistake<'a> {
    /// 28 rows of 28 pixels, from 0 to 1.
    pub(crate) pixels: &'a [f32],
    /// What it shows and what it was taken for.
    pub(crate) caption: String,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Outcome = Result<(), Box<dyn Error>>;

const WIDTH: i32 = 1000;
const CURVES_HEIGHT: i32 = 320;
const TITLE_HEIGHT: i32 = 36;
/// A mistake's cell: its image, 28 pixels of 2×2, and a line of text below.
const CELL: (i32, i32) = (100, 84);
const PIXEL: i32 = 2;
const SIDE: i32 = 28;

/// Draws the curves of loss and accuracy, and below them every mistake.
pub(crate) fn draw(path: &Path, history: &History, mistakes: &[Mistake<'_>]) -> Outcome {
    let columns = (WIDTH / CELL.0) as usize;
    let rows = mistakes.len().div_ceil(columns) as u32;
    let height = (CURVES_HEIGHT + TITLE_HEIGHT) as u32 + rows * CELL.1 as u32 + 10;
    let root = SVGBackend::new(path, (WIDTH as u32, height)).into_drawing_area();
    root.fill(&WHITE)?;

    let (curves, below) = root.split_vertically(CURVES_HEIGHT);
    let (left, right) = curves.split_horizontally(WIDTH / 2);
    let loss = Curves::of(history, |evaluation| Some(evaluation.loss));
    let top = loss.values().fold(0.1, f64::max);
    loss.draw(&left, "loss", 0.0..top, SeriesLabelPosition::UpperMiddle)?;
    let accuracy = Curves::of(history, |evaluation| evaluation.accuracy);
    let bottom = (accuracy.values().fold(1.0, f64::min) * 10.0).floor() / 10.0;
    accuracy.draw(&right, "accuracy", bottom..1.0, SeriesLabelPosition::LowerRight)?;

    let title = format!("{} test images taken for something else", mistakes.len());
    below.draw(&Text::new(title, (12, 12), ("sans-serif", 18)))?;
    for (row, mistakes) in (0..).zip(mistakes.chunks(columns)) {
        for (column, mistake) in (0..).zip(mistakes) {
            draw_mistake(&below, mistake, (column * CELL.0, TITLE_HEIGHT + row * CELL.1))?;
        }
    }
    root.present()?;
    Ok(())
}

/// One number over the epochs, counted from 1: while learning, and in validation.
struct Curves {
    train: Vec<(f64, f64)>,
    validation: Vec<(f64, f64)>,
}

impl Curves {
    fn of(history: &History, number: impl Fn(&Evaluation) -> Option<f64>) -> Self {
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for epoch in &history.epochs {
            let along = epoch.epoch as f64 + 1.0;
            train.extend(number(&epoch.train).map(|value| (along, value)));
            validation.extend(epoch.validation.as_ref().and_then(&number).map(|value| (along, value)));
        }
        Self { train, validation }
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.train.iter().chain(&self.validation).map(|&(_, value)| value)
    }

    fn draw(self, area: &Area<'_>, name: &str, range: Range<f64>, legend: SeriesLabelPosition) -> Outcome {
        let last = self.train.iter().fold(2.0, |last, &(epoch, _)| epoch.max(last));
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .caption(name, ("sans-serif", 20))
            .x_label_area_size(36)
            .y_label_area_size(44)
            .build_cartesian_2d(1.0..last, range)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("epoch")
            .x_label_formatter(&|epoch| format!("{epoch:.0}"))
            .y_label_formatter(&|value| format!("{value:.2}"))
            .draw()?;
        for (points, name, color) in [(self.train, "train", BLUE), (self.validation, "validation", RED)] {
            chart
                .draw_series(LineSeries::new(points, color.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(legend)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
        Ok(())
    }
}

/// The image and its caption. Neighbours in a row that look alike become one rectangle.
fn draw_mistake(area: &Area<'_>, mistake: &Mistake<'_>, (x, y): (i32, i32)) -> Outcome {
    let left = x + (CELL.0 - SIDE * PIXEL) / 2;
    for (row, pixels) in (0..).zip(mistake.pixels.chunks(SIDE as usize)) {
        let top = y + row * PIXEL;
        let mut from = left;
        for run in pixels.chunk_by(|&a, &b| shade(a) == shade(b)) {
            let to = run.iter().fold(from, |to, _| to + PIXEL);
            let grey = 255 - shade(run[0]);
            if grey < 255 {
                let style = RGBColor(grey, grey, grey).filled();
                area.draw(&Rectangle::new([(from, top), (to, top + PIXEL)], style))?;
            }
            from = to;
        }
    }
    let style = TextStyle::from(("sans-serif", 13)).pos(Pos::new(HPos::Center, VPos::Top));
    area.draw_text(&mistake.caption, &style, (x + CELL.0 / 2, y + SIDE * PIXEL + 6))?;
    Ok(())
}

/// One of five shades, so that there are few rectangles.
fn shade(pixel: f32) -> u8 {
    (pixel * 4.0).round() as u8 * 63
}
