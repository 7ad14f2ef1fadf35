//! One seed after the other: a wide network, and all that is made of it.

use super::data::Data;
use super::recipe;
use super::study::Design;
use taper::init::Init;
use taper::losses::{CrossEntropy, Distillation};
use taper::narrow::{Agreement, LowRank, Narrowing};
use taper::optimizers::Adam;
use taper::schedules::Cosine;
use taper::sequential::Quantization;
use taper::train::augment::Shift;
use taper::train::{Dataset, Fit, Teacher};
use taper::{Layer, Optimizer, Result, Sequential, Tensor, Trainer};

/// What comes of one design: accuracies on the images to test with, from 0 to 1, one for each seed.
pub(crate) struct Outcome {
    pub(crate) design: Design,
    pub(crate) parameters: usize,
    /// From the start with labels; and the same with images that are moved by up to a pixel.
    pub(crate) trained: Vec<f64>,
    pub(crate) trained_shifted: Vec<f64>,
    /// The units with the largest weights, as they were.
    pub(crate) by_magnitude: Vec<f64>,
    pub(crate) narrowed: Vec<f64>,
    /// The part of the variance of the outputs that is lost then, on the images to train with.
    pub(crate) lost: Vec<f64>,
    /// After 5 epochs of imitating, after 20, and after 20 with images that are moved.
    pub(crate) imitating: [Vec<f64>; 3],
    /// After 20 epochs with labels and images that are moved, where it was narrowed: of all layers, and of the last one alone.
    pub(crate) trained_on: [Vec<f64>; 2],
    /// In eight bits: narrowed, and after the last way of imitating.
    pub(crate) eight_bits: [Vec<f64>; 2],
    /// Dense layers in two of low rank, where that pays, after the narrowing: accuracies, the part of the variance of the wide network's outputs that both
    /// lose, and the parameters.
    pub(crate) low_rank: [Vec<f64>; 3],
    /// Bytes of the parameters, in `f32` and in eight bits.
    pub(crate) bytes: [usize; 2],
}

pub(crate) struct Trial {
    design: Design,
    epochs: usize,
    /// The accuracy of the wide network, one for each seed.
    pub(crate) wide: Vec<f64>,
    pub(crate) rows: Vec<Outcome>,
}

/// The part of the variance of its outputs that a layer of low rank may lose.
pub(crate) const LOW_RANK_ERROR: f64 = 0.01;

impl Trial {
    pub(crate) fn new(design: Design, widths: &[Design], epochs: usize) -> Self {
        let row = |&design: &Design| Outcome {
            design,
            parameters: 0,
            trained: Vec::new(),
            trained_shifted: Vec::new(),
            by_magnitude: Vec::new(),
            narrowed: Vec::new(),
            lost: Vec::new(),
            imitating: Default::default(),
            trained_on: Default::default(),
            eight_bits: Default::default(),
            low_rank: Default::default(),
            bytes: [0; 2],
        };
        Self { design, epochs, wide: Vec::new(), rows: widths.iter().map(row).collect() }
    }

    /// All designs with one seed; the wide network.
    pub(crate) fn run(&mut self, data: &Data, seed: u64) -> Result<Sequential<f32>> {
        let (train, test, shift) = (data.train.dataset()?, data.test.dataset()?, Shift::new(1, 1));
        let trained = |design: Design, data: Dataset<'_, f32>, classes: usize| {
            let mut model = model(design, classes, seed)?;
            recipe::trainer(&mut model, seed)?.fit(data, Fit::epochs(self.epochs))?;
            Ok(model)
        };
        let wide = trained(self.design, train, data.classes)?;
        self.wide.push(accuracy(&wide, test)?);
        eprintln!("seed {seed}: {} {:.3}", self.design, accuracy(&wide, test)?);
        let teacher = Teacher::new(&wide)?;
        let images = Dataset::of_teacher(&data.train.images, &teacher)?;
        for row in &mut self.rows {
            let Design([first, second]) = row.design;
            let widths = [("fc1", first), ("fc2", second)];
            let narrowed = Narrowing::new().to_widths(&wide, &data.train.images, widths)?;
            row.parameters = narrowed.model.parameters();
            row.narrowed.push(accuracy(&narrowed.model, test)?);
            row.lost.push(narrowed.report.agreement.error);
            row.by_magnitude.push(accuracy(&by_magnitude(&wide, row.design, data.classes)?, test)?);
            let ways = [(5, images), (20, images), (20, images.with_augmentation(&shift))];
            let mut last = narrowed.model.clone();
            for (accuracies, (epochs, images)) in row.imitating.iter_mut().zip(ways) {
                last = further(narrowed.model.clone(), Distillation::new(), images, seed, epochs)?;
                accuracies.push(accuracy(&last, test)?);
            }
            for (accuracies, model) in row.eight_bits.iter_mut().zip([&narrowed.model, &last]) {
                let small = model.quantized(&Quantization::int8())?;
                accuracies.push(accuracy(&small, test)?);
                row.bytes = [bytes(model), bytes(&small)];
            }
            let both = LowRank::new().within_error(&narrowed.model, &data.train.images, LOW_RANK_ERROR)?;
            let lost = Agreement::between(&wide, &both.model, &data.train.images)?.error;
            let numbers = [accuracy(&both.model, test)?, lost, both.after.parameters as f64];
            row.low_rank.iter_mut().zip(numbers).for_each(|(all, number)| all.push(number));
            let mut with_frozen_body = narrowed.model.clone();
            with_frozen_body.freeze("fc1")?;
            with_frozen_body.freeze("fc2")?;
            let starts = [narrowed.model.clone(), with_frozen_body];
            for (accuracies, start) in row.trained_on.iter_mut().zip(starts) {
                let images = train.with_augmentation(&shift);
                accuracies.push(accuracy(&further(start, CrossEntropy::new(), images, seed, 20)?, test)?);
            }
            row.trained.push(accuracy(&trained(row.design, train, data.classes)?, test)?);
            let shifted = trained(row.design, train.with_augmentation(&shift), data.classes)?;
            row.trained_shifted.push(accuracy(&shifted, test)?);
            let last = |accuracies: &[f64]| accuracies.last().copied().unwrap_or(f64::NAN);
            eprintln!(
                "  {}: narrowed {:.3}, imitating {:.3}, trained so {:.3}",
                row.design,
                last(&row.narrowed),
                last(&row.imitating[2]),
                last(&row.trained)
            );
        }
        Ok(wide)
    }
}

