//! Files that were made to do harm, or that no layer does: each is an error that tells all, and none takes memory for what it claims.

use std::fs;
use std::path::PathBuf;

use super::fixture;
use super::graph::{LONG, Message, external, file, floats, integers, node, with_integer, with_integers};
use taper::{Error, Sequential, Tensor};

fn refused(bytes: &[u8]) -> String {
    Sequential::<f32>::from_onnx_bytes(bytes).expect_err("it should be refused").to_string()
}

#[test]
fn what_is_not_read_is_told_at_once() {
    let nodes = [
        node("LSTM", &["x"], "a"),
        node("Einsum", &["x", "a"], "b"),
        node("Relu", &["b"], "c"),
        node("Softmax", &["c"], "d"),
        node("Det", &["d"], "y"),
    ];
    let error = Sequential::<f32>::from_onnx_bytes(&file(&[3], &nodes, &[])).unwrap_err();
    let Error::Operations { problems, .. } = &error else { panic!("{error}") };
    assert_eq!(problems.len(), 3, "{error}");
    for (problem, name) in problems.iter().zip(["`a` (LSTM)", "`b` (Einsum)", "`y` (Det)"]) {
        assert!(problem.starts_with(&format!("operation {name}: ")), "{problem}");
    }
}

#[test]
fn graphs_that_cannot_be() {
    let weight = |axes: &[i64], len: usize| floats("w", axes, &vec![0.5; len]);
    let huge = isize::MAX as i64 / 2;
    let cases = [
        (file(&[3], &[node("Add", &["x", "y"], "y")], &[]), "circle"),
        (file(&[3], &[node("Add", &["x", "nothing"], "y")], &[]), "`nothing`"),
        (file(&[3], &[], &[]), "`y`"),
        (file(&[3], &[node("MatMul", &["x", "w"], "y")], &[weight(&[4, 2], 8)]), "as many rows"),
        (file(&[3], &[node("MatMul", &["x", "w"], "y")], &[weight(&[3, 2], 5)]), "24 bytes"),
        (file(&[3], &[node("MatMul", &["x", "w"], "y")], &[weight(&[huge, huge], 1)]), "fits into memory"),
        (file(&[3], &[node("MatMul", &["x", "w"], "y")], &[weight(&[-1, 2], 1)]), "axes from 0 to"),
        (file(&[3], &[node("Gemm", &["x", "w", "x"], "y")], &[weight(&[3, 2], 6)]), "constant"),
        (file(&[3], &[node("Reshape", &["x", "w"], "y")], &[integers("w", &[-1, -1])]), "at most one axis"),
        (file(&[3], &[node("Reshape", &["x", "w"], "y")], &[integers("w", &[0, 7])]), "as many elements"),
        (file(&[6], &[node("Reshape", &["x", "w"], "y")], &[integers("w", &[6, -1])]), "[6, batch]"),
        // Parts of samples as samples, reduced and put together again.
        (
            file(
                &[2, 3],
                &[
                    node("Reshape", &["x", "w"], "a"),
                    with_integers(node("ReduceMean", &["a"], "b"), "axes", &[1]),
                    node("Reshape", &["b", "v"], "y"),
                ],
                &[integers("w", &[-1, 3]), integers("v", &[-1, 2])],
            ),
            "samples along the first axis alone",
        ),
        (file(&[3], &[with_integers(node("Transpose", &["x"], "y"), "perm", &[1, 1])], &[]), "twice"),
        (file(&[3], &[with_integers(node("Transpose", &["x"], "y"), "perm", &[1, 0])], &[]), "samples"),
        (file(&[3], &[with_integer(node("Softmax", &["x"], "y"), "axis", i64::MIN)], &[]), "axis"),
        (file(&[3], &[with_integer(node("Softmax", &["x"], "y"), "axis", 0)], &[]), "samples"),
        (file(&[3], &[node("Mul", &["x", "x"], "y")], &[]), "no layer does this to two values"),
        (file(&[huge, huge], &[node("Flatten", &["x"], "y")], &[]), "memory"),
        (
            file(&[3, 8, 8], &[node("Conv", &["x", "w"], "y")], &[weight(&[2, 3, 9, 9], 486)]),
            "at least as long as the window",
        ),
        (
            file(&[4, 8, 8], &[node("Conv", &["x", "w"], "y")], &[weight(&[2, 3, 1, 1], 6)]),
            "expected a weight",
        ),
        (
            file(
                &[3, 8, 8],
                &[with_integers(node("MaxPool", &["x"], "y"), "kernel_shape", &[i64::MAX, 1])],
                &[],
            ),
            "`kernel_shape`",
        ),
        (file(&[3], &[node("Mul", &["x", "w"], "y")], &[floats("w", &[3], &[1.0, f32::NAN, 1.0])]), "finite"),
        (file(&[3], &[node("MatMul", &["x", "w"], "y")], &[external("w", &[3, 2], "w.bin")]), "in a file"),
        // A constant of 2⁶⁰ zeros, added.
        (
            file(
                &[3],
                &[node("ConstantOfShape", &["w"], "c"), node("Add", &["x", "c"], "y")],
                &[integers("w", &[1 << 30, 1 << 30])],
            ),
            "the same for all samples",
        ),
        (
            file(
                &[3],
                &[
                    node("ConstantOfShape", &["w"], "c"),
                    node("Exp", &["c"], "d"),
                    node("Add", &["x", "d"], "y"),
                ],
                &[integers("w", &[LONG])],
            ),
            "length of the file",
        ),
        // As many zeros as there are features.
        (
            file(
                &[LONG],
                &[node("ConstantOfShape", &["w"], "c"), node("Add", &["x", "c"], "y")],
                &[integers("w", &[LONG])],
            ),
            "length of the file",
        ),
        (file(&[LONG], &[node("Mul", &["x", "w"], "y")], &[floats("w", &[1], &[2.0])]), "length of the file"),
    ];
    for (bytes, text) in cases {
        let error = refused(&bytes);
        assert!(error.contains(text), "{text}: {error}");
    }
}

