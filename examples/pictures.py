"""Every kind of picture, each drawn from a real model that runs here.

    python examples/pictures.py                  # all of them, into out/
    python examples/pictures.py neuron first_nan # only these
    python examples/pictures.py --suffix .png    # as png (needs Graphviz)

a neuron with the numbers of its chain rule, the backprop flow, filters and attention, the operation graph, gradient
health of four networks and of a transformer with and without residual connections, the first NaN and its cause, scalars
mixed with tensors, a network neuron by neuron, the explorer, and an animation over a training run. Those of the README
also in Chinese.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from nn.data import load_digits

CRITERION = nn.CrossEntropyLoss(axis=-1)


class TanhNeuron(nn.Module):
    """tanh(w1 x1 + w2 x2 + b), with a name for every step."""

    def __init__(self) -> None:
        self.w1, self.w2, self.b = ad.scalar(0.5), ad.scalar(-1.5), ad.scalar(0.9)

    def forward(self, x1: Any, x2: Any) -> dict[str, Any]:
        """Return every intermediate value of two Scalars, by name."""
        p1, p2 = x1 * self.w1, x2 * self.w2
        s = p1 + p2
        n = s + self.b
        return {"x1": x1, "x2": x2, "p1": p1, "p2": p2, "s": s, "n": n, "y": n.tanh()}


class Classifier(nn.Module):
    """Flatten, hidden layer, ReLU, output layer: the network of the backprop flow."""

    def __init__(self, pixels: int = 64, hidden: int = 32, classes: int = 10) -> None:
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(pixels, hidden, rng=0)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(hidden, classes, rng=1)

    def forward(self, x: Any) -> Any:
        """x: (N, side, side) -> logits (N, classes)."""
        return self.fc2(self.relu(self.fc1(self.flatten(x))))


class Layer(nn.Module):
    """A linear map and an activation."""

    def __init__(
        self, width: int, activation: Callable[[Any], Any], scale: float, seed: int, bias: float = 0.0
    ) -> None:
        self.linear = nn.Linear(width, width, rng=seed)
        generator = np.random.default_rng(seed)
        self.linear.weight.data = generator.normal(0, scale / math.sqrt(width), (width, width)).astype(np.float32)
        assert self.linear.bias is not None
        self.linear.bias.data = np.full(width, bias, np.float32)
        self.activation = activation

    def forward(self, x: Any) -> Any:
        """x: (N, width) -> (N, width)."""
        return self.activation(self.linear(x))


class Deep(nn.Module):
    """Ten equal layers and an output layer."""

    def __init__(
        self, activation: Callable[[Any], Any], scale: float, dead_layer: int | None = None, width: int = 64
    ) -> None:
        self.layers = [Layer(width, activation, scale, k, -40.0 if k + 1 == dead_layer else 0.0) for k in range(10)]
        self.head = nn.Linear(width, 10, rng=99)

    def forward(self, x: Any) -> Any:
        """x: (N, width) -> logits (N, 10)."""
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


class LayerNorm(nn.Module):
    """Zero mean and unit variance over the last axis, then a learnt scale and shift."""

    def __init__(self, width: int) -> None:
        self.weight, self.bias = nn.Parameter(np.ones(width, np.float32)), nn.Parameter(np.zeros(width, np.float32))

    def forward(self, x: Any) -> Any:
        """x: (..., width) -> (..., width)."""
        centred = x - x.mean(axis=-1, keepdims=True)
        return centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5) * self.weight + self.bias


class Attention(nn.Module):
    """Self-attention with one head."""

    def __init__(self, width: int, seed: int) -> None:
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, rng=seed + k) for k in range(4))
        self.scale = 1 / math.sqrt(width)

    def forward(self, x: Any) -> Any:
        """x: (N, T, width) -> (N, T, width)."""
        scores = self.query(x) @ np.swapaxes(self.key(x), -1, -2) * self.scale
        return self.out(ad.softmax(scores, axis=-1) @ self.value(x))


class MLP(nn.Module):
    """Two linear maps with a rectifier between."""

    def __init__(self, width: int, seed: int) -> None:
        self.up, self.down = nn.Linear(width, 2 * width, rng=seed), nn.Linear(2 * width, width, rng=seed + 1)

    def forward(self, x: Any) -> Any:
        """x: (..., width) -> (..., width)."""
        return self.down(ad.relu(self.up(x)))


class TransformerBlock(nn.Module):
    """Attention and MLP, with or without normalisation and residual connections."""

    def __init__(self, width: int, seed: int, residual: bool) -> None:
        self.attention, self.mlp, self.residual = Attention(width, seed), MLP(width, seed + 10), residual
        if residual:
            self.norm1, self.norm2 = LayerNorm(width), LayerNorm(width)

    def forward(self, x: Any) -> Any:
        """x: (N, T, width) -> (N, T, width)."""
        if not self.residual:
            return self.mlp(self.attention(x))
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Embedding(nn.Module):
    """A learnt vector for every word."""

    def __init__(self, words: int, width: int) -> None:
        self.num_embeddings, self.embedding_dim = words, width
        self.weight = nn.Parameter(np.random.default_rng(0).normal(0, 1, (words, width)).astype(np.float32))

    def forward(self, tokens: Any) -> Any:
        """tokens: (N, T) integers -> (N, T, width)."""
        return self.weight[tokens]


class Transformer(nn.Module):
    """Embedding, twelve blocks, output layer."""

    def __init__(self, residual: bool, words: int = 64, width: int = 32) -> None:
        self.embedding = Embedding(words, width)
        self.blocks = [TransformerBlock(width, 100 * k, residual) for k in range(12)]
        self.head = nn.Linear(width, words, rng=7)
        for block in self.blocks:  # a small initialisation, which only the model with residual connections can use
            for parameter in block.parameters():
                if parameter.ndim == 2:
                    parameter.data = parameter.data * 0.5

    def forward(self, tokens: Any) -> Any:
        """tokens: (N, T) integers -> logits (N, T, words)."""
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Looker(nn.Module):
    """Filters over an image, then attention between the positions."""

    def __init__(self) -> None:
        self.filters = nn.Conv2d(1, 8, 3, stride=2, padding=1, dtype=np.float64, rng=0)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, dtype=np.float64, rng=1)
        self.head = nn.Linear(8, 10, dtype=np.float64, rng=2)

    def forward(self, x: Any) -> Any:
        """x: (N, 8, 8) -> logits (N, 10)."""
        places = np.swapaxes(ad.relu(self.filters(x[:, None])).reshape(len(x), 8, 16), 1, 2)
        return self.head(np.mean(self.attention(places, places, places)[0], axis=1))


def recorded_loss(model: nn.Module, x: Any, labels: Any, optimizer: Any = None) -> Any:
    """Record one forward and backward pass, and one step of the optimizer if given; return the cross-entropy loss."""
    with ad.record():
        loss = CRITERION(model(x), labels)
        loss.backward()
        if optimizer is not None:
            optimizer.step()
    return loss


def neuron(lang: str = "en") -> Any:
    """Draw a neuron: values forward, gradients backward, the local derivative on every backward edge."""
    model = TanhNeuron()
    values = model(ad.scalar(2.0), ad.scalar(1.0))
    values["y"].backward()
    names = {**values, "w1": model.w1, "w2": model.w2, "b": model.b}
    return ad.draw(values["y"], model=model, names=names, title="y = tanh(w₁x₁ + w₂x₂ + b)", lang=lang)


def digits_step() -> tuple[Any, nn.Module, Any, dict[str, Any]]:
    """Record one training step on the first 32 packaged digits; return loss, model, optimizer and named inputs."""
    images, labels = load_digits()
    model = Classifier()
    optimizer = nn.Adam(model.parameters(), lr=1e-3)
    x, labels = ad.tensor(images[:32].astype(np.float32)), labels[:32]
    loss = recorded_loss(model, x, labels, optimizer)
    return loss, model, optimizer, {"x": x, "labels": labels}


def backprop_flow(lang: str = "en") -> Any:
    """Draw one training step: forward pass, gradients, parameters and Adam's update."""
    loss, model, optimizer, _ = digits_step()
    return ad.draw(loss, model=model, optimizer=optimizer, level="module", lang=lang)