fn accuracy(model: &Sequential<f32>, data: Dataset<'_, f32>) -> Result<f64> {
    let evaluation = model.evaluate(data, &CrossEntropy::new())?;
    Ok(evaluation.accuracy.unwrap_or(f64::NAN))
}

/// The network of `width_study`, with names.
pub(crate) fn model(Design([first, second]): Design, classes: usize, seed: u64) -> Result<Sequential<f32>> {
    let model = Sequential::builder([28, 28]).flatten();
    let model = model.dense(first).named("fc1").weight_init(Init::KaimingNormal).relu();
    let model = model.dense(second).named("fc2").weight_init(Init::KaimingNormal).relu();
    model.dense(classes).named("fc3").build(&mut taper::seeded(seed))
}

/// The model after some more epochs, with a learning rate that falls to 0.
fn further(
    model: Sequential<f32>,
    loss: impl taper::Loss<f32> + 'static,
    images: Dataset<'_, f32>,
    seed: u64,
    epochs: usize,
) -> Result<Sequential<f32>> {
    let steps = epochs * images.len().div_ceil(32);
    let optimizer = Optimizer::new(Adam::new(1e-3)?);
    let trainer = Trainer::owning(model, loss, optimizer);
    let mut trainer = trainer.with_seed(seed).with_schedule(Cosine::new(1e-3, steps as u64)?);
    trainer.fit(images, Fit::epochs(epochs))?;
    Ok(trainer.into_model())
}

fn bytes(model: &Sequential<f32>) -> usize {
    let mut bytes = 0;
    model.params(&mut |param| bytes += param.bytes());
    bytes
}

/// What most do: the units stay whose weights, those that make them times those that take them, are largest. Nothing makes up for the others.
fn by_magnitude(wide: &Sequential<f32>, design: Design, classes: usize) -> Result<Sequential<f32>> {
    let mut narrow = model(design, classes, 0)?;
    let tensor = |name: &str| Ok::<_, taper::Error>(wide.param(name)?.to_tensor());
    let Design(widths) = design;
    let mut rows: Option<Vec<usize>> = None;
    for (number, width) in [Some(widths[0]), Some(widths[1]), None].into_iter().enumerate() {
        let (weight, bias) = (format!("fc{}.weight", number + 1), format!("fc{}.bias", number + 1));
        let (own, own_bias) = (tensor(&weight)?, tensor(&bias)?);
        let columns = match width {
            Some(width) => largest(&own, &own_bias, &tensor(&format!("fc{}.weight", number + 2))?, width),
            None => (0..classes).collect(),
        };
        let all: Vec<usize> = (0..own.shape().axes()[0]).collect();
        let rows_of = rows.as_deref().unwrap_or(&all);
        let total = own.shape().axes()[1];
        let at = |place: usize| {
            own.as_slice()[rows_of[place / columns.len()] * total + columns[place % columns.len()]]
        };
        narrow.param_mut(&weight)?.set(&Tensor::from_fn([rows_of.len(), columns.len()], at)?)?;
        let picked = Tensor::from_fn([columns.len()], |place| own_bias.as_slice()[columns[place]])?;
        narrow.param_mut(&bias)?.set(&picked)?;
        rows = Some(columns);
    }
    Ok(narrow)
}

fn largest(own: &Tensor<f32>, bias: &Tensor<f32>, next: &Tensor<f32>, width: usize) -> Vec<usize> {
    let (units, outputs) = (bias.len(), next.shape().axes()[1]);
    let square = |value: &f32| f64::from(*value).powi(2);
    let size = |&unit: &usize| {
        let made: f64 = own.as_slice().iter().skip(unit).step_by(units).map(square).sum();
        let taken: f64 = next.as_slice()[unit * outputs..][..outputs].iter().map(square).sum();
        (made + square(&bias.as_slice()[unit])) * taken
    };
    let mut order: Vec<usize> = (0..units).collect();
    order.sort_by(|a, b| size(b).total_cmp(&size(a)));
    order.truncate(width);
    order.sort_unstable();
    order
}
