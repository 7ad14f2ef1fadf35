//! A body of convolutions and normalisations that is frozen below a head that learns.

use taper::losses::CrossEntropy;
use taper::optimizers::{Adam, AdamW, Clip, Sgd};
use taper::train::{Dataset, Fit};
use taper::{Layer, Optimizer, Result, Sequential, Tensor, Trainer, seeded};

const LABELS: [usize; 11] = [0, 1, 2, 0, 1, 2, 0, 1, 2, 2, 1];

fn images() -> Result<Tensor<f32>> {
    Tensor::from_fn([LABELS.len(), 8, 8, 3], |i| ((i * 7919) % 1009) as f32 / 504.0 - 1.0)
}

/// A body whose running statistics have moved away from 0 and 1.
fn body() -> Result<Sequential<f32>> {
    let builder =
        Sequential::builder([8, 8, 3]).conv2d(6, 3).named("conv1").batch_norm().named("norm1").relu();
    let builder = builder.max_pool2d(2).conv2d(5, 2).named("conv2").relu().batch_norm().named("norm2");
    let model = builder.flatten().named("flatten").dense(3).named("fc").build(&mut seeded(1))?;
    let mut model = model;
    let mut trainer = Trainer::new(&mut model, CrossEntropy::new(), Optimizer::new(Sgd::new(0.1)?));
    trainer.fit(Dataset::new(&images()?, &LABELS)?, Fit::epochs(2))?;
    Ok(model.split_at("flatten")?.0)
}

fn head(body: &Sequential<f32>) -> Result<Sequential<f32>> {
    let builder = Sequential::builder(body.output()).flatten().layer_norm().named("norm");
    builder.dense(3).named("fc").build(&mut seeded(2))
}

/// The bits of all parameters and statistics whose names begin so.
fn bits(model: &Sequential<f32>, prefix: &str) -> Vec<u32> {
    let mut bits = Vec::new();
    model.params(&mut |param| {
        if param.name().starts_with(prefix) {
            bits.extend(param.to_tensor().as_slice().iter().map(|value| value.to_bits()));
        }
    });
    bits
}

fn optimizers() -> Result<Vec<Optimizer<f32>>> {
    let adam = || Ok::<_, taper::Error>(Optimizer::new(Adam::new(0.01)?));
    Ok(vec![
        adam()?,
        adam()?.with_clip(Clip::GlobalNorm(0.1))?,
        adam()?.with_clip(Clip::Norm(0.1))?,
        Optimizer::new(AdamW::new(0.01)?),
        Optimizer::new(Sgd::new(0.1)?.with_momentum(0.9)?),
    ])
}

/// Three epochs in batches of 4, the last one of 3.
fn train(
    model: &mut Sequential<f32>,
    inputs: &Tensor<f32>,
    optimizer: Optimizer<f32>,
    accumulation: usize,
) -> Result<()> {
    let trainer = Trainer::new(model, CrossEntropy::new(), optimizer).with_batch(4)?.with_seed(3);
    trainer.with_accumulation(accumulation)?.fit(Dataset::new(inputs, &LABELS)?, Fit::epochs(3))?;
    Ok(())
}

#[test]
fn the_body_stays_and_the_head_learns_as_on_features() -> Result<()> {
    let (images, body) = (images()?, body()?);
    let features = body.features(&images)?;
    for accumulation in [1, 2] {
        for (alone_by, whole_by) in optimizers()?.into_iter().zip(optimizers()?) {
            let mut alone = head(&body)?;
            let builder = Sequential::builder(body.input()).layer(body.clone()).named("body");
            let mut whole = builder.layer(alone.clone()).named("head").build(&mut seeded(0))?;
            whole.freeze("body")?;
            let before = [bits(&whole, "body."), bits(&whole, "head.")];
            train(&mut alone, &features, alone_by, accumulation)?;
            train(&mut whole, &images, whole_by, accumulation)?;
            assert_eq!(bits(&whole, "body."), before[0]);
            assert_ne!(bits(&whole, "head."), before[1]);
            assert_eq!(bits(&whole, "head."), bits(&alone, ""));
            assert_eq!(whole.predict(&images)?, alone.predict(&features)?);
        }
    }
    Ok(())
}

/// Without nesting: the frozen layers and the head are layers of one model.
#[test]
fn frozen_layers_of_one_model_stay() -> Result<()> {
    let builder = Sequential::builder([8, 8, 3]).conv2d(4, 3).named("conv").batch_norm().named("norm").relu();
    let mut model = builder.global_avg_pool2d().dense(3).named("fc").build(&mut seeded(1))?;
    for layer in ["conv", "norm"] {
        model.freeze(layer)?;
    }
    let before = [bits(&model, "conv."), bits(&model, "norm."), bits(&model, "fc.")];
    train(&mut model, &images()?, Optimizer::new(AdamW::new(0.01)?), 1)?;
    assert_eq!([bits(&model, "conv."), bits(&model, "norm.")], before[..2]);
    assert_ne!(bits(&model, "fc."), before[2]);
    Ok(())
}
