//! Settings out of range: of schedules, losses and initialisers.

use taper::init::{Init, Initializer};
use taper::losses::{
    BinaryCrossEntropy, BinaryFocal, CategoricalFocal, CosineEmbedding, CrossEntropy,
    GaussianNegativeLogLikelihood, HingeEmbedding, Huber, MultiMargin, NegativeLogLikelihood, Poisson,
    SmoothL1,
};
use taper::schedules::{
    Cosine, CosineRestarts, Cyclic, Exponential, InverseTime, OnPlateau, OneCycle, Piecewise, Polynomial,
    Sequence, StepDecay,
};
use taper::train::EarlyStopping;
use taper::{Shape, seeded};

use super::{Case, both, error};

const NAN: f64 = f64::NAN;
const INFINITY: f64 = f64::INFINITY;

fn init(init: Init) -> String {
    error(Initializer::<f32>::initialize(&init, Shape::from([2, 3]), 2, &mut seeded(1)))
}

pub(crate) const CASES: &[Case] = &[
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
        "periods that become shorter",
        || {
            let restarts = || CosineRestarts::new(0.1, 5).unwrap();
            both(restarts().with_period_factor(NAN), restarts().with_period_factor(0.5))
        },
        "period_factor: expected a finite number of at least 1, got 0.5",
    ),
    (
        "a height that grows",
        || {
            let cyclic = || Cyclic::new(0.1, 0.2, 5).unwrap();
            assert_eq!(error(cyclic().with_down(0)), "steps: expected at least 1 step, got 0");
            both(cyclic().with_factor(NAN), cyclic().with_factor(1.5))
        },
        "factor: expected a number from 0 to 1, got 1.5",
    ),
    (
        "a schedule before the one before",
        || {
            let constant = || Exponential::new(0.1, 1, 1.0).unwrap();
            let sequence = || Sequence::new(constant()).then_from(3, constant());
            both(
                sequence().unwrap().then_from(3, constant()),
                Sequence::new(constant()).then_from(0, constant()),
            )
            .replace("got 3", "got 0")
        },
        "step of a sequence: expected a step after the first, and after those given before, got 0",
    ),
    (
        "a margin that is no cosine",
        || both(CosineEmbedding::new().with_margin(NAN), CosineEmbedding::new().with_margin(1.5)),
        "margin: expected a number from -1 to 1, got 1.5",
    ),
    (
        "a least variance of 0",
        || {
            let gaussian = GaussianNegativeLogLikelihood::new;
            both(gaussian().with_epsilon(NAN), gaussian().with_epsilon(0.0))
        },
        "epsilon: expected a finite number of at least 1.2e-38, got 0",
    ),
    (
        "a least variance that is 0 in single precision",
        || {
            both(
                GaussianNegativeLogLikelihood::new().with_epsilon(NAN),
                GaussianNegativeLogLikelihood::new().with_epsilon(1e-60),
            )
        },
        "epsilon: expected a finite number of at least 1.2e-38, got 0.000000000000000000000000000000000000000000000000000000000001",
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
