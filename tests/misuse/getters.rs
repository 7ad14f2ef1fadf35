//! What was set is told.

use taper::layers::{
    AvgPool2d, BatchNorm, Channels, ConvTranspose1d, ConvTranspose2d, Dropout, Dropout2d, Embedding,
    GroupNorm, InstanceNorm, MaxPool2d, Momentum, Padding, Reshape, RmsNorm, Sides, Window,
};
use taper::losses::{
    BinaryCrossEntropy, BinaryFocal, CategoricalFocal, CosineEmbedding, CrossEntropy,
    GaussianNegativeLogLikelihood, Hinge, HingeEmbedding, Huber, KlDivergence,
    KlDivergenceOfLogProbabilities, MultiMargin, NegativeLogLikelihood, Poisson, Reduction, SmoothL1,
};
use taper::optimizers::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Asgd, Lion, NAdam, RAdam, RmsProp, Rprop, Sgd, WeightDecay,
};
use taper::schedules::{
    Cosine, CosineRestarts, Cyclic, Exponential, InverseTime, OnPlateau, OneCycle, Piecewise, Polynomial,
    StepDecay,
};
use taper::train::augment::{Erase, Flip, Noise, Rotate, Scale, Shift};
use taper::train::{EarlyStopping, Fit, Monitor};
use taper::{Dense, Flatten, Optimizer, Parallelism, Sequential, Trainer};

#[test]
fn layers_tell_their_settings() {
    let window = Window::new([2, 3]).with_stride(4).with_dilation([1, 2]).with_padding(Padding::Same);
    assert_eq!((window.kernel(), window.stride()), (Sides::from([2, 3]), Some(Sides::from(4))));
    assert_eq!((window.dilation(), window.padding()), (Sides::from([1, 2]), Padding::Same));
    assert_eq!(Window::new(3).stride(), None);
    let channels = Channels::new(4, 6).with_groups(2);
    assert_eq!((channels.inputs(), channels.outputs(), channels.groups()), (4, 6, 2));
    let pool = AvgPool2d::new(Window::new(2).with_padding(1)).unwrap();
    assert!(pool.counts_padding() && !pool.clone().without_counting_padding().counts_padding());
    assert_eq!(pool.clone().with_divisor_override(3).unwrap().divisor_override(), Some(3));
    let conv = || ConvTranspose2d::<f32>::new(channels, 3, &mut taper::seeded(0)).unwrap();
    assert_eq!((conv().output_size(), conv().output_padding()), (None, 0.into()));
    assert_eq!(conv().with_output_size([7, 9]).unwrap().output_size(), Some([7, 9].into()));
    let conv = ConvTranspose1d::<f32>::new(channels, 3, &mut taper::seeded(0)).unwrap();
    assert_eq!(conv.with_output_size(7).unwrap().output_size(), Some(7));
    // A pool moves by its size.
    assert_eq!(MaxPool2d::new(3).unwrap().window().stride(), Some(3.into()));
    assert_eq!(pool.window().kernel(), 2.into());
    let norm = BatchNorm::<f32>::new(5).unwrap().with_momentum(Momentum::Keras(0.99)).unwrap();
    let norm = norm.with_epsilon(0.5).unwrap();
    assert_eq!((norm.channels(), norm.momentum(), norm.epsilon()), (5, Momentum::Keras(0.99), 0.5));
    let norm = GroupNorm::<f32>::new(2, 6).unwrap().with_epsilon(0.5).unwrap();
    assert_eq!((norm.groups(), norm.channels(), norm.epsilon()), (2, 6, 0.5));
    let norm = InstanceNorm::<f64>::new(4).unwrap().with_epsilon(0.25).unwrap();
    assert!(norm.weight().is_none() && norm.bias().is_none());
    let norm = norm.with_affine().unwrap();
    assert!(norm.weight().is_some() && norm.bias().is_some());
    assert_eq!((norm.channels(), norm.epsilon()), (4, 0.25));
    assert!(norm.momentum().is_none() && norm.running_mean().is_none() && norm.running_var().is_none());
    let norm = norm.with_running_statistics(Momentum::Keras(0.75)).unwrap();
    assert_eq!((norm.momentum(), norm.epsilon()), (Some(Momentum::Keras(0.75)), 0.25));
    assert!(norm.weight().is_some() && norm.running_mean().is_some() && norm.running_var().is_some());
    let norm = RmsNorm::<f32>::new([2, 3]).unwrap();
    assert_eq!((norm.normalized_shape().axes(), norm.epsilon()), (&[2, 3][..], f64::from(f32::EPSILON)));
    let dense = Dense::<f32>::new(3, 2, &mut taper::seeded(0)).unwrap();
    assert_eq!((dense.inputs(), dense.outputs()), (3, 2));
    assert_eq!((Dropout::new(0.25).unwrap().rate(), Dropout2d::new(0.5).unwrap().rate()), (0.25, 0.5));
    assert_eq!(Embedding::<f32>::new(7, 3, &mut taper::seeded(0)).unwrap().dimension(), 3);
    assert_eq!((Flatten::new().joined(), Flatten::axes(2, 3).joined()), (None, Some((2, 3))));
    assert_eq!(Reshape::new([2, 3]).sample().axes(), [2, 3]);
}

