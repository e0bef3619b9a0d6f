"""LBFGS: Newton's method with a matrix that is never formed, from the last few steps and changes of the gradient."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import extend

from .hyperparameters import count, number
from .line_search import Point, strong_wolfe
from .optimizer import Array, Group, Optimizer

__all__ = ["LBFGS"]

CURVED = 1e-10  # a pair whose product s.y is smaller is not used: it has no information about the curvature
VECTORS, LISTS, NUMBERS = ("d", "prev_flat_grad"), ("old_dirs", "old_stps", "ro"), ("t", "H_diag", "prev_loss")
COUNTS = ("n_iter", "func_evals")


class LBFGS(Optimizer):
    """Minimise a smooth function of all parameters together, by L-BFGS; `step` takes a function that computes the loss.

    `torch.optim.LBFGS` (Nocedal and Wright, Numerical Optimization, 2nd edition, algorithms 7.4 and 7.5). One step
    makes up to `max_iter` iterations. The loss must be the same function at each call of a step: the full data or one
    batch, and no dropout.

    Args:
        parameters: parameters of real numbers, in one group.
        lr: length of a step along the direction; the first trial of the line search.
        max_iter: iterations in one step.
        max_eval: evaluations of the function in one step, max_iter * 5 // 4 unless given.
        tolerance_grad: a step ends when no entry of the gradient is larger.
        tolerance_change: a step ends when the loss, or every parameter, changes less.
        history_size: pairs of steps and changes of the gradient that are kept.
        line_search_fn: "strong_wolfe", or None for steps of length lr.

    Raises:
        TypeError, ValueError: a hyperparameter of the wrong kind or out of its range, or several groups.

    >>> import autodiff as ad, nn
    >>> w = ad.tensor([-1.2, 1.0])
    >>> opt = nn.optim.LBFGS([w], max_iter=100, line_search_fn="strong_wolfe")
    >>> def closure():
    ...     opt.zero_grad()
    ...     loss = 100 * (w[1] - w[0] ** 2) ** 2 + (1 - w[0]) ** 2
    ...     loss.backward()
    ...     return loss
    >>> round(opt.step(closure).item(), 6)  # the loss before the step
    24.2
    >>> w.data.round(4)
    array([1., 1.])
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        options = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": count("LBFGS", "max_iter", max_iter) * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        self._memory: dict[str, Any] = {}
        super().__init__(parameters, options)

    def _check(self, group: Group) -> None:
        for name in ("lr", "tolerance_grad", "tolerance_change"):
            group[name] = number(self._name, name, group[name])
        for name in ("max_iter", "max_eval", "history_size"):
            group[name] = count(self._name, name, group[name])
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f"LBFGS: line_search_fn must be 'strong_wolfe' or None, got {group['line_search_fn']!r}")
        for i, p in enumerate(group["params"]):
            if p.dtype.kind != "f":
                raise TypeError(f"LBFGS: parameter {i} has dtype {p.dtype}; real floating numbers are needed")

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Raise ValueError for a second group: one matrix belongs to all parameters."""
        if self.param_groups:
            raise ValueError("LBFGS takes one group: its steps depend on all parameters together")
        super().add_param_group(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make up to `max_iter` iterations and return the loss at the start.

        closure: clears the gradients, computes the loss, calls its `backward()` and returns it.
        All or nothing: an error or a signal on the way leaves every parameter and the whole state as they were.

        Raises TypeError without a closure, ValueError when the loss is not a single number.
        """
        extend.refuse_trace(
            "LBFGS decides by the loss how often it computes the loss again",
            "Compile the loss and its backward pass, and call step() outside: nn.training_step(..., compiled=True)",
        )
        if not callable(closure):
            raise TypeError(
                "LBFGS.step needs a function that computes the loss again: "
                "def closure(): opt.zero_grad(); loss = ...; loss.backward(); return loss"
            )
        recording = extend.keeps_record("updates")
        parameters = self.param_groups[0]["params"]
        before = [(p, np.copy(p.data)) for p in parameters]
        run = _Run(closure, parameters, self.param_groups[0], self._memory)
        try:
            run.iterate()
        except BaseException:
            extend.write_all(before)
            raise
        after = {"_memory": run.memory, "steps": self.steps + 1}
        extend.write_all(calls=[(object.__setattr__, self, name, value) for name, value in after.items()])
        if recording:
            self.updates = [
                (p, float(np.linalg.norm(np.ravel(p.data - old))), float(np.linalg.norm(np.ravel(old))))
                for p, old in before
            ]
        return run.first_loss

    def state_dict(self, exact: bool = False) -> dict[str, Any]:
        """Return a copy of everything that a later run needs to continue exactly, in PyTorch's layout and names."""
        return {**super().state_dict(exact), "state": {0: copy.deepcopy(self._memory)} if self._memory else {}}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Load the result of `state_dict`; nothing changes when it does not fit.

        Raises:
            ValueError: another number of parameters, other sizes, or another kind of optimizer.
        """
        groups = self._fitting_groups(saved)
        for group in groups:
            self._check(group)
        entry = {int(k): v for k, v in saved["state"].items()}.get(int(saved["param_groups"][0]["params"][0]), {})
        memory = self._fitting_memory(entry) if entry else {}
        both = {"param_groups": groups, "_memory": memory}
        extend.write_all(calls=[(object.__setattr__, self, name, value) for name, value in both.items()])

    def _fitting_memory(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return a saved entry as arrays of this optimizer's size and Python numbers. Raise ValueError for others."""
        strange = set(entry) - {*VECTORS, *LISTS, *NUMBERS, *COUNTS, "al"}  # al: PyTorch's scratch
        if strange:
            raise ValueError(f"LBFGS: the saved state has {sorted(strange)[0]!r}, which this optimizer does not keep")
        dtype, size = _flat_kind(self.param_groups[0]["params"])

        def vector(name: str, value: Any) -> Array:
            array = np.asarray(value).astype(dtype)  # a copy
            if array.shape != (size,):
                raise ValueError(f"LBFGS: saved {name!r} has shape {array.shape}; the parameters hold {size} numbers")
            return array

        memory: dict[str, Any] = {name: int(entry[name]) for name in COUNTS}
        memory |= {name: vector(name, entry[name]) for name in VECTORS if entry.get(name) is not None}
        memory |= {name: float(entry[name]) for name in NUMBERS if entry.get(name) is not None}
        if "old_dirs" in entry:
            memory |= {name: [vector(name, v) for v in entry[name]] for name in ("old_dirs", "old_stps")}
            memory["ro"] = [float(v) for v in entry["ro"]]
        return memory


