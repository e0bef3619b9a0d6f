"""The article's whole program on MNIST, as a process: start, import, load, 5 epochs, evaluate.

784-128-10, ReLU, cross-entropy, Adam, batch 32, 60,000 images. Ours is written with ``nn.fit`` as a user writes it;
beside it the plain PyTorch loop over shuffled indices (faster than a DataLoader), once with torch's own number of
threads and once with one. Wall times of whole processes, in turns. DIR holds MNIST's four IDX files, plain or gzip.

    python benchmarks/article_program.py --data DIR [--rounds 2] [--epochs 5]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

GOAL_RATIO, GOAL_ACCURACY, FIRST = 0.6, 96.5, 3_000


def backflow(directory: str, epochs: int) -> float:
    import nn

    (x, y), (x_test, y_test) = nn.data.load_mnist(directory)
    nn.seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    nn.fit(model, x, y, loss=nn.CrossEntropyLoss(), optimizer=nn.Adam(model.parameters()), epochs=epochs, batch_size=32)
    return nn.evaluate(model, x_test[:FIRST], y_test[:FIRST], metrics=["accuracy"])["accuracy"]


def torch_loop(directory: str, epochs: int, threads: int = 0) -> float:
    import gzip
    from pathlib import Path

    import numpy as np
    import torch

    def read(part: str, kind: str, header: int) -> np.ndarray:
        path = sorted(Path(directory).glob(f"{part}*{kind}*"))[0]
        raw = path.read_bytes()
        return np.frombuffer(gzip.decompress(raw) if path.suffix == ".gz" else raw, np.uint8, offset=header)

    def load(part: str) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = read(part, "images", 16).reshape(-1, 784), read(part, "labels", 8).astype(np.int64)
        return torch.from_numpy(images / np.float32(255)), torch.from_numpy(labels)

    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(0)
    (x, y), (x_test, y_test) = load("train"), load("t10k")
    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    criterion, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for start in range(0, len(x), 32):
            rows = order[start : start + 32]
            loss = criterion(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return (model(x_test[:FIRST]).argmax(1) == y_test[:FIRST]).float().mean().item()


CONTENDERS: dict[str, Callable[[str, int], float]] = {
    "backflow": backflow,
    "torch": torch_loop,
    "torch, 1 thread": lambda directory, epochs: torch_loop(directory, epochs, 1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="directory of MNIST's IDX files")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--worker", choices=CONTENDERS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        accuracy = CONTENDERS[asked.worker](asked.data, asked.epochs)
        print(json.dumps({"accuracy": accuracy, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return

    from stopwatch import Times, goal, installed, ratio, setting, table  # not in the measured processes

    setting(f"The article's program on MNIST, {asked.epochs} epochs, whole processes", "torch")
    names = [name for name in CONTENDERS if name == "backflow" or installed("torch")["torch"]]
    times: Times = {name: [] for name in names}
    told: dict[str, dict[str, float]] = {}
    for _ in range(asked.rounds):
        for name in names:
            command = [sys.executable, __file__, "--data", asked.data, "--epochs", str(asked.epochs), "--worker", name]
            started = time.perf_counter()
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ)
            times[name].append(time.perf_counter() - started)
            told[name] = json.loads(run.stdout.strip().splitlines()[-1])
    table(times, "s")
    for name in names:
        print(
            f"  {name}: {100 * told[name]['accuracy']:.2f} % of {FIRST:,} test images, peak {told[name]['mb']:.0f} MB"
        )
    if len(names) > 1:
        goal("time / torch, its better setting", max(ratio(times, name) for name in names[1:]), GOAL_RATIO)
    reached = "reached" if 100 * told["backflow"]["accuracy"] >= GOAL_ACCURACY else "MISSED"
    print(f"  accuracy: {100 * told['backflow']['accuracy']:.2f} % (goal >= {GOAL_ACCURACY} %): {reached}")


if __name__ == "__main__":
    main()
