"""Language: classify a piece of text by its language, one of six.

    python examples/applications/language.py

The texts are the openings of six old books (public domain; below). The last third of each is not trained on. Accents
and punctuation are removed, so that the network must use the order of the letters. Its input is a piece of 40 letters:
letter -> vector -> convolution over pairs of neighbours -> the largest value along the piece -> scores.

There are about 300 letters of each language to train on. With so few, counting pairs of letters is more accurate than
the network, and the program prints both.
"""

from __future__ import annotations

import argparse
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn

TEXTS = {
    # Lewis Carroll, Alice's Adventures in Wonderland, 1865
    "English": """Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to
do: once or twice she had peeped into the book her sister was reading, but it had no pictures or conversations in it,
"and what is the use of a book," thought Alice "without pictures or conversations?" So she was considering in her own
mind (as well as she could, for the hot day made her feel very sleepy and stupid), whether the pleasure of making a
daisy-chain would be worth the trouble of getting up and picking the daisies, when suddenly a White Rabbit with pink
eyes ran close by her.""",
    # Franz Kafka, Die Verwandlung, 1915
    "German": """Als Gregor Samsa eines Morgens aus unruhigen Träumen erwachte, fand er sich in seinem Bett zu einem
ungeheueren Ungeziefer verwandelt. Er lag auf seinem panzerartig harten Rücken und sah, wenn er den Kopf ein wenig hob,
seinen gewölbten, braunen, von bogenförmigen Versteifungen geteilten Bauch, auf dessen Höhe sich die Bettdecke, zum
gänzlichen Niedergleiten bereit, kaum noch erhalten konnte. Seine vielen, im Vergleich zu seinem sonstigen Umfang
kläglich dünnen Beine flimmerten ihm hilflos vor den Augen.""",
    # Marcel Proust, Du côté de chez Swann, 1913
    "French": """Longtemps, je me suis couché de bonne heure. Parfois, à peine ma bougie éteinte, mes yeux se fermaient
si vite que je n'avais pas le temps de me dire: Je m'endors. Et, une demi-heure après, la pensée qu'il était temps de
chercher le sommeil m'éveillait; je voulais poser le volume que je croyais avoir encore dans les mains et souffler ma
lumière; je n'avais pas cessé en dormant de faire des réflexions sur ce que je venais de lire, mais ces réflexions
avaient pris un tour un peu particulier.""",
    # Miguel de Cervantes, Don Quijote de la Mancha, 1605
    "Spanish": """En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo que vivía un hidalgo
de los de lanza en astillero, adarga antigua, rocín flaco y galgo corredor. Una olla de algo más vaca que carnero,
salpicón las más noches, duelos y quebrantos los sábados, lantejas los viernes, algún palomino de añadidura los
domingos, consumían las tres partes de su hacienda. El resto della concluían sayo de velarte, calzas de velludo para las
fiestas, con sus pantuflos de lo mesmo.""",
    # Carlo Collodi, Le avventure di Pinocchio, 1883
    "Italian": """C'era una volta... Un re! diranno subito i miei piccoli lettori. No, ragazzi, avete sbagliato. C'era
una volta un pezzo di legno. Non era un legno di lusso, ma un semplice pezzo da catasta, di quelli che d'inverno si
mettono nelle stufe e nei caminetti per accendere il fuoco e per riscaldare le stanze. Non so come andasse, ma il fatto
gli è che un bel giorno questo pezzo di legno capitò nella bottega di un vecchio falegname, il quale aveva nome mastr'
Antonio, se non che tutti lo chiamavano maestro Ciliegia.""",
    # Gaius Iulius Caesar, De bello Gallico, about 50 BC
    "Latin": """Gallia est omnis divisa in partes tres, quarum unam incolunt Belgae, aliam Aquitani, tertiam qui ipsorum
lingua Celtae, nostra Galli appellantur. Hi omnes lingua, institutis, legibus inter se differunt. Gallos ab Aquitanis
Garumna flumen, a Belgis Matrona et Sequana dividit. Horum omnium fortissimi sunt Belgae, propterea quod a cultu atque
humanitate provinciae longissime absunt, minimeque ad eos mercatores saepe commeant atque ea quae ad effeminandos animos
pertinent important.""",
}
LANGUAGES = list(TEXTS)
LETTERS = " abcdefghijklmnopqrstuvwxyz"
SPAN = 40  # letters in a piece


