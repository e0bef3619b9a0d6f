"""An interrupt at any bytecode leaves gradients and values as they were before the call, or as they are after it."""

from __future__ import annotations

import contextvars
import functools
import os
import secrets
import signal
import subprocess
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import autodiff as ad
import nn
from autodiff import extend

TOOL = 4  # of sys.monitoring: nobody else's
# `dev` visits one in so many of the points, others in each run
ONE_IN = {"dev": 3}.get(settings.get_current_profile_name(), 1)
PLACES = (*(str(Path(p.__file__).parent) for p in (ad, nn)), "<autodiff")


@functools.cache
def inside(code: types.CodeType) -> bool:
    return code.co_filename.startswith(PLACES)


def interrupted_at(number: int, call: Callable[[], Any]) -> bool:
    """Raise KeyboardInterrupt before the bytecode of this number inside the packages; whether there was one."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == number:
            stop()
            raise KeyboardInterrupt

    def trace(frame: Any, event: str, arg: Any) -> Any:
        if not inside(frame.f_code):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            step()
        return trace

    if sys.version_info < (3, 12):
        before = sys.gettrace()
        stop = lambda: sys.settrace(before)
        sys.settrace(trace)
    else:  # settrace misses the bytecodes of what is called once
        tool, events = sys.monitoring, sys.monitoring.events
        tool.use_tool_id(TOOL, "interrupts")
        tool.register_callback(TOOL, events.INSTRUCTION, lambda code, offset: step() if inside(code) else None)
        stop = lambda: tool.get_tool(TOOL) and (tool.set_events(TOOL, 0), tool.free_tool_id(TOOL))
        tool.set_events(TOOL, events.INSTRUCTION)
    try:
        contextvars.copy_context().run(call)  # a mode that an interrupted ``with`` leaves in force ends with the call
    except KeyboardInterrupt:
        return True
    finally:
        stop()
    return False


def same(a: list[Any], b: list[Any]) -> bool:
    return all((x is None) == (y is None) and (x is None or np.array_equal(x, y)) for x, y in zip(a, b, strict=True))


def check_every_point(make: Callable[[], tuple[Callable[[], Any], Callable[[], list[Any]]]], steps: int) -> int:
    """Interrupt a fresh call at every ``steps``-th bytecode, and count. make: (the call, what reads the state)."""
    call, read = make()
    before = read()
    call()
    after = read()
    assert not same(before, after)
    points, at = 0, 1 + steps * secrets.randbelow(ONE_IN)
    while True:
        call, read = make()
        if not interrupted_at(at, call):
            return points * ONE_IN
        state = read()
        assert same(state, before) or same(state, after), f"half done after an interrupt at bytecode {at}"
        at, points = at + steps * ONE_IN, points + 1


def leaves() -> list[Any]:
    return [ad.tensor([1.0, 2.0]), ad.tensor([[3.0, 4.0], [5.0, 6.0]]), ad.scalar(2.0), ad.tensor(7.0)]


def gradients(made: list[Any]) -> Callable[[], list[Any]]:
    return lambda: [None if x.grad is None else np.array(getattr(x.grad, "data", x.grad)) for x in made]


def backward(accumulate: bool, create_graph: bool) -> Any:
    def make() -> Any:
        a, b, s, c = made = leaves()
        if accumulate:
            (a.sum() * s + b.sum() + c).backward()
        kept = a * b
        kept.retain_grad()
        loss = (np.tanh(kept) * s).sum() * c
        inner = s * s
        total = loss + inner
        return lambda: total.backward(create_graph=create_graph), gradients([*made, kept, inner])

    return make


@pytest.mark.parametrize(("accumulate", "create_graph"), [(False, False), (True, False), (True, True)])
def test_backward_is_all_or_nothing_at_every_bytecode(accumulate: bool, create_graph: bool) -> None:
    assert check_every_point(backward(accumulate, create_graph), 89 if create_graph else 11) > 80


def test_a_write_is_all_or_nothing_at_every_bytecode_and_never_without_its_stamp() -> None:
    def make() -> Any:
        a, b, s, c = made = leaves()
        graphs = [np.sum(x * x) for x in made]

        def read() -> list[Any]:
            refused = []
            for g in graphs:
                try:
                    g.backward(retain_graph=True)
                    refused.append(0.0)
                except ad.StaleValueError:
                    refused.append(1.0)
            return [*(np.array(x.data) for x in made), np.array(refused)]

        return lambda: extend.write_all([(a, [9.0, 9.0]), (b, b.data * 2), (s, 8.0), (c, 1.0)]), read

    assert check_every_point(make, 2) > 100


def test_setting_data_is_all_or_nothing_at_every_bytecode() -> None:
    for i, new in ((0, [9.0, 9.0]), (2, 9.0)):

        def make(i: int = i, new: Any = new) -> Any:
            x = leaves()[i]
            y = np.sum(x * x)

            def read() -> list[Any]:
                try:
                    y.backward(retain_graph=True)
                except ad.StaleValueError:
                    return [np.array(x.data), np.array(1)]
                return [np.array(x.data), np.array(0)]

            return lambda: setattr(x, "data", new), read

        assert check_every_point(make, 1) > 50


def test_loading_a_state_is_all_or_nothing_at_every_bytecode() -> None:
    state = nn.Sequential(nn.Linear(2, 2, rng=1), nn.Linear(2, 1, rng=2)).state_dict()

    def make() -> Any:
        net = nn.Sequential(nn.Linear(2, 2, rng=3), nn.Linear(2, 1, rng=4))
        return lambda: net.load_state_dict(state), lambda: list(net.state_dict().values())

    assert check_every_point(make, 31) > 60


OPTIMIZERS = {
    "sgd": lambda ps: nn.SGD(ps, lr=0.1),
    "momentum": lambda ps: nn.SGD(ps, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adam": lambda ps: nn.Adam(ps, lr=0.1, amsgrad=True),
    "rmsprop": lambda ps: nn.optim.RMSprop(ps, lr=0.1, momentum=0.5),
    "nadam": lambda ps: nn.optim.NAdam(ps, lr=0.1),
}


def state_of(optimizer: Any) -> list[Any]:
    entries = optimizer.state_dict()["state"]
    return [np.array(entries[i][name]) for i in sorted(entries) for name in sorted(entries[i])]


@pytest.mark.parametrize("steps_before", [0, 1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizers_step_is_all_or_nothing_at_every_bytecode(name: str, steps_before: int) -> None:
    def make() -> Any:
        made = leaves()
        optimizer = OPTIMIZERS[name](made)
        for _ in range(steps_before):
            for x in made:
                x.grad = np.ones(x.shape) if x.shape else 1.0
            optimizer.step()
        for x in made:
            x.grad = np.full(x.shape, 2.0) if x.shape else 2.0

        def read() -> list[Any]:
            state = state_of(optimizer)
            return [*(np.array(x.data) for x in made), *(state or [np.array(0.0)] * 12)][:16]

        return optimizer.step, read

    check_every_point(make, 31)


@pytest.mark.parametrize("clip", [nn.clip_grad_norm_, nn.clip_grad_value_])
def test_clipping_is_all_or_nothing_at_every_bytecode(clip: Any) -> None:
    def make() -> Any:
        made = leaves()
        for x in made:
            x.grad = np.full(x.shape, 2.0) if x.shape else 2.0
        return lambda: clip(made, 0.5), gradients(made)

    check_every_point(make, 5)


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_is_all_or_nothing_at_every_bytecode(set_to_none: bool) -> None:
    def of_an_optimizer() -> Any:
        optimizer = nn.SGD(made := leaves(), lr=0.1)
        np.sum(sum(np.sum(x) for x in made)).backward()
        return lambda: optimizer.zero_grad(set_to_none), gradients(made)

    def of_a_module() -> Any:
        net = nn.Linear(80, 60, rng=0)  # its gradient has a buffer that is used again
        net(np.ones((2, 80), np.float32)).sum().backward()
        return lambda: net.zero_grad(set_to_none), gradients([net.weight, net.bias])

    for make in (of_an_optimizer, of_a_module):
        assert check_every_point(make, 1) > 20


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics_are_all_or_nothing_at_every_bytecode(momentum: float | None) -> None:
    x = np.random.default_rng(0).normal(size=(5, 2))

    def make() -> Any:
        layer = nn.BatchNorm1d(2, momentum=momentum)
        return lambda: layer(x), lambda: list(layer.state_dict().values())

    check_every_point(make, 31)


def test_loading_an_optimizers_state_is_all_or_nothing_at_every_bytecode() -> None:
    def trained(value: float) -> Any:
        p = ad.tensor([1.0, 2.0])
        optimizer = nn.Adam([p], lr=value)
        p.grad = np.full(2, value)
        optimizer.step()
        return optimizer

    saved = trained(0.5).state_dict()

    def make() -> Any:
        optimizer = trained(0.25)
        lr = lambda: np.array(optimizer.state_dict()["param_groups"][0]["lr"])
        return lambda: optimizer.load_state_dict(saved), lambda: [*state_of(optimizer), lr()]

    check_every_point(make, 13)


PROGRAM = """
import signal, sys
import numpy as np
import autodiff as ad
import nn
from autodiff import extend