/// Axes behind which there is nothing may be as long as a file says: nobody walks along them.
#[test]
fn axes_without_elements_take_no_time() {
    let long = LONG;
    let read = |first: &[i64], nodes: &[Message]| {
        refused(&file(&[3], nodes, &[floats("e", first, &[]), integers("s", first)]))
    };
    let last = node("Add", &["x", "c"], "y");
    for nodes in [
        vec![node("Neg", &["e"], "c"), last.clone()],
        vec![node("ConstantOfShape", &["s"], "b"), node("Exp", &["b"], "c"), last.clone()],
        vec![with_integer(node("Concat", &["e", "e"], "c"), "axis", 1), last.clone()],
        vec![with_integers(node("Transpose", &["e"], "c"), "perm", &[1, 0]), last.clone()],
    ] {
        let error = read(&[long, 0], &nodes);
        assert!(error.contains("operation `y` (Add)"), "{error}");
    }
    let error = read(&[0, long, long], &[node("Flatten", &["e"], "c"), last]);
    assert!(error.contains("operation `c` (Flatten): expected axes that fit into memory"), "{error}");
}

/// A name as long as the file is told of each of many inputs.
#[test]
fn long_names_and_many_inputs_take_no_more_than_the_file() {
    let inputs: Vec<String> = (0..20_000).map(|index| format!("i{index}")).collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let name = "n".repeat(1 << 20);
    let Error::Operations { problems, .. } = Sequential::<f32>::from_onnx_bytes(&file(
        &[3],
        &[node("Sum", &inputs, "y").bytes(3, name.as_bytes())],
        &[],
    ))
    .unwrap_err() else {
        panic!("another error")
    };
    assert_eq!(problems.len(), 20_000);
    assert!(problems.iter().map(String::len).sum::<usize>() < 20_000 * 1000);
    let deep: Vec<Message> = (0..20_000)
        .map(|index| {
            node(
                "Relu",
                &[&if index == 0 { "x".to_owned() } else { format!("v{index}") }],
                &if index == 19_999 { "y".to_owned() } else { format!("v{}", index + 1) },
            )
        })
        .collect();
    assert!(refused(&file(&[3], &deep, &[])).contains("at most 16384 operations"));
}

/// A sigmoid's parts, again and again: what is looked for goes on behind each, and a longer row of parts that are none ends.
#[test]
fn rows_of_parts_take_time_as_they_are_long() {
    let row = |parts: &[&str], count: usize| {
        let mut nodes = Vec::new();
        for index in 0..count {
            let name = |place: usize| if place == 0 { "x".to_owned() } else { format!("v{place}") };
            let (from, to) = (name(index), if index + 1 == count { "y".to_owned() } else { name(index + 1) });
            let operation = parts[index % parts.len()];
            let inputs = if operation == "Add" { vec![from.as_str(), "one"] } else { vec![from.as_str()] };
            nodes.push(node(operation, &inputs, &to));
        }
        Sequential::<f32>::from_onnx_bytes(&file(&[3], &nodes, &[floats("one", &[], &[1.0])]))
    };
    let start = std::time::Instant::now();
    let model = row(&["Neg", "Exp", "Add", "Reciprocal"], 4000).unwrap();
    assert!(model.layers().all(|(_, layer)| layer.kind() == "sigmoid"));
    assert_eq!(model.layers().count(), 1000);
    let error = row(&["Exp"], 16_000).unwrap_err().to_string();
    assert!(error.contains("no layer is this function (Exp)"), "{error}");
    let error = row(&["Neg", "Exp", "Add", "Sqrt", "Abs", "Add", "Log"], 16_000).unwrap_err().to_string();
    assert!(error.contains("by itself") || error.contains("got more parts in a row"), "{error}");
    println!("{:?}", start.elapsed());
}

