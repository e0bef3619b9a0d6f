"""The report of a training run: one HTML file with charts, and a slider over the epochs."""

from __future__ import annotations

from typing import Any

import autodiff as ad


def training_report(
    history: Any, *, model: Any = None, optimizer: Any = None, title: str = "Training run"
) -> ad.drawing.Page:
    """Return a report of a training run as one HTML page, which needs no network and no library.

    history: the result of `nn.fit`, or an object with `logs` (name -> one number an epoch), and optionally
    `batch_losses`, `seconds`, `stopped` and `parameters` (name -> one (norm of the values, norm of the gradient, norm
    of the change) an epoch). model, optimizer: for their classes in the heading. `save(path)` of the result writes the
    page. PyTorch has no counterpart; TensorBoard is the nearest.

    >>> from types import SimpleNamespace
    >>> norms = {"w": [(1.0, 0.2, 0.01), (1.0, 0.1, 0.01)]}
    >>> training_report(SimpleNamespace(logs={"loss": [1.0, 0.5]}, parameters=norms))
    <Page training report: 2 epochs, 1 parameters>
    """
    if not hasattr(history, "logs"):
        raise TypeError(f"training_report needs what nn.fit returns, got a {type(history).__name__}")
    from .training_run import report_page  # autodiff.drawing loads when it is first needed

    return report_page(history, model, optimizer, title)
