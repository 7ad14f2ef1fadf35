"""Times networks of images in ONNX Runtime, OpenVINO, PyTorch and here in turns, and prints the table of docs/performance.md.

    cargo build --release --example image_speed
    pip install torch onnx onnxruntime openvino
    python examples/image_speed/peers.py target/release/examples/image_speed

The networks are exported by PyTorch, so the weights are others than here; the time does not depend on them. PyTorch keeps
channels last. Medians in milliseconds, and the median over the rounds of those. `--rows blocks,cnn` takes some networks,
`--rounds N` more rounds.

With `--layers`, single layers beside those of PyTorch: inference, and both passes of training. `--rows max-pool3,softmax` takes some.
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


# Layer, axes of a sample, channels of the outputs, batch.
LAYERS = [
    ("layer-norm", (64,), 0, 4096), ("layer-norm", (256,), 0, 1024), ("layer-norm", (768,), 0, 32),
    ("layer-norm", (768,), 0, 512), ("layer-norm", (1024,), 0, 4096), ("rms-norm", (768,), 0, 512),
    ("group-norm", (56, 56, 64), 0, 8), ("instance-norm", (56, 56, 64), 0, 8),
    ("batch-norm", (256,), 0, 1024), ("batch-norm", (56, 56, 64), 0, 8),
    ("max-pool2", (56, 56, 64), 0, 8), ("max-pool3", (112, 112, 64), 0, 8),
    ("avg-pool2", (56, 56, 64), 0, 8), ("avg-pool3", (112, 112, 64), 0, 8), ("global-avg-pool", (7, 7, 512), 0, 32),
    ("conv3", (28, 28, 1), 8, 64), ("conv3", (28, 28, 1), 16, 64),
    ("conv7", (224, 224, 3), 64, 4), ("conv3", (240, 240, 3), 64, 2),
    ("softmax", (10,), 0, 1024), ("softmax", (1000,), 0, 256),
    ("log-softmax", (10,), 0, 1024), ("log-softmax", (1000,), 0, 256),
    ("cross-entropy", (10,), 0, 1024), ("cross-entropy", (1000,), 0, 256),
    ("relu", (4096,), 0, 128), ("gelu", (4096,), 0, 128), ("gelu-tanh", (4096,), 0, 128), ("silu", (4096,), 0, 128),
    ("tanh", (4096,), 0, 128), ("sigmoid", (4096,), 0, 128),
]  # fmt: skip


def layer(name, sample, outputs):
    from torch import nn

    channels = sample[-1]
    return {
        "layer-norm": lambda: nn.LayerNorm(channels),
        "rms-norm": lambda: nn.RMSNorm(channels),
        "group-norm": lambda: nn.GroupNorm(32, channels),
        "instance-norm": lambda: nn.InstanceNorm2d(channels),
        "batch-norm": lambda: (nn.BatchNorm1d if len(sample) == 1 else nn.BatchNorm2d)(channels),
        "max-pool2": lambda: nn.MaxPool2d(2),
        "max-pool3": lambda: nn.MaxPool2d(3, 2, 1),
        "avg-pool2": lambda: nn.AvgPool2d(2),
        "avg-pool3": lambda: nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        "global-avg-pool": lambda: nn.AdaptiveAvgPool2d(1),
        "conv3": lambda: nn.Conv2d(channels, outputs, 3, padding=1),
        "conv7": lambda: nn.Conv2d(channels, outputs, 7, 2, 3),
        "softmax": lambda: nn.Softmax(-1),
        "log-softmax": lambda: nn.LogSoftmax(-1),
        "cross-entropy": nn.Identity,
        "relu": nn.ReLU,
        "gelu": nn.GELU,
        "gelu-tanh": lambda: nn.GELU("tanh"),
        "silu": nn.SiLU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
    }[name]()


def in_torch(name, sample, outputs, batch, threads, seconds):
    """The medians of the three passes of a layer."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = layer(name, sample, outputs)
    x = torch.rand(batch, *sample) * 2 - 1
    if len(sample) == 3:
        x = x.permute(0, 3, 1, 2)
        model = model.to(memory_format=torch.channels_last)
    x.requires_grad_(not name.startswith("conv"))
    with torch.no_grad():
        slope = torch.rand_like(model(x))
    wanted = [x, *model.parameters()] if x.requires_grad else list(model.parameters())
    classes = torch.arange(batch) % sample[-1]
    times, start = [], time.perf_counter()
    while len(times) < 4 or time.perf_counter() - start < seconds:
        if name == "cross-entropy":
            begin = middle = time.perf_counter()
            torch.autograd.grad(torch.nn.functional.cross_entropy(x, classes), wanted)
        else:
            begin = time.perf_counter()
            y = model(x)
            middle = time.perf_counter()
            torch.autograd.grad(y, wanted, slope)
        times.append([middle - begin, time.perf_counter() - middle])
    warm = times[(len(times) + 9) // 10 :]
    model = model.eval()

    def infer():
        with torch.inference_mode():
            model(x)

    return [median(infer, seconds), *(statistics.median(column) * 1e3 for column in zip(*warm))]


def layers(program, names, rounds):
    print("| layer | batch | threads | inference | PyTorch | ratio | forward | PyTorch | ratio | backward | PyTorch | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for name, sample, outputs, batch in (row for row in LAYERS if not names or row[0] in names):
        for threads in (1, 2):
            axes, seconds = ",".join(map(str, sample)), 0.25
            command = ["--layer", name, "--sample", axes, "--outputs", outputs or 1]
            command += ["--batch", batch, "--threads", threads, "--seconds", seconds]
            ours, theirs = [], []
            for _ in range(rounds):
                text = subprocess.run([program, *map(str, command)], check=True, capture_output=True, text=True).stdout
                ours.append([float(word) for word in text.split()[1::2]])
                theirs.append(in_torch(name, sample, outputs, batch, threads, seconds))
            pairs = zip(map(statistics.median, zip(*ours)), map(statistics.median, zip(*theirs)))
            cells = [f"{a:.4g} | {b:.4g} | {a / b:.2f}" if min(a, b) > 1e-3 else "| | " for a, b in pairs]
            what = f"{name} {axes}" + (f" → {outputs}" if outputs else "")
            print("|", what, "|", batch, "|", threads, "|", " | ".join(cells), "|", flush=True)


def taper(program, name, batch, threads):
    arguments = ["--network", name, "--batch", batch, "--threads", threads, "--seconds", SECONDS]
    command = [program, *map(str, arguments)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--rows")
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    names = arguments.rows.split(",") if arguments.rows else []
    if arguments.layers:
        return layers(arguments.program, names, arguments.rounds)
    print("| network | batch | threads | ours | ONNX Runtime | OpenVINO | PyTorch | of the best |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, batch in (row for row in ROWS if not names or row[0] in names):
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
