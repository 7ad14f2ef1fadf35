//! Settings out of range: of optimizers, of their averages and limits, and of what a parameter takes of a step.

use taper::optimizers::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Asgd, Clip, Lion, MovingAverage, NAdam, Optimizer, RAdam,
    RmsProp, Rprop, RuleSettings, Sgd, WeightDecay,
};
use taper::{Param, Tensor};

use super::{Case, both, error, model};

const NAN: f64 = f64::NAN;
const INFINITY: f64 = f64::INFINITY;

fn param() -> Param<f32> {
    Param::new("bias", &Tensor::from([1.0]))
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
        || {
            let adam = || AdamW::new(0.1).unwrap();
            both(adam().with_weight_decay(-1.0), adam().with_weight_decay(NAN))
        },
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
];
