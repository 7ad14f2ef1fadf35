"""Times networks of images in ONNX Runtime, OpenVINO, PyTorch and here in turns, and prints the table of docs/performance.md.

    cargo build --release --example image_speed
    pip install torch onnx onnxruntime openvino
    python examples/image_speed/peers.py target/release/examples/image_speed

The networks are exported by PyTorch, so the weights are others than here; the time does not depend on them. PyTorch keeps
channels last. Medians in milliseconds, and the median over the rounds of those. `--rows blocks,cnn` takes some networks,
`--rounds N` more rounds.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time

ROWS = [("blocks", 1), ("cnn", 1), ("cnn", 32), ("vgg16", 1)]
SECONDS = 2.0


def median(call, seconds):
    times, start = [], time.perf_counter()
    while len(times) < 4 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[(len(times) + 9) // 10 :]) * 1e3


def network(name):
    from torch import nn

    relu = nn.ReLU
    if name == "blocks":
        depthwise = lambda channels: nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        return (96, 56, 56), nn.Sequential(
            depthwise(96), relu(), nn.Conv2d(96, 24, 1),
            nn.Conv2d(24, 144, 1), relu(), depthwise(144), relu(), nn.Conv2d(144, 24, 1),
        )  # fmt: skip
    if name == "cnn":
        return (1, 28, 28), nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), relu(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), relu(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(7 * 7 * 64, 128), relu(), nn.Linear(128, 10),
        )  # fmt: skip
    layers, channels = [], 3
    for outputs, times in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(times):
            layers += [nn.Conv2d(channels, outputs, 3, padding=1), relu()]
            channels = outputs
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(7 * 7 * 512, 4096), relu(), nn.Linear(4096, 4096), relu(), nn.Linear(4096, 4)]
    return (3, 240, 240), nn.Sequential(*layers)


def peers(name, batch, threads, folder):
    """The calls of the other programs."""
    import numpy as np
    import onnxruntime
    import openvino
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    shape, model = network(name)
    model = model.eval()
    x = torch.rand(batch, *shape)
    path = os.path.join(folder, f"{name}-{batch}.onnx")
    if not os.path.exists(path):
        torch.onnx.export(model, (x,), path, dynamo=False)
    model, last = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)

    def in_torch():
        with torch.inference_mode():
            model(last)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: x.numpy()}
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    request = openvino.Core().compile_model(path, "CPU", settings).create_infer_request()
    values = np.ascontiguousarray(x.numpy())
    request.infer([values])
    return {
        "ONNX Runtime": lambda: session.run(None, inputs),
        "OpenVINO": lambda: request.infer([values], share_inputs=True, share_outputs=True),
        "PyTorch": in_torch,
    }


def taper(program, name, batch, threads):
    arguments = ["--network", name, "--batch", batch, "--threads", threads, "--seconds", SECONDS]
    command = [program, *map(str, arguments)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rows", default="blocks,cnn,vgg16")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    names = arguments.rows.split(",")
    print("| network | batch | threads | ours | ONNX Runtime | OpenVINO | PyTorch | of the best |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, batch in (row for row in ROWS if row[0] in names):
            for threads in (1, 2):
                calls, times = peers(name, batch, threads, folder), {}
                for _ in range(arguments.rounds):
                    times.setdefault("ours", []).append(taper(arguments.program, name, batch, threads))
                    for peer, call in calls.items():
                        times.setdefault(peer, []).append(median(call, SECONDS))
                found = {who: statistics.median(rounds) for who, rounds in times.items()}
                ours = found.pop("ours")
                cells = [name, batch, threads, *(f"{value:.3g}" for value in (ours, *found.values()))]
                print("|", " | ".join(map(str, cells)), f"| {ours / min(found.values()):.2f} |", flush=True)


if __name__ == "__main__":
    main()
