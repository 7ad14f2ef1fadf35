"""The same trained networks pruned by torch-pruning 1.6.1, without training on, to compare with `--example narrow`.

    cargo run --release --example narrow -- --weights weights
    python examples/narrow/compare_pruning.py weights    # numpy, torch, safetensors, torch-pruning 1.6.1

Importances that the package has for dense layers are tried, Taylor's with the labels of all images to train with, and its Hessian only
with `--hessian` behind the folder, which takes hours. The best one is named for each width by the images to test with, so
its number is a little too good.
"""

import gzip
import sys
from pathlib import Path

import numpy
import torch
import torch_pruning
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

DATA = Path(__file__).parents[1] / "pets" / "data"
WIDTHS = [(256, 128), (128, 64), (64, 32), (32, 16), (16, 16), (8, 8)]
IMPORTANCES = {
    "magnitude, L1": lambda: torch_pruning.importance.GroupMagnitudeImportance(p=1),
    "magnitude, L2": lambda: torch_pruning.importance.GroupMagnitudeImportance(p=2),
    "Taylor": lambda: torch_pruning.importance.GroupTaylorImportance(),
    "Hessian": lambda: torch_pruning.importance.GroupHessianImportance(),
    "LAMP": lambda: torch_pruning.importance.LAMPImportance(),
    "FPGM": lambda: torch_pruning.importance.FPGMImportance(),
    "random": lambda: torch_pruning.importance.RandomImportance(),
}


def idx(name):
    data = gzip.open(DATA / name).read()
    axes = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * data[3]).reshape(axes)


def part(name):
    images = torch.tensor(idx(f"{name}-images-idx3-ubyte.gz").reshape(-1, 784).astype(numpy.float32) / 255)
    return images, torch.tensor(idx(f"{name}-labels-idx1-ubyte.gz").astype(numpy.int64))


def network(path):
    file = load_file(path)
    layers = []
    for name in ("fc1", "fc2", "fc3"):
        weight, bias = file[f"{name}.weight"], file[f"{name}.bias"]
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def accuracy(model, images, labels):
    with torch.no_grad():
        return (model(images).argmax(1) == labels).float().mean().item()


def pruned(model, widths, importance, images, labels):
    ratios = {model[0]: 1 - widths[0] / model[0].out_features, model[2]: 1 - widths[1] / model[2].out_features}
    method = importance()
    pruner = torch_pruning.pruner.BasePruner(
        model, images[:1], method, pruning_ratio_dict=ratios, ignored_layers=[model[4]]
    )
    if isinstance(method, torch_pruning.importance.GroupHessianImportance):
        method.zero_grad()
        for x, y in zip(images.split(256), labels.split(256)):
            for loss in F.cross_entropy(model(x), y, reduction="none"):
                model.zero_grad()
                loss.backward(retain_graph=True)
                method.accumulate_grad(model)
    else:
        F.cross_entropy(model(images), labels).backward()
    pruner.step()
    assert (model[0].out_features, model[2].out_features) == widths, (model, widths)
    return model


def main(folder, hessian):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    (images, labels), test = part("train"), part("test")
    if not hessian:
        del IMPORTANCES["Hessian"]
    files = sorted(Path(folder).glob("wide-*.safetensors"))
    print("1024-512:", [round(accuracy(network(file), *test), 3) for file in files])
    for widths in WIDTHS:
        means = {}
        for name, importance in IMPORTANCES.items():
            try:
                found = [accuracy(pruned(network(file), widths, importance, images, labels), *test) for file in files]
            except Exception as error:
                print(f"  {name}: {type(error).__name__}: {error}")
                continue
            means[name] = numpy.mean(found), numpy.std(found, ddof=1) / len(found) ** 0.5
        best = max(means, key=lambda name: means[name][0])
        print(f"{widths[0]}-{widths[1]}: best {best} {means[best][0]:.3f} ± {means[best][1]:.3f};", end=" ")
        print(", ".join(f"{name} {mean:.3f}" for name, (mean, _) in means.items()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], "--hessian" in sys.argv)
