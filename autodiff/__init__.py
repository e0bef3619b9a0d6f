"""Backflow: automatic differentiation on NumPy that people can read, see and trust."""

from __future__ import annotations

from . import ops
from .backward import backward, gradients_of_graph
from .graph import current_scope, detect_anomaly, enable_grad, is_recording, keeps_record, no_grad, record, scope, strict
from .registry import PUBLIC as _PUBLIC
from .variable import Scalar, Tensor, Variable, mark_written, scalar, tensor

globals().update(_PUBLIC)
