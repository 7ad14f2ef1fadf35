//! Trains designs on the same data with the same seeds, and compares them.

use std::fmt;
use std::str::FromStr;

use super::recipe;
use taper::init::Init;
use taper::train::{Dataset, Evaluation, Fit};
use taper::{Result, Sequential};

/// The widths of the two hidden layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Design(pub(crate) [usize; 2]);

impl FromStr for Design {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let width = |text: &str| text.parse().ok().filter(|width| (1..=MOST_WIDTH).contains(width));
        let widths = text.split_once('-').and_then(|(first, second)| Some([width(first)?, width(second)?]));
        widths.map(Self).ok_or("expected two widths from 1 to 16384 with a dash between them, as 128-64")
    }
}

const MOST_WIDTH: usize = 16384;

impl fmt::Display for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0[0], self.0[1])
    }
}

/// What a design costs, and how well it does with each seed.
pub(crate) struct Row {
    pub(crate) design: Design,
    pub(crate) parameters: usize,
    /// The part of the parameters that the first dense layer has, from 0 to 1.
    pub(crate) first_share: f64,
    pub(crate) multiply_adds: u64,
    /// The median over all epochs of all seeds.
    pub(crate) epoch_seconds: f64,
    /// Accuracies after the last epoch, one for each seed, in their order.
    pub(crate) train: Vec<f64>,
    pub(crate) test: Vec<f64>,
}

/// Seeds are 1, 2, 3 and so on, the same for each design. A seed gives the first weights and the order of the batches;
/// that order is the same in all designs. There is no choosing of an epoch: what counts is the model after the last one.
pub(crate) fn run(
    design: Design,
    classes: usize,
    train: Dataset<'_, f32>,
    test: Dataset<'_, f32>,
    (seeds, epochs): (u64, usize),
) -> Result<Row> {
    let summary = model(design, classes, 1)?.summary();
    let mut row = Row {
        design,
        parameters: summary.parameters(),
        first_share: summary.share(&summary.rows[1]),
        multiply_adds: summary.multiply_adds(),
        epoch_seconds: 0.0,
        train: Vec::new(),
        test: Vec::new(),
    };
    let mut seconds = Vec::new();
    for seed in 1..=seeds {
        let mut model = model(design, classes, seed)?;
        let mut trainer = recipe::trainer(&mut model, seed)?;
        let history = trainer.fit(train, Fit::epochs(epochs))?;
        seconds.extend(history.epochs.iter().map(|epoch| epoch.seconds));
        let accuracy = |evaluation: Evaluation| evaluation.accuracy.unwrap_or(f64::NAN);
        row.train.push(accuracy(trainer.evaluate(train)?));
        row.test.push(accuracy(trainer.evaluate(test)?));
    }
    seconds.sort_by(f64::total_cmp);
    row.epoch_seconds = seconds[seconds.len() / 2];
    Ok(row)
}

/// The model of the example `pets` with other widths.
fn model(Design([first, second]): Design, classes: usize, seed: u64) -> Result<Sequential<f32>> {
    let model = Sequential::builder([28, 28]).flatten();
    let model = model.dense(first).weight_init(Init::KaimingNormal).relu();
    let model = model.dense(second).weight_init(Init::KaimingNormal).relu();
    model.dense(classes).build(&mut taper::seeded(seed))
}

/// A mean over the seeds, and how far it would move with other seeds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mean {
    pub(crate) mean: f64,
    /// The standard deviation over the seeds, divided by the root of their number.
    pub(crate) error: f64,
}

impl Mean {
    /// Of at least two numbers.
    pub(crate) fn of(numbers: impl ExactSizeIterator<Item = f64> + Clone) -> Self {
        let count = numbers.len() as f64;
        let mean = numbers.clone().sum::<f64>() / count;
        let squares: f64 = numbers.map(|number| (number - mean).powi(2)).sum();
        Self { mean, error: (squares / (count - 1.0) / count).sqrt() }
    }

    /// Of a − b, seed by seed: what is luck of the seed in both goes away.
    pub(crate) fn of_differences(a: &[f64], b: &[f64]) -> Self {
        Self::of(a.iter().zip(b).map(|(a, b)| a - b))
    }
}

impl fmt::Display for Mean {
    /// In percent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ± {:.1}", 100.0 * self.mean, 100.0 * self.error)
    }
}

impl Row {
    pub(crate) fn train(&self) -> Mean {
        Mean::of(self.train.iter().copied())
    }

    pub(crate) fn test(&self) -> Mean {
        Mean::of(self.test.iter().copied())
    }

    /// Train less test.
    pub(crate) fn gap(&self) -> Mean {
        Mean::of_differences(&self.train, &self.test)
    }
}

/// What the rows say together.
pub(crate) struct Verdict<'a> {
    /// The highest mean test accuracy.
    pub(crate) best: &'a Row,
    /// That accuracy less its standard error: what lies above is as good as the best, as far as these seeds can tell.
    pub(crate) bar: f64,
    /// The fewest parameters above the bar.
    pub(crate) chosen: &'a Row,
}

impl<'a> Verdict<'a> {
    /// Of at least one row.
    pub(crate) fn of(rows: &'a [Row]) -> Option<Self> {
        let best = rows.iter().max_by(|a, b| a.test().mean.total_cmp(&b.test().mean))?;
        let bar = best.test().mean - best.test().error;
        let good = rows.iter().filter(|row| row.test().mean >= bar);
        Some(Self { best, bar, chosen: good.min_by_key(|row| row.parameters)? })
    }
}