def filters_and_attention() -> Any:
    """Draw the filters of a convolution and the weights of an attention layer, after 60 steps on the digits."""
    images, labels = load_digits()
    model, rng = Looker(), np.random.default_rng(0)
    optimizer = nn.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        chosen = rng.integers(0, len(images), 64)
        optimizer.zero_grad()
        CRITERION(model(images[chosen].astype(float)), labels[chosen]).backward()
        optimizer.step()
    optimizer.zero_grad()
    labels = labels[:32]
    loss = recorded_loss(model, images[:32].astype(float), labels, optimizer)
    return ad.draw(loss, model=model, optimizer=optimizer, level="module", names={"labels": labels})


def op_graph() -> Any:
    """Draw every operation of the same loss, grouped by module; fused layers and the fused loss are opened."""
    loss, model, _, names = digits_step()
    return ad.draw(loss, model=model, names=names, level="op", expand=("linear", "cross_entropy"))


def gradient_health(lang: str = "en") -> Any:
    """Draw healthy, vanishing, exploding and dead gradients, layer by layer."""
    generator = np.random.default_rng(0)
    x, labels = generator.normal(size=(32, 64)).astype(np.float32), generator.integers(0, 10, 32)
    titles = {
        "en": ("ReLU, He initialisation", "Sigmoid", "ReLU, weights 3× too large", "ReLU, bias −40 in layer 4"),
        "zh": ("ReLU，He 初始化", "Sigmoid", "ReLU，权重过大（3×）", "ReLU，第 4 层偏置 −40"),
    }
    models = (
        Deep(ad.relu, math.sqrt(2)),
        Deep(ad.sigmoid, 1.0),
        Deep(ad.relu, 3 * math.sqrt(2)),
        Deep(ad.relu, math.sqrt(2), dead_layer=4),
    )
    losses = {title: recorded_loss(model, x, labels) for title, model in zip(titles[lang], models)}
    return ad.draw_compare(losses, lang=lang)


