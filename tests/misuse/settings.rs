//! Settings out of range: of optimizers, schedules, losses, initialisers, parameters.

use taper::init::{Init, Initializer};
use taper::losses::{
    BinaryCrossEntropy, BinaryFocal, CategoricalFocal, CrossEntropy, HingeEmbedding, Huber, MultiMargin,
    NegativeLogLikelihood, Poisson, SmoothL1,
};
use taper::optimizers::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Asgd, Clip, Lion, MovingAverage, NAdam, Optimizer, RAdam,
    RmsProp, Rprop, RuleSettings, Sgd, WeightDecay,
};
use taper::schedules::{
    Cosine, Exponential, InverseTime, OnPlateau, OneCycle, Piecewise, Polynomial, StepDecay,
};
use taper::train::EarlyStopping;
use taper::{Param, Shape, Tensor, seeded};

use super::{Case, error, model};

const NAN: f64 = f64::NAN;
const INFINITY: f64 = f64::INFINITY;

fn param() -> Param<f32> {
    Param::new("bias", &Tensor::from([1.0]))
}

fn init(init: Init) -> String {
    error(Initializer::<f32>::initialize(&init, Shape::from([2, 3]), 2, &mut seeded(1)))
}

/// The text, where both settings give the same.
fn both<T>(first: taper::Result<T>, second: taper::Result<T>) -> String {
    let (first, second) = (error(first), error(second));
    assert_eq!(
        first.rsplit_once(", got ").map(|text| text.0),
        second.rsplit_once(", got ").map(|text| text.0)
    );
    second
}

