"""Threads with graphs of their own share nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import autodiff as ad


def test_eight_threads_get_their_own_right_answers() -> None:
    barrier = threading.Barrier(8)

    def work(k: int) -> list[str]:
        wrong = []
        barrier.wait()
        for i in range(50):
            x, a = ad.tensor(np.full(3, 1.0 + k)), ad.scalar(float(k))
            with ad.scope(f"thread{k}"), ad.no_grad() if i % 5 == 4 else ad.enable_grad():
                y = (np.tanh(x) * x * k).sum() + (a * a).tanh()
                if y.requires_grad != (i % 5 != 4) or (y.node is not None and y.node.scope.path != f"thread{k}"):
                    wrong.append("mode or scope of another thread")
            if not y.requires_grad:
                continue
            y.backward()
            t = np.tanh(1.0 + k)
            # the same formula in NumPy, a few ulp apart
            if not np.allclose(x.grad, k * (t + (1 + k) * (1 - t * t)), rtol=1e-13):
                wrong.append(f"gradient {x.grad}")
            if ad.grad(lambda v: v**3 * k)(2.0) != 12.0 * k:
                wrong.append("grad")
        return wrong

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert results == [[]] * 8


def test_serial_numbers_are_never_given_twice() -> None:
    barrier = threading.Barrier(4)

    def work(_: int) -> list[int]:
        barrier.wait()
        x = ad.tensor(1.0)
        return [(x * 1.0).node.serial for _ in range(2_000)]

    with ThreadPoolExecutor(4) as pool:
        serials = [s for part in pool.map(work, range(4)) for s in part]
    assert len(set(serials)) == len(serials)


def test_modes_do_not_cross_threads() -> None:
    seen: list[Any] = []
    with ad.no_grad(), ad.scope("outer"):
        thread = threading.Thread(target=lambda: seen.append((ad.is_recording(), ad.extend.current_scope())))
        thread.start()
        thread.join()
    assert seen == [(True, None)]


def test_a_write_may_come_in_the_middle_of_a_write_of_its_own_thread() -> None:
    """A finaliser or a signal handler that wrote a value waited for ever for the write that it had interrupted."""
    x, y = ad.tensor([1.0, 2.0]), ad.tensor([1.0, 2.0])
    made = [(v * v).sum() for v in (x, y)]

    class Array:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            y.data = [5.0, 6.0]  # as a signal handler would
            return np.array([3.0, 4.0])

    x.data = Array()
    assert x.data.tolist() == [3.0, 4.0] and y.data.tolist() == [5.0, 6.0]
    for z in made:
        with pytest.raises(ad.StaleValueError):
            z.backward()


@pytest.mark.parametrize("backward_elsewhere", [False, True])
@pytest.mark.parametrize("write_elsewhere", [False, True])
def test_a_write_is_noticed_by_whichever_thread_runs_backward(write_elsewhere: bool, backward_elsewhere: bool) -> None:
    """The newest write is one number for all threads."""
    x = ad.tensor([1.0, 2.0])
    y = (x * x).sum()
    with ThreadPoolExecutor(1) as pool:
        places = {True: lambda f, *args: pool.submit(f, *args).result(), False: lambda f, *args: f(*args)}
        places[write_elsewhere](setattr, x, "data", [3.0, 4.0])
        fresh = (x * x).sum()
        with pytest.raises(ad.StaleValueError):
            places[backward_elsewhere](y.backward)
        places[backward_elsewhere](fresh.backward)
    assert x.grad.tolist() == [6.0, 8.0]
