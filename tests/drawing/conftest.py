"""Graphs to draw, and the programs that read pictures back: `dot` and a headless browser."""

import pathlib
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

import autodiff as ad
import nn


@pytest.fixture
def neuron():
    """tanh(x1 w1 + x2 w2 + b) on scalars, after backward."""
    x1, w1, x2, w2, b = map(ad.scalar, (2.0, 0.5, 1.0, -1.5, 0.9))
    p1, p2 = x1 * w1, x2 * w2
    s = p1 + p2
    n = s + b
    y = n.tanh()
    y.backward()
    return y, {"x1": x1, "w1": w1, "x2": x2, "w2": w2, "b": b, "p1": p1, "p2": p2, "s": s, "n": n, "y": y}


class Net(nn.Module):
    """Two linear layers with a rectifier between."""

    def __init__(self, inputs=12, hidden=8, outputs=3):
        self.fc1 = nn.Linear(inputs, hidden, rng=0)
        self.relu = nn.ReLU()
        self.fc2 = nn.Linear(hidden, outputs, rng=1)

    def forward(self, x):
        return self.fc2(self.relu(self.fc1(x)))


@pytest.fixture
def training_step():
    """One recorded step of a small classifier: loss, model, optimizer, and names for its data."""
    generator = np.random.default_rng(0)
    net = Net()
    optimizer = nn.Adam(net.parameters(), lr=0.01)
    x, labels = generator.random((5, 12), dtype=np.float32), generator.integers(0, 3, 5)
    with ad.record():
        criterion = nn.CrossEntropyLoss()
        loss = criterion(net(x), labels)
        loss.backward()
        optimizer.step()
    return SimpleNamespace(
        loss=loss, model=net, optimizer=optimizer, criterion=criterion, names={"x": x, "labels": labels}
    )


@pytest.fixture
def needs_dot():
    """Skips a test where Graphviz is not installed."""
    if shutil.which("dot") is None:
        pytest.skip("the program dot (Graphviz) is not installed")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium that may open files only; skipped when Playwright or Chromium is absent."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    quiet = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=program, args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens text as a page; the page keeps its console messages and requests, which a test should find empty."""
    contexts = []

    def opened(text, name="page.html", width=1180, height=760):
        path = pathlib.Path(tmp_path, name)
        path.write_text(text, encoding="utf-8")
        context = browser.new_context(offline=True, viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        messages, requests = [], []
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page, messages, [url for url in requests if url != path.as_uri()]

    yield opened
    for context in contexts:
        context.close()


# Names that break careless writers.
HOSTILE = [
    "]",
    'a"b<c>&d',
    r"\N \G {x|y}",
    "</script><script>alert(1)</script>",
    "`code`; # end",
    "权重",
    "a\tb",
    "a\nb",
    "a\x07b",
    "--> graph end",
    "%%{init}%%",
    "[a](b){c}",
    "x" * 10_000,
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "]]>",
    "&lt;b&gt;",
    "\\",
    "\\\\\\N",
    "\u202eabc",
    "\ud800",
    "a'b",
    "end",
    "1. item",
    "- item",
    "# title",
    "subgraph",
    "click n0 href x",
    "**b**",
    "*i* _i_ __b__ ~~s~~",
    "fa:x",
    "fa:fa-user",
    "$$x$$",
    "+ item",
    "> quote",
    "1) item",
    "===",
    "---",
    "www.example.org",
    "@{ shape: rect }",
]


@pytest.fixture(params=HOSTILE, ids=lambda text: ascii(text)[:24])
def hostile(request):
    """A name that breaks careless writers."""
    return request.param


@pytest.fixture
def hostile_names():
    """All of them."""
    return HOSTILE
