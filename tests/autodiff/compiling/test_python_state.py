"""Randomness, iterators and counters that a program would freeze: each is refused at the trace, with its line."""

from __future__ import annotations

import functools
import itertools
import os
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from random import random as drawn
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn

X = np.ones(3)
LINE = r".* at .*test_python_state.py:\d+"
RNG, LEGACY, OWN = np.random.default_rng(0), np.random.RandomState(0), random.Random(0)
bound = RNG.random
holder = SimpleNamespace(rng=np.random.default_rng(0), n=0)
count = 0


def refused(f: Callable[..., Any], x: Any, message: str) -> None:
    """Three compiles: two traces that happen to agree must not let one pass."""
    for _ in range(3):
        with pytest.raises(ad.TraceError, match=message):
            ad.compile(f)(x)


# ---- randomness
@pytest.mark.parametrize("x", [2.0, X], ids=["number", "array"])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * random.random(),
        lambda x: (x * 2, random.random()),
        lambda x: (x * 2, f"{random.random()}"),
        lambda x: x * 2 if random.random() < 0.5 else x * 3,
        lambda x: x * 2 if drawn() < 0.5 else x * 3,
    ],
    ids=["factor", "returned", "text", "branch", "by name"],
)
def test_numbers_of_pythons_random_are_refused(f: Any, x: Any) -> None:
    refused(f, x, "Python's random" + LINE)


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda x: (x * 2, float(RNG.normal())), "a Generator"),
        (lambda x: x * 2 if RNG.random() < 0.5 else x * 3, "a Generator"),
        (lambda x: x * 2 if bound() < 0.5 else x * 3, "a Generator"),
        (lambda x: x * 2 if holder.rng.random() < 0.5 else x * 3, "a Generator"),
        (lambda x: x * 2 if LEGACY.rand() < 0.5 else x * 3, "a RandomState"),
        (lambda x: x * 2 if OWN.random() < 0.5 else x * 3, "a Random"),
        (lambda x: x * 2 if np.random.rand() < 0.5 else x * 3, r"the global generator of np\.random"),  # noqa: NPY002
        (lambda x: x * 2 if nn.default_generator().random() < 0.5 else x * 3, "the default generator of nn"),
        (lambda x: nn.seed(0) and x * ad.extend.draw_random(nn.default_generator, "random", 3), "the seed of nn"),
    ],
    ids=["returned", "branch", "method", "attribute", "RandomState", "Random", "np.random", "nn", "seed"],
)
def test_a_generator_that_moves_outside_draw_random_is_refused(f: Any, name: str) -> None:
    refused(f, X, name + LINE)


def test_a_generator_among_the_arguments_is_looked_at_too() -> None:
    with pytest.raises(ad.TraceError, match="a Generator, in the function" + LINE):
        ad.compile(lambda x, rng: x * 2 if rng.random() < 0.5 else x * 3)(X, np.random.default_rng(0))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (x * ad.extend.draw_random(RNG, "random", 3), RNG.random() < 2)[0],
        lambda x: (RNG.random() < 2, x * ad.extend.draw_random(RNG, "random", 3))[1],
        lambda x: (
            x * ad.extend.draw_random(RNG, "random", 3) * (RNG.random() < 2) * ad.extend.draw_random(RNG, "random")
        ),
    ],
    ids=["after", "before", "between"],
)
def test_a_draw_beside_recorded_draws_is_refused(f: Any) -> None:
    refused(f, X, "(a Generator|in another way)" + LINE)


