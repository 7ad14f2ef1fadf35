//! A file takes no more memory than its length, the model in it, and a constant, whatever it claims.
//!
//! The allocator counts for the whole process, so this binary holds a single test.

#![cfg(feature = "safetensors")]

use serde_json::{Map, Value, json};
use taper::io::{Load, Open, Save};
use taper::sequential::Quantization;
use taper::{Layer, Scalar, Sequential, Tensor};

#[path = "files/hand_made.rs"]
#[expect(dead_code, reason = "shared with the tests of files")]
mod hand_made;
#[path = "common/peak.rs"]
mod peak;

use hand_made::HandMade;
use peak::peak;

const MB: usize = 1 << 20;

/// What a header and a description take at most when they are parsed; `docs/files.md` promises it.
const CONSTANT: usize = 64 * MB;

/// What honest files need besides.
const SMALL: usize = MB;

/// An axis so long that two of them are beyond memory, where there is one.
const LONG: usize = if usize::BITS < 64 { 1 << 30 } else { 1 << 40 };

/// The bytes of a model's parameters as they are kept, with the padding.
fn size<T: Scalar>(model: &Sequential<T>) -> usize {
    let mut bytes = 0;
    model.params(&mut |param| bytes += size_of_val(param.buffer()));
    bytes
}

fn described(file: HandMade, input: &Value, layers: &Value, check: &Value) -> HandMade {
    file.described(&json!({
        "format": 1, "version": "0", "orientation": "pytorch", "flattened": null,
        "model": { "input": input, "layers": layers }, "check": check,
    }))
}

fn dense(name: &str, inputs: u64, outputs: u64) -> Value {
    json!({ "kind": "dense", "name": name, "inputs": inputs, "outputs": outputs, "bias": false })
}

fn zeros(file: HandMade, name: &str, dtype: &str, shape: &[usize], width: usize) -> HandMade {
    let bytes = vec![0; shape.iter().product::<usize>() * width];
    file.tensor(name, dtype, shape, &bytes)
}

/// A file that is refused.
struct Bomb {
    bytes: Vec<u8>,
    /// What the tensors that are there take in the model that is described.
    model: usize,
    /// A part of what is told when it is opened.
    told: &'static str,
}

fn raw(header: &str) -> Bomb {
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    Bomb { bytes, model: 0, told: "expected JSON" }
}

fn bomb(file: &HandMade, model: usize, told: &'static str) -> Bomb {
    Bomb { bytes: file.bytes(), model, told }
}

