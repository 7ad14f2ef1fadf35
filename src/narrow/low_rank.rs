//! Dense layers as two of low rank.

use std::fmt;

use super::agreement::agreement;
use super::eigen::Eigen;
use super::moments::MomentSums;
use super::report::{Agreement, Cost, lost_at, write_table};
use super::samples::{check, check_numbers, for_each_output};
use super::sums::Sums;
use crate::getters::getters;
use crate::layers::{Dense, Layer};
use crate::sequential::Place;
use crate::train::Inputs;
use crate::{Error, Parallelism, Result, Scalar, Sequential, Tensor};

/// How dense layers become two of low rank each: n→m as n→r→m, with nothing in between. Fewer numbers where r < n·m/(n + m).
///
/// With the outputs y = x·W + b of the layer on some inputs, their mean μ and the eigenvectors V of their covariance Wᵀ·C·W, those of the r
/// largest eigenvalues,
///
/// ```text
/// W ≈ (W·V)·Vᵀ        b' = μ + (b − μ)·V·Vᵀ
/// ```
///
/// is the best of rank r for these inputs: the variance that is lost is the sum of the other eigenvalues. With C = L·Lᵀ these
/// are the squares of the singular values of Lᵀ·W, as in SVD-LLM (Wang et al., 2025), for which no L is needed.
///
/// ```
/// use taper::{Sequential, Tensor, narrow::LowRank};
///
/// let model = Sequential::<f32>::builder([16]).dense(40).named("fc").relu().dense(3).build(&mut taper::seeded(7))?;
/// let inputs = Tensor::from_fn([200, 16], |i| ((i * 37) % 101) as f32 / 50.0 - 1.0)?;
/// let factored = LowRank::new().to_ranks(&model, &inputs, [("fc", 4)])?;
/// assert_eq!(factored.model.param("fc_low.weight")?.shape().axes(), [16, 4]);
/// assert_eq!(factored.model.param("fc.weight")?.shape().axes(), [4, 40]);
/// assert_eq!(factored.layers[0].pays_below, 12); // 16·40/(16 + 40) = 11.4
/// # Ok::<(), taper::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct LowRank {
    parallelism: Parallelism,
}

/// A model with layers of low rank, and what became of the one before. Printed, it is a table.
///
/// After a [`Narrowing`](super::Narrowing), [`Agreement::between`] tells what both together lose.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Factored<T: Scalar> {
    /// The model. The first of two layers has the name of the one before with `_low` behind it and no bias, the second its name.
    pub model: Sequential<T>,
    /// A row for each dense layer that was looked at, in the order of the data.
    pub layers: Vec<RankReport>,
    /// The whole model before.
    pub before: Cost,
    /// The whole model after.
    pub after: Cost,
    /// The outputs after beside those before.
    pub agreement: Agreement,
}

/// One dense layer that may be two of low rank.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RankReport {
    /// Its name.
    pub name: String,
    /// What is lost at each rank, from 0 on: the part of the variance of its outputs.
    pub errors: Vec<f64>,
    /// The rank that was chosen; `None` where it stays one layer.
    pub rank: Option<usize>,
    /// The least rank at which two layers have as many numbers as one, or more.
    pub pays_below: usize,
}

impl<T: Scalar> fmt::Display for Factored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = vec![["layer", "rank", "lost", "pays below", "lost there"].map(str::to_owned)];
        for RankReport { name, errors, rank, pays_below } in &self.layers {
            let chosen = rank
                .map_or(["-".to_owned(), "-".to_owned()], |rank| [rank.to_string(), lost_at(errors, rank)]);
            let [rank, lost] = chosen;
            table.push([name.clone(), rank, lost, pays_below.to_string(), lost_at(errors, *pays_below)]);
        }
        write_table(f, &table)?;
        let (before, after) = (self.before, self.after);
        writeln!(
            f,
            "{} -> {} parameters, {} -> {} multiply-adds",
            before.parameters, after.parameters, before.multiply_adds, after.multiply_adds
        )?;
        writeln!(f, "{}", self.agreement)
    }
}

