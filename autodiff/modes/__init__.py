"""The modes under which operations run.

``states`` has the modes in force, ``blocks`` changes them for a block or a function, ``switches`` has the modes that a
user turns on, ``traces`` serves ``ad.compile``, and ``diagnostics`` does the work of the modes on an operation.
``threads`` has those that work on blocks of a large array.
"""

from .blocks import in_state, mode
from .diagnostics import source_line
from .states import OFF, Layered, Scope, State, current_scope, scope, state
from .switches import detect_anomaly, enable_grad, is_recording, keeps_record, no_grad, record, strict
from .traces import adopt, current_trace, draw_once, number, one_call, refuse_trace

__all__ = [
    "OFF",
    "Layered",
    "Scope",
    "State",
    "adopt",
    "current_scope",
    "current_trace",
    "detect_anomaly",
    "draw_once",
    "enable_grad",
    "in_state",
    "is_recording",
    "keeps_record",
    "mode",
    "no_grad",
    "number",
    "one_call",
    "record",
    "refuse_trace",
    "scope",
    "source_line",
    "state",
    "strict",
]
