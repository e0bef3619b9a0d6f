"""A program is a list of calls in which every value is written once; ``run`` says what it means."""

from __future__ import annotations

import numpy as np
import pytest

from autodiff.compiling import functional
from autodiff.compiling.program import Instruction, Program, Ref, mapped, name_of, refs, run


def doubled() -> Program:
    """x -> 2 x + w, and w <- w + 1, guarded by whether the sum is positive."""
    p = Program()
    x, w = p.add_value((2,), float, "x", "input"), p.add_value((2,), float, "w", "state")
    twice, y, new, s, ok = (p.add_value(shape, t) for shape, t in [((2,), float)] * 3 + [((), float), ((), bool)])
    p.inputs, p.states, p.outputs = [x.index], [w.index], {"y": Ref(y.index)}
    calls = [
        (np.multiply, (Ref(x.index), 2.0), twice),
        (np.add, (Ref(twice.index), Ref(w.index)), y),
        (np.add, (Ref(w.index), 1.0), new),
        (np.add.reduce, (Ref(y.index),), s),
        (np.greater, (Ref(s.index), 0), ok),
    ]
    p.instructions = [Instruction(f, args, {}, (v.index,), place=("net.py", 7)) for f, args, v in calls]
    p.guards, p.writes = [(Ref(ok.index), True)], [(w.index, Ref(new.index))]
    return p


def test_running_a_program_gives_outputs_writes_and_guards_and_changes_nothing() -> None:
    p, w = doubled(), np.array([10.0, 20.0])
    p.check()
    outputs, writes, guards = run(p, [np.array([1.0, 2.0]), w])
    np.testing.assert_array_equal(outputs["y"], [12.0, 24.0])
    np.testing.assert_array_equal(writes[0], [11.0, 21.0])
    assert guards == [True] and w.tolist() == [10.0, 20.0]


def test_a_value_used_before_it_is_defined_is_refused() -> None:
    p = doubled()
    p.instructions.reverse()
    with pytest.raises(ValueError, match="used before it is defined"):
        p.check()


def test_a_value_defined_twice_is_refused() -> None:
    p = doubled()
    p.instructions.append(p.instructions[0])
    with pytest.raises(ValueError, match="defined twice"):
        p.check()


def test_a_write_of_another_shape_than_its_state_is_refused() -> None:
    p = doubled()
    p.writes = [(p.writes[0][0], Ref(p.guards[0][0].index))]
    with pytest.raises(ValueError, match="does not fit state"):
        p.check()


def test_an_error_names_the_users_line() -> None:
    with pytest.raises(ValueError, match="broadcast") as caught:
        run(doubled(), [np.ones(2), np.ones(3)])
    assert "net.py:7" in "".join(caught.value.__notes__)


def test_a_listing_can_be_read() -> None:
    lines = str(doubled()).splitlines()
    assert lines[:3] == [
        "input x: float64[2]",
        "state w: float64[2]",
        "v2 = np.multiply(x, 2.0)  # float64[2]  net.py:7",
    ]
    assert lines[-3:] == ["guard v6 is True", "write w <- v4", "return {'y': v3}"]


def test_values_are_found_inside_tuples_dicts_and_slices() -> None:
    tree = (Ref(1), {"axis": [Ref(2)]}, slice(None, Ref(3)))
    assert [r.index for r in refs(tree)] == [1, 2, 3]
    assert mapped(tree, lambda r: r.index) == (1, {"axis": [2]}, slice(None, 3))


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (np.add, "np.add"),
        (np.add.reduce, "np.add.reduce"),
        (np.linalg.inv, "np.linalg.inv"),
        (np.fft.rfft, "np.fft.rfft"),
        (np.reshape, "np.reshape"),
        (np.where, "np.where"),
        (functional.write_at, "write_at"),
    ],
)
def test_functions_have_the_names_that_people_write(function: object, name: str) -> None:
    assert name_of(function) == name


def test_writes_as_functions_leave_their_argument_alone() -> None:
    a = np.zeros(3)
    assert functional.write_at(a, 1, 5.0).tolist() == [0.0, 5.0, 0.0]
    assert functional.add_at(np.add, a, [0, 0], 1.0).tolist() == [2.0, 0.0, 0.0]
    assert functional.write_where(np.negative, (np.ones(3),), a, np.array([True, False, True])).tolist() == [-1, 0, -1]
    assert a.tolist() == [0.0, 0.0, 0.0]