class _Run:
    """One call of `step`: the iterations, on a copy of the memory. Only the parameters are written."""

    def __init__(self, closure: Callable[[], Any], parameters: tuple[Any, ...], group: Group, memory: Any) -> None:
        self.closure, self.parameters, self.group = closure, parameters, group
        self.memory: dict[str, Any] = {k: list(v) if isinstance(v, list) else v for k, v in memory.items()}
        self.dtype, self.size = _flat_kind(parameters)
        self.first_loss: Any = None
        self.evaluations = 0

    def iterate(self) -> None:
        group, memory = self.group, self.memory
        loss, g = self.evaluate()
        for name in COUNTS:
            memory.setdefault(name, 0)
        for iteration in range(1, group["max_iter"] + 1):
            if _largest(g) <= group["tolerance_grad"]:
                break
            memory["n_iter"] += 1
            d = self.direction(g)
            first = memory["n_iter"] == 1
            t = group["lr"] * min(1.0, 1 / float(np.abs(g).sum())) if first else group["lr"]
            memory.update(d=d, t=t, prev_flat_grad=g, prev_loss=loss)
            slope = float(g @ d)
            if slope > -group["tolerance_change"] or not t:
                break
            start, old = Point(0.0, loss, g, slope), loss
            if group["line_search_fn"]:
                loss, g = self.search(start, t, d)
            else:
                self.move([np.copy(p.data) for p in self.parameters], t, d)
                if iteration == group["max_iter"]:
                    break  # the next step begins with this evaluation
                loss, g = self.evaluate()
            if self.evaluations >= group["max_eval"] or _largest(g) <= group["tolerance_grad"]:
                break
            if _largest(d) * memory["t"] <= group["tolerance_change"]:
                break
            if abs(loss - old) < group["tolerance_change"]:
                break
        memory["func_evals"] += self.evaluations

    def direction(self, g: Array) -> Array:
        """Return -H g, with H from the saved pairs (algorithm 7.4). The pair of the last move is saved first."""
        memory = self.memory
        if memory["n_iter"] == 1:
            memory.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -g
        changes, steps, ro = memory["old_dirs"], memory["old_stps"], memory["ro"]
        y, s = g - memory["prev_flat_grad"], memory["d"] * memory["t"]
        curvature = float(y @ s)
        if curvature > CURVED:
            if len(changes) >= self.group["history_size"]:
                for kept in (changes, steps, ro):
                    del kept[0]
            changes.append(y)
            steps.append(s)
            ro.append(1 / curvature)
            memory["H_diag"] = curvature / float(y @ y)
        q, alphas = -g, []
        for y, s, r in zip(reversed(changes), reversed(steps), reversed(ro), strict=True):
            alphas.append(float(s @ q) * r)
            q -= alphas[-1] * y
        q *= memory["H_diag"]
        for y, s, r, alpha in zip(changes, steps, ro, reversed(alphas), strict=True):
            q += (alpha - float(y @ q) * r) * s
        return q

    def search(self, start: Point, t: float, d: Array) -> tuple[float, Array]:
        """Move along d by a line search; return the loss and the gradient there."""
        origin = [np.copy(p.data) for p in self.parameters]

        def at(step: float) -> Point:
            self.move(origin, step, d)
            loss, g = self.evaluate()
            return Point(step, math.inf if math.isnan(loss) else loss, g, float(g @ d))

        found = strong_wolfe(at, start, t, _largest(d), self.group["max_eval"] - self.evaluations)
        self.move(origin, found.step, d)
        self.memory["t"] = found.step
        return found.value, found.gradient

    def move(self, origin: list[Any], t: float, d: Array) -> None:
        """Set the parameters to origin + t d."""
        pairs, at = [], 0
        for p, value in zip(self.parameters, origin, strict=True):
            part = d[at : at + np.size(value)].reshape(np.shape(value))
            at += part.size
            pairs.append((p, (value + t * part).astype(p.dtype)))
        extend.write_all(pairs)

    def evaluate(self) -> tuple[float, Array]:
        """Return the loss and the gradient, flat: zeros for a parameter without one."""
        returned = self.closure()
        loss = returned.data if isinstance(returned, ad.Variable) else returned
        if np.size(loss) != 1:
            raise ValueError(f"LBFGS: the closure must return the loss, a single number; got {returned!r:.60}")
        if not self.evaluations:
            self.first_loss = returned
        self.evaluations += 1
        parts = []
        for p in self.parameters:
            grad = p.grad.data if isinstance(p.grad, ad.Variable) else p.grad
            parts.append(np.zeros(p.size) if grad is None else np.ravel(grad))
        return float(np.reshape(loss, ())), np.concatenate(parts).astype(self.dtype)


def _flat_kind(parameters: Iterable[Any]) -> tuple[np.dtype[Any], int]:
    """Return the dtype and the size of all parameters in one row; float16 is computed in float32."""
    dtypes = [np.dtype(np.float32) if p.dtype == np.float16 else p.dtype for p in parameters]
    return np.result_type(*dtypes), sum(p.size for p in parameters)


def _largest(array: Array) -> float:
    return float(np.abs(array).max(initial=0.0))
