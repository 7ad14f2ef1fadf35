//! The summary of a model: shapes, parameters, multiply-adds and bytes of each layer.

use core::fmt;

use super::Sequential;
use super::inside::{Inside, inside};
use super::step::Step;
use crate::layers::Layer;
use crate::prelude::*;
use crate::{Scalar, Shape};

/// A table of a model's layers: shapes, parameters and their share, multiply-adds, bytes.
///
/// ```
/// use taper::Sequential;
///
/// let model = Sequential::<f32>::builder([784]).dense(128).relu().dense(10).build(&mut taper::seeded(0))?;
/// let summary = model.summary();
/// assert_eq!(summary.parameters(), 101_770);
/// assert_eq!(summary.rows[0].multiply_adds, 784 * 128);
/// println!("{summary}");
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The shape of one input sample.
    pub input: Shape,
    /// A row for each layer.
    pub rows: Vec<SummaryRow>,
}

/// One layer of a [`Summary`]; [`Summary::share`] has its part of all parameters.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SummaryRow {
    /// The layer's name.
    pub name: String,
    /// Its kind and sizes.
    pub layer: String,
    /// The shape of one output sample.
    pub output: Shape,
    /// The number of trainable numbers.
    pub parameters: usize,
    /// How many of them are frozen.
    pub frozen: usize,
    /// The number of numbers that the layer keeps about what it has seen, which are not among the parameters: running
    /// means and variances. (Keras counts them as parameters that are not trainable.)
    pub statistics: usize,
    /// Multiply-adds for one sample.
    pub multiply_adds: u64,
    /// Bytes of the parameters and the statistics.
    pub bytes: usize,
    /// How the weights are kept: `f32` or `f64`, the model's own type; `i8` of a layer of 8-bit weights; of a layer with others inside
    /// all that there are. Empty without weights.
    pub format: String,
    /// The layers inside, where it is a model or [`Branches`](super::Branches): what they have is a part of what is told here.
    pub inner: Vec<SummaryRow>,
}

impl<T: Scalar> Sequential<T> {
    /// Layers, shapes, parameters and costs, to be printed.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary::of(self)
    }
}

impl Summary {
    fn of<T: Scalar>(model: &Sequential<T>) -> Self {
        Self { input: model.input(), rows: rows(model) }
    }

    /// The number of trainable numbers, frozen ones included.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.rows.iter().map(|row| row.parameters).sum()
    }

    /// The number of numbers that layers keep about what they have seen, which are not among the parameters.
    #[must_use]
    pub fn statistics(&self) -> usize {
        self.rows.iter().map(|row| row.statistics).sum()
    }

    /// Multiply-adds for one sample.
    #[must_use]
    pub fn multiply_adds(&self) -> u64 {
        self.rows.iter().map(|row| row.multiply_adds).sum()
    }

    /// Adds the lines of a row and of those inside, which are indented.
    fn tell(&self, row: &SummaryRow, depth: usize, table: &mut Vec<[String; 8]>) {
        let frozen = if row.frozen > 0 { " frozen" } else { "" };
        table.push([
            format!("{}{}", "  ".repeat(depth), row.name),
            format!("{}{frozen}", row.layer),
            row.output.to_string(),
            grouped(row.parameters as u64),
            format!("{:.1} %", 100.0 * self.share(row)),
            grouped(row.multiply_adds),
            grouped(row.bytes as u64),
            row.format.clone(),
        ]);
        row.inner.iter().for_each(|inner| self.tell(inner, depth + 1, table));
    }

    /// The part of all parameters that this row has, from 0 to 1.
    #[must_use]
    pub fn share(&self, row: &SummaryRow) -> f64 {
        row.parameters as f64 / self.parameters().max(1) as f64
    }
}

/// A row for each layer.
fn rows<T: Scalar>(model: &Sequential<T>) -> Vec<SummaryRow> {
    let row = |step: &Step<T>| SummaryRow {
        output: step.output,
        multiply_adds: step.layer.multiply_adds(&step.input),
        ..row(&step.name, &*step.layer).with_inner(inner_rows(&*step.layer, &step.input))
    };
    model.steps().iter().map(row).collect()
}

