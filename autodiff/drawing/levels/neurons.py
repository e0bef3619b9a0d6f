"""The neuron level: a network of scalars, one box a neuron, one line a weight.

A neuron is a module that reads numbers, multiplies each with a parameter of its own and returns one number. Lines are
its weights: solid and blue when positive, dashed and orange when negative, as thick as they are large. A neuron that
ran for many examples is drawn once, with its mean output and the norm of its gradients.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

from ..layout.card_sizes import inner_width
from ..picture.cards import chip_card, neuron_card, scalar_card
from ..picture.model import Block, Card, Cell, Edge, Key, Module, Node, Picture, Run
from ..picture.style import FORWARD, MUTED, NEGATIVE, POSITIVE
from ..picture.text import clean, number, pretty_name
from ..picture.words import word
from ..reading.folding import Folder
from ..reading.records import Snapshot, Value, shown_number
from . import parts as build
from .formulas import chain_text
from .legends import footers
from .options import Options

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
    """Neurons by path: calls of innermost modules that end in one number and weigh their inputs with parameters."""
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
        neuron = found.setdefault(item.path, Neuron(item.path, build.parent_of(snapshot, item.path)))
        neuron.outputs.append(item.last)
        neuron.weights.update(weights)
        newest = snapshot.values[item.last]
        neuron.activation = "" if newest.op in ("weighted_sum", "add") else newest.op
        for i in item.members:
            maker[i] = item.path
    return found


def weights_of(snapshot: Snapshot, value: Value, maker: dict[int, str]) -> dict[tuple[str, object], float]:
    """Weights in one operation, by what they weigh: a neuron, an input, or the position of a constant."""
    pairs: list[tuple[object, object, int]] = []
    if value.op == "weighted_sum":
        half = len(value.operands) // 2
        pairs = [(value.operands[k], value.operands[half + k], k) for k in range(half)]
    elif value.op == "multiply" and len(value.operands) == 2:
        pairs = [(value.operands[0], value.operands[1], 0), (value.operands[1], value.operands[0], 0)]
    found: dict[tuple[str, object], float] = {}
    for weight, given, position in pairs:
        if weight.__class__ is not int:
            continue
        parameter = snapshot.values[weight]  # type: ignore[call-overload]
        if parameter.op or parameter.number is None or isinstance(parameter.number, complex):
            continue
        if given.__class__ is int:
            source = snapshot.values[given]  # type: ignore[call-overload]
            if source.role == "parameter":
                continue
            key: tuple[str, object] = ("neuron", maker[given]) if given in maker else ("input", given)  # type: ignore[index]
        else:
            key = ("constant", position)
        found[key] = float(parameter.number)
    return found


@dataclass(slots=True)
class NetPicture:
    """The picture being built."""

    snapshot: Snapshot
    options: Options
    neurons: dict[str, Neuron]
    ids: build.Ids = field(default_factory=build.Ids)
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    modules: list[Module] = field(default_factory=list)
    place: dict[tuple[str, object], str] = field(default_factory=dict)
    hidden: int = 0


def neuron_picture(snapshot: Snapshot, options: Options) -> Picture:
    """Neuron-level picture.

    Raises:
        ValueError: when there is no neuron in the graph.
    """
    neurons = find_neurons(snapshot)
    if not neurons:
        raise ValueError(
            "level='neuron' needs modules that weigh numbers with scalar parameters, such as nn.Neuron; here are none. "
            "Try level='op' or level='module'"
        )
    page = NetPicture(snapshot, options, neurons)
    add_inputs(page)
    for k, (_, members) in enumerate(layers_of(neurons).items()):
        add_layer(page, k, members, last=k == len(layers_of(neurons)) - 1)
    add_weights(page)
    add_losses(page)
    width = max(inner_width(node.card) for node in page.nodes if node.kind in ("neuron", "input"))
    page.nodes = [
        dataclasses.replace(node, card=dataclasses.replace(node.card, min_width=width))
        if node.kind != "reference"
        else node
        for node in page.nodes
    ]
    return finish(page)


def layers_of(neurons: dict[str, Neuron]) -> dict[str, list[Neuron]]:
    """Neurons by the module around them, in the order they ran."""
    layers: dict[str, list[Neuron]] = {}
    for neuron in neurons.values():
        layers.setdefault(neuron.layer or neuron.path, []).append(neuron)
    return layers


def add_inputs(page: NetPicture) -> None:
    """The numbers that the first neurons read, whether or not they are in the graph."""
    keys = list(dict.fromkeys(key for neuron in page.neurons.values() for key in neuron.weights if key[0] != "neuron"))
    many = any(len(neuron.outputs) > 1 for neuron in page.neurons.values())
    if many:  # each example has inputs of its own; their number is what the first layer reads
        first = next(iter(page.neurons.values()))
        keys = [key for key in first.weights if key[0] != "neuron"]
        width = (
            len(page.snapshot.values[first.outputs[0]].operands) // 2 if keys and keys[0][0] == "input" else len(keys)
        )
        keys = keys[: max(1, width)] if len(keys) > 12 else keys
    ids = []
    for k, key in enumerate(keys):
        node_id = page.ids.new("n")
        value = page.snapshot.values[key[1]] if key[0] == "input" else None  # type: ignore[call-overload]
        name = (pretty_name(build.name_of(value)) if value is not None else "") or pretty_name(f"x{k + 1}")
        shown = "" if many or value is None else shown_number(value)
        if value is None and not many:
            shown = constant_text(page, key)
        grad = "" if many or value is None else build.grad_text(value)
        page.place[key] = node_id
        ids.append(node_id)
        card = neuron_card("input", name, shown, grad, word(page.options.lang, "grad"))
        page.nodes.append(
            Node(
                node_id,
                "input",
                card,
                name=name,
                grad=None if many or value is None else value.grad,
                tooltip=build.value_tooltip(value) if value is not None else name,
            )
        )
    if ids:
        add_cluster(page, word(page.options.lang, "inputs title"), "", ids)


def constant_text(page: NetPicture, key: tuple[str, object]) -> str:
    """The number of a constant input."""
    for neuron in page.neurons.values():
        if key in neuron.weights:
            for i in range(neuron.outputs[0], -1, -1):
                value = page.snapshot.values[i]
                if value.op == "weighted_sum" and value.path == neuron.path:
                    given = value.operands[len(value.operands) // 2 + int(key[1])]  # type: ignore[call-overload]
                    return number(given) if isinstance(given, float) else ""
    return ""


def add_layer(page: NetPicture, k: int, members: list[Neuron], last: bool) -> None:
    """The boxes of one layer and the frame around them; of a very large layer the two ends."""
    lang, alone = page.options.lang, last and len(members) == 1
    half = MOST_IN_LAYER // 2
    hidden = range(half, len(members) - half + 1) if len(members) > MOST_IN_LAYER else range(0)
    ids, letter = [], LETTERS[k % len(LETTERS)]
    for at, neuron in enumerate(members):
        if at not in hidden:
            name = "out" if alone else pretty_name(f"{letter}{at + 1}")
            ids.append(add_neuron(page, neuron, name, "output" if alone else "neuron"))
        elif at == hidden[0]:
            ids.append(add_gap(page, len(hidden)))
    title = word(lang, "output") if alone else word(lang, "layer", k + 1)
    add_cluster(page, f"{title} · {members[0].activation or word(lang, 'linear')}", members[0].layer, ids)


def add_gap(page: NetPicture, hidden: int) -> str:
    """A chip that counts the neurons that are not drawn."""
    node_id = page.ids.new("n")
    tooltip = word(page.options.lang, "nodes", hidden)
    page.nodes.append(Node(node_id, "reference", chip_card("reference", f"… {hidden}"), count=hidden, tooltip=tooltip))
    page.hidden += hidden
    return node_id


def add_neuron(page: NetPicture, neuron: Neuron, name: str, kind: str) -> str:
    """One neuron: the mean of its outputs and, of several calls, the norm of their gradients."""
    node_id = page.ids.new("n")
    values = [page.snapshot.values[i] for i in neuron.outputs]
    numbers = [float(v.number) for v in values if isinstance(v.number, float | int)]
    mean = sum(numbers) / len(numbers) if numbers else math.nan
    grads = [v.grad for v in values if v.grad is not None]
    grad = None if not grads else grads[0] if len(grads) == 1 else math.hypot(*grads)
    shown = pretty_name(build.name_of(values[-1])) or name
    sign = word(page.options.lang, "grad") if len(values) == 1 else "‖g‖"
    card = neuron_card(kind, shown, number(mean) if numbers else "", number(grad) if grad is not None else "", sign)
    page.place["neuron", neuron.path] = node_id
    page.nodes.append(
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
            tooltip=clean(f"{neuron.path}; {build.value_tooltip(values[-1])}", 1000),
        )
    )
    return node_id


def add_cluster(page: NetPicture, title: str, path: str, ids: list[str]) -> None:
    """A frame with a title in the middle."""
    page.modules.append(
        Module(page.ids.new("m"), path, (Run(title, 11, MUTED, True),), tuple(ids), "", len(ids), "center")
    )


def add_weights(page: NetPicture) -> None:
    """One line for every weight between boxes that are drawn."""
    lines = [
        (abs(w), page.place[key], page.place["neuron", neuron.path], w)
        for neuron in page.neurons.values()
        if ("neuron", neuron.path) in page.place
        for key, w in neuron.weights.items()
        if key in page.place
    ]
    largest = max((size for size, *_ in lines), default=0.0) or 1.0
    for size, source, target, weight in lines:
        width = round(0.5 + 3 * size / largest, 2)
        page.edges.append(
            Edge(
                page.ids.new("e"),
                source,
                target,
                "weight",
                (),
                f"weight {weight!r}",
                POSITIVE if weight >= 0 else NEGATIVE,
                width,
                "solid" if weight >= 0 else "dashed",
                "none",
                False,
                "side",
                1,
                weight,
            )
        )


def add_losses(page: NetPicture) -> None:
    """What follows the last neuron, folded to one box for each root."""
    outputs = {i: neuron.path for neuron in page.neurons.values() for i in neuron.outputs}
    names = {node.id: node.name for node in page.nodes}
    for root in page.snapshot.roots:
        if root in outputs:
            continue
        value = page.snapshot.values[root]
        seen, feeding = behind(page, root, outputs)
        steps = [page.snapshot.values[i] for i in sorted(seen) if page.snapshot.values[i].op]
        note = f"{len(steps)} operations"
        if len(steps) <= 4:
            drawn = names.get(page.place.get(("neuron", feeding[0]), "")) if len(feeding) == 1 else None
            note = chain_text(steps, drawn or "", page.neurons[feeding[0]].outputs if drawn else [])
        node_id = page.ids.new("n")
        name = build.name_of(value) or word(page.options.lang, "loss")
        card = with_note(scalar_card("output", name=name, value=shown_number(value)), clean(note, 32))
        page.nodes.append(build.value_node(node_id, value, "output", card, count=len(steps)))
        for path in feeding:
            if ("neuron", path) in page.place:
                source = page.place["neuron", path]
                page.edges.append(build.forward_edge(page.ids.new("e"), source, node_id, lane="side", weight=4))


def behind(page: NetPicture, root: int, outputs: dict[int, str]) -> tuple[set[int], list[str]]:
    """Values between a root and the neurons, and the neurons that feed them."""
    inside = {i for i, value in enumerate(page.snapshot.values) if value.path in page.neurons}
    feeding: dict[str, None] = {}
    seen, stack = {root}, [root]
    while stack:
        for parent in page.snapshot.values[stack.pop()].parents:
            if parent in outputs:
                feeding[outputs[parent]] = None
            elif parent not in seen and parent not in inside:
                seen.add(parent)
                stack.append(parent)
    return seen, list(feeding)


def with_note(card: Card, note: str) -> Card:
    """The card with a muted line under it."""
    if not note:
        return card
    return dataclasses.replace(
        card, blocks=(*card.blocks, Block(((Cell((Run(note, 11, MUTED),), "center", None, 3),),)))
    )


def legend_of(page: NetPicture, graded: bool) -> tuple[Key, ...]:
    """Only the entries this picture uses."""
    lang = page.options.lang
    kinds = {edge.dash for edge in page.edges if edge.kind == "weight"}
    keys = []
    if "solid" in kinds:
        keys.append(Key(word(lang, "positive weight"), "line", POSITIVE, width=2, glyph="plain"))
    if "dashed" in kinds:
        keys.append(Key(word(lang, "negative weight"), "line", NEGATIVE, width=2, dash="dashed", glyph="plain"))
    keys.append(Key(word(lang, "thicker"), "line", FORWARD, width=3, glyph="plain"))
    if graded:
        made = {i for neuron in page.neurons.values() for i in neuron.outputs}
        root = "output" if made.intersection(page.snapshot.roots) else "loss"  # a network drawn without a loss
        keys.append(build.grad_key(word(lang, f"gradient of the {root}")))
    return tuple(keys)


def finish(page: NetPicture) -> Picture:
    """Legend, footer, alternative text."""
    snapshot, options, lang = page.snapshot, page.options, page.options.lang
    outputs = [snapshot.values[i] for neuron in page.neurons.values() for i in neuron.outputs]
    problems = build.find_problems(outputs)
    norms = [abs(v.grad) for v in outputs if v.grad is not None]
    calls = max(len(neuron.outputs) for neuron in page.neurons.values())
    footer = footers(snapshot, options)
    if calls > 1:
        footer += (word(lang, "calls", calls),)
    if page.hidden:
        footer += (word(lang, "hidden neurons", page.hidden),)
    alt = build.describe(
        "Neuron graph",
        f"{len(page.neurons)} neurons in {len(page.modules)} groups",
        [snapshot.values[i] for i in snapshot.roots],
        norms,
        problems,
    )
    forward = tuple(page.place["neuron", path] for path in page.neurons if ("neuron", path) in page.place)
    return Picture(
        level="neuron",
        direction="LR",
        nodes=tuple(page.nodes),
        edges=tuple(page.edges),
        modules=tuple(page.modules),
        legend=legend_of(page, bool(norms)) if options.legend else (),
        footer=footer,
        title=options.title,
        alt=alt,
        problems=problems,
        lang=lang,
        node_gap=0.13,
        rank_gap=1.15,
        straight=True,
        forward=forward,
        backward=tuple(reversed(forward)) if norms else (),
    )