impl LowRank {
    /// As many threads as the machine has.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many threads may be used.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: Parallelism) -> Self {
        self.parallelism = parallelism;
        self
    }

    getters! {
        /// How many threads may be used.
        parallelism: Parallelism;
    }

    /// Makes two of each of these dense layers, of these ranks, whether that pays or not.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for a name that no dense layer has; [`Error::Setting`] for a model without dense layers in its own numbers, for a rank of 0 or above that of the weight, and for a layer that is named twice;
    /// otherwise as [`Narrowing::to_widths`](super::Narrowing::to_widths).
    pub fn to_ranks<'a, T: Scalar, N: Into<String>>(
        &self,
        model: &'a Sequential<T>,
        inputs: impl Into<Inputs<'a, T>>,
        ranks: impl IntoIterator<Item = (N, usize)>,
    ) -> Result<Factored<T>> {
        let ranks: Vec<(String, usize)> = ranks.into_iter().map(|(name, rank)| (name.into(), rank)).collect();
        let all = dense_layers(model);
        for (number, (name, rank)) in ranks.iter().enumerate() {
            let Some(found) = all.iter().find(|found| found.name == *name) else {
                let names = all.iter().map(|found| found.name.as_str());
                return Err(Error::unknown_name("dense layer", names, name));
            };
            let most = found.dense.inputs().min(found.dense.outputs());
            if *rank == 0 || *rank > most {
                let got = format!("{rank} for layer `{name}`, whose weight has at most {most}");
                return Err(Error::setting("rank", "at least 1, and no more than the weight has", got));
            }
            if ranks[..number].iter().any(|(other, _)| other == name) {
                return Err(Error::setting("ranks", "one for each layer", format!("two for `{name}`")));
            }
        }
        let rank_of = |name: &str| ranks.iter().find(|(other, _)| other == name).map(|(_, rank)| *rank);
        self.factored(model, inputs.into(), |name| rank_of(name).is_some(), |report| rank_of(&report.name))
    }

    /// Makes two of each dense layer whose outputs lose no more than this part of their variance at a rank that pays: at the least such.
    ///
    /// # Errors
    /// [`Error::Setting`] unless 0 ≤ error < 1; otherwise as [`LowRank::to_ranks`].
    pub fn within_error<'a, T: Scalar>(
        &self,
        model: &'a Sequential<T>,
        inputs: impl Into<Inputs<'a, T>>,
        error: f64,
    ) -> Result<Factored<T>> {
        if !(0.0..1.0).contains(&error) {
            return Err(Error::setting("error of the outputs", "a number of at least 0 and below 1", error));
        }
        let least = |report: &RankReport| {
            let rank = report.errors.iter().position(|&lost| lost <= error)?.max(1);
            (rank < report.pays_below).then_some(rank)
        };
        self.factored(model, inputs.into(), |_| true, least)
    }

    fn factored<T: Scalar>(
        &self,
        model: &Sequential<T>,
        inputs: Inputs<'_, T>,
        looks_at: impl Fn(&str) -> bool,
        choose: impl Fn(&RankReport) -> Option<usize>,
    ) -> Result<Factored<T>> {
        check(model, &inputs)?;
        let all = dense_layers(model);
        if all.is_empty() {
            let expected = "at least one dense layer whose weight has the model's numbers";
            return Err(Error::setting("model to factor", expected, "none"));
        }
        let (mut factored, mut layers) = (model.clone(), Vec::new());
        // From the last to the first, as there is one layer more behind each that becomes two.
        for found in all.into_iter().rev().filter(|found| looks_at(&found.name)) {
            let outputs = self.outputs(model, &inputs, &found)?;
            let (n, m) = (found.dense.inputs(), found.dense.outputs());
            let mut report = RankReport {
                name: found.name.clone(),
                errors: outputs.errors(n.min(m)),
                rank: None,
                pays_below: (n * m).div_ceil(n + m),
            };
            report.rank = choose(&report);
            if let Some(rank) = report.rank {
                let [first, second] = found.in_two(&outputs, rank)?;
                check_numbers(&*first, &found.name)?;
                check_numbers(&*second, &found.name)?;
                factored = factored.with_two_layers_at(&found.place, found.layer, "_low", first, second)?;
            }
            layers.push(report);
        }
        layers.reverse();
        let agreement = agreement(model, &factored, &inputs, self.parallelism)?;
        let (before, after) = (Cost::of_model(model), Cost::of_model(&factored));
        Ok(Factored { model: factored, layers, before, after, agreement })
    }

    /// Mean and main directions of a layer's outputs.
    fn outputs<T: Scalar>(
        &self,
        model: &Sequential<T>,
        inputs: &Inputs<'_, T>,
        found: &Found<'_, T>,
    ) -> Result<Directions> {
        let outputs = found.dense.outputs();
        let mut sums = MomentSums::whole(outputs, self.parallelism)?;
        let way = model.way_to(&found.place, found.layer + 1);
        for_each_output(&way, inputs, self.parallelism, |sample| {
            sample.chunks_exact(outputs).for_each(|row| sums.add(row.iter().map(|value| value.as_f64())));
            Ok(())
        })?;
        let what = || format!("variance of the outputs of layer `{}`", found.name);
        let moments = sums.finish(1.0, what)?;
        let all: Vec<usize> = (0..outputs).collect();
        let eigen = Eigen::new(moments.covariance.damped_part(&all, 0.0)?.to_rows(), outputs)
            .ok_or_else(|| Error::NotFinite { what: what(), got: f64::NAN })?;
        Ok(Directions { means: moments.means, eigen })
    }
}

