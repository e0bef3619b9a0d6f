"""What runs in planned memory gives what the plain interpreter gives, to the last bit."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from compiled_programs import assert_equal_bits, assert_same, programs
from hypothesis import given

import autodiff as ad
import nn
from autodiff.compiling.lowering import build
from autodiff.compiling.passes import ORDERED, PASSES
from autodiff.compiling.passes.signs import without_signs
from autodiff.compiling.planning.layouts import strides_of
from autodiff.compiling.program import Instruction, Program, Ref, run


@given(programs())
def test_a_built_program_gives_what_the_interpreter_gives(drawn: tuple[Program, list[list[Any]]]) -> None:
    program, arguments = drawn
    assert_same(program, build(program, arrays=arguments[0]), arguments)


def one_call(function: Any, a: np.ndarray, shape: tuple[int, ...], **keywords: Any) -> Program:
    """x -> y = function(x, ...), 0 - y."""
    p = Program()
    x, y, z = p.add_value(a.shape, a.dtype, "x", "input"), *(p.add_value(shape, a.dtype) for _ in range(2))
    p.inputs, p.outputs = [x.index], Ref(z.index)
    arguments = ("i...->...", Ref(x.index)) if function is np.einsum else (Ref(x.index),)
    p.instructions = [
        Instruction(function, arguments, keywords, (y.index,)),
        Instruction(np.subtract, (0.0, Ref(y.index)), {}, (z.index,)),
    ]
    return p


def test_the_mean_of_float16_is_rounded_once() -> None:
    a = np.array([5.2, -3.4, 7.7], np.float16)
    a = np.stack([a * np.float16(k) for k in np.linspace(0.1, 3, 40)], axis=1)
    program = one_call(np.mean, a, (40,), axis=0)
    assert not np.array_equal(np.mean(a, axis=0, out=np.empty(40, np.float16)), np.mean(a, axis=0))
    assert_same(program, build(program, arrays=[a]), [[a]])


def test_einsum_sums_axes_of_negative_strides_in_its_own_order() -> None:
    a = np.random.default_rng(0).normal(size=(300, 7))[::-1]
    program = one_call(np.einsum, a, (7,))
    assert not np.array_equal(np.einsum("ij->j", a, out=np.empty(7)), np.einsum("ij->j", a))
    assert_same(program, build(program, arrays=[a]), [[a]])


@given(programs())
def test_results_of_one_call_are_the_callers_and_no_later_call_changes_them(
    drawn: tuple[Program, list[list[Any]]],
) -> None:
    program, (first, second) = drawn
    with np.errstate(all="ignore"):
        executable = build(program)
        try:
            made, wanted = executable(first), run(program, first)
            executable(second)
        except (IndexError, ValueError, TypeError, ArithmeticError):
            return
    assert_equal_bits(made[:2], wanted[:2], program)


@pytest.mark.parametrize("change", PASSES, ids=lambda p: p.__name__)
@given(drawn=programs())
def test_each_pass_keeps_every_bit(change: Any, drawn: tuple[Program, list[list[Any]]]) -> None:
    program, arguments = drawn
    changed = change(program)
    changed.check()
    assert_same(program, changed, arguments)


@pytest.mark.parametrize(
    "change", [*ORDERED, partial(without_signs, always=True)], ids=lambda p: getattr(p, "__name__", "all signs")
)
@given(drawn=programs())
def test_each_pass_that_asks_for_the_order_of_elements_keeps_every_bit(change: Any, drawn: Any) -> None:
    program, arguments = drawn
    strides = strides_of(program, arguments[0])
    changed = change(program, strides)
    changed.check()
    assert len(strides) == len(changed.values)
    assert_same(program, changed, arguments[:1])


def net() -> Program:
    """x -> max(x w' + b, 0), its sum, and a new w."""
    p = Program()
    x, w, b = (
        p.add_value(shape, "f4", name, kind)
        for shape, name, kind in [((8, 5), "x", "input"), ((6, 5), "layer.weight", "state"), ((6,), "b", "state")]
    )
    shapes = [(5, 6), (8, 6), (8, 6), (8, 6), (), (6, 8), (6, 5), (6, 5)]
    wt, z, h, y, s, yt, g, new = (p.add_value(shape, "f4") for shape in shapes)
    p.inputs, p.states = [x.index], [w.index, b.index]
    r = lambda v: Ref(v.index)
    calls: list[Any] = [
        (np.transpose, (r(w),), wt),
        (np.matmul, (r(x), r(wt)), z),
        (np.add, (r(z), r(b)), h),
        (np.maximum, (r(h), 0.0), y),
        (np.sum, (r(y),), s),
        (np.transpose, (r(y),), yt),
        (np.matmul, (r(yt), r(x)), g),
        (np.subtract, (r(w), r(g)), new),
    ]
    p.instructions = [Instruction(f, a, {}, (v.index,), place=("net.py", 7), module="layer") for f, a, v in calls]
    p.outputs, p.writes = (r(s), r(y)), [(w.index, r(new))]
    return p


def test_the_source_reads_like_the_program_a_person_would_write() -> None:
    source = build(net(), "loss").source
    assert "def loss(x, layer_weight, b):" in source and "# ---- layer" in source
    assert "matmul(x, layer_weight.T, out=" in source or ".T  # (5, 6) float32  net.py:7" in source
    assert "(8, 6) float32  net.py:7" in source


def test_the_source_has_the_names_of_variables_and_gradients_and_the_module_of_each_backward_line() -> None:
    net, scales = nn.Sequential(nn.Linear(3, 2), nn.Tanh()), [ad.tensor([2.0, 3.0])]

    def step(batch: dict[str, Any], *targets: Any) -> Any:
        net.zero_grad()
        scales[0].grad = None
        outputs = net(batch["x"]) * scales[0]
        loss = ((outputs - targets[0]) ** 2).mean(axis=-1).sum()
        loss.backward()
        return loss.detach()

    fast = ad.compile(step)
    fast({"x": np.ones((4, 3), "f4")}, np.zeros((4, 2)))
    source = fast.source
    assert "def step(batch_x, targets_0, _0_weight, _0_bias, scales_0):" in source
    assert ", scales_0, out=outputs)" in source and "loss = add_reduce(" in source and "axis=-1" in source
    backward = source.partition("# ---- backward, outside of modules")[2]
    assert "scales_0_grad = " in backward.partition("# ---- backward of 1")[0]
    assert "_0_weight_grad = matmul(" in backward.partition("# ---- backward of 0")[2]
    assert "return [[loss], [_0_weight_grad, _0_bias_grad, scales_0_grad]" in source
    assert "transpose = " not in source.partition("def prepare")[0]  # the program has .T instead


def test_the_steady_state_makes_no_buffer_anew() -> None:
    rng = np.random.default_rng(0)
    p = net()
    arrays = [rng.normal(size=p.values[i].shape).astype("f4") for i in (*p.inputs, *p.states)]
    executable = build(p)
    rooms: list[Any] = []
    prepare = executable._prepare
    executable._prepare = lambda *given: rooms.append(given) or prepare(*given)  # type: ignore[func-returns-value]
    for _ in range(3):
        executable(arrays)
    assert len(rooms) == 1
    assert 0 < executable.memory < 4 * 8 * 6 * 4 + 6 * 5 * 4 + 64 * 4


def test_a_failure_names_the_users_line() -> None:
    p = net()
    arrays = [np.zeros((8, 4), "f4"), np.zeros((6, 5), "f4"), np.zeros(6, "f4")]
    with pytest.raises(ValueError, match="matmul") as caught:
        build(p)(arrays)
    assert "in compiled code, of np.matmul, net.py:7, layer" in caught.value.__notes__


def test_operations_are_counted_by_shapes() -> None:
    assert build(net()).flops == 2 * 8 * 6 * 5 + 8 * 6 + 8 * 6 + 8 * 6 + 2 * 6 * 5 * 8 + 6 * 5


def large() -> Program:
    """x -> 2 x, as much as is kept for the next call."""
    p = Program()
    x, y = p.add_value((200, 200), float, "x", "input"), p.add_value((200, 200), float, "y")
    p.inputs, p.outputs = [x.index], Ref(y.index)
    p.instructions = [Instruction(np.multiply, (Ref(x.index), 2.0), {}, (y.index,))]
    return p


def test_the_memory_of_a_large_result_is_used_again_once_nobody_holds_it() -> None:
    run, x = build(large()), np.ones((200, 200))
    places = set()
    for _ in range(6):
        y = run([x])[0]
        places.add(y.ctypes.data)
        del y
    assert len(places) == 1


@pytest.mark.parametrize("view", [lambda y: y, lambda y: y[3:, ::2], lambda y: y.T.reshape(-1), lambda y: y[0][1:]])
def test_a_view_of_a_result_keeps_its_memory(view: Any) -> None:
    run = build(large())
    kept = [view(run([np.full((200, 200), float(k))])[0]) for k in range(4)]
    assert [np.unique(v).tolist() for v in kept] == [[2.0 * k] for k in range(4)]


def elementwise(*calls: tuple[Any, ...]) -> Program:
    """x, y -> the result of the last of these calls on arrays of 5 numbers; [k] stands for the result of call k."""
    p = Program()
    named: dict[Any, Ref] = {name: Ref(p.add_value((5,), float, name, "input").index) for name in "xy"}
    p.inputs, made = [ref.index for ref in named.values()], []
    for function, *arguments in calls:
        given = tuple([made[a[0]] if isinstance(a, list) else named[a] if isinstance(a, str) else a for a in arguments])
        made.append(Ref(p.add_value((5,), float).index))
        p.instructions.append(Instruction(function, given, {}, (made[-1].index,)))
    p.outputs = made[-1]
    return p


@pytest.mark.parametrize(
    ("calls", "fewer"),
    [
        ([(np.negative, "y"), (np.add, "x", [0])], "subtract(x, y)"),
        ([(np.negative, "x"), (np.add, [0], "y")], "subtract(y, x)"),
        ([(np.negative, "y"), (np.subtract, "x", [0])], "add(x, y)"),
        ([(np.negative, "y"), (np.multiply, "x", [0]), (np.add, "x", [1])], "subtract(x, multiply_2)"),
        ([(np.negative, "y"), (np.multiply, 2.0, [0])], "multiply(-2.0, y)"),
        ([(np.negative, "y"), (np.multiply, 0, [0])], "multiply(-0.0, y)"),
        ([(np.negative, "x"), (np.negative, "y"), (np.divide, [0], [1])], "divide(x, y)"),
        ([(np.negative, "x"), (np.multiply, "y", [0]), (np.add, [1], [1]), (np.subtract, "y", [2])], "add(y, add_2)"),
    ],
    ids=["sum", "first", "difference", "product", "number", "zero", "both", "twice"],
)
def test_a_negation_ends_in_a_sum_a_difference_or_a_number(calls: Any, fewer: str) -> None:
    program, special = elementwise(*calls), np.array([0.0, -0.0, np.inf, -1.5, 3.0])
    source = build(program).source
    assert fewer in source and "negative(" not in source
    assert_same(program, build(program), [[special, special[::-1].copy()], [special, special.copy()]])


def test_a_sum_of_two_negatives_keeps_its_zeros() -> None:
    program = elementwise((np.negative, "x"), (np.negative, "y"), (np.add, [0], [1]))  # -(x + y) is -0.0 for x = -y
    assert_same(program, build(program), [[np.arange(5.0), -np.arange(5.0)]])


def test_a_part_that_is_written_read_and_written_again_is_written_once() -> None:
    def f(x: Any) -> Any:
        made = np.zeros(6)
        made[:-1] = x
        made[:-1] += x
        made[1:] += x
        return made.copy()

    fast = ad.compile(f)
    for x in (np.arange(5.0), np.array([-0.0, 0.0, np.nan, np.inf, -1.0])):
        np.testing.assert_array_equal(fast(x), f(x))
    assert "copyto(" not in fast.source and fast.source.count("[:-1] = ") == 1