rng = np.random.default_rng(int(sys.argv[1]))
leaves = [ad.tensor(np.ones(3)) for _ in range(12)]
count = ad.scalar(1.0)

def handler(*_):
    raise KeyboardInterrupt

def totals():
    return {None if x.grad is None else int(round(float(x.grad.sum()))) for x in leaves}

optimizer = nn.SGD(leaves, lr=0.1)
signal.signal(signal.SIGALRM, handler)
hits = 0
for x in leaves:
    x.grad = np.zeros(3)
value = 0.0
for trial in range(1500):
    loss = sum((x.sum() for x in leaves[1:]), leaves[0].sum())
    before = list(totals())
    try:
        signal.setitimer(signal.ITIMER_REAL, float(rng.uniform(1e-6, 4e-4)))
        try:
            loss.backward()
            value += 1.0
            extend.write_all([*((x, np.full(3, value)) for x in leaves), (count, value)])
            optimizer.zero_grad(set_to_none=trial % 2)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        hits += 1
    now = totals()
    assert len(now) == 1 and now <= {None, 0, before[0], (before[0] or 0) + 3}, (before, now)
    values = {float(x.data[0]) for x in leaves} | {count.data}
    assert len(values) == 1, values
print(hits)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="signal.setitimer is POSIX")
def test_real_signals_leave_no_half_gradient_and_no_half_write() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "7"], capture_output=True, text=True, cwd=Path(PLACES[0]).parent, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="signal.setitimer is POSIX")
def test_a_signal_in_a_layers_call_leaves_no_scope_in_force() -> None:
    layer, x, rng = nn.Linear(2, 2, rng=0), np.ones((1, 2), np.float32), np.random.default_rng(3)

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    old, hits = signal.signal(signal.SIGALRM, stop), 0
    try:
        for _ in range(3000):  # without the order in Scope.run about 25 of them fail
            try:
                signal.setitimer(signal.ITIMER_REAL, float(rng.uniform(1e-6, 4e-5)))
                for _ in range(8):
                    layer(x)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                hits += 1
                assert extend.current_scope() is None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert hits


def test_gradients_that_threads_add_to_one_leaf_lose_nothing() -> None:
    x, n, each = ad.tensor(np.zeros(4)), 4, 200
    losses = [[(x * 1.0).sum() for _ in range(each)] for _ in range(n)]
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda ls=ls: [y.backward() for y in ls]) for ls in losses]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(old)
    assert x.grad.tolist() == [n * each] * 4
