//! Tensors of other programs: other names, types, orientations; more of them, or fewer.

use taper::io::{Load, Orientation, Save};
use taper::{Error, Scalar, Sequential, Tensor};

use crate::hand_made::HandMade;

/// 3 → 2 → 1.
fn model<T: Scalar>(seed: u64) -> Sequential<T> {
    let builder = Sequential::builder([3]).dense(2).named("fc1").relu();
    builder.dense(1).without_bias().named("fc2").build(&mut taper::seeded(seed)).unwrap()
}

const WEIGHT: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

/// All that the model needs, in PyTorch's orientation.
fn whole(prefix: &str) -> HandMade {
    HandMade::new()
        .f32(&format!("{prefix}fc1.weight"), &[2, 3], &WEIGHT)
        .f32(&format!("{prefix}fc1.bias"), &[2], &[7.0, 8.0])
        .f32(&format!("{prefix}fc2.weight"), &[1, 2], &[9.0, 10.0])
}

#[track_caller]
fn problems(target: &mut Sequential<f32>, file: &HandMade, load: &Load) -> Vec<String> {
    let before = target.state();
    let result = target.load_bytes(&file.bytes(), load);
    assert_eq!(target.state(), before, "an error has changed the model");
    match result {
        Err(Error::Tensors { problems, .. }) => problems,
        other => panic!("expected tensors that do not fit, got {other:?}"),
    }
}

/// The values in the model's own order: `[inputs, outputs]`.
fn assert_whole(model: &Sequential<f32>) {
    let values = |name: &str| model.param(name).unwrap().to_tensor();
    assert_eq!(values("fc1.weight"), Tensor::from([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]));
    assert_eq!(values("fc1.bias"), Tensor::from([7.0, 8.0]));
    assert_eq!(values("fc2.weight"), Tensor::from([[9.0], [10.0]]));
}

#[test]
fn a_file_of_another_program_is_loaded_but_not_opened() {
    let mut target = model(1);
    target.load_bytes(&whole("").bytes(), &Load::new()).unwrap();
    assert_whole(&target);
    let error = Sequential::<f32>::open_bytes(&whole("").bytes()).unwrap_err().to_string();
    assert!(error.contains("expected a description of the model, got only tensors"), "{error}");
}

#[test]
fn everything_that_does_not_fit_is_one_error() {
    let file = HandMade::new()
        .f32("fc1.weight", &[3, 2], &WEIGHT)
        .tensor("fc2.weight", "I64", &[1, 2], &[0; 16])
        .f32("fc3.weight", &[2], &[f32::NAN, 0.0])
        .tensor("step", "U8", &[], &[1]);
    assert_eq!(
        problems(&mut model(1), &file, &Load::new()),
        [
            "`fc1.weight`: expected [2, 3], got [3, 2]; it may lie the other way: tell the orientation",
            "`fc1.bias` [2] is missing",
            "`fc2.weight`: expected f64, f32, f16 or bf16, got I64",
            "`fc3.weight` [2] is left over",
            "`step` [] is left over",
        ]
    );
    // Of what is allowed nothing is told; the rest still is.
    let load = Load::new().allow_missing().allow_left_over();
    assert_eq!(problems(&mut model(1), &file, &load).len(), 2);
}

#[test]
fn the_orientation_is_told_by_the_file_or_by_the_user() {
    let turned = HandMade::new()
        .f32("fc1.weight", &[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0])
        .f32("fc1.bias", &[2], &[7.0, 8.0])
        .f32("fc2.weight", &[2, 1], &[9.0, 10.0]);
    let load = Load::new().with_orientation(Orientation::Keras);
    let mut target = model(1);
    target.load_bytes(&turned.bytes(), &load).unwrap();
    assert_whole(&target);
    // Nothing else is known to be turned: a bias has one axis.
    let bias = HandMade::new().f32("fc1.bias", &[1, 2], &[0.0; 2]);
    let problems = problems(&mut target, &bias, &Load::new().allow_missing());
    assert_eq!(problems, ["`fc1.bias`: expected [2], got [1, 2]"]);
    // A file of this crate says so itself, and the user may know better.
    let bytes = model::<f32>(2).to_bytes(&Save::new().with_orientation(Orientation::Keras)).unwrap();
    target.load_bytes(&bytes, &Load::new()).unwrap();
    assert_eq!(target.state(), model(2).state());
    target.load_bytes(&bytes, &Load::new().with_orientation(Orientation::PyTorch)).unwrap_err();
}

