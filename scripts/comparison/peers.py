"""The same network with ONNX Runtime, PyTorch and scikit-learn, each on one thread."""

import statistics
import sys
import time

import numpy
import onnxruntime
import torch
from safetensors.numpy import load_file
from sklearn.neural_network import MLPClassifier

folder = sys.argv[1]
weights = load_file(f"{folder}/reference.safetensors")


def with_onnxruntime():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{folder}/reference.onnx", options)
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def with_torch():
    torch.set_num_threads(1)
    layers = []
    for number, (inputs, outputs) in enumerate([(12544, 1024), (1024, 512), (512, 3)], 1):
        layer = torch.nn.Linear(inputs, outputs)
        layer.load_state_dict({key: torch.from_numpy(weights[f"fc{number}.{key}"]) for key in ("weight", "bias")})
        layers += [layer, torch.nn.ReLU() if number < 3 else torch.nn.Softmax(1)]
    net = torch.nn.Sequential(*layers).eval()

    def run(x):
        with torch.inference_mode():
            return net(torch.from_numpy(x)).numpy()

    return run


def with_sklearn():
    net = MLPClassifier((1024, 512), max_iter=1)
    # A step on nothing makes it a network of these widths; then it gets the weights.
    x = numpy.zeros((3, 12544), numpy.float32)
    net.partial_fit(x, [0, 1, 2], classes=[0, 1, 2])
    net.coefs_ = [numpy.ascontiguousarray(weights[f"fc{number}.weight"].T) for number in (1, 2, 3)]
    net.intercepts_ = [weights[f"fc{number}.bias"] for number in (1, 2, 3)]
    return net.predict_proba


for name, make in [("onnxruntime", with_onnxruntime), ("torch", with_torch), ("sklearn", with_sklearn)]:
    run = make()
    for batch in (1, 32):
        x = (numpy.add.outer(7 * numpy.arange(batch), numpy.arange(12544)) % 11 / 11).astype(numpy.float32)
        outputs = run(x)
        start, times = time.perf_counter(), []
        while time.perf_counter() < start + 1 or len(times) < 5:
            call = time.perf_counter()
            run(x)
            times.append(time.perf_counter() - call)
        print(f"{name}, batch {batch}: {1e3 * statistics.median(times):.4f} ms, outputs {numpy.round(outputs[-1], 4)}")
