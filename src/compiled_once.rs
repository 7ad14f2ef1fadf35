//! What programs use of the crate, compiled here for both number types.
//!
//! A generic function is compiled again in each program that uses it: in each test and each example, and large ones in all
//! of them. Where it optimises little, the compiler first looks whether the crate has the function already, so here
//! is one that uses them, and that nobody calls. A release build shares none, so it goes without this file.

use std::hint::black_box;

use crate::layers::{Window, kinds::kinds};
use crate::losses::{
    BinaryCrossEntropy, BinaryCrossEntropyOfProbabilities, BinaryFocal, CategoricalFocal, CategoricalHinge,
    CosineEmbedding, CosineSimilarity, CrossEntropy, GaussianNegativeLogLikelihood, Hinge, HingeEmbedding,
    Huber, KlDivergence, KlDivergenceOfLogProbabilities, LogCosh, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, MultiLabelMargin,
    MultiMargin, NegativeLogLikelihood, Poisson, SmoothL1, SoftMargin,
};
use crate::optimizers::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Asgd, Lion, NAdam, RAdam, RmsProp, Rprop, Rule, Sgd,
};
use crate::train::{Dataset, EarlyStopping, Fit, metrics};
use crate::{
    GradientStore, Loss, Mode, Optimizer, Result, Scalar, Sequential, Target, Tensor, Trainer, seeded,
};

// What can be reached from outside is compiled, and left out again by the linker.
macro_rules! compiled_once {
    ($($type:ty)*) => {$(
        impl Sequential<$type> {
            #[doc(hidden)]
            pub fn compiled_once() -> Result<()> {
                compiled::<$type>()
            }
        }
    )*};
}
compiled_once!(f32 f64);

fn compiled<T: Scalar>() -> Result<()> {
    black_box(kinds::<T>());
    losses::<T>()?;
    rules::<T>()?;
    let (mut model, x) = (model::<T>()?, Tensor::zeros([1, 2, 2, 1])?);
    passes(&mut model, &x)?;
    training(&mut model, &x)?;
    #[cfg(feature = "safetensors")]
    files(&mut model)?;
    Ok(())
}

fn losses<T: Scalar>() -> Result<()> {
    let losses: [&dyn Loss<T>; 25] = [
        &BinaryCrossEntropy::new(),
        &BinaryCrossEntropyOfProbabilities::new(),
        &BinaryFocal::new(),
        &CategoricalFocal::new(),
        &CategoricalHinge::new(),
        &CosineEmbedding::new(),
        &CosineSimilarity::new(),
        &CrossEntropy::new(),
        &GaussianNegativeLogLikelihood::new(),
        &Hinge::new(),
        &HingeEmbedding::new(),
        &Huber::new(1.0)?,
        &KlDivergence::new(),
        &KlDivergenceOfLogProbabilities::new(),
        &LogCosh::new(),
        &MeanAbsoluteError::new(),
        &MeanAbsolutePercentageError::new(),
        &MeanSquaredError::new(),
        &MeanSquaredLogarithmicError::new(),
        &MultiLabelMargin::new(),
        &MultiMargin::new(),
        &NegativeLogLikelihood::new(),
        &Poisson::new(),
        &SmoothL1::new(1.0)?,
        &SoftMargin::new(),
    ];
    black_box(losses);
    Ok(())
}

fn rules<T: Scalar>() -> Result<()> {
    let rules: [&dyn Rule<T>; 12] = [
        &Adadelta::new(0.1)?,
        &Adagrad::new(0.1)?,
        &Adam::new(0.1)?,
        &AdamW::new(0.1)?,
        &Adamax::new(0.1)?,
        &Asgd::new(0.1)?,
        &Lion::new(0.1)?,
        &NAdam::new(0.1)?,
        &RAdam::new(0.1)?,
        &RmsProp::new(0.1)?,
        &Rprop::new(0.1)?,
        &Sgd::new(0.1)?,
    ];
    black_box(rules);
    Ok(())
}

fn model<T: Scalar>() -> Result<Sequential<T>> {
    let images = Sequential::builder([2, 2, 1]).conv2d(1, Window::new(1)).named("conv").batch_norm().relu();
    let images = images.max_pool2d(1).avg_pool2d(1).channels_first().channels_last().dropout2d(0.1);
    let rows = images.global_avg_pool2d().flatten().layer_norm().dropout(0.1).dense(2).without_bias();
    let rows = rows.leaky_relu(0.1).elu(1.0).gelu().silu().sigmoid().tanh().softplus();
    rows.softmax().log_softmax().build(&mut seeded(0))
}

fn passes<T: Scalar>(model: &mut Sequential<T>, x: &Tensor<T>) -> Result<()> {
    model.predict(x)?;
    model.features(x)?;
    model.classify(x)?;
    black_box((
        model.summary(),
        model.state(),
        model.clone(),
        model.for_inference()?,
        model.split_at("conv")?,
    ));
    model.freeze("conv")?;
    let mut workspace = model.workspace(Mode::Train, 1)?;
    let mut gradients = GradientStore::new(model);
    model.infer(x, &mut workspace)?;
    model.forward_pass(x, &mut workspace)?;
    workspace.loss(&CrossEntropy::new(), Target::Classes(&[0]))?;
    model.backward_pass(x, &mut workspace, &mut gradients)?;
    let mut optimizer = Optimizer::new(Adam::new(0.1)?);
    optimizer.step(model, &mut gradients)?;
    let mut sink = optimizer.apply(model)?;
    model.backward_pass(x, &mut workspace, &mut sink)?;
    sink.finish(model)?;
    metrics::accuracy(x, &[0])?;
    metrics::top_k_accuracy(x, &[0], 1)?;
    metrics::classes(x)?;
    black_box(format!("{x:?} {model:?}"));
    Ok(())
}

fn training<T: Scalar>(model: &mut Sequential<T>, x: &Tensor<T>) -> Result<()> {
    let data = Dataset::new(x, &[0])?;
    let optimizer = Optimizer::new(Sgd::new(0.1)?);
    let mut trainer = Trainer::new(model, CrossEntropy::new(), optimizer).with_moving_average(0.9)?;
    trainer.step(x, &[0])?;
    trainer.fit(data, Fit::epochs(1).with_validation(data).with_early_stopping(EarlyStopping::new(1)))?;
    trainer.evaluate(data)?;
    trainer.model().evaluate(data, &CrossEntropy::new())?;
    trainer.swap_average()
}

#[cfg(feature = "safetensors")]
fn files<T: Scalar>(model: &mut Sequential<T>) -> Result<()> {
    use crate::io::{Load, Save};
    let bytes = model.to_bytes(&Save::new())?;
    model.load_bytes(&bytes, &Load::new())?;
    black_box(Sequential::<T>::open_bytes(&bytes)?);
    model.save("model")?;
    model.load("model")?;
    black_box(Sequential::<T>::open("model")?);
    let mut trainer = Trainer::new(model, CrossEntropy::new(), Optimizer::new(Sgd::new(0.1)?));
    trainer.save_checkpoint("checkpoint")?;
    trainer.resume("checkpoint")
}