pub(crate) const CASES: &[Case] = &[
    (
        "a learning rate of NaN",
        || error(Sgd::new(NAN)),
        "learning_rate: expected a finite number of at least 0, got NaN",
    ),
    (
        "a negative learning rate",
        || error(Adam::new(-0.1)),
        "learning_rate: expected a finite number of at least 0, got -0.1",
    ),
    (
        "an infinite learning rate",
        || error(AdamW::new(INFINITY)),
        "learning_rate: expected a finite number of at least 0, got inf",
    ),
    (
        "a learning rate of NaN for RMSprop",
        || both(RmsProp::new(-1.0), RmsProp::new(NAN)),
        "learning_rate: expected a finite number of at least 0, got NaN",
    ),
    (
        "a learning rate of NaN for Adagrad",
        || both(Adagrad::new(-1.0), Adagrad::new(NAN)),
        "learning_rate: expected a finite number of at least 0, got NaN",
    ),
    (
        "a learning rate of NaN for Lion",
        || both(Lion::new(-1.0), Lion::new(NAN)),
        "learning_rate: expected a finite number of at least 0, got NaN",
    ),
    (
        "a learning rate of NaN for a rule of one's own",
        || both(RuleSettings::new(-1.0), RuleSettings::new(NAN)),
        "learning_rate: expected a finite number of at least 0, got NaN",
    ),
    (
        "a learning rate of NaN later on",
        || error(Optimizer::<f32>::new(Sgd::new(0.1).unwrap()).set_learning_rate(NAN)),
        "learning_rate: expected a finite number of at least 0, got NaN",
    ),
    (
        "a momentum of 1",
        || both(Sgd::new(0.1).unwrap().with_momentum(NAN), Sgd::new(0.1).unwrap().with_momentum(1.0)),
        "momentum: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "a negative dampening",
        || error(Sgd::new(0.1).unwrap().with_dampening(-0.5)),
        "dampening: expected a number of at least 0 and below 1, got -0.5",
    ),
    (
        "Nesterov's form without momentum",
        || error(Sgd::new(0.1).unwrap().with_nesterov()),
        "nesterov: expected a momentum above 0 and no dampening, got momentum 0 and dampening 0",
    ),
    (
        "Nesterov's form with dampening",
        || {
            let sgd = Sgd::new(0.1).unwrap().with_momentum(0.9).unwrap().with_nesterov().unwrap();
            error(sgd.with_dampening(0.5))
        },
        "nesterov: expected a momentum above 0 and no dampening, got momentum 0.9 and dampening 0.5",
    ),
    (
        "Nesterov's form whose momentum is taken away",
        || {
            let sgd = Sgd::new(0.1).unwrap().with_momentum(0.9).unwrap().with_nesterov().unwrap();
            error(sgd.with_momentum(0.0))
        },
        "nesterov: expected a momentum above 0 and no dampening, got momentum 0 and dampening 0",
    ),
    (
        "a negative weight decay",
        || {
            let decay = WeightDecay::Coupled(-0.1);
            let sgd = error(Sgd::new(0.1).unwrap().with_weight_decay(decay));
            assert_eq!(error(Adam::new(0.1).unwrap().with_weight_decay(decay)), sgd);
            assert_eq!(error(RmsProp::new(0.1).unwrap().with_weight_decay(decay)), sgd);
            assert_eq!(error(Adagrad::new(0.1).unwrap().with_weight_decay(decay)), sgd);
            assert_eq!(error(Lion::new(0.1).unwrap().with_weight_decay(decay)), sgd);
            assert_eq!(error(NAdam::new(0.1).unwrap().with_weight_decay(decay)), sgd);
            assert_eq!(error(RAdam::new(0.1).unwrap().with_weight_decay(decay)), sgd);
            assert_eq!(error(Adamax::new(0.1).unwrap().with_weight_decay(decay)), sgd);
            assert_eq!(error(Adadelta::new(0.1).unwrap().with_weight_decay(decay)), sgd);
            assert_eq!(error(Rprop::new(0.1).unwrap().with_weight_decay(decay)), sgd);
            assert_eq!(error(Asgd::new(0.1).unwrap().with_weight_decay(decay)), sgd);
            assert_eq!(error(RuleSettings::new(0.1).unwrap().set_weight_decay(decay)), sgd);
            sgd
        },
        "weight_decay: expected a finite number of at least 0, got -0.1",
    ),
    (
        "a decoupled weight decay of NaN",
        || both(AdamW::new(0.1).unwrap().with_decay(-1.0), AdamW::new(0.1).unwrap().with_decay(NAN)),
        "weight_decay: expected a finite number of at least 0, got NaN",
    ),
    (
        "a first beta of 1",
        || both(Adam::new(0.1).unwrap().with_betas(NAN, 0.9), Adam::new(0.1).unwrap().with_betas(1.0, 0.9)),
        "beta 1: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "a second beta of 1",
        || error(AdamW::new(0.1).unwrap().with_betas(0.9, 1.0)),
        "beta 2: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "betas of 1 for the others of its family",
        || {
            let text = error(NAdam::new(0.1).unwrap().with_betas(1.0, 0.9));
            assert_eq!(error(RAdam::new(0.1).unwrap().with_betas(1.0, 0.9)), text);
            assert_eq!(error(Adamax::new(0.1).unwrap().with_betas(1.0, 0.9)), text);
            text
        },
        "beta 1: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "a negative epsilon of the others",
        || {
            let text = error(NAdam::new(0.1).unwrap().with_epsilon(-1.0));
            assert_eq!(error(RAdam::new(0.1).unwrap().with_epsilon(-1.0)), text);
            assert_eq!(error(Adamax::new(0.1).unwrap().with_epsilon(-1.0)), text);
            assert_eq!(error(Adadelta::new(0.1).unwrap().with_epsilon(-1.0)), text);
            text
        },
        "epsilon: expected a finite number of at least 0, got -1",
    ),
    (
        "a negative momentum decay",
        || {
            both(
                NAdam::new(0.1).unwrap().with_momentum_decay(NAN),
                NAdam::new(0.1).unwrap().with_momentum_decay(-1.0),
            )
        },
        "momentum_decay: expected a finite number of at least 0, got -1",
    ),
    (
        "a smoothing of 1 for Adadelta",
        || error(Adadelta::new(0.1).unwrap().with_smoothing(1.0)),
        "smoothing: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "factors that do not shrink and grow",
        || {
            both(
                Rprop::new(0.1).unwrap().with_factors(NAN, 1.2),
                Rprop::new(0.1).unwrap().with_factors(0.5, 1.0),
            )
        },
        "factors: expected one above 0 and below 1, and a finite one above 1, got 0.5 and 1",
    ),
    (
        "steps in the wrong order",
        || {
            both(
                Rprop::new(0.1).unwrap().with_steps(0.1, INFINITY),
                Rprop::new(0.1).unwrap().with_steps(2.0, 1.0),
            )
        },
        "steps: expected finite numbers of at least 0, the smaller first, got 2 and 1",
    ),
    (
        "settings of averaged descent below 0",
        || {
            let asgd = || Asgd::new(0.1).unwrap();
            assert_eq!(
                error(asgd().with_power(-1.0)),
                "power: expected a finite number of at least 0, got -1"
            );
            assert_eq!(
                error(asgd().with_start(NAN)),
                "start: expected a finite number of at least 0, got NaN"
            );
            error(asgd().with_decay(-1.0))
        },
        "decay: expected a finite number of at least 0, got -1",
    ),
    (
        "a negative beta",
        || error(Lion::new(0.1).unwrap().with_betas(-0.1, 0.9)),
        "beta 1: expected a number of at least 0 and below 1, got -0.1",
    ),
    (
        "a negative epsilon",
        || error(Adam::new(0.1).unwrap().with_epsilon(-1e-8)),
        "epsilon: expected a finite number of at least 0, got -0.00000001",
    ),
    (
        "an epsilon of NaN",
        || both(AdamW::new(0.1).unwrap().with_epsilon(-1.0), AdamW::new(0.1).unwrap().with_epsilon(NAN)),
        "epsilon: expected a finite number of at least 0, got NaN",
    ),
    (
        "an infinite epsilon",
        || {
            both(
                RmsProp::new(0.1).unwrap().with_epsilon(-1.0),
                RmsProp::new(0.1).unwrap().with_epsilon(INFINITY),
            )
        },
        "epsilon: expected a finite number of at least 0, got inf",
    ),
    (
        "an infinite epsilon for Adagrad",
        || error(Adagrad::new(0.1).unwrap().with_epsilon(INFINITY)),
        "epsilon: expected a finite number of at least 0, got inf",
    ),
    (
        "a smoothing of 1",
        || error(RmsProp::new(0.1).unwrap().with_smoothing(1.0)),
        "smoothing: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "a momentum of 1 for RMSprop",
        || error(RmsProp::new(0.1).unwrap().with_momentum(1.0)),
        "momentum: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "a negative decay of the learning rate",
        || error(Adagrad::new(0.1).unwrap().with_learning_rate_decay(-0.1)),
        "learning_rate_decay: expected a finite number of at least 0, got -0.1",
    ),
    (
        "a negative initial sum",
        || error(Adagrad::new(0.1).unwrap().with_initial(-0.1)),
        "initial: expected a finite number of at least 0, got -0.1",
    ),
    (
        "a limit of NaN",
        || {
            let optimizer = || Optimizer::<f32>::new(Sgd::new(0.1).unwrap());
            let text = error(optimizer().with_clip(Clip::Value(NAN)));
            assert_eq!(error(optimizer().with_clip(Clip::Norm(NAN))), text);
            assert_eq!(error(optimizer().with_clip(Clip::GlobalNorm(NAN))), text);
            text
        },
        "clip: expected a finite number of at least 0, got NaN",
    ),
    (
        "an average that never changes",
        || both(MovingAverage::new(&model(), NAN), MovingAverage::new(&model(), 1.0)),
        "decay: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "a negative share of the learning rate",
        || error(param().set_learning_rate_scale(-1.0)),
        "learning_rate_scale: expected a finite number of at least 0, got -1",
    ),
    (
        "a share of NaN of the weight decay",
        || error(param().set_weight_decay_scale(NAN)),
        "weight_decay_scale: expected a finite number of at least 0, got NaN",
    ),
    (
        "a cosine from NaN",
        || both(Cosine::new(-1.0, 10), Cosine::new(NAN, 10)),
        "learning_rate: expected a finite number of at least 0, got NaN",
    ),
    ("a line of no steps", || error(Polynomial::new(0.1, 0)), "steps: expected at least 1 step, got 0"),
    (
        "a power below 0",
        || {
            let end = error(Polynomial::new(0.1, 2).unwrap().with_end(NAN));
            assert_eq!(end, "end: expected a finite number of at least 0, got NaN");
            error(Polynomial::new(0.1, 2).unwrap().with_power(-1.0))
        },
        "power: expected a finite number of at least 0, got -1",
    ),
    (
        "a negative decay of the inverse",
        || both(InverseTime::new(0.1, 2, NAN), InverseTime::new(0.1, 2, -1.0)),
        "decay: expected a finite number of at least 0, got -1",
    ),
    (
        "as many rates as boundaries",
        || error(Piecewise::new(&[3], &[0.1])),
        "rates of piecewise: expected 2 values, got 1",
    ),
    (
        "boundaries that fall",
        || error(Piecewise::new(&[3, 3], &[0.1, 0.2, 0.3])),
        "boundaries: expected steps that increase, got [3, 3]",
    ),
    ("a cosine of no steps", || error(Cosine::new(0.1, 0)), "steps: expected at least 1 step, got 0"),
    (
        "a warm-up from NaN",
        || error(Cosine::new(0.1, 10).unwrap().with_warm_up(5, NAN)),
        "start: expected a finite number of at least 0, got NaN",
    ),
    (
        "a cosine that ends below 0",
        || error(Cosine::new(0.1, 10).unwrap().with_end(-0.1)),
        "end: expected a finite number of at least 0, got -0.1",
    ),
    (
        "an exponential of no period",
        || error(Exponential::new(0.1, 0, 0.5)),
        "period: expected at least 1 step, got 0",
    ),
    (
        "an exponential of a negative factor",
        || error(Exponential::new(0.1, 1, -0.5)),
        "factor: expected a finite number of at least 0, got -0.5",
    ),
    (
        "an exponential from an infinite rate",
        || error(Exponential::new(INFINITY, 1, 0.5)),
        "learning_rate: expected a finite number of at least 0, got inf",
    ),
    ("steps of no length", || error(StepDecay::new(0.1, 0, 0.5)), "every: expected at least 1 step, got 0"),
    (
        "steps by NaN",
        || error(StepDecay::new(0.1, 10, NAN)),
        "factor: expected a finite number of at least 0, got NaN",
    ),
    ("a cycle of no steps", || error(OneCycle::new(0.1, 0)), "steps: expected at least 1 step, got 0"),
    (
        "a cycle that rises too long",
        || error(OneCycle::new(0.1, 10).unwrap().with_rise(1.5)),
        "rise: expected a number from 0 to 1, got 1.5",
    ),
    (
        "a cycle divided by 0",
        || error(OneCycle::new(0.1, 10).unwrap().with_divisors(25.0, 0.0)),
        "divisor: expected a finite number above 0, got 0",
    ),
    (
        "a plateau that raises the rate",
        || both(OnPlateau::new(NAN, 3), OnPlateau::new(1.0, 3)),
        "factor: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "a plateau with a threshold of NaN",
        || error(OnPlateau::new(0.1, 3).unwrap().with_threshold(NAN)),
        "threshold: expected a finite number of at least 0, got NaN",
    ),
    (
        "a plateau with a negative least rate",
        || error(OnPlateau::new(0.1, 3).unwrap().with_least(-1.0)),
        "least: expected a finite number of at least 0, got -1",
    ),
    (
        "early stopping at a change of NaN",
        || error(EarlyStopping::new(3).with_least_change(NAN)),
        "least_change: expected a finite number of at least 0, got NaN",
    ),
    (
        "label smoothing beyond 1",
        || both(CrossEntropy::new().with_label_smoothing(NAN), CrossEntropy::new().with_label_smoothing(1.1)),
        "label_smoothing: expected a number from 0 to 1, got 1.1",
    ),
    (
        "an infinite class weight",
        || {
            let weights = [1.0, f64::NEG_INFINITY];
            let entropy = error(CrossEntropy::new().with_class_weights(&weights));
            assert_eq!(error(NegativeLogLikelihood::new().with_class_weights(&weights)), entropy);
            assert_eq!(error(MultiMargin::new().with_class_weights(&weights)), entropy);
            entropy
        },
        "class_weights: expected finite numbers, got [1.0, -inf]",
    ),
    (
        "a positive weight of NaN",
        || error(BinaryCrossEntropy::new().with_positive_weight(&[NAN])),
        "positive_weight: expected finite numbers, got [NaN]",
    ),
    (
        "no positive weights",
        || error(BinaryCrossEntropy::new().with_positive_weight(&[])),
        "positive_weight: expected finite numbers, got []",
    ),
    (
        "a gamma below 0",
        || {
            let text = both(BinaryFocal::new().with_gamma(NAN), BinaryFocal::new().with_gamma(-0.5));
            assert_eq!(error(CategoricalFocal::new().with_gamma(-0.5)), text);
            text
        },
        "gamma: expected a finite number of at least 0, got -0.5",
    ),
    (
        "an alpha above 1",
        || both(BinaryFocal::new().with_alpha(NAN), BinaryFocal::new().with_alpha(1.5)),
        "alpha: expected a number from 0 to 1, got 1.5",
    ),
    ("no alpha", || error(CategoricalFocal::new().with_alpha(&[])), "alpha: expected finite numbers, got []"),
    (
        "a share above 1 for smoothing a focal loss",
        || error(CategoricalFocal::new().with_label_smoothing(1.5)),
        "label_smoothing: expected a number from 0 to 1, got 1.5",
    ),
    (
        "an infinite margin",
        || {
            let text = error(MultiMargin::new().with_margin(INFINITY));
            assert_eq!(error(HingeEmbedding::new().with_margin(INFINITY)), text);
            text
        },
        "margin: expected a finite number, got inf",
    ),
    (
        "an epsilon below 0 for counts",
        || both(Poisson::new().with_epsilon(NAN), Poisson::new().with_epsilon(-1.0)),
        "epsilon: expected a finite number of at least 0, got -1",
    ),
    (
        "a beta below 0",
        || both(SmoothL1::new(NAN), SmoothL1::new(-1.0)),
        "beta: expected a finite number of at least 0, got -1",
    ),
    (
        "a delta of 0",
        || both(Huber::new(NAN), Huber::new(0.0)),
        "delta: expected a finite number above 0, got 0",
    ),
    (
        "a normal distribution of negative deviation",
        || init(Init::Normal { deviation: -1.0 }),
        "deviation: expected a finite number of at least 0, got -1",
    ),
    (
        "a cut normal distribution of NaN",
        || init(Init::TruncatedNormal { deviation: NAN }),
        "deviation: expected a finite number of at least 0, got NaN",
    ),
    (
        "a uniform distribution without bounds",
        || init(Init::Uniform { bound: INFINITY }),
        "bound: expected a finite number of at least 0, got inf",
    ),
    ("a constant of NaN", || init(Init::Constant(NAN)), "constant: expected a finite number, got NaN"),
    (
        "an infinite gain",
        || init(Init::Orthogonal { gain: INFINITY }),
        "gain: expected a finite number, got inf",
    ),
];
