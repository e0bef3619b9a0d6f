"""The handwritten digits that come with the package: 1,797 images of 8x8. README.md beside this: source, licence."""

from __future__ import annotations

import numpy as np


def load_digits(*, raw: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return (images, labels) of 1,797 real handwritten digits, about 180 of each.

    images: (1797, 8, 8), float32 between 0 and 1; with `raw=True` uint8 as published, the count 0..16 of inked pixels
    in each block of 4x4. labels: (1797,), int64, 0..9. Both are new arrays at every call. The order is the published
    one, where the digits of one writer follow each other, so shuffle before you split: `train_test_split` does.

    >>> images, labels = load_digits()
    >>> images.shape, images.dtype, float(images.max())
    ((1797, 8, 8), dtype('float32'), 1.0)
    >>> labels[:10]
    array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    from importlib import resources  # here: it takes longer to import than the rest of nn.data together

    with resources.files(__package__).joinpath("digits.npz").open("rb") as file, np.load(file) as arrays:
        images, labels = arrays["images"], arrays["labels"].astype(np.int64)
    return (images if raw else images / np.float32(16)), labels