def numbers(text: str) -> Any:
    """Return the text as indices into LETTERS: no accents, no punctuation, single spaces."""
    plain = unicodedata.normalize("NFD", text.lower())
    words = "".join(c if c in LETTERS else "" if unicodedata.combining(c) else " " for c in plain).split()
    return np.array([LETTERS.index(c) for c in " ".join(words)])


def pieces(texts: Sequence[Any]) -> tuple[Any, Any]:
    """Return every piece of SPAN letters of every text, (N, SPAN), and the index of its language, (N,)."""
    cut = [text[np.arange(len(text) - SPAN + 1)[:, None] + np.arange(SPAN)] for text in texts]
    return np.concatenate(cut), np.repeat(np.arange(len(cut)), [len(part) for part in cut])


class Reader(nn.Module):
    """(N, SPAN) letters -> scores of the languages."""

    def __init__(self, width: int, rng: np.random.Generator) -> None:
        self.embedding = nn.Embedding(len(LETTERS), 12, rng=rng)
        self.convolution = nn.Conv1d(12, width, 2, rng=rng)
        self.dropout = nn.Dropout(0.5, rng=rng)
        self.head = nn.Linear(width, len(LANGUAGES), rng=rng)

    def forward(self, x: Any) -> Any:
        neighbours = ad.relu(self.convolution(np.swapaxes(self.embedding(x), 1, 2)))  # (N, width, SPAN - 1)
        return self.head(self.dropout(neighbours.max(axis=2)))


def pair_scores(texts: Sequence[Any], x: Any) -> Any:
    """Return the log likelihood of each piece in each language, from counts of pairs of letters: (N, languages)."""
    counts = np.full((len(texts), len(LETTERS), len(LETTERS)), 0.3)  # a pair that does not occur is not impossible
    for count, text in zip(counts, texts, strict=True):
        np.add.at(count, (text[:-1], text[1:]), 1)
    logs = np.log(counts / counts.sum(axis=2, keepdims=True))
    return logs[:, x[:, :-1], x[:, 1:]].sum(axis=2).T


def draw(net: Reader, unseen: Sequence[Any], path: Path) -> None:
    """Draw, along the unseen part of each text, the probability of each language for the piece that begins there."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(len(unseen), 1, figsize=(9, 7), dpi=110, layout="constrained")
    for axes, text, name in zip(grid, unseen, LANGUAGES, strict=True):
        p = ad.softmax(nn.predict(net, pieces([text])[0]), axis=1)
        axes.imshow(p.T, aspect="auto", cmap="Blues", vmin=0, vmax=1)
        axes.set_yticks(range(len(LANGUAGES)), LANGUAGES, fontsize=7)
        axes.set_xticks([])
        axes.set_title(f"{name}: " + "".join(LETTERS[i] for i in text[:70]) + " …", fontsize=9, loc="left")
    grid[-1].set_xlabel(f"the piece of {SPAN} letters that begins at this letter")
    figure.savefig(path)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> float:
    """Train on the first two thirds of each text, test on the rest, draw; return the accuracy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12, help="passes over the pieces (default: %(default)s)")
    parser.add_argument("--width", type=int, default=64, help="features of the convolution (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and order (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the picture (default: %(default)s)")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)

    texts = [numbers(text) for text in TEXTS.values()]
    seen = [text[: 2 * len(text) // 3] for text in texts]
    unseen = [text[2 * len(text) // 3 :] for text in texts]
    (x, y), (x_test, y_test) = pieces(seen), pieces(unseen)
    rng = np.random.default_rng(options.seed)
    net = Reader(options.width, rng)
    optimizer = nn.AdamW(net.parameters(), lr=3e-3, weight_decay=0.3)
    nn.fit(net, x, y, loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=options.epochs, rng=rng)
    scores = nn.predict(net, x_test)
    accuracy = nn.accuracy(scores, y_test)
    print(f"{len(y):,} pieces to learn from; {accuracy:.1%} of {len(y_test):,} unseen pieces are named right")
    print(f"Counting pairs of letters: {nn.accuracy(pair_scores(seen, x_test), y_test):.1%}. The network by language:")
    for label, name in enumerate(LANGUAGES):
        print(f"  {name:8} {np.mean(scores[y_test == label].argmax(axis=1) == label):.1%}")
    try:
        draw(net, unseen, options.out / "language.png")
        print(f"Picture: {options.out / 'language.png'}")
    except ImportError:
        print("matplotlib is not installed: no picture (pip install matplotlib)")
    return accuracy


if __name__ == "__main__":
    main()
