//! Reading an ONNX file takes no more memory than its length, the weights in it, and a constant.
//!
//! The system counts, for weights are mapped and never seen by an allocator. The peak is that of a whole process, so each file is read
//! by one of its own: this test again, told by a variable what to do.

#![cfg(all(feature = "onnx", target_os = "linux"))]

use std::fs;
use std::path::Path;
use std::process::Command;

use taper::Sequential;

#[path = "onnx/graph.rs"]
#[expect(dead_code, reason = "shared with the tests of ONNX")]
mod graph;

use graph::{Message, bytes, file, floats, node, with_integer};

const MB: usize = 1 << 20;

/// What reading takes beside the file and the weights; `docs/onnx.md` promises four times as much.
const CONSTANT: usize = 16 * MB;

/// The file that this process is to read.
const FILE: &str = "TAPER_ONNX_FILE";

/// What stands before the answer of such a process.
const USED: &str = "bytes used: ";

/// A name, the axes of a sample, operations, tensors, and the bytes of the weights in layers.
type Case<'c> = (&'c str, &'c [i64], Vec<Message>, Vec<Message>, usize);

#[test]
fn a_file_takes_no_more_than_itself_its_weights_and_a_constant() {
    if let Some(path) = std::env::var_os(FILE) {
        let before = memory("VmRSS:");
        let model = Sequential::<f32>::from_onnx(path).unwrap();
        println!("\n{USED}{}", memory("VmHWM:") - before);
        assert!(model.parameters() > 0);
        return;
    }
    let ones = |name: &str, axes: &[i64]| {
        let len = axes.iter().product::<i64>();
        floats(name, axes, &vec![0.5; usize::try_from(len).unwrap()])
    };
    let whole = |name: &str, axes: &[i64]| {
        let len = axes.iter().product::<i64>();
        bytes(name, axes, 3, &vec![1; usize::try_from(len).unwrap()])
    };
    let gemm = |inputs: &[&str], to: &str| with_integer(node("Gemm", inputs, to), "transB", 1);
    let one = |name: &str, number: f32| floats(name, &[], &[number]);
    let scale = || one("s", 0.5);
    // A large dense layer as PyTorch has it, with a normalisation behind it that goes into it; convolutions; a weight of eight bits.
    let cases: [Case; 4] = [
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
        (
            "eight bits as they are written",
            &[8000],
            vec![
                node("Mul", &["x", "i"], "a"),
                node("Clip", &["a", "l", "h"], "c"),
                node("Round", &["c"], "r"),
                node("Mul", &["r", "s"], "d"),
                with_integer(node("Cast", &["w"], "f"), "to", 1),
                node("Mul", &["f", "s"], "v"),
                node("MatMul", &["d", "v"], "y"),
            ],
            vec![whole("w", &[8000, 10_000]), scale(), one("i", 2.0), one("l", -128.0), one("h", 127.0)],
            10_000 * 8000,
        ),
    ];
    for (name, axes, nodes, tensors, weights) in cases {
        let file = file(axes, &nodes, &tensors);
        drop((nodes, tensors));
        let len = file.len();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("memory.onnx");
        fs::write(&path, file).unwrap();
        let used = used_to_read(&path);
        println!("{name}: {} MB of {} MB and {} MB", used / MB, len / MB, weights / MB);
        // Less would be none of both.
        assert!(used + MB >= len + weights, "{name}: {used} of {len} and {weights}");
        assert!(used <= len + weights + CONSTANT, "{name}: {used} of {len} and {weights}");
    }
}

/// The bytes that a process has more at its peak than before it reads a file.
fn used_to_read(path: &Path) -> usize {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).arg("--nocapture").env(FILE, path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let used = text.lines().find_map(|line| line.strip_prefix(USED));
    used.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr))).parse().unwrap()
}

/// A line of the process's memory figures, in bytes.
fn memory(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the system tells");
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
