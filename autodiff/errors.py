"""The exceptions of autodiff, and their messages.

Here: one class for each kind of mistake a user can make with a graph, each a subclass of the built-in
error that Python programmers already catch. Never here: an import of anything else in this package.
Every message has three parts: the function that raises, the value it was given, and the form to write instead.
"""

from __future__ import annotations

import numpy as np

__all__ = [
    "AnomalyError",
    "BatchedValueError",
    "GraphError",
    "LeavesGraphError",
    "MissingRuleError",
    "SingularPointError",
    "StaleValueError",
    "TraceError",
    "WriteError",
]


class GraphError(ValueError):
    """A backward pass that cannot be run: nothing to differentiate, graph consumed, wrong seed.

    >>> import autodiff as ad
    >>> ad.tensor([1.0, 2.0]).backward()
    Traceback (most recent call last):
    autodiff.errors.GraphError: backward() needs a single number to start from; this Tensor has shape (2,). ...
    """


class StaleValueError(GraphError):
    """A value that the backward pass needs was overwritten after it was used.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> y = (x * x).sum()
    >>> x.data = [3.0, 4.0]
    >>> y.backward()
    Traceback (most recent call last):
    autodiff.errors.StaleValueError: a leaf of shape (2,) was overwritten after multiply ... had read it, ...
    """


class MissingRuleError(TypeError):
    """A NumPy function, or an argument of one, that has no derivative rule here.

    >>> import autodiff as ad, numpy as np
    >>> np.copyto(ad.tensor([1.0]), 2.0)
    Traceback (most recent call last):
    autodiff.errors.MissingRuleError: np.copyto writes into its first argument, which cannot be recorded: ...
    """


class LeavesGraphError(TypeError):
    """A recorded value was about to leave the graph silently.

    >>> import autodiff as ad
    >>> float(ad.tensor(2.0))
    Traceback (most recent call last):
    autodiff.errors.LeavesGraphError: float(), which math functions call, would cut a recorded value out ...
    """


class BatchedValueError(LeavesGraphError):
    """A plain value was needed inside ``vmap``, where each example has its own value; or such a value was written to.

    >>> import autodiff as ad, numpy as np
    >>> ad.vmap(lambda x: x if x > 0 else -x)(np.array([1.0, -2.0]))
    Traceback (most recent call last):
    autodiff.errors.BatchedValueError: if x: or bool(x) inside vmap: the value is another one in every example. ...
    """


class WriteError(TypeError):
    """A write that the graph cannot record or must not allow.

    >>> import autodiff as ad
    >>> y = ad.tensor([1.0, 2.0]) * 2
    >>> y.data = [0.0, 0.0]
    Traceback (most recent call last):
    autodiff.errors.WriteError: ...
    """


class TraceError(TypeError):
    """A function under ``ad.compile`` does something that a trace cannot follow.

    >>> import autodiff as ad, numpy as np
    >>> ad.compile(lambda x: x * np.random.default_rng().random(3))(np.ones(3))
    Traceback (most recent call last):
    autodiff.errors.TraceError: compile: ...
    """


class Untraced(Exception):
    """Raised in a trace: this call of the function runs as it is written, and a later one is traced."""


class AnomalyError(ValueError):
    """The first operation that made a NaN or an infinity from finite inputs (under ``detect_anomaly``).

    >>> import autodiff as ad, numpy as np
    >>> with ad.detect_anomaly(), np.errstate(divide="ignore"):
    ...     y = np.log(ad.tensor([0.0]))
    Traceback (most recent call last):
    autodiff.errors.AnomalyError: log made 1 infinity (first at index (0,)) from finite inputs of shapes (1,), at ...
    """


class SingularPointError(ValueError):
    """A derivative that is a convention, or that is not defined at all (under ``strict``).

    >>> import autodiff as ad, numpy as np
    >>> with ad.strict():
    ...     np.abs(ad.tensor([0.0])).sum().backward()
    Traceback (most recent call last):
    autodiff.errors.SingularPointError: strict: absolute has no derivative at index (0,), where x is 0; ...
    """


def kind_of(x: object) -> str:
    """Return a short description of a value: ``float32 array of shape (3, 4)``, ``str``, ``Tensor of shape ()``."""
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    name = type(x).__name__
    if dtype is None or not isinstance(shape, tuple):
        return name
    return f"{dtype} {'array' if name == 'ndarray' else name} of shape {shape}"


def leaves_graph(what: str, door: str, recorded: str) -> LeavesGraphError:
    """Return the error of every exit: the attempt, the attribute for a plain value, the form that is recorded."""
    return LeavesGraphError(
        f"{what} would cut a recorded value out of the graph. For the plain value write {door}; to keep the gradient "
        f"write {recorded}."
    )


def no_derivative(dtype: object) -> TypeError:
    """Return the error for a leaf of this dtype: integers, booleans, or no numbers at all."""
    if getattr(dtype, "kind", "") in "biu":
        return TypeError(
            f"a Tensor of {dtype} cannot have a gradient: write dtype=float to differentiate, "
            "or requires_grad=False for a constant."
        )
    return TypeError(f"a Tensor needs numbers; got dtype {dtype}. Write np.asarray(x, dtype=float).")


def missing_argument(name: str, key: str, known: tuple[str, ...] = ()) -> MissingRuleError:
    """Return the error for an argument that cannot be recorded."""
    hint = {"out": "Assign the result instead: y = ...", "where": "Choose what goes in: np.where(mask, x, 0), x[mask]."}
    hint |= {"dim": "Write axis=.", "keepdim": "Write keepdims=.", "dtype": "Write .astype(dtype) before or after it."}
    hint |= {"inplace": "Leave it out: results are new arrays."}
    hint |= {"axes": "Move the axes before and after it: np.moveaxis, np.swapaxes."}
    takes = f"Keyword arguments: {', '.join(known)}." if known else "Leave it out: it takes no keyword arguments."
    return MissingRuleError(f"{name}(..., {key}=...) cannot be recorded. {hint.get(key, takes)}")


def no_rule(name: str) -> MissingRuleError:
    """Return the error for a NumPy function that has no row."""
    return MissingRuleError(
        f"{name} has no derivative rule here. Use functions listed in ad.ops.OPS and ad.special, write the rule with "
        f"ad.custom_vjp, or take the plain value: {name}(x.data)."
    )


def depends_on_phase(name: str) -> Exception:
    """Return the error of a derivative that reaches the phase of complex vectors."""
    return np.linalg.LinAlgError(
        f"{name}: the result depends on the phase of complex vectors, which is an arbitrary choice and has no "
        "derivative. Use a function that does not depend on it, such as np.abs(v) or v[:, None] * np.conj(v)."
    )
