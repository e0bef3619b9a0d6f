"""The graph machine finds nothing wrong with the engine, and would find what has been wrong with engines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from graph_machine import GraphMachine
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

import autodiff as ad
from autodiff import recording
from autodiff.backward import walk
from autodiff.writes import writing

TestGraphs = GraphMachine.TestCase
TestGraphs.settings = settings(stateful_step_count=30)


@pytest.mark.deep
def test_long_lives_of_graphs_for_an_hour() -> None:
    run_state_machine_as_test(GraphMachine, settings=settings(stateful_step_count=200))


def _run(examples: int = 300, steps: int = 30) -> None:
    machine = seed(1)(type("Machine", (GraphMachine,), {}))
    quiet = settings(max_examples=examples, stateful_step_count=steps, database=None, phases=[Phase.generate],
                     suppress_health_check=list(HealthCheck), report_multiple_bugs=False)  # fmt: skip
    run_state_machine_as_test(machine, settings=quiet)


def _never(*_: Any, **__: Any) -> None:
    return None


def _always_writable(x: Any, *_: Any, **__: Any) -> None:
    return None


PLANTED = {
    "overwritten leaves and constants are read": (walk, "check_unwritten", _never),
    "detached values and views may be written": (writing, "_may_write", _always_writable),
    "views are not known as views": (recording, "note_view", _never),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, attribute, wrong = PLANTED[name]
    monkeypatch.setattr(module, attribute, wrong)
    for row in ad.ops.OPS.values():  # without the fast paths, which hold their functions
        if "run" in vars(row):
            monkeypatch.delattr(row, "run")
    with pytest.raises(Exception):  # noqa: B017, PT011 (whatever the fault leads to)
        _run()


def test_a_value_that_something_keeps_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    detach = ad.Variable.detach

    def hold(self: Any) -> Any:
        kept.append(self)
        return detach(self)

    monkeypatch.setattr(ad.Variable, "detach", hold)
    with pytest.raises(AssertionError, match=r"is kept|still alive"):
        _run()


def test_a_backward_pass_that_meets_a_consumed_graph_may_have_released_what_it_read_before() -> None:
    # found by a long life of graphs: the model did not know it, and took the second refusal for a fault
    state = GraphMachine()
    x = state.begin(np.array([1.0, 2.0]))
    gone, whole = state.total(a=x), state.total(a=x)
    state.backward(a=gone, retain=False, weigh=False)
    both = state.binary(a=whole, b=gone, name="add", record=False)
    state.backward(a=both, retain=False, weigh=False)
    state.backward(a=whole, retain=False, weigh=False)
    state.gradients_agree()
    state.teardown()