def transformers() -> Any:
    """Draw two transformers side by side; twelve equal blocks are folded to one card with a heat strip."""
    generator = np.random.default_rng(0)
    tokens, labels = generator.integers(0, 64, (8, 16)), generator.integers(0, 64, (8, 16))
    models = {"with residual connections": Transformer(True), "without residuals or normalisation": Transformer(False)}
    losses = {name: recorded_loss(model, tokens, labels) for name, model in models.items()}
    return ad.draw_compare(losses, names={"tokens": tokens, "labels": labels})


def first_nan(lang: str = "en") -> Any:
    """Draw the operation that made the first NaN, its cause, its source line and a remedy."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(32, 64)).astype(np.float32)
    weight = nn.Parameter(generator.normal(0, 6, (64, 10)).astype(np.float32))
    with ad.record(), np.errstate(all="ignore"):
        logits = x @ weight
        p = ad.softmax(logits)
        log_p = np.log(p)
        entropy = -(p * log_p).sum(axis=1).mean()
        entropy.backward()
    names = {"x": x, "W": weight, "logits": logits, "p": p, "log p": log_p, "entropy": entropy}
    return ad.draw(entropy, names=names, focus="nan", lang=lang)


class Line(nn.Module):
    """A straight line through points, with a weight for its error: three numbers to learn."""

    def __init__(self) -> None:
        self.a, self.b, self.scale = ad.scalar(0.5), ad.scalar(0.1), ad.scalar(2.0)

    def forward(self, x: Any, y: Any) -> Any:
        """x: (N, 2) with a column of ones, y: (N,) -> weighted mean square error."""
        return np.square(x @ ad.stack([self.a, self.b]) - y).mean() * self.scale


def mixed() -> Any:
    """Draw a graph in which Scalars are operands of tensor operations, and the result is a Scalar."""
    model = Line()
    x, y = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0], [4.0, 1.0], [5.0, 1.0]]), np.array([1.0, 2.0, 2.0, 4.0, 5.0])
    with ad.record():
        loss = model(x, y)
        loss.backward()
    return ad.draw(loss, model=model, names={"λ": model.scale, "X": x, "y": y, "loss": loss})


def neurons() -> Any:
    """Draw a network of scalars: one box a neuron, one line a weight."""
    net = nn.MLP(2, [4, 4, 1], activation="tanh", rng=3)
    x1, x2 = ad.scalar(0.8), ad.scalar(-0.5)
    loss = (net([x1, x2]) - 1.0) ** 2
    loss.backward()
    return ad.draw(loss, model=net, level="neuron", names={"x1": x1, "x2": x2, "loss": loss})


def animation() -> Any:
    """Draw the flow's gradient heat over ten epochs, with a slider."""
    images, labels = load_digits()
    images, labels = images.astype(np.float32), np.asarray(labels)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32, rng=0), nn.Sigmoid(), nn.Linear(32, 10, rng=1))
    optimizer = nn.Adam(net.parameters(), lr=3e-3)
    figures = {}
    for epoch in range(11):
        figures[f"epoch {epoch}"] = ad.draw(
            recorded_loss(net, images[:32], labels[:32]), model=net, level="module", heat="grad"
        )
        nn.fit(
            net,
            images[:512],
            labels[:512],
            loss=nn.cross_entropy,
            optimizer=optimizer,
            epochs=1,
            progress=False,
            rng=epoch,
        )
    return ad.drawing.animation(figures, title="Gradient heat, epoch by epoch")