/// A dense layer of a model, or of one inside.
struct Found<'a, T: Scalar> {
    place: Place,
    layer: usize,
    name: String,
    dense: &'a Dense<T>,
}

/// All dense layers whose weights are in the model's numbers, in the order of the data.
fn dense_layers<T: Scalar>(model: &Sequential<T>) -> Vec<Found<'_, T>> {
    let mut found = Vec::new();
    for (place, prefix, inner) in model.models_inside() {
        for (layer, (name, any)) in inner.layers().enumerate() {
            if let Some(Sums::Dense(dense)) = Sums::of(any) {
                found.push(Found { place: place.clone(), layer, name: format!("{prefix}{name}"), dense });
            }
        }
    }
    let position = |found: &Found<'_, T>| -> Vec<usize> {
        found.place.iter().flat_map(|&(layer, path)| [layer, path]).chain([found.layer]).collect()
    };
    found.sort_by_key(position);
    found
}

/// The outputs of a layer: their means, and the eigenvectors of their covariance.
struct Directions {
    means: Vec<f64>,
    eigen: Eigen,
}

impl Directions {
    /// The part of the variance that is lost at each rank, up to this one.
    fn errors(&self, most: usize) -> Vec<f64> {
        let values = || self.eigen.values.iter().map(|value| value.max(0.0));
        let whole: f64 = values().sum();
        let lost = |rank: usize| values().skip(rank).sum::<f64>() / whole.max(f64::MIN_POSITIVE);
        // At the rank of the weight it is rounding.
        (0..=most).map(|rank| if rank == most { 0.0 } else { lost(rank) }).collect()
    }
}

impl<T: Scalar> Found<'_, T> {
    fn in_two(&self, outputs: &Directions, rank: usize) -> Result<[Box<dyn Layer<T>>; 2]> {
        let (n, m) = (self.dense.inputs(), self.dense.outputs());
        let vector = |number: usize| &outputs.eigen.vectors[number * m..][..m];
        let along = |row: &[f64], number: usize| -> f64 { super::cholesky::dot(row, vector(number)) };
        let weight: Vec<f64> =
            self.dense.weight().to_tensor().as_slice().iter().map(|value| value.as_f64()).collect();
        let first =
            Tensor::from_fn([n, rank], |place| T::of(along(&weight[place / rank * m..][..m], place % rank)))?;
        let second = Tensor::from_fn([rank, m], |place| T::of(vector(place / m)[place % m]))?;
        let bias = |output: usize| self.dense.bias().map_or(0.0, |bias| bias.buffer()[output].as_f64());
        let moved: Vec<f64> = (0..m).map(|output| bias(output) - outputs.means[output]).collect();
        let parts: Vec<f64> = (0..rank).map(|number| along(&moved, number)).collect();
        let bias = Tensor::from_fn([m], |output| {
            let back: f64 = (0..rank).map(|number| parts[number] * vector(number)[output]).sum();
            T::of(outputs.means[output] + back)
        })?;
        let mut low = Dense::from_parts(&first, None)?;
        let is_frozen = self.dense.weight().is_frozen();
        low.params_mut(&mut |param| {
            param.prefix_name(&format!("{}_low", self.name));
            if is_frozen {
                param.freeze();
            }
        });
        Ok([Box::new(low), Box::new(self.dense.with_sums(&second, &bias))])
    }
}
