//! What a model tells of itself: its summary, its names, its debug text; and what a clone is.

use taper::init::Init;
use taper::losses::MeanSquaredError;
use taper::optimizers::{Adam, Clip, Sgd};
use taper::schedules::StepDecay;
use taper::train::{Dataset, EarlyStopping, Fit};
use taper::{
    Activation, Dense, GradientStore, Layer, Mode, Optimizer, Param, Sequential, Tensor, Trainer, seeded,
};

/// The classifier behind 7×7×256 feature maps. Its weights are zeros, which are made faster than random numbers.
fn classifier() -> Sequential<f32> {
    let zero = Init::Constant(0.0);
    let builder = Sequential::builder([7, 7, 256]).flatten();
    let builder = builder.dense(1024).named("fc1").weight_init(zero).relu();
    let builder = builder.dense(512).named("fc2").weight_init(zero).relu();
    builder.dense(3).named("fc3").weight_init(zero).build(&mut seeded(7)).unwrap()
}

#[test]
fn the_summary_of_a_classifier() {
    let model = classifier();
    let summary = model.summary();
    // By hand: 12544·1024 + 1024 + 1024·512 + 512 + 512·3 + 3.
    assert_eq!(summary.parameters(), 13_372_419);
    assert_eq!(model.parameters(), 13_372_419);
    // By hand: 12544·1024 + 1024·512 + 512·3.
    assert_eq!(summary.multiply_adds(), 13_370_880);
    assert_eq!(model.multiply_adds(&model.input()), 13_370_880);
    assert_eq!(summary.rows[1].parameters, 12_846_080);
    assert_eq!(format!("{:.1}", 100.0 * summary.share(&summary.rows[1])), "96.1");
    let expected = "\
name  layer                output       parameters    share  multiply-adds       bytes
      input                [7, 7, 256]
0     flatten              [12544]               0    0.0 %              0           0
fc1   dense 12544 -> 1024  [1024]       12,846,080   96.1 %     12,845,056  51,384,320
2     relu                 [1024]                0    0.0 %              0           0
fc2   dense 1024 -> 512    [512]           524,800    3.9 %        524,288   2,099,200
4     relu                 [512]                 0    0.0 %              0           0
fc3   dense 512 -> 3       [3]               1,539    0.0 %          1,536       6,156
      total                             13,372,419  100.0 %     13,370,880  53,489,676
";
    assert_eq!(summary.to_string(), expected, "\n{summary}");
}

/// Models inside of models are one row, names may be any text, and frozen layers are marked.
#[test]
fn the_summary_of_a_nested_model() {
    let inner = Sequential::builder([4]).dense(3).named("fc").tanh().build(&mut seeded(1)).unwrap();
    let builder = Sequential::<f64>::builder([2, 2]).flatten().layer(inner).named("größe");
    let mut model = builder.dense(2).without_bias().build(&mut seeded(1)).unwrap();
    model.freeze("größe").unwrap();
    let summary = model.summary();
    assert_eq!((summary.rows[1].parameters, summary.rows[1].frozen), (15, 15));
    let expected = "\
name   layer                          output  parameters    share  multiply-adds  bytes
       input                          [2, 2]
0      flatten                        [4]              0    0.0 %              0      0
größe  sequential of 2 layers frozen  [3]             15   71.4 %             12    120
  fc   dense 4 -> 3 frozen            [3]             15   71.4 %             12    120
  1    tanh                           [3]              0    0.0 %              0      0
2      dense 3 -> 2                   [2]              6   28.6 %              6     48
       total                                          21  100.0 %             18    168
";
    assert_eq!(summary.to_string(), expected, "\n{summary}");
    let empty = Sequential::<f32>::builder([3]).relu().build(&mut seeded(1)).unwrap().summary().to_string();
    assert!(empty.ends_with("      total                   0  0.0 %              0      0\n"), "\n{empty}");
}

fn names(model: &Sequential<f32>) -> Vec<String> {
    let mut names = Vec::new();
    model.params(&mut |param| names.push(param.name().to_owned()));
    names
}

#[test]
fn parameters_have_the_names_of_their_layers() {
    let block = Sequential::builder([4]).dense(4).relu().dense(4).named("out").without_bias();
    let block = block.build(&mut seeded(1)).unwrap();
    let builder = Sequential::builder([4]).layer(block.clone()).named("left").layer(block).dense(2);
    let mut model = builder.build(&mut seeded(1)).unwrap();
    let expected = [
        "left.0.weight",
        "left.0.bias",
        "left.out.weight",
        "1.0.weight",
        "1.0.bias",
        "1.out.weight",
        "2.weight",
        "2.bias",
    ];
    assert_eq!(names(&model), expected);
    let layers: Vec<(String, &str)> =
        model.layers().map(|(name, layer)| (name.to_owned(), layer.kind())).collect();
    let kinds = [("left", "sequential"), ("1", "sequential"), ("2", "dense")];
    assert_eq!(layers, kinds.map(|(name, kind)| (name.to_owned(), kind)));
    for name in expected {
        assert_eq!(model.param(name).unwrap().name(), name);
        assert_eq!(model.param_mut(name).unwrap().name(), name);
    }
    assert_eq!((model.len(), model.is_empty()), (3, false));
    // A layer inside is frozen with the model around it.
    model.freeze("left").unwrap();
    let frozen = |name: &str| model.param(name).unwrap().is_frozen();
    assert_eq!(expected.map(frozen), [true, true, true, false, false, false, false, false]);
}