#[test]
fn losses_tell_their_settings() {
    let loss =
        CrossEntropy::new().with_label_smoothing(0.1).unwrap().with_class_weights(&[1.0, 2.0]).unwrap();
    let loss = loss.with_ignored(9).with_reduction(Reduction::Sum);
    assert_eq!(
        (loss.label_smoothing(), loss.class_weights(), loss.ignored()),
        (0.1, Some(&[1.0, 2.0][..]), Some(9))
    );
    assert_eq!((loss.reduction(), CrossEntropy::new().class_weights()), (Reduction::Sum, None));
    assert_eq!(NegativeLogLikelihood::new().with_ignored(3).ignored(), Some(3));
    let loss = BinaryCrossEntropy::new().with_positive_weight(&[2.0, 3.0]).unwrap();
    assert_eq!(
        (loss.positive_weight(), loss.weights().len()),
        (&[2.0, 3.0][..], BinaryCrossEntropy::new().weights().len())
    );
    let focal = BinaryFocal::new().with_gamma(1.5).unwrap();
    assert_eq!((focal.gamma(), focal.clone().without_alpha().alpha()), (1.5, None));
    assert_eq!(CategoricalFocal::new().with_label_smoothing(0.2).unwrap().label_smoothing(), 0.2);
    assert!(Hinge::new().squared().is_squared() && !Hinge::new().is_squared());
    assert_eq!(HingeEmbedding::new().with_margin(2.0).unwrap().margin(), 2.0);
    assert!(MultiMargin::new().squared().is_squared());
    assert_eq!((Huber::new(2.0).unwrap().delta(), SmoothL1::new(0.5).unwrap().beta()), (2.0, 0.5));
    let poisson = Poisson::new().without_log_input().with_full();
    assert!(!poisson.log_input() && poisson.full());
    let gaussian = GaussianNegativeLogLikelihood::new().with_full().with_epsilon(0.5).unwrap();
    assert_eq!((gaussian.full(), gaussian.log_variance(), gaussian.epsilon()), (true, false, 0.5));
    assert!(gaussian.with_log_variance().log_variance());
    assert_eq!(CosineEmbedding::new().with_margin(0.5).unwrap().margin(), 0.5);
    assert!(KlDivergence::new().with_log_target().log_target() && !KlDivergence::new().log_target());
    let divergence = KlDivergenceOfLogProbabilities::new();
    assert!(!divergence.log_target() && divergence.with_log_target().log_target());
}

