//! From a model and inputs to a narrower model: what all ways to choose widths have in common.

use std::cell::OnceCell;

use super::agreement::agreement;
use super::chain::{Chains, Pair, input_of};
use super::elimination::Elimination;
use super::memory::Need;
use super::moments::{MomentSums, Moments};
use super::refit::Refit;
use super::report::{Cost, LayerReport, Report};
use super::samples::{check, check_numbers, for_each_output};
use super::sums::Sums;
use crate::layers::Layer;
use crate::train::Inputs;
use crate::{Error, Parallelism, Result, Scalar, Sequential, Shape};

/// A narrower model, and what became of the one before.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Narrowed<T: Scalar> {
    /// The model: the same layers under the same names, with fewer units.
    pub model: Sequential<T>,
    /// What each layer was and is, and what is lost.
    pub report: Report,
}

/// What is lost at each width of a layer, for whoever chooses one.
pub(super) struct Choice<'a> {
    pub(super) name: &'a str,
    /// As parts of the whole, from width 0 on.
    pub(super) errors: &'a [f64],
}

/// What all ways to narrow have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    /// λ, as a part of the mean variance.
    pub(super) damping: f64,
    /// Bytes that covariances may take.
    pub(super) memory: usize,
    pub(super) parallelism: Parallelism,
}

pub(super) struct Engine<'a, T: Scalar> {
    model: &'a Sequential<T>,
    inputs: Inputs<'a, T>,
    chains: Chains,
    /// Those of what the taker of each pair takes, once somebody has asked for them.
    moments: Vec<OnceCell<Moments>>,
    settings: Settings,
}

impl<'a, T: Scalar> Engine<'a, T> {
    /// Only layers of these names are narrowed, or all.
    pub(super) fn new(
        model: &'a Sequential<T>,
        inputs: Inputs<'a, T>,
        layers: Option<&[String]>,
        settings: Settings,
    ) -> Result<Self> {
        let samples = check(model, &inputs)?;
        let mut chains = Chains::of(model);
        chains.check_any()?;
        if let Some(layers) = layers {
            for layer in layers {
                chains.check_name(layer)?;
            }
            chains.pairs.retain(|pair| layers.contains(&pair.name));
        }
        for pair in &chains.pairs {
            let (taker, input) = taker_of(model, pair);
            let (numbers, outputs) = (taker.rows(), taker.outputs());
            let need = Need { name: &pair.name, numbers, outputs, unit: pair.rows[0].len() };
            need.check(samples, taker.rows_in(&input)?, settings.memory)?;
        }
        let moments = chains.pairs.iter().map(|_| OnceCell::new()).collect();
        Ok(Self { model, inputs, chains, moments, settings })
    }

    /// The layers that can be narrowed, with their widths.
    pub(super) fn widths(&self) -> impl Iterator<Item = (&str, usize)> {
        self.chains.pairs.iter().map(|pair| (pair.name.as_str(), pair.width()))
    }

