"""``profile``: the time of a compiled function, call by call and module by module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .compiled import Compiled, compile
from .lowering import Executable


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the compiled program: the function that it calls, the module, and the cost of each call.

    seconds     the least of all calls, the clock's own time included (about 0.1 us)
    bytes       read and written, by the shapes; 0 for the lines of packed calls and blocks, where much stays in the
                caches
    operations  arithmetic operations, as ``counting`` counts them
    """

    call: str
    module: str
    place: tuple[str, int] | None
    seconds: float
    bytes: int
    operations: int


@dataclass(slots=True)
class Profile:
    """The result of ``profile``. ``str`` of it is a table; ``heat`` is for ``ad.draw(loss, heat=...)``.

    result   of the function
    lines    the lines of the program, in the order in which they run
    seconds  the time of the whole program
    """

    result: Any
    lines: list[Line] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Time of the program, the sum over its lines."""
        return sum(line.seconds for line in self.lines)

    def by_call(self) -> dict[str, Line]:
        """Return the costs of each function, the largest first."""
        return _summed(self.lines, lambda line: line.call)

    def by_module(self) -> dict[str, Line]:
        """Return the costs of each module, the largest first; "" has those outside of modules."""
        return _summed(self.lines, lambda line: line.module)

    def heat(self, node: Any) -> tuple[float, str]:
        """Return the share of the time that a drawn node's module takes, forward and backward, and the share as text.

        A node outside of modules has none, since the update runs there too.
        """
        path = getattr(node, "path", "")
        found = self.by_module().get(path) if path else None
        share = found.seconds / self.seconds if found is not None and self.seconds else 0.0
        return share, f"{share:.0%}" if path else ""

    def __str__(self) -> str:
        total = self.seconds or 1.0
        text = [f"{self.seconds * 1e6:.1f} us in {len(self.lines)} lines"]
        for title, group in (("call", self.by_call()), ("module", self.by_module())):
            rows = [
                (name or "outside of modules", f"{a.seconds * 1e6:.1f}", f"{a.seconds / total:.0%}", f"{a.bytes:,}",
                 f"{a.operations:,}")
                for name, a in group.items()
            ]  # fmt: skip
            table = [(title, "us", "share", "bytes", "operations"), *rows]
            widths = [max(len(row[k]) for row in table) for k in range(5)]
            for row in table:
                rest = "  ".join(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
                text.append(f"  {row[0].ljust(widths[0])}  {rest}")
            text.append("")
        return "\n".join(text).rstrip()

    def __repr__(self) -> str:
        return f"<Profile: {self.seconds * 1e6:.1f} us, {len(self.lines)} lines>"


def profile(function: Callable[..., Any], *, repeat: int = 20) -> Callable[..., Profile]:
    """Return a function that runs ``function`` compiled, ``repeat`` times, and returns the time of each line.

    function: a function that ``ad.compile`` takes, or one that it returned. Its effects, such as gradients and new
    parameters, happen ``repeat`` times and once for each trace. Raises ValueError for ``repeat`` below 1.

    >>> import autodiff as ad, numpy as np
    >>> found = ad.profile(lambda x: np.tanh(x @ x).sum())(np.eye(3))
    >>> sorted(found.by_call())
    ['np.add.reduce', 'np.matmul', 'np.tanh']
    >>> found.by_call()["np.matmul"].operations
    54
    """
    if repeat < 1:
        raise ValueError(f"profile: repeat must be at least 1; got {repeat}.")
    compiled = function if isinstance(function, Compiled) else compile(function)

    def profiled(*args: Any, **kwargs: Any) -> Profile:
        executable = None
        for _ in range(3):  # once there is a gradient, another program runs
            result, before = compiled(*args, **kwargs), executable
            executable = compiled._executable()
            if executable is before:
                break
        if not isinstance(executable, Executable):
            raise ValueError("profile: the function was compiled with optimise=False, and has no lines.")
        with executable.timed() as clock:
            for _ in range(repeat):
                result = compiled(*args, **kwargs)
        lines = [Line(*fact, seconds, *cost) for fact, seconds, cost in clock.lines()]
        return Profile(result, lines)

    return profiled


def _summed(lines: list[Line], key: Callable[[Line], str]) -> dict[str, Line]:
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(key(line), []).append(line)
    made = {
        name: Line(
            name,
            group[0].module,
            group[0].place,
            sum(line.seconds for line in group),
            sum(line.bytes for line in group),
            sum(line.operations for line in group),
        )
        for name, group in groups.items()
    }
    return dict(sorted(made.items(), key=lambda pair: -pair[1].seconds))