class Deep(nn.Module):
    """Stochastic depth."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        return self.a(x if random.random() < 0.3 else self.b(x))


def test_stochastic_depth_in_a_compiled_training_step_is_refused() -> None:
    net = Deep()
    step = nn.training_step(net, nn.MSELoss(), nn.SGD(net.parameters(), lr=0.1), compiled=True)

    def train() -> None:
        for _ in range(20):  # uncompiled until both branches have made the state of the optimizer
            step(np.ones((2, 3)), np.ones((2, 3)))

    with pytest.raises(ad.TraceError, match="Python's random" + LINE):
        train()


def test_a_number_that_is_drawn_once_and_kept_is_no_randomness() -> None:
    kept = functools.cache(random.random)
    fast = ad.compile(lambda x: x * kept())
    np.testing.assert_array_equal(fast(X), X * kept())
    np.testing.assert_array_equal(fast(X * 2), X * 2 * kept())


def test_a_trace_that_draws_nothing_leaves_generators_as_they_were() -> None:
    before = random.getstate(), RNG.bit_generator.state
    ad.compile(lambda x: x * (2 if RNG is not None and OWN is not None else 3))(X)
    assert (random.getstate(), RNG.bit_generator.state) == before


# ---- counters and iterators
def _counter() -> Callable[..., Any]:
    n = 0

    def f(x: Any) -> Any:
        nonlocal n
        n += 1
        return x * 2 if n > 100 else x * 3

    return f


def _of_dict(x: Any, c: dict[str, int] = {"n": 0}) -> Any:  # noqa: B006
    c["n"] += 1
    return x * c["n"]


def _of_global(x: Any) -> Any:
    global count
    count += 1
    return x * 2 if count > 100 else x * 3


def _of_attribute(x: Any) -> Any:
    holder.n += 1
    return x * 2 if holder.n > 100 else x * 3


@pytest.mark.parametrize("x", [1.0, X], ids=["number", "array"])
@pytest.mark.parametrize("f", [_counter(), _of_dict, _of_global, _of_attribute])
def test_a_counter_is_refused_whatever_it_decides(f: Any, x: Any) -> None:
    refused(f, x, "changes a number that it reads" + LINE)


@pytest.mark.parametrize(
    "it",
    [
        itertools.count(),
        iter([1.0] * 9),
        enumerate([1.0] * 9),
        map(abs, [1.0] * 9),
        zip([1.0] * 9, [2.0] * 9, strict=True),
        (k for k in range(9)),
    ],
    ids=lambda it: type(it).__name__,
)
def test_the_next_value_of_an_iterator_is_refused(it: Any) -> None:
    refused(lambda x: x * 2 if next(it) is not None else x, X, r"a value of an iterator \(" + type(it).__name__ + LINE)


@pytest.mark.parametrize("remainder", [0, 1])
def test_a_counter_is_refused_where_the_first_step_of_an_optimizer_ends_one_run_or_both(remainder: int) -> None:
    w, count = ad.tensor(X), [0]
    optimizer = nn.Adam([w])

    def every_second_call(x: Any) -> Any:
        (w * x).sum().backward()
        count[0] += 1
        if count[0] % 2 == remainder:
            optimizer.step()
        return x

    refused(every_second_call, X, "changes a number that it reads" + LINE)


def test_a_list_that_grows_is_refused_where_its_length_is_used() -> None:
    def f(x: Any, seen: list[int] = []) -> Any:  # noqa: B006
        seen.append(1)
        return x * len(seen)

    refused(f, 2.0, "differ in what they return: .* and then " + LINE)


def test_a_number_that_is_only_left_behind_is_no_counter() -> None:
    def f(x: Any) -> Any:
        start = time.perf_counter()
        y = x * 2
        holder.seconds = time.perf_counter() - start
        return y

    np.testing.assert_array_equal(ad.compile(f)(X), X * 2)


# ---- what two runs return
@pytest.mark.parametrize(
    "source", [time.perf_counter, time.time_ns, uuid.uuid4, lambda: os.urandom(8)]
)
def test_a_plain_result_that_differs_between_two_runs_is_refused(source: Any) -> None:
    refused(lambda x: (x * 2, {"made": source()}), X, r"differ in what they return: .* and then .*\(leaf 1\)" + LINE)


def test_what_is_inside_a_returned_object_or_function_is_compared() -> None:
    refused(lambda x: (x, SimpleNamespace(at=[time.perf_counter()])), X, "differ in what they return")
    refused(lambda x: (x, ValueError(time.perf_counter())), X, "differ in what they return")
    refused(lambda x: (x, Result((X, time.perf_counter()))), X, "differ in what they return")
    refused(lambda x: (x, (lambda at: lambda: at)(time.perf_counter())), X, "differ in what they return")
    seen: list[int] = []
    refused(lambda x: seen.append(1) or (x, [0] * len(seen)), X, "other lengths")


@dataclass
class Result:
    of: Any
    me: Any = None


@pytest.mark.parametrize("made", [lambda x: (y * 2 for y in x), lambda x: map(abs, x), lambda x: iter([1])])
def test_an_iterator_that_is_returned_is_refused(made: Any) -> None:
    refused(made, X, "returns an iterator" + LINE)


def test_an_object_that_holds_a_traced_value_is_refused() -> None:
    refused(lambda x: Result(x * 2), X, "holds values of the trace, " + LINE[3:] + ".*Return them in a tuple")
    refused(lambda x: SimpleNamespace(y=ad.tensor(x) * 2), X, "holds values of the trace")


def test_equal_objects_that_each_run_makes_are_returned() -> None:
    def f(x: Any) -> Any:
        made = Result([1, "a", X])
        made.me = made
        return x * 2, made, float("nan"), {1, 2}, lambda: X, functools.partial(max, 1), ValueError("a")

    y, made, *_ = ad.compile(f)(X)
    np.testing.assert_array_equal(y, X * 2)
    assert made.of[:2] == [1, "a"]
