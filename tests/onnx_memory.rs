//! Reading an ONNX file takes no more memory than its length, the weights in it, and a constant.
//!
//! The allocator counts for the whole process, so this binary holds a single test.

#![cfg(feature = "onnx")]

use taper::Sequential;

#[path = "onnx/graph.rs"]
#[expect(dead_code, reason = "shared with the tests of ONNX")]
mod graph;
#[path = "common/peak.rs"]
mod peak;

use graph::{Message, bytes, file, floats, node, with_integer};
use peak::peak;

const MB: usize = 1 << 20;

/// What reading takes beside the file and the weights; `docs/onnx.md` promises it.
const CONSTANT: usize = 64 * MB;

/// A name, the axes of a sample, operations, tensors, and the bytes of the weights in layers.
type Case<'c> = (&'c str, &'c [i64], Vec<Message>, Vec<Message>, usize);

#[test]
fn a_file_takes_no_more_than_itself_its_weights_and_a_constant() {
    let ones = |name: &str, axes: &[i64]| {
        let len = axes.iter().product::<i64>();
        floats(name, axes, &vec![0.5; usize::try_from(len).unwrap()])
    };
    let whole = |name: &str, axes: &[i64]| {
        let len = axes.iter().product::<i64>();
        bytes(name, axes, 3, &vec![1; usize::try_from(len).unwrap()])
    };
    let gemm = |inputs: &[&str], to: &str| with_integer(node("Gemm", inputs, to), "transB", 1);
    let scale = || floats("s", &[], &[0.5]);
    // A large dense layer as PyTorch has it, with a normalisation behind it that goes into it; convolutions; a weight of eight bits.
    let cases: [Case; 3] = [
        (
            "dense",
            &[4000],
            vec![gemm(&["x", "w", "b"], "a"), node("Mul", &["a", "b"], "y")],
            vec![ones("w", &[5000, 4000]), ones("b", &[5000])],
            4 * 5000 * 4000,
        ),
        (
            "convolution",
            &[512, 8, 8],
            vec![node("Conv", &["x", "w"], "y")],
            vec![ones("w", &[4096, 512, 3, 3])],
            4 * 4096 * 512 * 9,
        ),
        (
            "eight bits",
            &[8000],
            vec![node("DequantizeLinear", &["w", "s"], "v"), gemm(&["x", "v"], "y")],
            vec![whole("w", &[10_000, 8000]), scale()],
            10_000 * 8000,
        ),
    ];
    for (name, axes, nodes, tensors, weights) in cases {
        let file = file(axes, &nodes, &tensors);
        drop((nodes, tensors));
        let len = file.len();
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("memory.onnx");
        std::fs::write(&path, file).unwrap();
        let (peak, model) = peak(|| Sequential::<f32>::from_onnx(&path).unwrap());
        println!("{name}: {} MB of {} MB and {} MB", peak / MB, len / MB, weights / MB);
        assert!(model.parameters() >= if name == "eight bits" { 1 } else { weights / 4 });
        assert!(peak <= len + weights + CONSTANT / 4, "{name}: {peak} of {len} and {weights}");
    }
}
