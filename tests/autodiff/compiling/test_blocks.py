"""Chains of elementwise calls run block by block, on any number of threads, and no bit changes."""

from __future__ import annotations

import os
import threading
import warnings
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from compiled_programs import assert_same, programs
from hypothesis import given

import autodiff as ad
from autodiff.compiling.calls.blocks import BlockCalls, cuts, put_together
from autodiff.compiling.lowering import Executable
from autodiff.compiling.passes import PASSES, in_blocks
from autodiff.compiling.planning.layouts import strides_of
from autodiff.compiling.program import Instruction, Program, Ref
from autodiff.modes import threads as block_threads

SHAPES = [(400,), (400,), (4, 100), (100, 4), (), (4, 1)]
COUNTS = st.integers(1, 3)


@pytest.fixture(autouse=True)
def several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKFLOW_THREADS", "3")


@given(programs(calls=20, shapes=SHAPES))
def test_bringing_calls_together_keeps_every_bit(drawn: tuple[Program, list[list[Any]]]) -> None:
    program, arguments = drawn
    changed = in_blocks(program, strides_of(program, arguments[0]), 100, 128)
    changed.check()
    assert_same(program, changed, arguments)


@given(programs(calls=20, shapes=SHAPES), COUNTS)
def test_blocks_on_threads_keep_every_bit(drawn: tuple[Program, list[list[Any]]], count: int) -> None:
    program, arguments = drawn
    simple = program
    for change in PASSES:
        simple = change(simple)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKFLOW_THREADS", str(count))
        executable = Executable(simple, "program", arguments[0], smallest=100, most=128, worth_threads=0)
    assert_same(program, executable, arguments)


@given(st.integers(1, 5000), st.sampled_from([128, 200, 1000]), st.sampled_from(["f4", "f8"]), st.integers(0, 99))
def test_sums_of_blocks_add_up_as_numpy_adds(size: int, most: int, dtype: str, seed: int) -> None:
    x = (np.random.default_rng(seed).normal(size=size) * 10.0 ** np.arange(size) ** 0.1).astype(dtype)
    at = cuts(size, most)
    assert at[0] == 0 and at[-1] == size and max(np.diff(at)) <= most
    parts = [np.add.reduce(x[i:j]) for i, j in pairwise(at)]
    assert put_together(size, most, parts) == np.add.reduce(x)


def chain(size: int) -> Program:
    """exp(-x x) + x, its sum, and the same again of the result shifted by the sum."""
    p = Program()
    x = p.add_value((size,), float, "x", "input")
    p.inputs = [x.index]

    def call(function: Any, *arguments: Any, shape: tuple[int, ...] = (size,), **keywords: Any) -> Ref:
        made = p.add_value(shape, float)
        p.instructions.append(Instruction(function, arguments, keywords, (made.index,), place=("net.py", 5)))
        return Ref(made.index)

    y: Any = Ref(x.index)
    for _ in range(2):
        y = call(np.add, call(np.exp, call(np.negative, call(np.multiply, y, y))), y)
        total = call(np.add.reduce, y, shape=(), axis=None)
        y = call(np.subtract, y, total)
    p.outputs = (y, total)
    p.check()
    return p


def test_a_sum_that_the_chain_goes_on_with_ends_its_blocks() -> None:
    program = chain(400)
    changed = in_blocks(program, strides_of(program), 100, 128)
    kinds = [type(i.function) for i in changed.instructions]
    assert kinds.count(BlockCalls) == 2 and len(changed.instructions) == 3  # the last subtraction is alone
    assert_same(program, Executable(program, "f", smallest=100, most=128, worth_threads=0), [[np.linspace(-1, 1, 400)]])


def test_what_is_computed_on_the_way_takes_a_block_for_each_thread_not_the_whole_array() -> None:
    size = 1 << 20
    executable = Executable(chain(size), "f")
    executable([np.zeros(size)])
    assert executable.memory < 4 * 8 * size  # with every result whole: 11 arrays


def test_an_error_in_a_block_is_the_callers_and_names_the_line() -> None:
    executable = Executable(chain(400), "f", smallest=100, most=128, worth_threads=0)
    with pytest.raises(ValueError, match="broadcast") as caught:
        executable([np.zeros(350)])
    assert "net.py:5" in caught.value.__notes__[0]


def test_blocks_obey_the_callers_floating_point_settings() -> None:
    executable = Executable(chain(400), "f", smallest=100, most=128, worth_threads=0)
    x = np.full(400, 1e200)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error")
        executable([x])
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        executable([x])


def test_no_block_is_begun_after_an_error() -> None:
    seen: list[int] = []

    def block(number: int, start: int, stop: int, room: Any) -> None:
        seen.append(number)
        raise KeyError(number)

    with pytest.raises(KeyError):
        block_threads.over_blocks(block, list(range(100)), [None] * 3)
    assert len(seen) <= 3


def test_blocks_within_blocks_end() -> None:
    """All threads waited for each other."""
    done: list[int] = []

    def block(number: int, start: int, stop: int, room: Any) -> None:
        block_threads.over_blocks(lambda *_: done.append(number), list(range(9)), [None] * 3)

    caller = threading.Thread(target=block_threads.over_blocks, args=(block, list(range(9)), [None] * 3), daemon=True)
    caller.start()
    caller.join(20.0)
    assert sorted(done) == [n for n in range(8) for _ in range(8)] and not caller.is_alive()


@pytest.mark.parametrize("given", ["two", "2.5", "0", "-1"])
def test_a_number_of_threads_that_is_none_is_refused_by_its_name(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKFLOW_THREADS", given)
    with pytest.raises(ValueError, match=rf"BACKFLOW_THREADS .* whole number from 1 on, got '{given}'"):
        block_threads.available()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    executable, x = Executable(chain(400), "f", smallest=100, most=128, worth_threads=0), np.linspace(-1, 1, 400)
    wanted = executable([x])[0][1]
    child = os.fork()
    if not child:
        os._exit(0 if executable([x])[0][1] == wanted else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_loss_and_its_gradient_are_one_chain() -> None:
    """The seed of the backward pass is a broadcast 1; it must neither cut the chain nor be multiplied with."""
    x = np.linspace(-2, 2, 1 << 16).astype(np.float32)
    value_and_grad = ad.value_and_grad(lambda x: (ad.gelu(x) * x + np.exp(-x * x)).sum())
    fast = ad.compile(value_and_grad)
    (value, slope), (wanted, wanted_slope) = fast(x), value_and_grad(x)
    assert value == wanted and slope.tobytes() == wanted_slope.tobytes()
    assert fast.source.count("def block") == 1 and "broadcast" not in fast.source


def test_a_maximum_with_a_number_is_no_array_of_the_whole_size_in_a_block() -> None:
    p = Program()
    x = p.add_value((400,), float, "x", "input")
    p.inputs = [x.index]
    at = x.index
    for function in (np.negative, np.maximum, np.exp):
        made = p.add_value((400,), float)
        numbers = (0.5,) if function is np.maximum else ()
        p.instructions.append(Instruction(function, (Ref(at), *numbers), {}, (made.index,), place=("net.py", 3)))
        at = made.index
    p.outputs = (Ref(at),)
    arguments = [np.linspace(-1.0, 1.0, 400)]
    assert_same(p, Executable(p, "program", arguments, smallest=100, most=128, worth_threads=0), [arguments])
