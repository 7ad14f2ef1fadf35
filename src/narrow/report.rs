//! What a narrowing has done.

use std::fmt;

use crate::layers::Layer;
use crate::{Scalar, Sequential, Shape};

/// What each layer was and is, what is lost, and how far the outputs agree with those before.
///
/// Printed, it is a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// A row for each layer that could be narrowed, in the order of the data.
    pub layers: Vec<LayerReport>,
    /// Layers that stay as wide as they are, with the reason: a layer of one's own that does not tell what becomes of units, one in which
    /// units meet, and those whose units are the outputs.
    pub others: Vec<(String, String)>,
    /// The whole model before.
    pub before: Cost,
    /// The whole model after.
    pub after: Cost,
    /// The outputs after beside those before, on the inputs that it was narrowed by.
    pub agreement: Agreement,
}

/// One layer of a [`Report`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LayerReport {
    /// The name of the layer.
    pub name: String,
    /// The name of the layer that takes its units.
    pub next: String,
    /// How many units it had.
    pub width_before: usize,
    /// How many it has.
    pub width: usize,
    /// What is lost at each width, from 0 to `width_before`: the part of the variance of the next layer's outputs, before their
    /// activation, that no weights of so many units bring back.
    pub errors: Vec<f64>,
    /// What is lost at the width that was chosen, of the weights that the model has.
    pub error: f64,
    /// The units that are left, by their numbers before.
    pub kept: Vec<usize>,
    /// The layer before.
    pub before: Cost,
    /// The layer after.
    pub after: Cost,
}

/// What a layer, or a model, costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Cost {
    /// The number of trainable numbers.
    pub parameters: usize,
    /// Multiply-adds for one sample.
    pub multiply_adds: u64,
    /// Bytes of the parameters and statistics.
    pub bytes: usize,
}

impl Cost {
    /// That of a layer for inputs of this shape.
    pub(super) fn of<T: Scalar>(layer: &dyn Layer<T>, input: &Shape) -> Self {
        let (mut parameters, mut bytes) = (0, 0);
        layer.params(&mut |param| {
            bytes += param.bytes();
            parameters += if param.is_statistic() { 0 } else { param.count() };
        });
        Self { parameters, multiply_adds: layer.multiply_adds(input), bytes }
    }

    /// That of a model.
    pub(super) fn of_model<T: Scalar>(model: &Sequential<T>) -> Self {
        Self::of(model, &model.input())
    }
}

/// How far the outputs of two models agree on the same inputs; from [`Agreement::between`]. Printed, it is a line.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Agreement {
    /// How many samples were compared.
    pub samples: usize,
    /// The part of the variance of the outputs that is lost: the sum of squares of the differences over that of the outputs around
    /// their means.
    pub error: f64,
    /// The largest difference of two outputs.
    pub largest_difference: f64,
    /// The part of the samples, or of their rows, whose largest output is in the same place, from 0 to 1; none where there is only one
    /// output.
    pub same_classes: Option<f64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = [
            "layer",
            "next",
            "width",
            "lost",
            "at 1/2",
            "at 1/4",
            "at 1/8",
            "parameters",
            "multiply-adds",
            "bytes",
        ];
        let mut table = vec![header.map(str::to_owned)];
        let change = |before: u64, after: u64| {
            if before == after { before.to_string() } else { format!("{before} -> {after}") }
        };
        let costs = |before: Cost, after: Cost| {
            [
                change(before.parameters as u64, after.parameters as u64),
                change(before.multiply_adds, after.multiply_adds),
                change(before.bytes as u64, after.bytes as u64),
            ]
        };
        for layer in &self.layers {
            let at = |part: usize| lost_at(&layer.errors, layer.width_before.div_ceil(part));
            let [parameters, multiply_adds, bytes] = costs(layer.before, layer.after);
            table.push([
                layer.name.clone(),
                layer.next.clone(),
                change(layer.width_before as u64, layer.width as u64),
                percent(layer.error),
                at(2),
                at(4),
                at(8),
                parameters,
                multiply_adds,
                bytes,
            ]);
        }
        let [parameters, multiply_adds, bytes] = costs(self.before, self.after);
        let mut total: [String; 10] = Default::default();
        (total[0], total[7], total[8], total[9]) = ("all".into(), parameters, multiply_adds, bytes);
        table.push(total);
        write_table(f, &table)?;
        writeln!(f, "{}", self.agreement)?;
        self.others
            .iter()
            .try_for_each(|(name, reason)| writeln!(f, "`{name}` stays as wide as it is: {reason}"))
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { samples, error, largest_difference, same_classes } = self;
        let lost = percent(*error);
        write!(f, "outputs of {samples} samples: {lost} lost, largest difference {largest_difference:.3e}")?;
        match same_classes {
            Some(same) => write!(f, ", {} of the classes are the same", percent(*same)),
            None => Ok(()),
        }
    }
}

/// Writes rows with columns that stand below each other.
pub(super) fn write_table<const COLUMNS: usize>(
    f: &mut fmt::Formatter<'_>,
    rows: &[[String; COLUMNS]],
) -> fmt::Result {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    for row in rows {
        let cells = row.iter().zip(widths).map(|(text, width)| format!("{text:<width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// What is lost at a width or a rank; nothing where that is not told.
pub(super) fn lost_at(errors: &[f64], at: usize) -> String {
    errors.get(at).map_or_else(|| "-".to_owned(), |&error| percent(error))
}

/// A part of something.
fn percent(part: f64) -> String {
    let percent = 100.0 * part;
    if percent > 0.0 && percent < 0.01 { format!("{percent:.0e} %") } else { format!("{percent:.2} %") }
}
