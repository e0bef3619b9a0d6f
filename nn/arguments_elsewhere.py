"""Arguments of PyTorch's constructors that have no meaning here. A value that changes nothing is ignored; any other
raises TypeError with advice.

Never here: an argument that has an effect.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = ["OF_LAYERS", "OF_LOADERS", "OF_OPTIMIZERS", "OF_SCHEDULERS", "new_array", "without"]

Table = dict[str, tuple[Callable[[Any], bool], str]]  # name -> (whether a value changes nothing, advice)


def _absent(value: Any) -> bool:
    return value is None


def _off(value: Any) -> bool:
    return value is None or value is False


_REDUCTION = 'write reduction="mean", "sum" or "none"'
OF_LAYERS: Table = {
    "device": (
        lambda device: device is None or str(device) == "cpu",
        "everything is NumPy on the CPU; leave it out",
    ),
    "size_average": (_absent, _REDUCTION),
    "reduce": (_absent, _REDUCTION),
}
_IMPLEMENTATION = (lambda value: value is None or isinstance(value, bool), "leave it out: there is one implementation")
OF_OPTIMIZERS: Table = {
    **dict.fromkeys(["foreach", "fused", "capturable"], _IMPLEMENTATION),
    "differentiable": (_off, "write the step in ad.grad with nn.functional_call, which takes the parameters as values"),
}
_ANY = (lambda value: True, "")
OF_LOADERS: Table = {
    **dict.fromkeys(["pin_memory", "pin_memory_device", "persistent_workers"], _ANY),  # of processes and devices
    "multiprocessing_context": (_absent, "leave it out: batches are prepared by threads"),
    "timeout": (lambda seconds: not seconds, "leave it out: threads are waited for"),
    "worker_init_fn": (_absent, "leave it out: augment= gets a generator for each batch"),
    "in_order": (lambda value: value is True, "leave it out: batches come in their order"),
}
OF_SCHEDULERS: Table = {
    "last_epoch": (lambda epoch: epoch == -1, "load what scheduler.state_dict() returned"),
    "verbose": (lambda verbose: _off(verbose) or verbose == "deprecated", "print scheduler.get_last_lr()"),
}


def without(table: Table, kind: type) -> None:
    """Make a class of this package accept the arguments of `table` that its `__init__` does not have."""
    init = kind.__dict__.get("__init__")
    if init is None or kind.__module__.partition(".")[0] != __name__.partition(".")[0]:
        return  # inherited, or a user's
    code = init.__code__
    own = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    @functools.wraps(init)
    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("dtype", "") is None:  # PyTorch's default
            del kwargs["dtype"]
        for name in [name for name in kwargs if name in table and name not in own]:
            is_default, advice = table[name]
            value = kwargs.pop(name)
            if not is_default(value):
                raise TypeError(f"{type(self).__name__}: {name}={value!r} has no meaning here: {advice}")
        init(self, *args, **kwargs)

    kind.__init__ = made  # type: ignore[misc]


def new_array(who: str, inplace: bool) -> None:
    """Raise TypeError for `inplace=True`: a layer makes a new array, and its input stays."""
    if inplace:
        raise TypeError(f"{who}: inplace={inplace!r} has no meaning here: results are new arrays; leave it out")