/// A clone has weights of its own; a workspace serves both, for they have the same layers.
#[test]
fn a_clone_is_independent() {
    let builder = Sequential::builder([2]).dense(3).relu().dropout(0.5).dense(2);
    let model = builder.build(&mut seeded(1)).unwrap();
    let (x, target) = (Tensor::from([[0.5_f32, -1.0]]), Tensor::from([[1.0, 2.0]]));
    let before = model.predict(&x).unwrap();
    let mut clone = model.clone();
    assert_eq!(clone.predict(&x).unwrap(), before);
    let sgd = Optimizer::new(Sgd::new(0.5).unwrap());
    Trainer::new(&mut clone, MeanSquaredError::new(), sgd).step(&x, &target).unwrap();
    clone.freeze("0").unwrap();
    assert_eq!(model.predict(&x).unwrap(), before);
    assert_ne!(clone.predict(&x).unwrap(), before);
    assert!(!model.param("0.weight").unwrap().is_frozen());
    let mut workspace = model.workspace(Mode::Infer, 1).unwrap();
    assert_eq!(clone.infer(&x, &mut workspace).unwrap().to_tensor(), clone.predict(&x).unwrap());
    assert_eq!(model.infer(&x, &mut workspace).unwrap().to_tensor(), before);
}

/// Debug texts are short: a weight has millions of numbers, and a log has lines.
#[test]
fn debug_texts() {
    let mut model =
        Sequential::<f32>::builder([4]).flatten().dense(3).named("fc").build(&mut seeded(1)).unwrap();
    let text = r#"Sequential [4] -> [3] {"0": "flatten", "fc": "dense 4 -> 3"}"#;
    assert_eq!(format!("{model:?}"), text);
    let builder = Sequential::<f32>::builder([4]).flatten().dense(3);
    assert_eq!(format!("{builder:?}"), "Builder for input [4], 2 layers so far");
    let mut param = Param::new("bias", &Tensor::from([1.0_f32, 2.0]));
    assert_eq!(format!("{param:?}"), "Param `bias` [2]");
    param.freeze();
    assert_eq!(format!("{param:?}"), "Param `bias` [2] frozen");
    let dense = Dense::<f32>::from_parts(&Tensor::from([[1.0], [2.0]]), None).unwrap();
    let text = "Dense { inputs: 2, outputs: 1, weight: Param `weight` [2, 1], bias: None }";
    assert_eq!(format!("{dense:?}"), text);
    assert_eq!(format!("{:?}", Activation::LeakyRelu { slope: 0.01 }), "LeakyRelu { slope: 0.01 }");
    let store = GradientStore::new(&mut model);
    assert_eq!(format!("{store:?}"), r#"{"fc.weight": false, "fc.bias": false}"#);
    let workspace = model.workspace(Mode::Infer, 2).unwrap();
    let text = format!("{workspace:?}");
    assert!(text.starts_with("Workspace { mode: Infer, capacity: 2, bytes: "), "{text}");
    assert!(text.ends_with(", parallelism: Pool, .. }"), "{text}");
    let optimizer = Optimizer::<f32>::new(Sgd::new(0.1).unwrap()).with_clip(Clip::Value(1.0)).unwrap();
    let text = format!("{optimizer:?}");
    assert!(
        text.starts_with("Optimizer { rule: Sgd { settings: RuleSettings { learning_rate: 0.1,"),
        "{text}"
    );
    assert!(text.ends_with("clip: Some(Value(1.0)), .. }"), "{text}");
    let x = Tensor::from([[1.0_f32, 2.0]]);
    assert_eq!(format!("{:?} {:?}", x.shape(), x), "[1, 2] Tensor [1, 2] [1.0, 2.0]");
    let data = Dataset::new(&x, &[0]).unwrap();
    let fit = Fit::epochs(3).with_validation(data).with_early_stopping(EarlyStopping::new(2)).in_order();
    let text = format!("{fit:?}");
    assert!(text.starts_with("Fit { epochs: 3, validation: Some(1), early_stopping: Some("), "{text}");
    let adam = Optimizer::new(Adam::new(0.1).unwrap());
    let trainer = Trainer::new(&mut model, MeanSquaredError::new(), adam);
    let trainer = trainer.with_schedule(StepDecay::new(0.1, 5, 0.5).unwrap());
    let text = format!("{trainer:?}");
    assert!(text.starts_with("Trainer { model: Sequential [4] -> [3] {"), "{text}");
    assert!(text.contains("pace: ByStep(StepDecay { rate: 0.1, every: 5, factor: 0.5 })"), "{text}");
    assert!(text.len() < 600, "{text}");
}
