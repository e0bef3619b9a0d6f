"""The neuron level: a network of scalars, one box a neuron, one line a weight.

A neuron is a module that reads numbers, multiplies each with a parameter of its own and returns one number. Lines are
its weights: solid and blue when positive, dashed and orange when negative, as thick as they are large. A neuron that
ran for many examples is drawn once, with its mean output and the norm of its gradients.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from ..picture.cards import chip_card, neuron_card, scalar_card
from ..picture.model import Block, Card, Cell, Key, Module, Node, Picture, Run
from ..picture.style import FORWARD, MUTED, NEGATIVE, POSITIVE
from ..picture.text import number, pretty_name, shorten
from ..picture.words import word
from ..reading.folding import Folder
from ..reading.records import Snapshot, Value, shown_number
from .parts.builder import GraphBuilder
from .parts.clusters import parent_of
from .parts.formulas import chain_text
from .parts.legends import footers, grad_key
from .parts.options import Options
from .parts.problems import find_problems
from .parts.value_texts import describe, grad_text, name_of, value_node, value_tooltip

LETTERS = "hkmpqrstuvz"
MOST_IN_LAYER = 20


@dataclass(slots=True)
class Neuron:
    """One neuron: its path, the outputs of its calls, and for each input the source and the weight."""

    path: str
    layer: str
    outputs: list[int] = field(default_factory=list)
    weights: dict[tuple[str, object], float] = field(default_factory=dict)
    activation: str = ""


def find_neurons(snapshot: Snapshot) -> dict[str, Neuron]:
    """Return neurons by path: calls of innermost modules that end in one number and weigh inputs with parameters."""
    found: dict[str, Neuron] = {}
    maker: dict[int, str] = {}
    for item in Folder(snapshot).items() if snapshot.modules else []:
        if item.kind != "module" or not item.path:
            continue
        weights: dict[tuple[str, object], float] = {}
        for i in item.members:
            weights.update(weights_of(snapshot, snapshot.values[i], maker))
        if not weights or not snapshot.values[item.last].single:
            continue
        neuron = found.setdefault(item.path, Neuron(item.path, parent_of(snapshot, item.path)))
        neuron.outputs.append(item.last)
        neuron.weights.update(weights)
        newest = snapshot.values[item.last]
        neuron.activation = newest.op if len(newest.operands) == 1 else ""
        for i in item.members:
            maker[i] = item.path
    return found


def weights_of(snapshot: Snapshot, value: Value, maker: dict[int, str]) -> dict[tuple[str, object], float]:
    """Return the weights in one operation, by their factor: a neuron, an input, or the position of a constant."""
    pairs: list[tuple[object, object, int]] = []
    if value.row is not None and value.row.shown.pairs:
        half = len(value.operands) // 2
        pairs = [(value.operands[k], value.operands[half + k], k) for k in range(half)]
    elif value.row is not None and value.row.shown.factors:
        pairs = [(value.operands[0], value.operands[1], 0), (value.operands[1], value.operands[0], 0)]
    found: dict[tuple[str, object], float] = {}
    for weight, given, position in pairs:
        if weight.__class__ is not int:
            continue
        parameter = snapshot.values[weight]
        if parameter.op or parameter.number is None or isinstance(parameter.number, complex):
            continue
        if given.__class__ is int:
            source = snapshot.values[given]
            if source.role == "parameter":
                continue
            key: tuple[str, object] = ("neuron", maker[given]) if given in maker else ("input", given)
        else:
            key = ("constant", position)
        found[key] = float(parameter.number)
    return found


@dataclass(slots=True, kw_only=True)
class NeuronBuilder(GraphBuilder):
    """The neuron level. place: the box of each neuron and input; hidden: how many neurons are not drawn."""

    neurons: dict[str, Neuron]
    place: dict[tuple[str, object], str] = field(default_factory=dict)
    hidden: int = 0


def neuron_picture(snapshot: Snapshot, options: Options) -> Picture:
    """Return the neuron-level picture.

    Raises:
        ValueError: when there is no neuron in the graph.
    """
    neurons = find_neurons(snapshot)
    if not neurons:
        raise ValueError(
            "level='neuron' needs modules that weigh numbers with scalar parameters, such as nn.Neuron; here are none. "
            "Try level='op' or level='module'"
        )
    builder = NeuronBuilder(lang=options.lang, snapshot=snapshot, options=options, neurons=neurons)
    add_inputs(builder)
    for k, (_, members) in enumerate(layers_of(neurons).items()):
        add_layer(builder, k, members, last=k == len(layers_of(neurons)) - 1)
    add_weights(builder)
    add_losses(builder)
    width = max(node.card.inner_width for node in builder.nodes if node.kind in ("neuron", "input"))
    builder.nodes = [
        dataclasses.replace(node, card=dataclasses.replace(node.card, min_width=width))
        if node.kind != "reference"
        else node
        for node in builder.nodes
    ]
    return finish(builder)


def layers_of(neurons: dict[str, Neuron]) -> dict[str, list[Neuron]]:
    """Return neurons by the module around them, in the order they ran."""
    layers: dict[str, list[Neuron]] = {}
    for neuron in neurons.values():
        layers.setdefault(neuron.layer or neuron.path, []).append(neuron)
    return layers


def keys_of_inputs(builder: NeuronBuilder, many: bool) -> list[Any]:
    """Return the keys of the numbers that the first neurons read. many: the neurons ran for several examples."""
    if not many:
        found = (key for neuron in builder.neurons.values() for key in neuron.weights if key[0] != "neuron")
        return list(dict.fromkeys(found))
    # each example has inputs of its own; the first layer reads as many
    first = next(iter(builder.neurons.values()))
    keys = [key for key in first.weights if key[0] != "neuron"]
    operands = builder.snapshot.values[first.outputs[0]].operands
    width = len(operands) // 2 if keys and keys[0][0] == "input" else len(keys)
    return keys[: max(1, width)] if len(keys) > 12 else keys


def add_inputs(builder: NeuronBuilder) -> None:
    """Add the numbers that the first neurons read, whether or not they are in the graph."""
    many = any(len(neuron.outputs) > 1 for neuron in builder.neurons.values())
    keys = keys_of_inputs(builder, many)
    ids = []
    half = MOST_IN_LAYER // 2
    hidden = range(half, len(keys) - half + 1) if len(keys) > MOST_IN_LAYER else range(0)
    for k, key in enumerate(keys):
        if k in hidden:
            if k == hidden[0]:
                ids.append(add_gap(builder, len(hidden)))
            continue
        node_id = builder.new_id("n")
        value = builder.snapshot.values[key[1]] if key[0] == "input" else None
        name = (pretty_name(name_of(value)) if value is not None else "") or pretty_name(f"x{k + 1}")
        shown = "" if many or value is None else shown_number(value)
        if value is None and not many:
            shown = constant_text(builder, key)
        grad = "" if many or value is None else grad_text(value)
        builder.place[key] = node_id
        ids.append(node_id)
        card = neuron_card("input", name, shown, grad, word(builder.lang, "grad"))
        builder.nodes.append(
            Node(
                node_id,
                "input",
                card,
                name=name,
                grad=None if many or value is None else value.grad,
                tooltip=value_tooltip(value, builder.lang) if value is not None else name,
            )
        )
    if ids:
        add_cluster(builder, word(builder.lang, "inputs title"), "", ids)


def constant_text(builder: NeuronBuilder, key: tuple[str, object]) -> str:
    """Return the number of a constant input."""
    for neuron in builder.neurons.values():
        if key in neuron.weights:
            for i in range(neuron.outputs[0], -1, -1):
                value = builder.snapshot.values[i]
                if value.row is not None and value.row.shown.pairs and value.path == neuron.path:
                    given = value.operands[len(value.operands) // 2 + int(key[1])]  # type: ignore[call-overload]
                    return number(given) if isinstance(given, float) else ""
    return ""


def add_layer(builder: NeuronBuilder, k: int, members: list[Neuron], last: bool) -> None:
    """Add the boxes of one layer and the frame around them; of a very large layer the two ends."""
    lang, alone = builder.lang, last and len(members) == 1
    half = MOST_IN_LAYER // 2
    hidden = range(half, len(members) - half + 1) if len(members) > MOST_IN_LAYER else range(0)
    ids, letter = [], LETTERS[k % len(LETTERS)]
    for at, neuron in enumerate(members):
        if at not in hidden:
            name = "out" if alone else pretty_name(f"{letter}{at + 1}")
            ids.append(add_neuron(builder, neuron, name, "output" if alone else "neuron"))
        elif at == hidden[0]:
            ids.append(add_gap(builder, len(hidden)))
    title = word(lang, "output") if alone else word(lang, "layer", k + 1)
    add_cluster(builder, f"{title} · {members[0].activation or word(lang, 'linear')}", members[0].layer, ids)


def add_gap(builder: NeuronBuilder, hidden: int) -> str:
    """Add a chip that counts the neurons that are not drawn, and return its id."""
    node_id = builder.new_id("n")
    tooltip = word(builder.lang, "nodes", hidden)
    builder.nodes.append(
        Node(node_id, "reference", chip_card("reference", f"… {hidden}"), count=hidden, tooltip=tooltip)
    )
    builder.hidden += hidden
    return node_id


def add_neuron(builder: NeuronBuilder, neuron: Neuron, name: str, kind: str) -> str:
    """Add one neuron: the mean of its outputs and, of several calls, the norm of their gradients."""
    node_id = builder.new_id("n")
    values = [builder.snapshot.values[i] for i in neuron.outputs]
    numbers = [float(v.number) for v in values if isinstance(v.number, float | int)]
    mean = sum(numbers) / len(numbers) if numbers else math.nan
    grads = [v.grad for v in values if v.grad is not None]
    grad = None if not grads else grads[0] if len(grads) == 1 else math.hypot(*grads)
    shown = pretty_name(name_of(values[-1])) or name
    sign = word(builder.lang, "grad") if len(values) == 1 else "‖g‖"
    card = neuron_card(kind, shown, number(mean) if numbers else "", number(grad) if grad is not None else "", sign)
    builder.place["neuron", neuron.path] = node_id
    builder.nodes.append(
        Node(
            node_id,
            kind,
            card,
            name=shown,
            op=neuron.activation,
            grad=grad,
            module=neuron.path,
            count=len(values),
            value=repr(mean) if numbers else "",
            tooltip=shorten(f"{neuron.path}; {value_tooltip(values[-1], builder.lang)}", 1000),
        )
    )
    return node_id


def add_cluster(builder: NeuronBuilder, title: str, path: str, ids: list[str]) -> None:
    """Add a frame with a title in the middle."""
    builder.frames.append(
        Module(builder.new_id("m"), path, (Run(title, 11, MUTED, True),), tuple(ids), "", len(ids), "center")
    )


def add_weights(builder: NeuronBuilder) -> None:
    """Add one line for every weight between boxes that are drawn."""
    lines = [
        (abs(w), builder.place[key], builder.place["neuron", neuron.path], w)
        for neuron in builder.neurons.values()
        if ("neuron", neuron.path) in builder.place
        for key, w in neuron.weights.items()
        if key in builder.place
    ]
    largest = max((size for size, *_ in lines), default=0.0) or 1.0
    for size, source, target, weight in lines:
        builder.add_edge(
            source,
            target,
            "weight",
            tooltip=f"{word(builder.lang, 'weight')} {weight!r}",
            color=POSITIVE if weight >= 0 else NEGATIVE,
            width=round(0.5 + 3 * size / largest, 2),
            dash="solid" if weight >= 0 else "dashed",
            arrow="none",
            lane="side",
            number=weight,
        )


def add_losses(builder: NeuronBuilder) -> None:
    """Fold the operations after the last neuron to one box for each root."""
    outputs = {i: neuron.path for neuron in builder.neurons.values() for i in neuron.outputs}
    names = {node.id: node.name for node in builder.nodes}
    for root in builder.snapshot.roots:
        if root in outputs:
            continue
        value = builder.snapshot.values[root]
        seen, feeding = behind(builder, root, outputs)
        steps = [builder.snapshot.values[i] for i in sorted(seen) if builder.snapshot.values[i].op]
        note = word(builder.lang, "operations", len(steps))
        if len(steps) <= 4:
            drawn = names.get(builder.place.get(("neuron", feeding[0]), "")) if len(feeding) == 1 else None
            note = chain_text(steps, drawn or "", builder.neurons[feeding[0]].outputs if drawn else [])
        node_id = builder.new_id("n")
        name = name_of(value) or word(builder.lang, "loss")
        card = with_note(scalar_card("output", name=name, value=shown_number(value)), shorten(note, 32))
        builder.nodes.append(value_node(builder.lang, node_id, value, "output", card, count=len(steps)))
        for path in feeding:
            if ("neuron", path) in builder.place:
                source = builder.place["neuron", path]
                builder.add_value(source, node_id, lane="side", weight=4)


def behind(builder: NeuronBuilder, root: int, outputs: dict[int, str]) -> tuple[set[int], list[str]]:
    """Return values between a root and the neurons, and the neurons that feed them."""
    inside = {i for i, value in enumerate(builder.snapshot.values) if value.path in builder.neurons}
    feeding: dict[str, None] = {}
    seen, stack = {root}, [root]
    while stack:
        for parent in builder.snapshot.values[stack.pop()].parents:
            if parent in outputs:
                feeding[outputs[parent]] = None
            elif parent not in seen and parent not in inside:
                seen.add(parent)
                stack.append(parent)
    return seen, list(feeding)


def with_note(card: Card, note: str) -> Card:
    """Return the card with a muted line under it."""
    if not note:
        return card
    return dataclasses.replace(
        card, blocks=(*card.blocks, Block(((Cell((Run(note, 11, MUTED),), "center", None, 3),),)))
    )


def legend_of(builder: NeuronBuilder, graded: bool) -> tuple[Key, ...]:
    """Return the legend: only the entries that this picture uses."""
    lang = builder.lang
    kinds = {edge.dash for edge in builder.edges if edge.kind == "weight"}
    keys = []
    if "solid" in kinds:
        keys.append(Key(word(lang, "positive weight"), "line", POSITIVE, width=2, glyph="plain"))
    if "dashed" in kinds:
        keys.append(Key(word(lang, "negative weight"), "line", NEGATIVE, width=2, dash="dashed", glyph="plain"))
    keys.append(Key(word(lang, "thicker"), "line", FORWARD, width=3, glyph="plain"))
    if graded:
        made = {i for neuron in builder.neurons.values() for i in neuron.outputs}
        root = "output" if made.intersection(builder.snapshot.roots) else "loss"  # a network drawn without a loss
        keys.append(grad_key(word(lang, f"gradient of the {root}")))
    return tuple(keys)


def finish(builder: NeuronBuilder) -> Picture:
    """Return the finished picture: with legend, footer and alternative text."""
    snapshot, options, lang = builder.snapshot, builder.options, builder.lang
    outputs = [snapshot.values[i] for neuron in builder.neurons.values() for i in neuron.outputs]
    builder.problems += find_problems(outputs, lang)
    norms = [abs(v.grad) for v in outputs if v.grad is not None]
    calls = max(len(neuron.outputs) for neuron in builder.neurons.values())
    footer = footers(snapshot, options)
    if calls > 1:
        footer += (word(lang, "calls", calls),)
    if builder.hidden:
        footer += (word(lang, "hidden neurons", builder.hidden),)
    alt = describe(
        lang,
        "neuron graph",
        word(lang, "neurons", len(builder.neurons), len(builder.frames)),
        [snapshot.values[i] for i in snapshot.roots],
        norms,
        builder.problems,
    )
    forward = tuple(builder.place["neuron", path] for path in builder.neurons if ("neuron", path) in builder.place)
    return builder.picture(
        level="neuron",
        direction="LR",
        legend=legend_of(builder, bool(norms)) if options.legend else (),
        footer=footer,
        title=options.title,
        alt=alt,
        node_gap=0.13,
        rank_gap=1.15,
        straight=True,
        forward=forward,
        backward=tuple(reversed(forward)) if norms else (),
    )