    /// The model with as many units in each layer as `choose` says, and a row for each. The last layer is first: then
    /// the one before it has to give only what is still asked for.
    pub(super) fn narrowed(
        &self,
        choose: &dyn Fn(&Choice<'_>) -> usize,
    ) -> Result<(Sequential<T>, Vec<LayerReport>)> {
        let mut model = self.model.clone();
        let mut rows = Vec::new();
        for number in (0..self.chains.pairs.len()).rev() {
            let (narrower, row) = self.narrowed_at(&model, number, choose)?;
            model = narrower;
            rows.push(row);
        }
        rows.reverse();
        for (row, pair) in rows.iter_mut().zip(&self.chains.pairs) {
            row.after = cost_at(&model, pair);
        }
        Ok((model, rows))
    }

    /// The model with fewer units in one layer.
    fn narrowed_at(
        &self,
        model: &Sequential<T>,
        number: usize,
        choose: &dyn Fn(&Choice<'_>) -> usize,
    ) -> Result<(Sequential<T>, LayerReport)> {
        let pair = &self.chains.pairs[number];
        let inner = model.model_at(&pair.place);
        let layers: Vec<&dyn Layer<T>> = inner.layers().map(|(_, layer)| layer).collect();
        let of_sums = |layer: usize| Sums::of(layers[layer]).expect("a pair is of two such layers");
        let (maker, taker) = (of_sums(pair.maker), of_sums(pair.taker));
        let (weight, columns) = (taker.weight_rows(), taker.outputs());
        if let Some(&got) = weight.iter().find(|value| !value.is_finite()) {
            return Err(Error::NotFinite { what: format!("weight of layer `{}`", pair.next), got });
        }
        let moments = self.moments(number)?;
        let whole = moments.covariance.variance_of(&weight, columns);
        let part = |lost: f64| if lost == 0.0 { 0.0 } else { lost / whole.max(f64::MIN_POSITIVE) };
        let elimination = Elimination::new(moments, &pair.rows, &weight, columns)?;
        let errors: Vec<f64> = elimination.lost.iter().map(|&lost| part(lost)).collect();
        let width = choose(&Choice { name: &pair.name, errors: &errors }).clamp(1, pair.width());
        let kept = elimination.kept(width);
        let mut row = LayerReport {
            name: pair.name.clone(),
            next: pair.next.clone(),
            width_before: pair.width(),
            width,
            errors,
            error: 0.0,
            kept,
            before: cost_at(self.model, pair),
            after: Cost::default(),
        };
        if width == pair.width() {
            return Ok((model.clone(), row));
        }
        let mut kept_rows: Vec<usize> = row.kept.iter().flat_map(|&unit| &pair.rows[unit]).copied().collect();
        kept_rows.sort_unstable();
        let refit = Refit::new(moments, &kept_rows, &weight, columns)?;
        row.error = part(refit.lost);
        let refitted = taker.with_weight(&refit.weight, width, pair.width(), &refit.shift)?;
        check_numbers(&*refitted, &pair.next)?;
        let mut changes = vec![(pair.maker, maker.with_outputs(&row.kept)), (pair.taker, refitted)];
        for (between, &units) in (pair.maker + 1..pair.taker).zip(&pair.units) {
            let layer = layers[between].with_units(&input_of(inner, between), units, &row.kept)?;
            changes.push((between, layer));
        }
        Ok((model.with_layers_at(&pair.place, changes)?, row))
    }

    /// The moments of what the taker of a pair takes, in the model as it was. What stands before a layer is not narrowed when that layer is,
    /// so they are the same for every way to choose widths.
    fn moments(&self, number: usize) -> Result<&Moments> {
        if let Some(moments) = self.moments[number].get() {
            return Ok(moments);
        }
        let pair = &self.chains.pairs[number];
        let (taker, input) = taker_of(self.model, pair);
        let rows = check(self.model, &self.inputs)? * taker.rows_in(&input)?;
        let mut sums = MomentSums::of_rows(rows, taker.rows(), self.settings.parallelism)?;
        let way = self.model.way_to(&pair.place, pair.taker);
        for_each_output(&way, &self.inputs, self.settings.parallelism, |sample| {
            taker.for_each_row(&input, sample, |row| sums.add(row.iter().map(|value| value.as_f64())))
        })?;
        let what = || format!("variance of what layer `{}` takes", pair.next);
        let moments = sums.finish(self.settings.damping, what)?;
        Ok(self.moments[number].get_or_init(|| moments))
    }

    /// The narrower model with the whole report.
    pub(super) fn report(self, model: Sequential<T>, layers: Vec<LayerReport>) -> Result<Narrowed<T>> {
        let agreement = agreement(self.model, &model, &self.inputs, self.settings.parallelism)?;
        let (before, after) = (Cost::of_model(self.model), Cost::of_model(&model));
        let report = Report { layers, others: self.chains.others, before, after, agreement };
        Ok(Narrowed { model, report })
    }

    /// The part of the variance of the outputs that another model loses.
    pub(super) fn output_error(&self, model: &Sequential<T>) -> Result<f64> {
        Ok(agreement(self.model, model, &self.inputs, self.settings.parallelism)?.error)
    }
}

impl Chains {
    /// Whether any layer can be narrowed.
    fn check_any(&self) -> Result<()> {
        if !self.pairs.is_empty() {
            return Ok(());
        }
        let reasons: Vec<String> =
            self.others.iter().take(3).map(|(name, reason)| format!("layer `{name}`: {reason}")).collect();
        let got =
            if reasons.is_empty() { "none".to_owned() } else { format!("none ({})", reasons.join("; ")) };
        Err(Error::setting("model to narrow", "a layer whose units another layer takes", got))
    }

    /// Whether the layer of this name can be narrowed.
    pub(super) fn check_name(&self, name: &str) -> Result<&Pair> {
        if let Some(pair) = self.pairs.iter().find(|pair| pair.name == name) {
            return Ok(pair);
        }
        if let Some((_, reason)) = self.others.iter().find(|(other, _)| other == name) {
            let got = format!("`{name}`, but {reason}");
            return Err(Error::setting("layer to narrow", "one whose units another layer takes", got));
        }
        let names = self.pairs.iter().map(|pair| pair.name.as_str());
        Err(Error::unknown_name("layer to narrow", names, name))
    }
}

/// The layer of a model that takes the units of a pair, and the shape that it takes.
fn taker_of<'a, T: Scalar>(model: &'a Sequential<T>, pair: &Pair) -> (Sums<'a, T>, Shape) {
    let inner = model.model_at(&pair.place);
    let layer = inner.layers().nth(pair.taker).expect("a pair is of layers of the model").1;
    (Sums::of(layer).expect("a taker"), input_of(inner, pair.taker))
}

fn cost_at<T: Scalar>(model: &Sequential<T>, pair: &Pair) -> Cost {
    let inner = model.model_at(&pair.place);
    let (layer, input) = inner.layers_with_inputs().nth(pair.maker).expect("a layer of the model");
    Cost::of(layer, input)
}
