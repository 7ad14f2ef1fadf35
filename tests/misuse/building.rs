//! Models that cannot be built, and names that are not there.

use rand::Rng;
use taper::init::{Init, Initializer};
use taper::layers::{
    BatchNorm, Dropout, Embedding, GroupNorm, InstanceNorm, LayerNorm, Momentum, Reshape, RmsNorm,
};
use taper::sequential::Builder;
use taper::{Activation, Dense, Flatten, Result, Sequential, Shape, Tensor, seeded};

use super::{Case, error, model};

fn builder<const RANK: usize>(input: [usize; RANK]) -> Builder<f32> {
    Sequential::builder(input)
}

fn build(builder: Builder<f32>) -> String {
    error(builder.build(&mut seeded(1)))
}

/// An initialiser that gives one element too few.
fn one_too_few(shape: Shape, _: usize, _: &mut dyn Rng) -> Result<Tensor<f32>> {
    let mut axes = shape.axes().to_vec();
    axes[0] -= 1;
    Tensor::zeros(Shape::new(&axes)?)
}

fn dense(weight: &dyn Initializer<f32>, bias: &dyn Initializer<f32>) -> String {
    error(Dense::with_init(3, 2, weight, bias, &mut seeded(1)))
}

pub(crate) const CASES: &[Case] = &[
    ("no layers", || build(builder([4])), "layers of the model: expected at least one, got none"),
    (
        "samples without elements",
        || build(builder([7, 0]).flatten().dense(2)),
        "expected input of 0 to 5 axes that are not empty (one more is the batch), got [batch, 7, 0]",
    ),
    (
        "samples of too many axes",
        || build(builder([1, 2, 1, 2, 1, 2]).flatten().dense(2)),
        "expected input of 0 to 5 axes that are not empty (one more is the batch), got [batch, 1, 2, 1, 2, 1, 2]",
    ),
    (
        "dense on samples of one number",
        || build(builder([]).dense(3).named("fc1")),
        "layer 0 `fc1` (dense -> 3): expected input [batch, …, inputs], got [batch]; put a flatten before it",
    ),
    (
        "a dense layer that is made already, without a flatten",
        || build(builder([7, 7, 256]).layer(Dense::new(12544, 3, &mut seeded(1)).unwrap())),
        "layer 0 `0` (dense 12544 -> 3): expected input [batch, 12544], got [batch, 7, 7, 256]; put a flatten before it",
    ),
    (
        "a dense layer of another width",
        || {
            let fc2 = Dense::new(1024, 512, &mut seeded(1)).unwrap();
            build(builder([112, 112]).flatten().relu().relu().layer(fc2).named("fc2"))
        },
        "layer 3 `fc2` (dense 1024 -> 512): expected input [batch, 1024], got [batch, 12544]",
    ),
    (
        "a dense layer with no outputs",
        || build(builder([4]).dense(0)),
        "layer 0 `0` (dense -> 0): outputs: expected a width of at least 1, got 0",
    ),
    (
        "a dense layer alone with no inputs",
        || error(Dense::<f32>::new(0, 3, &mut seeded(1))),
        "inputs: expected a width of at least 1, got 0",
    ),
    (
        "a dense layer larger than memory",
        || build(builder([1 << 30]).dense(1 << 30)),
        "layer 0 `0` (dense -> 1073741824): shape [1073741824, 1073741824]: expected no more elements than fit into memory",
    ),
    (
        "a weight with three axes",
        || error(Dense::<f32>::from_parts(&Tensor::zeros([2, 3, 4]).unwrap(), None)),
        "expected weight [inputs, outputs], got [2, 3, 4]",
    ),
    (
        "a bias of the inputs' width",
        || error(Dense::from_parts(&Tensor::from([[1.0], [2.0]]), Some(&Tensor::from([1.0, 2.0])))),
        "expected bias [1], got [2]",
    ),
    (
        "an initialiser whose weight is too small",
        || dense(&one_too_few, &Init::Linear),
        "expected initial weight [3, 2], got [2, 2]",
    ),
    (
        "an initialiser whose bias is too small",
        || dense(&Init::Linear, &one_too_few),
        "expected initial bias [2], got [1]",
    ),
    (
        "an initialiser whose bias is too small, in a model",
        || build(builder([4]).dense(3).bias_init(one_too_few)),
        "layer 0 `0` (dense -> 3): expected initial bias [3], got [2]",
    ),
    (
        "an orthogonal bias",
        || dense(&Init::Linear, &Init::Orthogonal { gain: 1.0 }),
        "expected orthogonal weight [inputs, outputs], got [2]",
    ),
    (
        "flatten of axes that are not there",
        || build(builder([7, 7]).layer(Flatten::axes(1, 3))),
        "layer 0 `0` (flatten): flatten axes: expected 1 <= start <= end <= the input's last axis (axis 0 is the batch), got 1 to 3 for input [batch, 7, 7]",
    ),
    (
        "flatten of the batch axis",
        || build(builder([7, 7]).layer(Flatten::axes(0, 1))),
        "layer 0 `0` (flatten): flatten axes: expected 1 <= start <= end <= the input's last axis (axis 0 is the batch), got 0 to 1 for input [batch, 7, 7]",
    ),
    (
        "reshape to another number of elements",
        || build(builder([24]).reshape([5, 5])),
        "layer 0 `0` (reshape [5, 5]): expected input of 25 elements a sample, got [batch, 24]",
    ),
    (
        "reshape to nothing",
        || build(builder([24]).layer(Reshape::new([0]))),
        "layer 0 `0` (reshape [0]): expected input of 0 elements a sample, got [batch, 24]",
    ),
    (
        "reshape to too many axes",
        || build(builder([1]).reshape([1, 1, 1, 1, 1, 1])),
        "layer 0 `0` (reshape [1, 1, 1, 1, 1, 1]): expected output of 0 to 5 axes that are not empty (one more is the batch), got [batch, 1, 1, 1, 1, 1, 1]",
    ),
    (
        "softmax without classes",
        || build(builder([]).softmax()),
        "layer 0 `0` (softmax): expected input [batch, …, classes], got [batch]",
    ),
    (
        "log_softmax without classes",
        || build(builder([]).log_softmax()),
        "layer 0 `0` (log_softmax): expected input [batch, …, classes], got [batch]",
    ),
    (
        "a leaky ReLU whose slope is no number",
        || build(builder([4]).leaky_relu(f64::NAN)),
        "layer 0 `0` (leaky_relu): slope: expected a finite number, got NaN",
    ),
    (
        "a leaky ReLU of infinite slope",
        || build(builder([4]).leaky_relu(f64::INFINITY)),
        "layer 0 `0` (leaky_relu): slope: expected a finite number, got inf",
    ),
    (
        "an ELU of negative alpha",
        || build(builder([4]).dense(3).activation(Activation::Elu { alpha: -1.0 })),
        "layer 1 `1` (elu): alpha: expected a finite number of at least 0, got -1",
    ),
    (
        "dropout of everything",
        || build(builder([4]).dense(3).dropout(1.0).named("drop").dense(2)),
        "layer 1 `drop` (dropout): dropout rate: expected a number of at least 0 and below 1, got 1",
    ),
    (
        "dropout of less than nothing",
        || error(Dropout::new(-0.1)),
        "dropout rate: expected a number of at least 0 and below 1, got -0.1",
    ),
    (
        "dropout of NaN",
        || error(Dropout::new(f64::NAN)),
        "dropout rate: expected a number of at least 0 and below 1, got NaN",
    ),
    (
        "batch_norm without channels",
        || build(builder([]).batch_norm()),
        "layer 0 `0` (batch_norm): expected input [batch, …, channels], got [batch]",
    ),
    (
        "batch_norm of another number of channels",
        || build(builder([7, 7, 3]).layer(BatchNorm::new(4).unwrap()).named("norm")),
        "layer 0 `norm` (batch_norm 4): expected input [batch, …, 4], got [batch, 7, 7, 3]",
    ),
    ("batch_norm of no channels", || error(BatchNorm::<f32>::new(0)), "channels: expected at least 1, got 0"),
    (
        "a momentum above 1",
        || error(BatchNorm::<f32>::new(3).unwrap().with_momentum(Momentum::Keras(1.1))),
        "momentum: expected a number from 0 to 1, got 1.1",
    ),
    (
        "a momentum that is no number",
        || error(BatchNorm::<f32>::new(3).unwrap().with_momentum(Momentum::PyTorch(f64::NAN))),
        "momentum: expected a number from 0 to 1, got NaN",
    ),
    (
        "batch_norm without an epsilon",
        || error(BatchNorm::<f32>::new(3).unwrap().with_epsilon(0.0)),
        "epsilon: expected a finite number above 0, got 0",
    ),
    (
        "an epsilon that single precision does not have",
        || error(LayerNorm::<f32>::new([3]).unwrap().with_epsilon(1e-60)),
        "epsilon: expected a finite number above 0, got 0.000000000000000000000000000000000000000000000000000000000001",
    ),
    (
        "groups that do not share out the channels",
        || build(builder([7, 7, 6]).group_norm(4)),
        "layer 0 `0` (group_norm): groups: expected a number that divides the channels, got 4 for 6 channels",
    ),
    (
        "no groups",
        || error(GroupNorm::<f32>::new(0, 6)),
        "groups: expected a number that divides the channels, got 0 for 6 channels",
    ),
    ("groups of no channels", || error(GroupNorm::<f32>::new(1, 0)), "channels: expected at least 1, got 0"),
    (
        "group_norm of another number of channels",
        || build(builder([7, 3]).layer(GroupNorm::new(2, 4).unwrap())),
        "layer 0 `0` (group_norm 4 in 2 groups): expected input [batch, …, 4], got [batch, 7, 3]",
    ),
    (
        "instance_norm of no channels",
        || error(InstanceNorm::<f32>::new(0)),
        "channels: expected at least 1, got 0",
    ),
    (
        "instance_norm of one place",
        || build(builder([3]).instance_norm()),
        "layer 0 `0` (instance_norm 3): expected input [batch, …, 3] with more than one place, got [batch, 3]",
    ),
    (
        "rms_norm of another number of features",
        || build(builder([7, 3]).layer(RmsNorm::new([4]).unwrap())),
        "layer 0 `0` (rms_norm [4]): expected input [batch, …, 4], got [batch, 7, 3]",
    ),
    (
        "rms_norm over nothing",
        || error(RmsNorm::<f32>::new([2, 0])),
        "normalised axes: expected at least one, none of length 0, got [2, 0]",
    ),
    (
        "layer_norm over nothing",
        || error(LayerNorm::<f32>::new([0; 0])),
        "normalised axes: expected at least one, none of length 0, got []",
    ),
    (
        "layer_norm over an axis of length 0",
        || error(LayerNorm::<f32>::new([2, 0])),
        "normalised axes: expected at least one, none of length 0, got [2, 0]",
    ),
    (
        "layer_norm of a single number",
        || build(builder([]).layer_norm()),
        "layer 0 `0` (layer_norm): expected input [batch, …, features], got [batch]",
    ),
    (
        "layer_norm over other axes",
        || build(builder([2, 4]).layer(LayerNorm::new([3, 4]).unwrap())),
        "layer 0 `0` (layer_norm [3, 4]): expected input [batch, …, 3, 4], got [batch, 2, 4]",
    ),
    (
        "an embedding of no words",
        || build(builder([4]).embedding(0, 3)),
        "layer 0 `0` (embedding): vocabulary: expected 1 to 2^24 numbers in f32, to 2^53 in f64, got 0",
    ),
    (
        "an embedding of more words than single precision has whole numbers",
        || build(builder([4]).embedding((1 << 24) + 1, 1)),
        "layer 0 `0` (embedding): vocabulary: expected 1 to 2^24 numbers in f32, to 2^53 in f64, got 16777217",
    ),
    (
        "an embedding of no width",
        || build(builder([4]).embedding(3, 0)),
        "layer 0 `0` (embedding): dimension: expected at least 1, got 0",
    ),
    (
        "an embedding of rows that are no matrix",
        || error(Embedding::from_rows(&Tensor::from([1.0_f32, 2.0]))),
        "expected rows [vocabulary, dimension], got [2]",
    ),
    (
        "padding with a word that is none",
        || error(Embedding::<f32>::new(3, 2, &mut seeded(1)).unwrap().with_padding(3)),
        "padding: expected a number below the vocabulary, got 3",
    ),
    (
        "an embedding of too many axes",
        || build(builder([1, 2, 1, 2, 1]).embedding(3, 2)),
        "layer 0 `0` (embedding 3 -> 2): expected output of 0 to 5 axes that are not empty (one more is the batch), got [batch, 1, 2, 1, 2, 1, 2]",
    ),
    (
        "an option of a dense layer for a normalisation",
        || build(builder([4]).batch_norm().without_bias()),
        "layer 0 `0` (without_bias): without_bias: expected a dense layer or a convolution added by the builder before it, got batch_norm",
    ),
    (
        "two layers of one name",
        || build(builder([4]).dense(3).named("fc").relu().dense(3).named("fc")),
        "layer 2 `fc` (dense 3 -> 3): layer name `fc`: expected a name of its own, got one that another layer has",
    ),
    (
        "a name that is another layer's position",
        || build(builder([4]).dense(3).named("1").relu()),
        "layer 1 `1` (relu): layer name `1`: expected a name of its own, got one that another layer has",
    ),
    (
        "a name with a dot",
        || build(builder([4]).flatten().dense(3).named("fc.1").relu()),
        "layer 1 `1` (named): layer name: expected some text without a dot that does not begin with @, got `fc.1`",
    ),
    (
        "an empty name",
        || build(builder([4]).dense(3).named("")),
        "layer 0 `0` (named): layer name: expected some text without a dot that does not begin with @, got ``",
    ),
    (
        "a name before all layers",
        || build(builder([4]).named("fc").dense(3)),
        "layer 0 `0` (named): named: expected a layer before it, got none",
    ),
    (
        "no bias for a relu",
        || build(builder([4]).dense(3).relu().without_bias()),
        "layer 1 `1` (without_bias): without_bias: expected a dense layer or a convolution added by the builder before it, got relu",
    ),
    (
        "weights for nothing",
        || build(builder([4]).weight_init(Init::KaimingNormal).dense(3)),
        "layer 0 `0` (weight_init): weight_init: expected a dense layer or a convolution added by the builder before it, got none",
    ),
    (
        "a bias for a dense layer that is made already",
        || {
            build(
                builder([4]).layer(Dense::new(4, 3, &mut seeded(1)).unwrap()).bias_init(Init::Constant(0.0)),
            )
        },
        "layer 0 `0` (bias_init): bias_init: expected a dense layer or a convolution added by the builder before it, got dense 4 -> 3",
    ),
    (
        "only the first mistake is told",
        || build(builder([4]).dropout(2.0).without_bias().named("a.b").dense(0)),
        "layer 0 `0` (dropout): dropout rate: expected a number of at least 0 and below 1, got 2",
    ),
    (
        "a model inside of another width",
        || build(builder([5]).layer(model()).named("head")),
        "layer 0 `head` (sequential of 3 layers): expected input [batch, 4], got [batch, 5]",
    ),
    (
        "a parameter that is not there",
        || error(model().param("fc3.weight")),
        "parameter name: expected one of `fc1.weight`, `fc1.bias`, `fc2.weight`, `fc2.bias`; got `fc3.weight`",
    ),
    (
        "a parameter to be changed that is not there",
        || error(model().param_mut("weight")),
        "parameter name: expected one of `fc1.weight`, `fc1.bias`, `fc2.weight`, `fc2.bias`; got `weight`",
    ),
    (
        "a parameter of a model that has none",
        || error(builder([4]).relu().build(&mut seeded(1)).unwrap().param("0.weight")),
        "parameter name: expected one of none; got `0.weight`",
    ),
    (
        "freezing a layer without parameters",
        || error(model().freeze("1")),
        "name of a layer with parameters: expected one of `fc1`, `fc2`; got `1`",
    ),
    (
        "unfreezing a parameter instead of a layer",
        || error(model().unfreeze("fc1.weight")),
        "name of a layer with parameters: expected one of `fc1`, `fc2`; got `fc1.weight`",
    ),
];
