"""A few threads that wait for blocks of large arrays. NumPy releases the interpreter lock while it works on a block.

``BACKFLOW_THREADS`` in the environment sets their number; the default is the number of processors that this process may
use. The result never depends on the number: each block writes its own part, and sums are put together by the caller in
a fixed order. After a fork the child makes threads of its own.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from typing import Any

Block = Callable[[int, int, int, Any], None]
_NAME = "backflow-block"


def available() -> int:
    """Return how many threads work on blocks, the caller among them."""
    given = os.environ.get("BACKFLOW_THREADS", "").strip()
    if given:
        if not given.isdecimal() or int(given) < 1:
            raise ValueError(f"BACKFLOW_THREADS in the environment must be a whole number from 1 on, got {given!r}")
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def over_parts(size: int, length: int, part: Callable[[slice], None]) -> None:
    """Call ``part(slice)`` for every `length` of `size` elements, on several threads where there are four or more: to
    wake one takes as long as a part of a cheap function."""
    cuts = [*range(0, size, length), size]
    rooms = [None] * (available() if len(cuts) > 4 else 1)
    over_blocks(lambda _, start, stop, room: part(slice(start, stop)), cuts, rooms)


def over_blocks(block: Block, cuts: list[int], rooms: list[Any]) -> None:
    """Call ``block(k, start, stop, room)`` for each pair of neighbours in ``cuts``, each thread with a room of its own.

    Returns when all are done. The first exception of any block is raised, and no block is begun after it. Within a
    block of one of these threads it makes no use of the others: they may all wait for each other in the same way.
    """
    blocks = len(cuts) - 1
    threads = min(len(rooms), blocks)
    if threading.current_thread().name == _NAME:
        threads = 1
    if threads < 2:
        for k in range(blocks):
            block(k, cuts[k], cuts[k + 1], rooms[0])
        return
    turn, errors, done = count(), [], threading.Semaphore(0)  # type: ignore[var-annotated]

    def work(room: Any) -> None:
        try:
            while (k := next(turn)) < blocks and not errors:
                block(k, cuts[k], cuts[k + 1], room)
        except BaseException as error:
            errors.append(error)

    for room in rooms[1:threads]:
        context = contextvars.copy_context()  # np.errstate among it
        _queue(threads - 1).put((context, work, room, done))
    work(rooms[0])
    for _ in range(threads - 1):
        done.acquire()
    if errors:
        raise errors[0]


_state: dict[str, Any] = {"process": 0, "threads": 0, "queue": None}
_lock = threading.Lock()


def _queue(threads: int) -> SimpleQueue[Any]:
    """Return the queue that at least so many threads of this process wait at."""
    with _lock:
        if _state["process"] != os.getpid():
            _state.update(process=os.getpid(), threads=0, queue=SimpleQueue())
        while _state["threads"] < threads:
            _state["threads"] += 1
            threading.Thread(target=_wait, args=(_state["queue"],), name=_NAME, daemon=True).start()
        return _state["queue"]


def _wait(queue: SimpleQueue[Any]) -> None:
    while True:
        context, work, room, done = queue.get()
        try:
            context.run(work, room)
        finally:
            done.release()
        del context, work, room, done  # a waiting thread keeps no arrays alive
