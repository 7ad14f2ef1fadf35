"""The example `pets` in PyTorch: the same images for validation, mirrored images, network, initialisation and optimizer.

    pip install torch numpy
    python examples/pets/train_pytorch.py                # seeds 1 to 5

The epoch is chosen by the images for validation, as the example does; the test images are looked at once.
"""

import argparse
import copy
import gzip
from pathlib import Path

import numpy as np
import torch
from torch import nn

DATA = Path(__file__).parent / "data"


def network():
    layers = nn.Sequential(
        nn.Flatten(), nn.Linear(28 * 28, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 3)
    )
    for hidden in (layers[1], layers[3]):
        nn.init.kaiming_normal_(hidden.weight, nonlinearity="relu")
    return layers


def read(part):
    images = gzip.open(DATA / f"{part}-images-idx3-ubyte.gz").read()
    labels = gzip.open(DATA / f"{part}-labels-idx1-ubyte.gz").read()
    images = torch.tensor(np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28) / np.float32(255))
    return images, torch.tensor(np.frombuffer(labels, np.uint8, offset=8).astype(np.int64))


def set_apart(images, labels):
    """Without every fifth image of each class, and those."""
    is_apart = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        is_apart[(labels == label).nonzero()[4::5, 0]] = True
    return (images[~is_apart], labels[~is_apart]), (images[is_apart], labels[is_apart])


def accuracy(model, data):
    with torch.inference_mode():
        return (model(data[0]).argmax(1) == data[1]).float().mean().item()


def train(data, validation, test, epochs, seed):
    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    images, labels = data
    best, state = -1.0, None
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(32):
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        # The first of the best, as early stopping keeps it.
        if (reached := accuracy(model, validation)) > best:
            best, state = reached, copy.deepcopy(model.state_dict())
    model.load_state_dict(state)
    return best, accuracy(model, test)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=15)
    arguments = parser.parse_args()
    (images, labels), validation = set_apart(*read("train"))
    data = torch.cat([images, images.flip(2)]), torch.cat([labels, labels])
    test = read("test")
    print(f"{len(data[1])} images to train with, half of them mirrored, {len(validation[1])} to choose the epoch by, {len(test[1])} to test with")
    accuracies = []
    for seed in range(1, arguments.seeds + 1):
        best, reached = train(data, validation, test, arguments.epochs, seed)
        print(f"seed {seed}  validation accuracy {best:.3f}  test accuracy {reached:.3f}", flush=True)
        accuracies.append(reached)
    print(f"\nover {len(accuracies)} seeds: {min(accuracies):.4f} to {max(accuracies):.4f}")
    print(f"test accuracy {sum(accuracies) / len(accuracies):.4f}")


if __name__ == "__main__":
    main()
