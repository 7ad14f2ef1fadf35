#!/usr/bin/env python3
"""The time of a step on k machines, by the model of docs/distributed.md: prints its tables.

    python3 taper-mpi/scripts/model.py
"""

import math

# The network 12544-1024-512-3.
WEIGHTS = 13_371_907
# The most gradients of a bucket, and how many of these each rank adds up at most.
BUCKET, OF_RANK = 1 << 20, 1 << 18
# Sums of a few numbers in each step.
SMALL_SUMS = 2
# The share of forward and backward that is left when the first large bucket is full: the gradient of the first layer.
HIDDEN = 0.43

# A machine of 32 cores: milliseconds for each sample, and for a step of Adam.
SAMPLE, STEP = 0.025, 4.0

# Bytes a millisecond, and milliseconds for each message.
NETWORKS = {"10 Gbit/s": (1.25e6, 0.02), "100 Gbit/s": (12.5e6, 0.002)}


def buckets(k):
    return math.ceil(WEIGHTS / min(BUCKET, k * OF_RANK))


def reduce(k, bytes_each, bandwidth, latency):
    """A sum of all gradients over k machines."""
    if k == 1:
        return 0.0
    return 2 * (k - 1) * latency * buckets(k) + 2 * (k - 1) / k * WEIGHTS * bytes_each / bandwidth


def step(k, batch, bytes_each, bandwidth, latency, sample=SAMPLE, fixed=STEP):
    """A step on a batch of all machines: what cannot hide behind the backward pass comes on top of it."""
    compute = sample * batch / k
    total = reduce(k, bytes_each, bandwidth, latency)
    small = SMALL_SUMS * 2 * (k - 1) * latency
    return compute + fixed + max(total - HIDDEN * compute, total / buckets(k)) + small


def table(title, batch_of, bytes_each):
    print(f"\n{title}\n")
    print("| machines | " + " | ".join(f"{name}: ms a step, times as fast" for name in NETWORKS) + " |")
    print("|---:|" + "---:|" * len(NETWORKS))
    for k in [1, 2, 8, 32, 128, 512, 1024]:
        cells = []
        for bandwidth, latency in NETWORKS.values():
            batch = batch_of(k)
            one = step(1, batch, bytes_each, bandwidth, latency)
            many = step(k, batch, bytes_each, bandwidth, latency)
            cells.append(f"{many:.1f}, {one / many:.1f}")
        print(f"| {k} | " + " | ".join(cells) + " |")


table("A batch of 4096 in all, sums in f32", lambda k: 4096, 4)
table("A batch of 4096 in all, sums in bf16", lambda k: 4096, 2)
table("1024 samples for each machine, sums in f32", lambda k: 1024 * k, 4)
table("1024 samples for each machine, sums in bf16", lambda k: 1024 * k, 2)

print("\nSamples for each machine at which half of the time is computing forward and backward:")
for name, (bandwidth, latency) in NETWORKS.items():
    for bytes_each in [4, 2]:
        for k in [8, 128, 1024]:
            batch = next(b for b in range(1, 10**6) if 2 * SAMPLE * b >= step(k, b * k, bytes_each, bandwidth, latency))
            print(f"{name}, {8 * bytes_each} bits, {k} machines: {batch}")