PICTURES: dict[str, Callable[[], Any]] = {
    "neuron": neuron,
    "backprop_flow": backprop_flow,
    "filters_and_attention": filters_and_attention,
    "neuron.zh": lambda: neuron("zh"),
    "backprop_flow.zh": lambda: backprop_flow("zh"),
    "gradient_health.zh": lambda: gradient_health("zh"),
    "first_nan.zh": lambda: first_nan("zh"),
    "op_graph": op_graph,
    "gradient_health": gradient_health,
    "transformers": transformers,
    "first_nan": first_nan,
    "mixed": mixed,
    "neurons": neurons,
    "explorer": op_graph,
    "animation": animation,
}
IN_ENGLISH = ("neuron", "backprop_flow", "gradient_health", "first_nan")
README = (*IN_ENGLISH, *(f"{name}.zh" for name in IN_ENGLISH))  # python examples/pictures.py --readme
DOCS = ("filters_and_attention",)  # of docs/drawing.md, written with those of the README
PAGES = ("explorer", "animation")
SUFFIXES = (".svg", ".png", ".pdf", ".dot", ".mmd", ".html")


def main(argv: Sequence[str] | None = None) -> None:
    """Draw the named pictures and print their paths."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help=f"which pictures (default: all): {', '.join(PICTURES)}")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default: out)")
    parser.add_argument("--suffix", default=".svg", help=f"format: {', '.join(SUFFIXES)} (default: .svg)")
    parser.add_argument(
        "--engine", default="auto", choices=("auto", "dot", "builtin"), help="who lays out svg and html (default: auto)"
    )
    parser.add_argument("--readme", action="store_true", help="write the pictures of both READMEs into docs/pictures")
    options = parser.parse_args(argv)
    unknown = set(options.names) - set(PICTURES)
    if unknown:
        parser.error(f"no picture named {', '.join(sorted(unknown))}; there are {', '.join(PICTURES)}")
    if options.suffix not in SUFFIXES:
        parser.error(f"no format {options.suffix!r}; there are {', '.join(SUFFIXES)}")
    out, engine, names = options.out, options.engine, options.names or list(PICTURES)
    if options.readme:  # the built-in layout gives the same bytes on every machine
        out, engine, names = Path(__file__).parents[1] / "docs" / "pictures", "builtin", (*README, *DOCS)
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        figure = PICTURES[name]()
        path = out / f"{name}{'.html' if name in PAGES else options.suffix}"
        if name == "animation":
            figure.save(path)
        else:
            figure.save(path, engine=engine)
        print(f"{path}  {figure!r}")


if __name__ == "__main__":
    main()
