//! Operations on constants, which are computed while a file is read, by their definitions in ONNX's list of operators.

use taper::{Sequential, Tensor};

use super::graph::{Message, file, floats, integers, node, with_integer};

/// What the operation makes of constants, in one row: what comes out where it is added to zeros.
fn computed(operation: Message, constants: &[Message], count: usize) -> Vec<f64> {
    let width = i64::try_from(count).unwrap();
    let nodes = [
        operation,
        with_integer(node("Cast", &["c"], "number"), "to", 1),
        node("Reshape", &["number", "row"], "rowed"),
        node("Add", &["x", "rowed"], "y"),
    ];
    let bytes = file(&[width], &nodes, &[constants, &[integers("row", &[width])]].concat());
    let model = Sequential::<f64>::from_onnx_bytes(&bytes).unwrap();
    model.predict(&Tensor::zeros([1, count]).unwrap()).unwrap().into_vec()
}

/// The exponential ones by Python's `math`.
#[test]
fn functions_of_one_number() {
    let numbers = [-1.5, -0.5, 0.0, 0.5, 2.5];
    let cases = [
        ("Abs", [1.5, 0.5, 0.0, 0.5, 2.5]),
        ("Ceil", [-1.0, 0.0, 0.0, 1.0, 3.0]),
        ("Exp", [0.223_130_160, 0.606_530_660, 1.0, 1.648_721_271, 12.182_493_961]),
        ("Floor", [-2.0, -1.0, 0.0, 0.0, 2.0]),
        ("Identity", numbers.map(f64::from)),
        ("Neg", [1.5, 0.5, 0.0, -0.5, -2.5]),
        ("Relu", [0.0, 0.0, 0.0, 0.5, 2.5]),
        // A half goes to the even one.
        ("Round", [-2.0, 0.0, 0.0, 0.0, 2.0]),
        ("Sigmoid", [0.182_425_524, 0.377_540_669, 0.5, 0.622_459_331, 0.924_141_820]),
        ("Tanh", [-0.905_148_254, -0.462_117_157, 0.0, 0.462_117_157, 0.986_614_298]),
    ];
    for (operation, expected) in cases {
        compare(operation, &numbers, &expected);
    }
    compare("Log", &[0.25, 5.0], &[-1.386_294_361, 1.609_437_912]);
    compare("Reciprocal", &[0.25, 2.0], &[4.0, 0.5]);
    compare("Sqrt", &[0.25, 4.0], &[0.5, 2.0]);
}

fn compare(operation: &str, numbers: &[f32], expected: &[f64]) {
    let constant = floats("a", &[i64::try_from(numbers.len()).unwrap()], numbers);
    let got = computed(node(operation, &["a"], "c"), &[constant], numbers.len());
    let is_near = |(got, expected): (&f64, &f64)| (got - expected).abs() <= 1e-6 * (1.0 + expected.abs());
    assert!(got.iter().zip(expected).all(is_near), "{operation}: {got:?}");
}

#[test]
fn whole_numbers_and_flags() {
    let of_one = [
        ("Abs", [3.0, 0.0, 2.0]),
        ("Ceil", [-3.0, 0.0, 2.0]),
        ("Floor", [-3.0, 0.0, 2.0]),
        ("Neg", [3.0, 0.0, -2.0]),
        ("Not", [0.0, 1.0, 0.0]),
    ];
    for (operation, expected) in of_one {
        let got = computed(node(operation, &["a"], "c"), &[integers("a", &[-3, 0, 2])], 3);
        assert_eq!(got, expected, "{operation}");
    }
    let (a, b) = ([7, 0, 3, -5], [2, 5, 3, 3]);
    let of_two = [
        ("Add", [9.0, 5.0, 6.0, -2.0]),
        ("Sub", [5.0, -5.0, 0.0, -8.0]),
        ("Mul", [14.0, 0.0, 9.0, -15.0]),
        ("Pow", [49.0, 0.0, 27.0, -125.0]),
        ("Mod", [1.0, 0.0, 0.0, 1.0]),
        ("Min", [2.0, 0.0, 3.0, -5.0]),
        ("Max", [7.0, 5.0, 3.0, 3.0]),
        ("Equal", [0.0, 0.0, 1.0, 0.0]),
        ("Less", [0.0, 1.0, 0.0, 1.0]),
        ("LessOrEqual", [0.0, 1.0, 1.0, 1.0]),
        ("Greater", [1.0, 0.0, 0.0, 0.0]),
        ("GreaterOrEqual", [1.0, 0.0, 1.0, 0.0]),
        ("And", [1.0, 0.0, 1.0, 1.0]),
        ("Or", [1.0, 1.0, 1.0, 1.0]),
    ];
    for (operation, expected) in of_two {
        let got = computed(node(operation, &["a", "b"], "c"), &[integers("a", &a), integers("b", &b)], 4);
        assert_eq!(got, expected, "{operation}");
    }
    let fmod = with_integer(node("Mod", &["a", "b"], "c"), "fmod", 1);
    assert_eq!(computed(fmod, &[integers("a", &a), integers("b", &b)], 4), [1.0, 0.0, 0.0, -2.0]);
    let both_zero = [integers("a", &[0]), integers("b", &[0])];
    assert_eq!(computed(node("Or", &["a", "b"], "c"), &both_zero, 1), [0.0]);
    for (operation, expected) in
        [("ReduceSum", 4.0), ("ReduceProd", 252.0), ("ReduceMin", -4.0), ("ReduceMax", 7.0)]
    {
        let all = with_integer(node(operation, &["a"], "c"), "keepdims", 1);
        assert_eq!(computed(all, &[integers("a", &[7, 3, -4, 1, -3])], 1), [expected], "{operation}");
    }
    let chosen = [integers("flag", &[1, 0, 0, 1]), integers("a", &a), integers("b", &b)];
    assert_eq!(computed(node("Where", &["flag", "a", "b"], "c"), &chosen, 4), [7.0, 5.0, 3.0, -5.0]);
}

/// Side by side, and one behind the other.
#[test]
fn joined() {
    let (a, b) = (floats("a", &[2, 2], &[1.0, 2.0, 3.0, 4.0]), floats("b", &[2, 1], &[5.0, 6.0]));
    let joined = with_integer(node("Concat", &["a", "b"], "c"), "axis", 1);
    assert_eq!(computed(joined, &[a, b], 6), [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
    let (a, b) = (floats("a", &[1, 2], &[1.0, 2.0]), floats("b", &[2, 2], &[3.0, 4.0, 5.0, 6.0]));
    let joined = with_integer(node("Concat", &["a", "b"], "c"), "axis", 0);
    assert_eq!(computed(joined, &[a, b], 6), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}
