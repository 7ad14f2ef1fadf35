//! Operations on constants, which are computed while a file is read, by their definitions in ONNX's list of operators.

use taper::{Sequential, Tensor};

use super::graph::{
    Message, bytes, file, floats, integers, node, with_float, with_floats, with_integer, with_integers,
    with_output,
};

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

/// What is in an attribute, and what a range has.
#[test]
fn made() {
    let constant = || node("Constant", &[], "c");
    assert_eq!(computed(with_float(constant(), "value_float", 1.5), &[], 1), [1.5]);
    assert_eq!(computed(with_floats(constant(), "value_floats", &[1.5, -2.0]), &[], 2), [1.5, -2.0]);
    assert_eq!(computed(with_integer(constant(), "value_int", -3), &[], 1), [-3.0]);
    assert_eq!(computed(with_integers(constant(), "value_ints", &[4, -5]), &[], 2), [4.0, -5.0]);
    let range = || node("Range", &["start", "limit", "delta"], "c");
    let whole = |number: i64| bytes("", &[], 7, &number.to_le_bytes());
    let named = |name: &str, tensor: Message| tensor.bytes(8, name.as_bytes());
    let constants = |[start, limit, delta]: [i64; 3]| {
        [named("start", whole(start)), named("limit", whole(limit)), named("delta", whole(delta))]
    };
    assert_eq!(computed(range(), &constants([3, 9, 3]), 2), [3.0, 6.0]);
    assert_eq!(computed(range(), &constants([10, 4, -2]), 3), [10.0, 8.0, 6.0]);
    let constants =
        [("start", 1.0), ("limit", 2.25), ("delta", 0.5)].map(|(name, number)| floats(name, &[], &[number]));
    assert_eq!(computed(range(), &constants, 3), [1.0, 1.5, 2.0]);
}

/// Every type of numbers that a file may have, each by its bits.
#[test]
fn types_of_numbers() {
    let cases: [(i64, &[u8], f64); 13] = [
        (1, &(-1.5_f32).to_le_bytes(), -1.5),
        (2, &[200], 200.0),
        (3, &[200], -56.0),
        (4, &60_000_u16.to_le_bytes(), 60_000.0),
        (5, &(-30_000_i16).to_le_bytes(), -30_000.0),
        (6, &(-2_000_000_000_i32).to_le_bytes(), -2e9),
        (7, &(-4_000_000_000_i64).to_le_bytes(), -4e9),
        (9, &[1], 1.0),
        (10, &0xbe00_u16.to_le_bytes(), -1.5),
        (11, &0.1_f64.to_le_bytes(), 0.1),
        (12, &4_000_000_000_u32.to_le_bytes(), 4e9),
        (13, &(1_u64 << 63).to_le_bytes(), 9_223_372_036_854_775_808.0),
        (16, &0xbfc0_u16.to_le_bytes(), -1.5),
    ];
    for (element, number, expected) in cases {
        let constant = bytes("a", &[1], element, number);
        assert_eq!(computed(node("Identity", &["a"], "c"), &[constant], 1), [expected], "type {element}");
    }
}

/// To a type that is told, and to that of another input.
#[test]
fn to_other_types() {
    let fractions = floats("a", &[4], &[-1.75, 0.0, 0.25, 3.5]);
    let whole = integers("a", &[-3, 0, 1, 2]);
    let to = |element| with_integer(node("Cast", &["a"], "c"), "to", element);
    let as_whole = [-1.0, 0.0, 0.0, 3.0];
    let as_flags = [1.0, 0.0, 1.0, 1.0];
    assert_eq!(computed(to(7), std::slice::from_ref(&fractions), 4), as_whole);
    assert_eq!(computed(to(9), std::slice::from_ref(&fractions), 4), as_flags);
    assert_eq!(computed(to(9), std::slice::from_ref(&whole), 4), [1.0, 0.0, 1.0, 1.0]);
    assert_eq!(computed(to(11), std::slice::from_ref(&fractions), 4), [-1.75, 0.0, 0.25, 3.5]);
    let like = || node("CastLike", &["a", "b"], "c");
    assert_eq!(computed(like(), &[fractions.clone(), integers("b", &[0])], 4), as_whole);
    assert_eq!(computed(like(), &[fractions.clone(), bytes("b", &[1], 9, &[0])], 4), as_flags);
    assert_eq!(computed(like(), &[fractions, floats("b", &[1], &[0.0])], 4), [-1.75, 0.0, 0.25, 3.5]);
}

/// Whole numbers in the type of the model's input have fractions from then on.
#[test]
fn to_the_type_of_the_input() {
    let nodes = [
        node("CastLike", &["seven", "x"], "a"),
        node("CastLike", &["two", "x"], "b"),
        node("Div", &["a", "b"], "c"),
        node("Add", &["x", "c"], "y"),
    ];
    let bytes = file(&[1], &nodes, &[integers("seven", &[7]), integers("two", &[2])]);
    let model = Sequential::<f64>::from_onnx_bytes(&bytes).unwrap();
    assert_eq!(model.predict(&Tensor::zeros([1, 1]).unwrap()).unwrap().into_vec(), [3.5]);
}

/// A shape goes through fractions and stays what it is, the number of samples in it too; it is never rounded in between.
#[test]
fn shapes_with_fractions() {
    let computed = |operation: &str, factor: f32| {
        let nodes = [
            node("Shape", &["x"], "shape"),
            with_integer(node("Cast", &["shape"], "fractions"), "to", 1),
            node(operation, &["fractions", "factors"], "scaled"),
            with_integer(node("Gather", &["scaled", "one"], "c"), "axis", 0),
            with_integer(node("Cast", &["c"], "number"), "to", 1),
            node("Add", &["x", "number"], "y"),
        ];
        let constants = [floats("factors", &[2], &[1.0, factor]), bytes("one", &[], 7, &1_i64.to_le_bytes())];
        let model = Sequential::<f64>::from_onnx_bytes(&file(&[7], &nodes, &constants))?;
        model.predict(&Tensor::zeros([1, 7])?).map(|y| y.as_slice()[0])
    };
    assert_eq!(computed("Mul", 2.0).unwrap(), 14.0);
    assert_eq!(computed("Div", 7.0).unwrap(), 1.0);
    for (operation, factor, expected) in [
        ("Mul", 1.5, "expected whole numbers beside those of samples, got fractions"),
        ("Add", 0.25, "expected whole numbers beside those of samples, got fractions"),
        ("Div", 2.0, "expected whole numbers that the operation has a result for"),
    ] {
        let text = computed(operation, factor).unwrap_err().to_string();
        assert!(text.contains(expected), "{operation}: {text}");
    }
}

#[test]
fn repeated_and_split() {
    let constants = [floats("a", &[2, 1], &[1.0, 2.0]), integers("shape", &[1, 3])];
    let expand = node("Expand", &["a", "shape"], "c");
    assert_eq!(computed(expand, &constants, 6), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
    let rows = floats("a", &[2, 5], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    let split = |inputs: &[&str]| {
        let split = with_output(with_output(node("Split", inputs, "first"), "c"), "last");
        with_integer(split, "axis", 1)
    };
    let sizes = integers("sizes", &[1, 3, 1]);
    let got = computed(split(&["a", "sizes"]), &[rows.clone(), sizes], 6);
    assert_eq!(got, [1.0, 2.0, 3.0, 6.0, 7.0, 8.0]);
    // The last part is the shorter one.
    let got = computed(with_integer(split(&["a"]), "num_outputs", 3), &[rows], 4);
    assert_eq!(got, [2.0, 3.0, 7.0, 8.0]);
}
