"""The example `cnn` in PyTorch: the same network, initialisation, optimizer, batches and epochs.

    pip install torch numpy
    python examples/cnn/train_pytorch.py                    # dogs, cats and birds
    python examples/cnn/train_pytorch.py --data fashion     # Fashion-MNIST
"""

import argparse
import gzip
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

PETS = Path(__file__).parent.parent / "pets" / "data"
FASHION = "/usr/share/datasets/fashion-mnist"


def network(classes):
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(7 * 7 * 64, 128), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(128, classes),
    )  # fmt: skip


def read(folder, part):
    images = gzip.open(Path(folder) / f"{part}-images-idx3-ubyte.gz").read()
    labels = gzip.open(Path(folder) / f"{part}-labels-idx1-ubyte.gz").read()
    images = torch.tensor(np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28) / np.float32(255))
    return images, torch.tensor(np.frombuffer(labels, np.uint8, offset=8).astype(np.int64))


def train(data, test, classes, epochs, seed):
    torch.manual_seed(seed)
    model = network(classes).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    images, labels = data
    for epoch in range(epochs):
        start, losses = time.perf_counter(), 0.0
        model.train()
        for batch in torch.randperm(len(images)).split(32):
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses += loss.item() * len(batch)
        model.eval()
        with torch.inference_mode():
            right = sum((model(x).argmax(1) == y).sum().item() for x, y in zip(test[0].split(32), test[1].split(32)))
        accuracy, seconds = right / len(test[1]), time.perf_counter() - start
        print(f"epoch {epoch + 1:2}  loss {losses / len(images):.4f}  test accuracy {accuracy:.3f}  {seconds:.2f} s", flush=True)
    return accuracy


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="pets", help="pets, fashion, or the folder of Fashion-MNIST's files")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.data == "pets":
        (images, labels), test, classes, epochs = read(PETS, "train"), read(PETS, "test"), 3, 15
        data = torch.cat([images, images.flip(3)]), torch.cat([labels, labels])
    else:
        folder = FASHION if arguments.data == "fashion" else arguments.data
        data, test, classes, epochs = read(folder, "train"), read(folder, "t10k"), 10, 5
    accuracies = []
    for seed in range(1, arguments.seeds + 1):
        print(f"seed {seed}")
        accuracies.append(train(data, test, classes, arguments.epochs or epochs, seed))
    print(f"\nover {len(accuracies)} seeds: {min(accuracies):.4f} to {max(accuracies):.4f}")
    print(f"test accuracy {sum(accuracies) / len(accuracies):.4f}")


if __name__ == "__main__":
    main()
