"""Speech: classify vowels from spectrograms, with a convolution and a GRU.

    python examples/applications/speech.py

The sounds are synthesised by the source-filter model: a voice is a pulse train of a fundamental frequency, the mouth a
chain of resonances (formants), and the first two formants determine the vowel. Each speaker has a pitch and a length
of the vocal tract, which scales all formants; pitch and loudness drift, and noise is added. The formants are the means
of Peterson and Barney, "Control Methods Used in a Study of the Vowels" (1952), for men. The speakers of the test are
not those of the training.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn

RATE = 8000  # samples a second
FORMANTS = {  # Hz
    "i (beet)": (270, 2290, 3010),
    "ɛ (bet)": (530, 1840, 2480),
    "æ (bat)": (660, 1720, 2410),
    "ɑ (father)": (730, 1090, 2440),
    "ɔ (bought)": (570, 840, 2410),
    "u (boot)": (300, 870, 2240),
}
VOWELS = list(FORMANTS)
WIDTHS = (60, 90, 120)  # bandwidths of the formants, Hz


def resonance(x: Any, frequency: float, width: float) -> Any:
    """Apply a two-pole filter of this resonance to x (T,), by convolution with its impulse response."""
    t = np.arange(400) / RATE
    ringing = np.exp(-np.pi * width * t) * np.sin(2 * np.pi * frequency * t)
    return np.convolve(x, ringing)[: len(x)]


def say(vowel: str, pitch: float, tract: float, noise: float, rng: np.random.Generator, seconds: float = 0.3) -> Any:
    """Return the sound of a vowel, (T,), with unit power before the noise."""
    count = int(seconds * RATE)
    drift = pitch * (1 + 0.08 * np.sin(2 * np.pi * (rng.random() + np.arange(count) / count * rng.uniform(0.3, 1.0))))
    phase = np.cumsum(drift) / RATE
    sound = np.diff(np.floor(phase), prepend=0.0)  # a pulse in each period
    for frequency, width in zip(FORMANTS[vowel], WIDTHS, strict=True):
        sound = resonance(sound, tract * frequency, width)
    return sound / sound.std() + noise * rng.standard_normal(count)


def spectrogram(sounds: Any, window: int = 128, hop: int = 96) -> Any:
    """Return the log power of sounds (N, T) in each window and frequency, (N, windows, window // 2 + 1)."""
    starts = np.arange(0, sounds.shape[1] - window + 1, hop)
    pieces = sounds[:, starts[:, None] + np.arange(window)] * np.hanning(window)
    return np.log(np.abs(np.fft.rfft(pieces)) ** 2 + 1e-3).astype(np.float32)


def recordings(speakers: int, noise: float, rng: np.random.Generator) -> tuple[Any, Any]:
    """Return spectrograms and labels: every vowel three times from each of `speakers` new speakers."""
    sounds, labels = [], []
    for _ in range(speakers):
        pitch, tract = rng.uniform(90, 260), rng.uniform(0.95, 1.2)
        for label in np.repeat(np.arange(len(VOWELS)), 3):
            sounds.append(say(VOWELS[label], pitch * rng.uniform(0.9, 1.1), tract, noise, rng))
            labels.append(label)
    return spectrogram(np.array(sounds)), np.array(labels)


class Listener(nn.Module):
    """(N, windows, frequencies) -> convolution along time -> GRU -> scores of the vowels."""

    def __init__(self, frequencies: int, rng: np.random.Generator) -> None:
        self.convolution = nn.Conv1d(frequencies, 32, 3, padding=1, rng=rng)  # frequencies are its channels
        self.gru = nn.GRU(32, 32, batch_first=True, rng=rng)
        self.head = nn.Linear(32, len(VOWELS), rng=rng)

    def forward(self, x: Any) -> Any:
        features = np.swapaxes(ad.relu(self.convolution(np.swapaxes(x, 1, 2))), 1, 2)
        _, last = self.gru(features)
        return self.head(last[-1])


def draw(x: Any, y: Any, matrix: Any, path: Path) -> None:
    """Draw a spectrogram of each vowel, and the confusion matrix."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(11, 4.2), dpi=110, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(5, 4))
    for label, axes in enumerate(left.subplots(2, 3).flat):
        axes.imshow(x[y == label][0].T, origin="lower", aspect="auto", cmap="magma", extent=(0, 0.3, 0, RATE / 2000))
        axes.set_title(VOWELS[label], fontsize=9)
    left.supxlabel("seconds", fontsize=9)
    left.supylabel("kHz", fontsize=9)
    axes = right.subplots()
    axes.imshow(matrix, cmap="Blues")
    for (i, j), count in np.ndenumerate(matrix):
        axes.text(j, i, count or "·", ha="center", va="center", color="white" if count > matrix.max() / 2 else "black")
    names = [vowel[0] for vowel in VOWELS]
    axes.set(xticks=range(len(names)), xticklabels=names, yticks=range(len(names)), yticklabels=names)
    axes.set(xlabel="heard", ylabel="said", title="New speakers")
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> float:
    """Synthesise, train, test on new speakers, draw; return the accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10, help="passes over the sounds (default: %(default)s)")
    parser.add_argument("--speakers", type=int, default=40, help="voices to learn from (default: %(default)s)")
    parser.add_argument("--noise", type=float, default=2.0, help="standard deviation; the voice has 1")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(options.seed)
    x, y = recordings(options.speakers, options.noise, rng)
    x_test, y_test = recordings(max(2, options.speakers // 3), options.noise, rng)
    mean, spread = x.mean(), x.std()
    x, x_test = (x - mean) / spread, (x_test - mean) / spread
    net = Listener(x.shape[2], rng)
    optimizer = nn.Adam(net.parameters(), lr=3e-3)
    nn.fit(net, x, y, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=options.epochs, clip_norm=1.0, rng=rng)
    scores = nn.predict(net, x_test)
    accuracy = nn.accuracy(scores, y_test)
    print(f"{accuracy:.1%} of {len(y_test)} vowels of new speakers are named right (chance: {1 / len(VOWELS):.1%})")
    try:
        draw(x_test, y_test, nn.confusion_matrix(y_test, scores), options.out / "speech.png")
        print(f"Picture: {options.out / 'speech.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return accuracy


if __name__ == "__main__":
    main()
