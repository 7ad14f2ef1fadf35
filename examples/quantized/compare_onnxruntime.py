"""The error of ONNX Runtime's dynamic quantisation of the networks that the example `quantized` saved:

    cargo run --release --example quantized -- --save quantized
    pip install numpy onnx onnxruntime safetensors
    python examples/quantized/compare_onnxruntime.py quantized

For each network: accuracy in f32 and in eight bits, and the largest difference of a logit of the test images as a share of the range
of all logits, as the example prints it. ONNX Runtime finds the scale of the inputs for each call: for a whole batch of images, and,
in the columns with "alone", for batches of one. Weights have one scale, as is its default, or one for each output.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file


def network(tensors):
    """The layers of the example: convolutions of 3×3 with ReLU and pool, then dense layers with ReLU between them."""
    nodes, x = [], "x"
    initializers = [numpy_helper.from_array(value, name) for name, value in tensors.items()]
    layers = sorted({name.split(".")[0] for name in tensors}, key=lambda name: (not name.startswith("conv"), name))

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    is_flat = False
    for place, layer in enumerate(layers):
        weight, bias = f"{layer}.weight", f"{layer}.bias"
        if layer.startswith("conv"):
            x = node("Conv", [x, weight, bias], f"{layer}.y", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
            x = node("Relu", [x], f"{layer}.relu")
            x = node("MaxPool", [x], f"{layer}.pool", kernel_shape=[2, 2], strides=[2, 2])
            continue
        if not is_flat:
            x, is_flat = node("Flatten", [x], "flat", axis=1), True
        x = node("Gemm", [x, weight, bias], f"{layer}.y", transB=1)
        if place + 1 < len(layers):
            x = node("Relu", [x], f"{layer}.relu")
    axes = ["batch", 1, 28, 28]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, axes)],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["batch", "classes"])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def logits(path, images, batch):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    batches = [images[start : start + batch] for start in range(0, len(images), batch)]
    return np.concatenate([session.run(None, {"x": images})[0] for images in batches])


def main(folder):
    folder = Path(folder)
    print(f"{'network':12} {'f32':>7} {'whole':>7} {'error':>8} {'alone':>7} {'error':>8} {'outputs':>7} {'error':>8}")
    for path in sorted(path for path in folder.glob("*.safetensors") if not path.stem.endswith("-int8")):
        name = path.stem.split("-")[0]
        images = np.fromfile(folder / f"{name}.pixels", "<f4").reshape(-1, 1, 28, 28)
        labels = np.fromfile(folder / f"{name}.labels", np.uint8)
        with tempfile.TemporaryDirectory() as temporary:
            temporary = Path(temporary)
            exact_path = temporary / "f32.onnx"
            onnx.save(network(load_file(path)), exact_path)
            exact = logits(exact_path, images, len(images))
            row = f"{path.stem:12} {np.mean(exact.argmax(1) == labels):7.4f}"
            for per_channel, batch in [(False, len(images)), (False, 1), (True, 1)]:
                quantized = temporary / "int8.onnx"
                quantize_dynamic(exact_path, quantized, weight_type=QuantType.QInt8, per_channel=per_channel)
                got = logits(quantized, images, batch)
                share = np.abs(got - exact).max() / (exact.max() - exact.min())
                row += f" {np.mean(got.argmax(1) == labels):7.4f} {100 * share:6.2f} %"
        print(row, flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
