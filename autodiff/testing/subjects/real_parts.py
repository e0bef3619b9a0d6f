"""Complex calls as real ones: each complex input is a pair of real inputs, each complex output a pair of outputs.

A derivative of complex numbers is a linear map of their parts, so every property of real functions holds for it, and
the numerical derivative moves one part at a time. Joining and splitting are recorded (``re + 1j * im``, ``np.real``,
``np.imag``), so that second derivatives are those of the engine. Findings are given back in complex
numbers. Gradients are those of this library and of PyTorch: dL/dRe(z) + i dL/dIm(z), and a cotangent w of a complex
output counts as Re(sum(conj(w) * y)). Never here: a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autodiff.testing.subjects.function_under_test import Arrays, Case, Subject, as_outputs, leaves

__all__ = ["RealParts"]


def is_complex(a: Any) -> bool:
    return isinstance(a, np.ndarray) and a.dtype.kind == "c"


def join(re: Any, im: Any) -> Any:
    """Return one complex value of two real ones; of arrays without arithmetic, since 1j * inf has a NaN real part."""
    if not (isinstance(re, np.ndarray | np.generic) and isinstance(im, np.ndarray | np.generic)):
        return re + 1j * im
    z = np.empty_like(re, dtype=np.result_type(re, im, np.complex64))
    z.real, z.imag = re, im
    return z


def split(values: Sequence[Any]) -> list[Any]:
    """Return the values, each complex one as two."""
    parts: list[Any] = []
    for y in values:
        parts += [np.real(y), np.imag(y)] if getattr(y, "dtype", np.asarray(0.0).dtype).kind == "c" else [y]
    return parts


class RealParts:
    """A call with complex numbers, as a call of real ones.

    Attributes:
        subject, case: the function of the parts and its arguments: those that were there, a real part in place of
            each complex number that is differentiated, and after them the imaginary parts.
    """

    def __init__(self, subject: Subject, case: Case, outputs: Arrays) -> None:
        self._whole = subject
        self._given = case
        self._pairs = [i for i in case.wrt if is_complex(case.args[i])]  # in the order of the imaginary parts
        self._count = len(case.args)
        self._complex_outputs = [is_complex(y) for y in outputs]
        self.case = self._parts_of(case)
        self.subject = self._of_parts()

    @staticmethod
    def needed(case: Case, outputs: Arrays) -> bool:
        """Return whether anything that is differentiated is complex."""
        return any(map(is_complex, [*case.xs, *outputs]))

    def _parts_of(self, case: Case) -> Case:
        args = [a.real.copy() if i in self._pairs else a for i, a in enumerate(case.args)]
        extra = [case.args[i].imag.copy() for i in self._pairs]
        return Case([*args, *extra], case.kwargs, (*case.wrt, *range(self._count, self._count + len(extra))))

    def _whole_args(self, args: Sequence[Any]) -> list[Any]:
        whole = list(args[: self._count])
        for i, im in zip(self._pairs, args[self._count :]):
            whole[i] = join(whole[i], im)
        return whole

    def _whole_case(self, case: Case) -> Case:
        return Case(self._whole_args(case.args), case.kwargs, self._given.wrt)

    def _whole_inputs(self, parts: Sequence[Any]) -> list[Any]:
        """Return directions or gradients, one for each differentiated argument, from those of the parts."""
        count, wrt = len(self._given.wrt), self._given.wrt
        imaginary = dict(zip(self._pairs, parts[count:]))
        return [join(v, imaginary[i]) if i in imaginary else v for i, v in zip(wrt, parts[:count])]

    def _whole_outputs(self, parts: Sequence[Any]) -> list[Any]:
        left = iter(parts)
        return [join(next(left), next(left)) if pair else next(left) for pair in self._complex_outputs]

    def _of_parts(self) -> Subject:
        whole = self._whole

        def value(*args: Any, **kwargs: Any) -> Any:
            parts = split(as_outputs(whole.function(*self._whole_args(args), **kwargs)))
            return parts[0] if len(parts) == 1 else tuple(parts)

        if whole.extras.get("engine"):
            return self._of_this_engine(value)

        def reverse(case: Case, outputs: Arrays, ws: Arrays) -> Sequence[Any]:
            assert whole.reverse is not None
            gs = whole.reverse(self._whole_case(case), self._whole_outputs(outputs), self._whole_outputs(ws))
            split_at = [(g, i in self._pairs) for g, i in zip(gs, self._given.wrt, strict=True)]
            imaginary = [None if g is None else np.imag(g) for g, pair in split_at if pair]
            return [None if g is None else np.real(g) if pair else g for g, pair in split_at] + imaginary

        def forward(case: Case, vs: Arrays) -> Sequence[Any]:
            assert whole.forward_mode is not None
            tangents = whole.forward_mode(self._whole_case(case), self._whole_inputs(vs))
            pairs = zip(tangents, self._complex_outputs, strict=True)
            return [part for t, pair in pairs for part in ([np.real(t), np.imag(t)] if pair else [t])]

        return Subject(whole.name, value, whole.reverse and reverse, whole.forward_mode and forward, whole.op)

    def _of_this_engine(self, value: Callable[..., Any]) -> Subject:
        from autodiff.testing.subjects.this_engine import engine_subject

        whole = self._whole

        def recorded(*args: Any, **kwargs: Any) -> Any:
            parts = split(leaves(whole.extras["recorded"](*self._whole_args(args), **kwargs)))
            return parts[0] if len(parts) == 1 else tuple(parts)

        modes = tuple(
            mode for mode, f in (("reverse", whole.reverse), ("forward", whole.forward_mode)) if f is not None
        )
        made = engine_subject(recorded, modes, 2 if "gradient" in whole.extras else 1, whole.name, value)
        made.op = whole.op
        return made

    def in_complex_numbers(
        self, case: Case, cotangent: Arrays | None, direction: Arrays | None
    ) -> tuple[Case, Arrays | None, Arrays | None]:
        """Return the case, cotangent and direction of a finding about the parts, for the call that was given."""
        if case is self.case:
            case = self._given
        elif len(case.args) == len(self.case.args) and case.wrt == self.case.wrt:
            case = self._whole_case(case)
        else:  # a derivative of the derivative: its arguments are shown as they are
            return case, cotangent, direction
        if cotangent is not None and len(cotangent) == len(self._complex_outputs) + sum(self._complex_outputs):
            cotangent = self._whole_outputs(cotangent)
        if direction is not None and len(direction) == len(self.case.wrt):
            direction = self._whole_inputs(direction)
        return case, cotangent, direction
