#!/usr/bin/env python3
"""Steps of the network 12544-1024-512-3 with Adam on two processes: this crate and PyTorch's DistributedDataParallel over gloo.

    python3 scripts/compare.py [--batch 256] [--rounds 3] [--flags "--allow-run-as-root"]

Each process has a core and one thread. Both take turns, so that what else the machine does meets both. Wants torch, mpirun, and
`cargo build --release --example steps`.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def worker(rank, world, batch, steps):
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[rank]})
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29571", GLOO_SOCKET_IFNAME="lo")
    dist.init_process_group("gloo", rank=rank, world_size=world)
    torch.manual_seed(1)
    relu, linear = torch.nn.ReLU, torch.nn.Linear
    model = torch.nn.Sequential(linear(12544, 1024), relu(), linear(1024, 512), relu(), linear(512, 3))
    model = DistributedDataParallel(model, gradient_as_bucket_view=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
    loss = torch.nn.CrossEntropyLoss()
    own = batch // world
    x, y = torch.rand(own, 12544), torch.arange(own) % 3
    times = []
    for _ in range(steps + 5):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    if rank == 0:
        print(f"{1e3 * statistics.median(times[5:]):.2f}", flush=True)
    dist.destroy_process_group()


def torch_step(batch, steps):
    arguments = [sys.executable, __file__, "--batch", str(batch), "--steps", str(steps), "--worker"]
    ranks = [subprocess.Popen(arguments + [str(rank)], stdout=subprocess.PIPE, text=True) for rank in range(2)]
    outputs = [rank.communicate()[0] for rank in ranks]
    return float(outputs[0])


def own_step(flags, batch, steps, ranks, more=()):
    program = os.path.join(os.environ.get("CARGO_TARGET_DIR", HERE + "/../../target"), "release/examples/steps")
    command = ["mpirun", *flags.split(), "--bind-to", "core", "-n", str(ranks), program]
    command += ["--batch", str(batch), "--steps", str(steps), *more]
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return float(re.search(r"([\d.]+) ms a step", text)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flags", default="--allow-run-as-root" if os.getuid() == 0 else "")
    parser.add_argument("--worker", type=int)
    arguments = parser.parse_args()
    if arguments.worker is not None:
        worker(arguments.worker, 2, arguments.batch, arguments.steps)
        return
    flags, batch, steps = arguments.flags, arguments.batch, arguments.steps
    rounds = []
    for _ in range(arguments.rounds):
        rounds.append(
            (
                own_step(flags, batch, steps, 1),
                own_step(flags, batch, steps, 2),
                own_step(flags, batch, steps, 2, ["--bf16"]),
                torch_step(batch, steps),
            )
        )
        print("1 rank %.1f ms, 2 ranks %.1f, 2 ranks in bf16 %.1f, PyTorch on 2 processes %.1f" % rounds[-1], flush=True)
    one, two, bf16, torch = (statistics.median(column) for column in zip(*rounds))
    print(f"batch {batch}: 2 ranks {one / two:.2f} times the samples a second of 1, in bf16 {one / bf16:.2f} times")
    print(f"batch {batch}: {two / torch:.2f} of PyTorch's time, in bf16 {bf16 / torch:.2f}")


if __name__ == "__main__":
    main()