/// The rows of the layers inside of a layer. A path that has a name is a row with rows of its own.
fn inner_rows<T: Scalar>(layer: &dyn Layer<T>, input: &Shape) -> Vec<SummaryRow> {
    let of_path = |Inside { name, model }: Inside<'_, T>| match model {
        Some(model) if name.is_empty() => rows(model),
        Some(model) => vec![SummaryRow {
            output: model.output(),
            multiply_adds: model.multiply_adds(input),
            ..row(name, model).with_inner(rows(model))
        }],
        None => vec![SummaryRow {
            name: name.to_owned(),
            layer: "input".to_owned(),
            output: *input,
            ..SummaryRow::default()
        }],
    };
    inside(layer).into_iter().flat_map(of_path).collect()
}

/// What there is to say of a layer without its input.
fn row<T: Scalar>(name: &str, layer: &dyn Layer<T>) -> SummaryRow {
    let (mut parameters, mut frozen, mut statistics, mut bytes, mut format) = (0, 0, 0, 0, "");
    layer.params(&mut |param| {
        bytes += param.bytes();
        if format.is_empty() || param.number_type() != T::NAME {
            format = param.number_type();
        }
        if param.is_statistic() {
            statistics += param.count();
        } else {
            parameters += param.count();
            frozen += if param.is_frozen() { param.count() } else { 0 };
        }
    });
    let (name, layer, format) = (name.to_owned(), layer.describe(), format.to_owned());
    SummaryRow { name, layer, parameters, frozen, statistics, bytes, format, ..SummaryRow::default() }
}

impl SummaryRow {
    /// With the rows of the layers inside, whose formats are its own then.
    fn with_inner(mut self, inner: Vec<Self>) -> Self {
        if !inner.is_empty() {
            let mut formats: Vec<&str> = inner.iter().flat_map(|row| row.format.split(", ")).collect();
            formats.sort_unstable();
            formats.dedup();
            formats.retain(|format| !format.is_empty());
            self.format = formats.join(", ");
        }
        self.inner = inner;
        self
    }

    /// Whether there are weights of fewer bits than the model's type has.
    fn is_narrow(&self) -> bool {
        self.format.split(", ").any(|format| !["", "f32", "f64"].contains(&format))
    }
}

impl Default for SummaryRow {
    fn default() -> Self {
        Self {
            name: String::new(),
            layer: String::new(),
            output: Shape::from([]),
            parameters: 0,
            frozen: 0,
            statistics: 0,
            multiply_adds: 0,
            bytes: 0,
            format: String::new(),
            inner: Vec::new(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["name", "layer", "output", "parameters", "share", "multiply-adds", "bytes", "weights"];
        let mut table = vec![header.map(str::to_owned)];
        let mut input: [String; 8] = Default::default();
        (input[1], input[2]) = ("input".into(), self.input.to_string());
        table.push(input);
        self.rows.iter().for_each(|row| self.tell(row, 0, &mut table));
        let bytes: usize = self.rows.iter().map(|row| row.bytes).sum();
        table.push([
            String::new(),
            "total".into(),
            String::new(),
            grouped(self.parameters() as u64),
            (if self.parameters() > 0 { "100.0 %" } else { "0.0 %" }).into(),
            grouped(self.multiply_adds()),
            grouped(bytes as u64),
            String::new(),
        ]);
        if self.statistics() > 0 {
            let mut statistics: [String; 8] = Default::default();
            (statistics[1], statistics[3]) =
                ("statistics, not learned".into(), grouped(self.statistics() as u64));
            table.push(statistics);
        }
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 8] = core::array::from_fn(width);
        // What all have in common need not be told.
        let columns = if self.rows.iter().any(SummaryRow::is_narrow) { 8 } else { 7 };
        for row in &table {
            let mut line = String::new();
            for (column, (text, width)) in row[..columns].iter().zip(widths).enumerate() {
                // Words to the left, numbers to the right.
                let padding = " ".repeat(width - text.chars().count());
                let is_word = column < 3 || column == 7;
                let (before, after) = if is_word { ("", &*padding) } else { (&*padding, "") };
                line.extend([before, text, after, "  "]);
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// 13372419 as `13,372,419`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_are_grouped_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (13_372_419, "13,372,419")] {
            assert_eq!(grouped(number), text);
        }
    }
}
