"""Times the example `cnn` and the same network in PyTorch in turns, on one thread and on two, and prints ratios.

    cargo build --release --example cnn
    pip install torch numpy
    python examples/cnn/time_pytorch.py target/release/examples/cnn

A training step is one of Adam on 32 pictures, an inference one of a single picture; medians of many, in microseconds. PyTorch
is taken in the faster of its two memory formats.
"""

import re
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

from train_pytorch import network

ROUNDS = 5
SECONDS = 1.5


def median(call):
    times, start = [], time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[len(times) // 10 :]) * 1e6


def pytorch(memory_format):
    model = network(10).to(memory_format=memory_format)
    x = (torch.arange(32 * 784) * 37 + 11).remainder(101).div(101).reshape(32, 1, 28, 28).to(memory_format=memory_format)
    labels, one = torch.arange(32) % 10, x[:1]
    model.eval()
    with torch.inference_mode():
        infer = median(lambda: model(one))
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step():
        loss = nn.functional.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return median(step), infer


def taper(program, threads):
    output = subprocess.run([program, "--time", "--threads", str(threads)], check=True, capture_output=True, text=True)
    return [float(number) for number in re.fullmatch(r"train_us (\S+) infer_us (\S+)\n", output.stdout).groups()]


def main(program):
    for threads in (1, 2):
        torch.set_num_threads(threads)
        rounds = []
        for _ in range(ROUNDS):
            formats = [pytorch(torch.contiguous_format), pytorch(torch.channels_last)]
            rounds.append((taper(program, threads), [min(times) for times in zip(*formats)]))
        for number, name in enumerate(("training step, batch 32", "inference, batch 1")):
            ours, theirs = (statistics.median(run[who][number] for run in rounds) for who in (0, 1))
            print(f"{threads} thread(s), {name}: {ours:.0f} us, PyTorch {theirs:.0f} us, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
