//! Training with a frozen body in the loop: what it costs, and that the body stays as it is.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use taper::train::{Dataset, Fit};
use taper::{Layer, Result, Sequential, Tensor};

use super::head::{head, trainer};

const SEED: u64 = 1;

/// An epoch of the same head, on features and with the body before it.
pub(crate) struct Comparison {
    pub(crate) on_features: Duration,
    pub(crate) in_the_loop: Duration,
    /// Of the bytes of the body, before and after the epoch in the loop.
    pub(crate) hashes: [u64; 2],
    /// Whether both ways led to the same bits of the head.
    pub(crate) heads_agree: bool,
}

/// Trains an epoch each way.
pub(crate) fn compare(
    body: &Sequential<f32>,
    features: &Tensor<f32>,
    images: &Tensor<f32>,
    labels: &[usize],
) -> Result<Comparison> {
    let mut alone = head(body.output(), SEED)?;
    let mut whole = Sequential::builder(body.input()).layer(body.clone()).named("body");
    whole = whole.layer(alone.clone()).named("head");
    let mut whole = whole.build(&mut taper::seeded(SEED))?;
    whole.freeze("body")?;

    let before = hash(&whole, "body.");
    let on_features = epoch(&mut alone, Dataset::new(features, labels)?)?;
    let in_the_loop = epoch(&mut whole, Dataset::new(images, labels)?)?;
    let heads_agree = hash(&alone, "") == hash(&whole, "head.");
    Ok(Comparison { on_features, in_the_loop, hashes: [before, hash(&whole, "body.")], heads_agree })
}

fn epoch(model: &mut Sequential<f32>, data: Dataset<'_, f32>) -> Result<Duration> {
    let mut trainer = trainer(model, SEED)?;
    let start = Instant::now();
    trainer.fit(data, Fit::epochs(1))?;
    Ok(start.elapsed())
}

/// A hash of all parameters and statistics whose names begin so, without this beginning.
fn hash(model: &Sequential<f32>, prefix: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    model.params(&mut |param| {
        if let Some(name) = param.name().strip_prefix(prefix) {
            name.hash(&mut hasher);
            param.to_tensor().as_slice().iter().for_each(|value| value.to_bits().hash(&mut hasher));
        }
    });
    hasher.finish()
}