/// Headers and descriptions that take much to be parsed.
fn long_texts() -> Vec<Bomb> {
    let long = 4 * MB - 100;
    let text =
        |text: &str, told| Bomb { told, ..raw(&json!({ "__metadata__": { "taper": text } }).to_string()) };
    // Each object has a node of memory for itself.
    let chain = format!("{}1{}", r#"{"":"#.repeat(90), "}".repeat(90));
    let chains = vec![&*chain; (1 << 16) / 91 - 1].join(",");
    let many = (0..1 << 14).fold(HandMade::new(), |file, i| file.f32(&i.to_string(), &[0], &[]));
    let rest: Value = serde_json::from_str(&format!("[{chains}]")).unwrap();
    let all = json!({ "format": 3, "x": rest, "y": "y".repeat(5 * MB / 2) });
    // What lies along features, of parameters that there are not.
    let features: Map<String, Value> = (0..13_000).map(|i: i32| (i.to_string(), json!([2, 2, 2]))).collect();
    let features = json!({ "format": 2, "orientation": "pytorch", "features": features }).to_string();
    let (too_many, json) = ("expected at most 65536 values", "expected JSON");
    vec![
        raw(&"x".repeat(long)),
        text(&"x".repeat(long), json),
        text(&format!("[{}1]", "1,".repeat(long / 2 - 100)), too_many),
        text(&format!("[{}1]", r#"{"":1},"#.repeat(long / 9 - 100)), too_many),
        text(&format!(r#"{{"format":3,"x":[{chains}]}}"#), "expected a file of format 2 or earlier"),
        Bomb {
            told: "at most 262144 values",
            ..raw(&format!("{{\"x\":[{}1]}}", r#"{"":1},"#.repeat(long / 7 - 9)))
        },
        Bomb {
            told: "unknown variant",
            ..raw(&format!("{{\"x\":[{}1]}}", r#"{"":1},"#.repeat((1 << 17) - 2)))
        },
        raw(&"[".repeat(long)),
        text(&"[".repeat(long), json),
        text(&features, "expected a description"),
        bomb(&many, 0, "expected a description"),
        bomb(&many.described(&all), 0, "expected a file of format 2 or earlier"),
    ]
}

/// Models in models, each with two buffers of its own for samples so wide.
fn nested(depth: usize, width: usize) -> Value {
    let tanh = |name| json!({ "kind": "tanh", "name": name });
    let mut layers = json!([tanh("a"), tanh("b")]);
    for _ in 0..depth {
        let model = json!({ "input": [width], "layers": layers });
        layers = json!([tanh("a"), { "kind": "sequential", "name": "c", "model": model }, tanh("b")]);
    }
    layers
}

/// Descriptions that claim what is not there, or make much of little.
fn claims() -> Vec<Bomb> {
    let wide = 20_000;
    let narrow = || zeros(HandMade::new(), "in.weight", "F16", &[wide, 1], 2);
    let square =
        |width: u64, file| described(file, &json!([width]), &json!([dense("x", width, width)]), &Value::Null);
    let number = "000000000000f03f";
    let check =
        json!({ "type": "f64", "samples": 16, "input": number.repeat(16), "output": number.repeat(16) });
    let around = |depth| {
        let inner = json!({ "kind": "sequential", "name": "c", "model": { "input": [wide], "layers": nested(depth, wide) } });
        let file = zeros(narrow(), "out.weight", "F16", &[1, wide], 2);
        let layers = json!([dense("in", 1, wide as u64), inner, dense("out", wide as u64, 1)]);
        described(file, &json!([1]), &layers, &check)
    };
    let same: Vec<Value> = (0..4096).map(|_| dense("in", 1, wide as u64)).collect();
    let flat = json!({ "kind": "flatten", "name": "0" });
    // A quarter of all numbers, and its root.
    let (quarter, root) = (1_usize << (usize::BITS - 2), 1_usize << (usize::BITS / 2 - 1));
    let reshape = json!({ "kind": "reshape", "name": "0", "sample": [root, root] });
    let relu = json!({ "kind": "relu", "name": "0" });
    let (million, half) = (1_000_000, LONG as u64);
    let endless = |input: Value, layer: Value| described(HandMade::new(), &input, &json!([layer]), &check);
    // In f64 a column is padded to 16.
    let (one, model) = (wide * 8, wide * (1 + 16) * 8);
    vec![
        bomb(
            &square(million, HandMade::new().f32("x.weight", &[1], &[0.0])),
            0,
            "expected a weight [1000000, 1000000], got [1]",
        ),
        bomb(&square(million, HandMade::new()), 0, "`x.weight` is missing"),
        bomb(
            &described(
                HandMade::new().f32("x.weight", &[LONG, 0], &[]),
                &json!([0]),
                &json!([dense("x", 0, half)]),
                &Value::Null,
            ),
            0,
            "a width of at least 1",
        ),
        bomb(&described(narrow(), &json!([1]), &json!(same), &Value::Null), one, "`in.weight` is missing"),
        bomb(&around(7), model, "expected output 1e0, got 0e0"),
        bomb(&around(9), model, "8 deep at most"),
        bomb(&endless(json!([usize::MAX, usize::MAX]), relu), 0, "check: "),
        bomb(&endless(json!([half, half]), flat), 0, "expected no more elements than fit into memory"),
        bomb(&endless(json!([quarter]), reshape), 0, "check: "),
    ]
}

fn refused() {
    let mut worst = 0;
    for Bomb { bytes, model, told } in long_texts().into_iter().chain(claims()) {
        let mut target = Sequential::<f64>::builder([3]).dense(2).build(&mut taper::seeded(1)).unwrap();
        let (opening, opened) = peak(|| Sequential::<f64>::open_bytes(&bytes).map(drop));
        let (loading, loaded) = peak(|| target.load_bytes(&bytes, &Load::new()));
        let error = opened.unwrap_err().to_string();
        assert!(error.contains(told), "expected {told}, got {error:.200}");
        println!("file {}, model {model}, {opening} to open, {loading} to load: {error:.100}", bytes.len());
        assert!(loaded.is_err(), "loaded, though: {error:.200}");
        let limit = bytes.len() + model + CONSTANT;
        assert!(
            opening <= limit && loading <= limit,
            "{opening} and {loading}, at most {limit}: {error:.200}"
        );
        worst = worst.max(opening.saturating_sub(bytes.len() + model));
    }
    // A constant that nothing comes near to would say nothing; with addresses of 32 bits all is half as large.
    assert!(worst > CONSTANT / 16 * size_of::<usize>(), "at most {worst}");
}

fn accepted<T: Scalar>(bytes: &[u8], mut target: Sequential<T>, load: &Load) {
    let model = size(&target);
    let (loading, loaded) = peak(|| target.load_bytes(bytes, load));
    loaded.unwrap();
    assert!(loading <= model + SMALL, "{loading} to load {model}");
    // Too few would mean that the counting is wrong.
    assert!(loading >= model, "{loading} to load {model}");
    let path = std::env::temp_dir().join(format!("taper-memory-{}.safetensors", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    let (loading, loaded) = peak(|| target.load_with(&path, load));
    std::fs::remove_file(&path).unwrap();
    loaded.unwrap();
    println!("file {}, model {model}, {loading} to load", bytes.len());
    let limit = bytes.len() + model + SMALL;
    assert!(loading <= limit, "{loading} to load {model} from a file of {}", bytes.len());
}

#[test]
fn a_file_takes_its_length_its_model_and_a_constant() {
    refused();
    let wide = |seed| {
        let builder = Sequential::<f32>::builder([10, 10, 8]).flatten().dense(1000).relu();
        builder.dense(300).build(&mut taper::seeded(seed)).unwrap()
    };
    let inputs = Tensor::full([16, 10, 10, 8], 0.5).unwrap();
    let bytes = wide(1).to_bytes(&Save::new().with_check(&inputs)).unwrap();
    let (opening, opened) = peak(|| Sequential::<f32>::open_bytes(&bytes).unwrap());
    assert!(opening <= size(&opened) + SMALL, "{opening} to open {}", size(&opened));
    accepted(&bytes, wide(2), &Load::new());
    // In another order, which the check follows.
    let builder = Sequential::<f32>::builder([8, 10, 10]).flatten().dense(1000).relu();
    let turned = builder.dense(300).build(&mut taper::seeded(3)).unwrap();
    accepted(&bytes, turned, &Load::new().from_channels_last([10, 10, 8]));
    // Numbers of two bytes become numbers of eight.
    let file = zeros(HandMade::new(), "0.weight", "F16", &[512, 600], 2);
    let bytes = zeros(file, "0.bias", "F16", &[512], 2).bytes();
    let double = Sequential::<f64>::builder([600]).dense(512).build(&mut taper::seeded(4)).unwrap();
    accepted(&bytes, double, &Load::new());
    straight_into_eight_bits();
    of_fewer_bits();
}

/// A model of fewer bits is written and read in its own bytes: no layer of it is in `f32` on the way.
fn of_fewer_bits() {
    const WIDTH: usize = 1024;
    let builder = (0..6).fold(Sequential::<f32>::builder([WIDTH]), |builder, _| builder.dense(WIDTH));
    let model = builder.build(&mut taper::seeded(6)).unwrap();
    let path = std::env::temp_dir().join(format!("taper-fewer-bits-{}.safetensors", std::process::id()));
    for (quantization, width) in [(Quantization::bf16(), 2), (Quantization::int8(), 1)] {
        let (layer, small) = (WIDTH * WIDTH * width, model.quantized(&quantization).unwrap());
        let bytes: usize = small.summary().rows.iter().map(|row| row.bytes).sum();
        let (saving, saved) = peak(|| small.save(&path));
        saved.unwrap();
        let (written, in_memory) = peak(|| small.to_bytes(&Save::new()).unwrap());
        let is_watched = std::fs::write("/proc/self/clear_refs", "5").is_ok();
        let before = most_resident();
        let (opening, opened) = peak(|| Sequential::<f32>::open(&path).unwrap());
        let after = most_resident();
        let (from_bytes, _) = peak(|| Sequential::<f32>::open_bytes(&in_memory).unwrap());
        let mut target = opened.clone();
        let (loading, loaded) = peak(|| target.load(&path));
        loaded.unwrap();
        assert_eq!(opened.state(), small.state());
        println!("{bytes} in {width} bytes: {saving}, {written}, {opening}, {from_bytes}, {loading}");
        // A layer's bytes, and of eight bits row after row besides.
        let copies = layer * (3 - width) + SMALL;
        assert!(saving <= copies, "{saving} to save {bytes}");
        assert!(written <= bytes + copies, "{written} to write {bytes} into memory");
        assert!(opening <= 2 * bytes + copies, "{opening} to open {bytes}");
        assert!(from_bytes <= bytes + copies, "{from_bytes} to open {bytes} in memory");
        assert!(loading <= 2 * bytes + copies, "{loading} to load {bytes}");
        if let (Some(before), Some(after), true) = (before, after, is_watched) {
            let more = after.saturating_sub(before);
            assert!(more <= 2 * bytes + copies + 2 * MB, "{more} are resident to open {bytes}");
        }
    }
    std::fs::remove_file(&path).unwrap();
}

/// Of a file in `f32` that is opened straight into eight bits, memory holds a layer and its copies, and never all of it.
fn straight_into_eight_bits() {
    const WIDTH: usize = 1024;
    let layer = WIDTH * WIDTH * size_of::<f32>();
    let builder = (0..8).fold(Sequential::<f32>::builder([WIDTH]), |builder, _| builder.dense(WIDTH));
    let path = std::env::temp_dir().join(format!("taper-file-memory-{}.safetensors", std::process::id()));
    builder.build(&mut taper::seeded(5)).unwrap().save(&path).unwrap();
    // What is mapped does not come from the allocator, so the system is asked too, where it tells.
    let is_watched = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = most_resident();
    let open = Open::new().quantized(&Quantization::int8());
    let (opening, opened) = peak(|| Sequential::open_with(&path, &open).unwrap());
    std::fs::remove_file(&path).unwrap();
    let eight_bits = 8 * layer / 4;
    assert_eq!(opened.param("7.weight").unwrap().number_type(), "i8");
    assert!(opening <= eight_bits + 3 * layer + SMALL, "{opening} to open {eight_bits}");
    if let (Some(before), Some(after), true) = (before, most_resident(), is_watched) {
        // The file's bytes, the layer twice, and its whole numbers row after row.
        let more = after.saturating_sub(before);
        assert!(more <= eight_bits + 4 * layer, "{more} are resident to open {eight_bits} of {}", 8 * layer);
    }
}

/// The most bytes that were in memory at a time, where the system tells.
fn most_resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.split_whitespace().next()?.parse::<usize>().ok()?)
}