#[test]
fn names_are_changed_on_the_way() {
    let mut target = model(1);
    let load = Load::new().with_rename("module.", "");
    target.load_bytes(&whole("module.").bytes(), &load).unwrap();
    assert_whole(&target);
    // A part of a name in front, a whole name, and the first rule that fits.
    let foreign = HandMade::new()
        .f32("features.0.weight", &[2, 3], &WEIGHT)
        .f32("features.0.bias", &[2], &[7.0, 8.0])
        .f32("features.head", &[1, 2], &[9.0, 10.0]);
    let load = Load::new()
        .with_rename("features.head", "fc2.weight")
        .with_rename("features.0.", "fc1.")
        .with_rename("features.", "elsewhere.");
    let expected = ["`features.` to `elsewhere.`: no name begins so"];
    assert_eq!(problems(&mut target, &foreign, &load), expected);
    let load = Load::new().with_rename("features.head", "fc2.weight").with_rename("features.0.", "fc1.");
    let mut target = model(2);
    target.load_bytes(&foreign.bytes(), &load).unwrap();
    assert_whole(&target);
}

#[test]
fn two_names_that_become_one_are_an_error() {
    let file = whole("").f32("other.bias", &[2], &[0.0; 2]);
    let told = problems(&mut model(1), &file, &Load::new().with_rename("other.", "fc1."));
    assert_eq!(told, ["`fc1.bias` and `other.bias` are both `fc1.bias`"]);
}

#[test]
fn what_is_missing_or_left_over_is_told_where_it_is_allowed() {
    let file = HandMade::new()
        .f32("z", &[1], &[0.0])
        .f32("fc1.bias", &[2], &[7.0, 8.0])
        .f32("a", &[1], &[0.0])
        // Only in a checkpoint a name like this stands for something beside the model.
        .f32("@best/fc1.bias", &[1], &[0.0]);
    let mut target = model::<f32>(1);
    let load = Load::new().allow_missing().allow_left_over();
    let loaded = target.load_bytes(&file.bytes(), &load).unwrap();
    assert_eq!(loaded.missing, ["fc1.weight", "fc2.weight"]);
    assert_eq!(loaded.left_over, ["z", "a", "@best/fc1.bias"]); // as they lie in the file
    assert!(loaded.not_finite.is_empty());
    assert_eq!(target.param("fc1.bias").unwrap().to_tensor(), Tensor::from([7.0, 8.0]));
    let before = model::<f32>(1).state();
    assert_eq!(target.state().get("fc1.weight"), before.get("fc1.weight"));
    assert_eq!(target.state().get("fc2.weight"), before.get("fc2.weight"));
}

fn narrow(dtype: &str, [weight, bias]: [[u16; 2]; 2]) -> Vec<u8> {
    let bytes = |bits: [u16; 2]| bits.iter().flat_map(|bits| bits.to_le_bytes()).collect::<Vec<u8>>();
    HandMade::new()
        // Behind a single byte all that follows is misaligned.
        .tensor("odd", "U8", &[1], &[0])
        .tensor("fc.weight", dtype, &[1, 2], &bytes(weight))
        .tensor("fc.bias", dtype, &[1], &bytes(bias)[..2])
        .bytes()
}

fn read_narrow<T: Scalar>(bytes: &[u8]) -> [f64; 3] {
    let builder = Sequential::<T>::builder([2]).dense(1).named("fc");
    let mut model = builder.build(&mut taper::seeded(1)).unwrap();
    model.load_bytes(bytes, &Load::new().allow_left_over()).unwrap();
    let state = model.state();
    let &[a, b] = state.get("fc.weight").unwrap().as_slice() else { panic!("two weights") };
    [a.as_f64(), b.as_f64(), state.get("fc.bias").unwrap().as_slice()[0].as_f64()]
}

