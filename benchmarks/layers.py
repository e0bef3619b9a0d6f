"""Single layers, forward and backward, compared with PyTorch on the same weights: image layers, normalization.

float32; the loss is the sum of squares, with gradients of the weights alone, as in a first layer. Each side has a
process of its own, in turns, and its own default threads; with one thread each:

    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/layers.py [--rounds 6]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from stopwatch import installed, race_alone, setting, table, work_alone

import nn

# name, shape of x, layers as (name, arguments, options): the names and arguments of both libraries are the same
LAYERS: list[tuple[str, tuple[int, ...], list[tuple[Any, ...]]]] = [
    (
        "convolutions 3-32-64 with ReLU and max pooling, 32 x 32, batch 16",
        (16, 3, 32, 32),
        [
            ("Conv2d", (3, 32, 3), {"padding": 1}),
            ("ReLU", ()),
            ("MaxPool2d", (2,)),
            ("Conv2d", (32, 64, 3), {"padding": 1}),
            ("ReLU", ()),
            ("MaxPool2d", (2,)),
        ],
    ),
    (
        "convolution, batch normalization, ReLU, 1 x 1, 32 channels, 16 x 16, batch 16",
        (16, 32, 16, 16),
        [("Conv2d", (32, 32, 3), {"padding": 1}), ("BatchNorm2d", (32,)), ("ReLU", ()), ("Conv2d", (32, 32, 1))],
    ),
    ("depthwise convolution, 64 channels", (8, 64, 16, 16), [("Conv2d", (64, 64, 3), {"padding": 1, "groups": 64})]),
    ("transposed convolution 32-16", (8, 32, 16, 16), [("ConvTranspose2d", (32, 16, 4), {"stride": 2, "padding": 1})]),
    ("Conv1d 16-32, kernel 5, 128 long", (32, 16, 128), [("Conv1d", (16, 32, 5))]),
    ("convolution 8-8, average pooling", (16, 8, 32, 32), [("Conv2d", (8, 8, 3)), ("AvgPool2d", (2,))]),
    ("1 x 1, group normalization", (16, 8, 32, 32), [("Conv2d", (8, 16, 1)), ("GroupNorm", (4, 16))]),
    ("layer normalization, 1024 x 512", (1024, 512), [("LayerNorm", (512,))]),
]


def step_of(library: Any, shape: tuple[int, ...], layers: list[tuple[Any, ...]]) -> Callable[[], list[np.ndarray]]:
    """Return a step that gives the gradients of all parameters, made in the process that asks for it."""
    rng = np.random.default_rng(0)
    made = [getattr(library, name)(*args, **options) for name, args, options in ((*given, {})[:3] for given in layers)]
    model = library.Sequential(*made)
    x = rng.normal(size=shape).astype(np.float32)
    weights = {n: rng.normal(size=p.shape).astype(np.float32) / 4 for n, p in model.named_parameters()}
    if library is not nn:
        import torch

        x, weights = torch.tensor(x), {n: torch.tensor(w) for n, w in weights.items()}
    model.load_state_dict(weights, strict=False)
    parameters = list(model.parameters())

    def step() -> list[np.ndarray]:
        for p in parameters:
            p.grad = None
        y = model(x)
        (y * y).sum().backward()
        return [np.asarray(p.grad) for p in parameters]

    return step


def library_of(name: str) -> Any:
    if name == "backflow":
        return nn
    import torch

    return torch.nn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--calls", type=int, default=30, help="of each side in a round (default: %(default)s)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        library = library_of(options.worker)
        return work_alone((step_of(library, shape, layers) for _, shape, layers in LAYERS), options.calls)
    setting("Single layers, forward + backward", "torch")
    names = ["backflow"] + ["torch"] * installed("torch")["torch"]
    for what, shape, layers in LAYERS:  # equal gradients; otherwise the times are not comparable
        mine = step_of(nn, shape, layers)()
        largest = max(float(np.abs(a).max()) for a in mine)  # a bias before a batch normalization has rounding alone
        for name in names[1:]:
            for a, b in zip(mine, step_of(library_of(name), shape, layers)(), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * largest, err_msg=what)
    times = race_alone(__file__, names, len(LAYERS), options.rounds, options.calls)
    for (what, _, _), found in zip(LAYERS, times, strict=True):
        print(what)
        table(found, "ms")


if __name__ == "__main__":
    main()