#[test]
fn rules_and_schedules_tell_their_settings() {
    let decay = WeightDecay::Coupled(0.01);
    let sgd = Sgd::new(0.1).unwrap().with_momentum(0.9).unwrap().with_weight_decay(decay).unwrap();
    assert_eq!(
        (sgd.learning_rate(), sgd.momentum(), sgd.weight_decay(), sgd.nesterov()),
        (0.1, 0.9, decay, false)
    );
    let adam = Adam::new(0.1).unwrap().with_betas(0.8, 0.9).unwrap().with_epsilon(1e-6).unwrap();
    assert_eq!((adam.betas(), adam.epsilon()), ((0.8, 0.9), 1e-6));
    let adam = AdamW::new(0.1).unwrap().with_betas(0.7, 0.8).unwrap();
    assert_eq!((adam.learning_rate(), adam.betas(), adam.weight_decay()), (0.1, (0.7, 0.8), 0.01));
    assert_eq!(Lion::new(0.1).unwrap().with_betas(0.5, 0.6).unwrap().betas(), (0.5, 0.6));
    assert!(RmsProp::new(0.1).unwrap().centered().is_centered());
    assert_eq!(Adagrad::new(0.1).unwrap().with_initial(0.2).unwrap().initial(), 0.2);
    let cosine = Cosine::new(0.1, 100).unwrap().with_warm_up(10, 0.01).unwrap().with_end(0.001).unwrap();
    assert_eq!((cosine.peak(), cosine.steps(), cosine.end()), (0.1, 100, 0.001));
    assert_eq!((cosine.warm_up(), cosine.start()), (10, 0.01));
    assert_eq!(OneCycle::new(0.1, 10).unwrap().with_divisors(5.0, 7.0).unwrap().divisors(), (5.0, 7.0));
    let plateau = OnPlateau::new(0.5, 3).unwrap().with_cooldown(2);
    assert_eq!((plateau.factor(), plateau.patience(), plateau.cooldown()), (0.5, 3, 2));
    assert_eq!(StepDecay::new(0.1, 5, 0.5).unwrap().every(), 5);
    assert_eq!(Exponential::new(0.1, 7, 0.5).unwrap().period(), 7);
}

#[test]
fn other_rules_tell_their_settings() {
    let (rate, decay) = (0.25, WeightDecay::Coupled(0.5));
    let rule = NAdam::new(rate).unwrap().with_momentum_decay(0.1).unwrap().with_weight_decay(decay).unwrap();
    assert_eq!((rule.learning_rate(), rule.weight_decay(), rule.momentum_decay()), (rate, decay, 0.1));
    let rule = RAdam::new(rate).unwrap().with_betas(0.7, 0.8).unwrap().with_epsilon(0.1).unwrap();
    assert_eq!((rule.betas(), rule.epsilon()), ((0.7, 0.8), 0.1));
    let rule = Adamax::new(rate).unwrap().with_betas(0.7, 0.8).unwrap().with_epsilon(0.1).unwrap();
    assert_eq!((rule.betas(), rule.epsilon()), ((0.7, 0.8), 0.1));
    assert_eq!(Adadelta::new(rate).unwrap().with_smoothing(0.3).unwrap().smoothing(), 0.3);
    let rule = Rprop::new(rate).unwrap().with_factors(0.3, 1.4).unwrap().with_steps(0.1, 2.0).unwrap();
    assert_eq!((rule.factors(), rule.steps()), ((0.3, 1.4), (0.1, 2.0)));
    let rule = Asgd::new(rate).unwrap().with_decay(0.1).unwrap().with_power(0.2).unwrap();
    assert_eq!((rule.decay(), rule.power(), rule.start()), (0.1, 0.2, 1e6));
    assert_eq!(rule.with_start(3.0).unwrap().start(), 3.0);
    assert!(Adam::new(rate).unwrap().with_amsgrad().amsgrad() && !Adam::new(rate).unwrap().amsgrad());
    assert!(AdamW::new(rate).unwrap().with_amsgrad().amsgrad());
}