/// Bits and values as numpy and PyTorch have them.
#[test]
fn half_precision_is_read() {
    let half = narrow("F16", [[0x3555, 0x0001], [0xfbff, 0]]);
    let expected = [0.333_251_953_125, 5.960_464_477_539_063e-8, -65504.0];
    assert_eq!((read_narrow::<f32>(&half), read_narrow::<f64>(&half)), (expected, expected));
    let brain = narrow("BF16", [[0x3eab, 0xc049], [0x7f7f, 0]]);
    let expected = [0.333_984_375, -3.140_625, 3.389_531_389_251_535_4e38];
    assert_eq!((read_narrow::<f32>(&brain), read_narrow::<f64>(&brain)), (expected, expected));
}

#[test]
fn double_precision_is_rounded_once() {
    let file = HandMade::new().f64("fc.weight", &[1, 1], &[0.1]).f64("fc.bias", &[1], &[1.0 + 1e-9]);
    let builder = Sequential::<f32>::builder([1]).dense(1).named("fc");
    let mut model = builder.build(&mut taper::seeded(1)).unwrap();
    model.load_bytes(&file.bytes(), &Load::new()).unwrap();
    assert_eq!(model.state().get("fc.weight").unwrap().as_slice(), [0.1_f32]);
    assert_eq!(model.state().get("fc.bias").unwrap().as_slice(), [1.0_f32]);
}

/// What PyTorch and Keras keep of a batch normalisation: other names, and a count of batches, which is left out.
#[test]
fn running_statistics_are_read() {
    let builder = || Sequential::<f32>::builder([2]).batch_norm().named("norm");
    let values = |model: &Sequential<f32>| {
        ["weight", "bias", "running_mean", "running_var"]
            .map(|name| model.param(&format!("norm.{name}")).unwrap().to_tensor().into_vec())
    };
    let expected = [vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0, 6.0], vec![7.0, 8.0]];
    let named = |names: [&str; 4]| {
        let tensors = names.iter().zip(&expected);
        tensors.fold(HandMade::new(), |file, (name, values)| file.f32(&format!("norm.{name}"), &[2], values))
    };
    let torch = named(["weight", "bias", "running_mean", "running_var"]);
    let torch = torch.tensor("norm.num_batches_tracked", "I64", &[], &3_i64.to_le_bytes());
    let mut model = builder().build(&mut taper::seeded(1)).unwrap();
    let loaded = model.load_bytes(&torch.bytes(), &Load::new()).unwrap();
    assert_eq!((values(&model), loaded.left_over), (expected.clone(), Vec::<String>::new()));

    // Where batches are counted, it is read.
    let norm =
        taper::layers::BatchNorm::new(2).unwrap().with_momentum(taper::layers::Momentum::Cumulative).unwrap();
    let mut counting =
        Sequential::<f32>::builder([2]).layer(norm).named("norm").build(&mut taper::seeded(1)).unwrap();
    counting.load_bytes(&torch.bytes(), &Load::new()).unwrap();
    assert_eq!(values(&counting), expected);
    assert_eq!(counting.param("norm.num_batches_tracked").unwrap().to_tensor().into_vec(), [3.0]);

    let keras = named(["gamma", "beta", "moving_mean", "moving_variance"]);
    let load = Load::new()
        .with_rename("*gamma", "*weight")
        .with_rename("*beta", "*bias")
        .with_rename("*moving_mean", "*running_mean")
        .with_rename("*moving_variance", "*running_var");
    let mut model = builder().build(&mut taper::seeded(1)).unwrap();
    model.load_bytes(&keras.bytes(), &load).unwrap();
    assert_eq!(values(&model), expected);

    // A count without a normalisation is as much left over as anything.
    let odd = whole("").tensor("fc1.num_batches_tracked", "I64", &[], &3_i64.to_le_bytes());
    let left = problems(&mut self::model(1), &odd, &Load::new());
    assert_eq!(left, ["`fc1.num_batches_tracked` [] is left over"]);
}