#[test]
fn branches_that_are_no_tree() {
    let nodes = [
        node("Relu", &["x"], "a"),
        node("Tanh", &["x"], "b"),
        node("Add", &["a", "b"], "c"),
        node("Sigmoid", &["b"], "d"),
        node("Add", &["c", "d"], "y"),
    ];
    let error = refused(&file(&[3], &nodes, &[]));
    assert!(error.contains("operation `b` (Tanh): expected paths that go apart and meet again"), "{error}");
}

#[test]
fn files_that_are_none() {
    let whole = fs::read(fixture("lenet_script.onnx")).unwrap();
    assert!(Sequential::<f32>::from_onnx_bytes(&whole).is_ok());
    for (bytes, text) in [
        (&b""[..], "empty file"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"{\"a\": 1}", "JSON"),
        (b"\x08\x08", "nothing with a graph"),
        (&[0x0a; 40], "ONNX"),
    ] {
        let error = refused(bytes);
        assert!(error.contains(text), "{text}: {error}");
    }
    // Cut anywhere, and with each byte changed, it is an error or a model, and never a panic.
    for end in 0..whole.len() {
        let _ = Sequential::<f32>::from_onnx_bytes(&whole[..end]);
    }
    let mut changed = whole.clone();
    for place in (0..whole.len()).filter(|place| place % 7 == 0) {
        for bits in [0x01, 0x80, 0xff] {
            changed[place] ^= bits;
            let _ = Sequential::<f32>::from_onnx_bytes(&changed);
            changed[place] = whole[place];
        }
    }
    let missing = Sequential::<f32>::from_onnx("no such file.onnx").unwrap_err();
    assert!(matches!(missing, Error::Io { action: "read", .. }), "{missing}");
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("onnx-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("model/inner")).unwrap();
    folder
}

#[test]
fn numbers_elsewhere_are_in_the_folder_of_the_model() {
    let folder = folder("external");
    let numbers: Vec<u8> = (0..6_u8).flat_map(|number| f32::from(number).to_le_bytes()).collect();
    for place in ["outside.bin", "model/w.bin", "model/inner/w.bin"] {
        fs::write(folder.join(place), &numbers).unwrap();
    }
    let read = |location: &str| {
        let path = folder.join("model/model.onnx");
        let nodes = [node("MatMul", &["x", "w"], "y")];
        fs::write(&path, file(&[3], &nodes, &[external("w", &[3, 2], location)])).unwrap();
        Sequential::<f32>::from_onnx(path)
    };
    for location in ["w.bin", "inner/w.bin"] {
        let y = read(location).unwrap().predict(&Tensor::from([[1.0, 10.0, 100.0]])).unwrap();
        assert_eq!(y.as_slice(), [420.0, 531.0]);
    }
    // A small file behind a larger one, as there is one for each tensor.
    let many: Vec<u8> = (0..300_000_u32).flat_map(|number| (number as f32).to_le_bytes()).collect();
    fs::write(folder.join("model/many.bin"), &many).unwrap();
    fs::write(folder.join("model/bias.bin"), &many[..4 * 100_000]).unwrap();
    let path = folder.join("model/several.onnx");
    let tensors = [external("w", &[3, 100_000], "many.bin"), external("b", &[100_000], "bias.bin")];
    fs::write(&path, file(&[3], &[node("Gemm", &["x", "w", "b"], "y")], &tensors)).unwrap();
    assert_eq!(Sequential::<f32>::from_onnx(&path).unwrap().parameters(), 400_000);
    let outside = folder.join("outside.bin").display().to_string();
    for location in [
        "../outside.bin",
        "inner/../../outside.bin",
        &outside,
        "/etc/passwd",
        "",
        ".",
        "inner",
        "..\\outside.bin",
        "a\0b",
    ] {
        let error = read(location).unwrap_err().to_string();
        assert!(error.contains("external data"), "{location}: {error}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&outside, folder.join("model/link.bin")).unwrap();
        std::os::unix::fs::symlink(&folder, folder.join("model/up")).unwrap();
        for location in ["link.bin", "up/outside.bin"] {
            let error = read(location).unwrap_err().to_string();
            assert!(error.contains("got a link"), "{location}: {error}");
        }
    }
    fs::write(folder.join("model/w.bin"), &numbers[..20]).unwrap();
    assert!(read("w.bin").unwrap_err().to_string().contains("24 bytes from 0"));
}