#[test]
fn other_schedules_tell_their_settings() {
    let schedule = InverseTime::new(0.1, 5, 0.5).unwrap().with_staircase();
    assert_eq!((schedule.rate(), schedule.period(), schedule.decay()), (0.1, 5, 0.5));
    assert!(schedule.staircase());
    let schedule = Polynomial::new(0.1, 5).unwrap().with_end(0.01).unwrap().with_power(2.0).unwrap();
    assert_eq!((schedule.rate(), schedule.steps()), (0.1, 5));
    assert_eq!((schedule.end(), schedule.power(), schedule.cycle()), (0.01, 2.0, false));
    assert!(schedule.with_cycle().cycle());
    let schedule = CosineRestarts::new(0.1, 5).unwrap().with_end(0.01).unwrap();
    let schedule = schedule.with_period_factor(2.0).unwrap().with_peak_factor(0.5).unwrap();
    assert_eq!((schedule.peak(), schedule.steps(), schedule.end()), (0.1, 5, 0.01));
    assert_eq!((schedule.period_factor(), schedule.peak_factor()), (2.0, 0.5));
    let schedule = Cyclic::new(0.1, 0.2, 5).unwrap().with_down(7).unwrap().with_factor(0.9).unwrap();
    assert_eq!((schedule.lowest(), schedule.highest(), schedule.up(), schedule.down()), (0.1, 0.2, 5, 7));
    assert_eq!((schedule.halving(), schedule.with_halving().halving()), (false, true));
    let schedule = Piecewise::new(&[3], &[0.1, 0.2]).unwrap();
    assert_eq!((schedule.boundaries(), schedule.rates()), (&[3][..], &[0.1, 0.2][..]));
}

#[test]
fn trainings_and_augmentations_tell_their_settings() {
    let model = Sequential::<f32>::builder([3]).dense(2).build(&mut taper::seeded(0)).unwrap();
    let optimizer = Optimizer::new(Sgd::new(0.1).unwrap());
    let trainer = Trainer::owning(model, CrossEntropy::new(), optimizer).with_batch(5).unwrap();
    assert_eq!(
        (trainer.accumulation(), trainer.drops_last(), trainer.allows_not_finite()),
        (1, false, false)
    );
    assert!(trainer.moving_average().is_none());
    let trainer = trainer.with_accumulation(2).unwrap().with_drop_last().with_seed(7).allow_not_finite();
    let trainer = trainer.with_parallelism(Parallelism::Threads(1)).with_moving_average(0.5).unwrap();
    assert_eq!((trainer.batch(), trainer.accumulation(), trainer.seed()), (5, 2, 7));
    assert!(trainer.drops_last() && trainer.allows_not_finite());
    assert_eq!(trainer.parallelism(), Parallelism::Threads(1));
    assert_eq!((trainer.loss().kind(), trainer.moving_average().unwrap().decay()), ("cross_entropy", 0.5));

    let stopping = EarlyStopping::new(3).monitoring(Monitor::TrainLoss).with_least_change(0.25).unwrap();
    assert_eq!(
        (stopping.patience(), stopping.monitor(), stopping.least_change()),
        (3, Monitor::TrainLoss, 0.25)
    );

    let fit = Fit::<f32>::epochs(7).with_early_stopping(stopping).in_order();
    assert_eq!((fit.epoch_count(), fit.shuffles(), fit.validation().is_none()), (7, false, true));
    assert_eq!(fit.early_stopping().map(EarlyStopping::patience), Some(3));
    let fit = fit.with_metric("recall", |_, _| Ok(1.0));
    assert_eq!((fit.metric_names(), Fit::<f32>::epochs(1).shuffles()), (vec!["recall"], true));

    let flip = Flip::vertical().with_probability(0.25).unwrap();
    assert_eq!((flip.is_vertical(), flip.probability()), (true, 0.25));
    let shift = Shift::new(1, 2).with_fill(0.5).unwrap();
    assert_eq!((shift.most(), shift.fill()), ([1, 2], 0.5));
    let rotate = Rotate::new(15.0).unwrap().with_fill(0.5).unwrap();
    assert_eq!((rotate.degrees(), rotate.fill()), (15.0, 0.5));
    let scale = Scale::new(0.5, 2.0).unwrap().with_fill(0.5).unwrap();
    assert_eq!((scale.factors(), scale.fill()), ([0.5, 2.0], 0.5));
    let erase = Erase::new().with_probability(1.0).unwrap().with_share(0.1, 0.2).unwrap();
    assert_eq!((erase.probability(), erase.share(), erase.fill()), (1.0, [0.1, 0.2], 0.0));
    assert_eq!(Noise::new(0.5).unwrap().deviation(), 0.5);
}
