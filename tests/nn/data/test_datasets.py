"""Datasets, samplers and `collate`: every sample is there once, in the place that its index says."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedSampler,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    collate,
    random_split,
)


class Squares(Dataset):
    """As small as a dataset can be: no batch of its own."""

    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return np.array([i, i * i]), i


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.data())
def test_a_batch_of_any_dataset_is_its_samples_put_together(sizes, data):
    parts = [TensorDataset(np.arange(n) + 10 * k, np.ones((n, 2)) * k) for k, n in enumerate(sizes)]
    whole = ConcatDataset(parts)
    assert len(whole) == sum(sizes)
    if not len(whole):
        return
    rows = data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=6))
    chosen = Subset(whole, rows)
    numbers, ones = chosen.batch(range(len(rows)))
    flat = [i + 10 * k for k, n in enumerate(sizes) for i in range(n)]
    assert numbers.tolist() == [flat[i] for i in rows] == [chosen[i][0] for i in range(len(rows))]
    np.testing.assert_array_equal(ones, numbers[:, None] // 10 * np.ones(2))
    assert chosen[-1][0] == numbers[-1]


@given(st.integers(0, 20), st.integers(1, 4), st.integers(0, 9))
def test_a_random_split_divides_every_sample_into_one_part(n, parts, seed):
    cuts = np.sort(np.random.default_rng(seed).integers(0, n + 1, parts - 1))
    sizes = np.diff([0, *cuts, n]).tolist()
    split = random_split(Squares(n), sizes, generator=seed)
    assert [len(part) for part in split] == sizes
    assert sorted(i for part in split for _, i in part) == list(range(n))
    again = random_split(Squares(n), sizes, generator=seed)
    assert [part.indices.tolist() for part in split] == [part.indices.tolist() for part in again]


def test_fractions_give_what_is_left_over_to_the_first_parts_as_in_pytorch():
    assert [len(part) for part in random_split(Squares(10), [0.33, 0.33, 0.34], generator=0)] == [4, 3, 3]
    assert [len(part) for part in random_split(Squares(100), [0.07, 0.93], generator=0)] == [7, 93]


@given(st.integers(0, 12), st.integers(1, 5), st.booleans())
def test_batch_samplers_cut_an_order_into_equal_pieces(n, size, drop_last):
    batches = list(sampler := BatchSampler(SequentialSampler(range(n)), size, drop_last))
    assert len(batches) == len(sampler)
    flat = [i for batch in batches for i in batch]
    assert flat == list(range(n - n % size if drop_last else n))
    assert all(len(batch) == size for batch in batches[:-1])


@given(st.integers(1, 20), st.integers(1, 6), st.booleans(), st.integers(0, 3))
def test_ranks_divide_an_order_among_themselves(n, ranks, drop_last, epoch):
    shares = [DistributedSampler(range(n), ranks, rank, seed=4, drop_last=drop_last) for rank in range(ranks)]
    for share in shares:
        share.set_epoch(epoch)
    drawn = [list(share) for share in shares]
    assert {len(d) for d in drawn} == {len(shares[0])} == {n // ranks if drop_last else -(-n // ranks)}
    order = np.random.default_rng([4, epoch]).permutation(n)
    assert [i for turn in zip(*drawn, strict=True) for i in turn] == np.resize(order, ranks * len(shares[0])).tolist()


@given(st.integers(1, 20), st.integers(1, 6), st.booleans())
def test_a_share_in_order_is_the_one_of_torch(n, ranks, drop_last):
    data = pytest.importorskip("torch.utils.data")
    for rank in range(ranks):
        ours = DistributedSampler(range(n), ranks, rank, shuffle=False, drop_last=drop_last)
        theirs = data.DistributedSampler(range(n), ranks, rank, shuffle=False, drop_last=drop_last)
        assert list(ours) == list(theirs) and len(ours) == len(theirs)


def test_a_loader_takes_the_share_of_a_rank():
    loader = DataLoader(TensorDataset(np.arange(7)), 2, sampler=DistributedSampler(range(7), 2, 1, shuffle=False))
    assert [x.tolist() for (x,) in loader] == [[1, 3], [5, 0]]


def test_random_samplers_draw_what_they_say_and_a_new_order_each_epoch():
    sampler = RandomSampler(range(50), generator=0)
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(50)) and first != second
    assert list(RandomSampler(range(50), generator=0)) == first
    more = list(RandomSampler(range(3), num_samples=8, generator=1))
    assert sorted(more[:3]) == sorted(more[3:6]) == [0, 1, 2] and len(more) == 8
    assert set(RandomSampler(range(3), replacement=True, num_samples=40, generator=1)) == {0, 1, 2}
    weighted = list(WeightedRandomSampler([0, 1, 3], 4000, generator=0))
    assert 0 not in weighted and abs(weighted.count(2) / 4000 - 0.75) < 0.05  # 7 standard deviations
    assert sorted(WeightedRandomSampler([1, 0, 2], 2, replacement=False, generator=0)) == [0, 2]
    assert sorted(SubsetRandomSampler([4, 9], generator=0)) == [4, 9]


def test_samples_of_tuples_dicts_and_named_tuples_are_collated_part_by_part():
    Pair = namedtuple("Pair", "x y")
    batch = collate([Pair({"a": 1.5}, [1, (2,)]), Pair({"a": 2.5}, [3, (4,)])])
    assert isinstance(batch, Pair) and batch.x["a"].tolist() == [1.5, 2.5]
    assert isinstance(batch.y, list) and batch.y[1][0].tolist() == [2, 4]
    data = TensorDataset({"a": np.arange(4)}, (np.zeros(4), np.ones((4, 2))))
    inputs, (zeros, ones) = data.batch([3, 0])
    assert inputs["a"].tolist() == [3, 0] and zeros.shape == (2,) and ones.shape == (2, 2)
    assert data[2][0] == {"a": 2}


@pytest.mark.parametrize(
    ("act", "error", "said"),
    [
        (lambda: TensorDataset(), ValueError, r"write TensorDataset\(x, y\)"),
        (lambda: TensorDataset(np.ones(3), np.ones(4)), ValueError, r"equally long, got shapes \(3,\), \(4,\)"),
        (lambda: TensorDataset(3.0), ValueError, r"shapes \(\)"),
        (lambda: TensorDataset(["a"]), TypeError, "array 0 must hold numbers"),
        (lambda: TensorDataset(np.ones(3))[3], IndexError, "index 3 of 3 samples"),
        (lambda: TensorDataset(np.ones(3))[[0, 1]], TypeError, r"batch\(indices\) returns many"),
        (lambda: Subset(Squares(3), [True, False, True]), TypeError, r"flatnonzero"),
        (lambda: Subset(Squares(3), [0, 3]), IndexError, "index 3 of a dataset of 3"),
        (lambda: ConcatDataset([]), ValueError, "at least one"),
        (lambda: random_split(Squares(4), [1, 2]), ValueError, r"\[1, 2\] do not sum to the 4 samples"),
        (lambda: random_split(Squares(4), [0.5, 0.6]), ValueError, "sum to 1"),
        (lambda: random_split(Squares(4), [5, -1]), ValueError, "do not sum"),
        (lambda: collate([np.ones(2), np.ones(3)]), ValueError, r"shapes \(2,\) and \(3,\) do not stack"),
        (lambda: collate([{"a": 1}, {"b": 1}]), ValueError, r"keys \['a'\] beside one with the keys \['b'\]"),
        (lambda: collate([(1, 2), (1,)]), ValueError, "2 parts beside one of 1 parts"),
        (lambda: collate(["a", "b"]), TypeError, "must hold numbers"),
        (lambda: Dataset()[0], NotImplementedError, "define __getitem__"),
        (lambda: RandomSampler(range(3), num_samples=0), ValueError, "num_samples must be >= 1"),
        (lambda: list(RandomSampler([], num_samples=2)), ValueError, "no samples to draw from"),
        (lambda: WeightedRandomSampler([1, np.nan], 2), ValueError, "finite, >= 0"),
        (lambda: WeightedRandomSampler([0, 0], 2), ValueError, "not all zero"),
        (lambda: WeightedRandomSampler([0, 1], 2, replacement=False), ValueError, "only 1 weights are above zero"),
        (lambda: SubsetRandomSampler([0.5]), TypeError, "list of integers"),
        (lambda: BatchSampler(range(3), True), TypeError, "batch_size must be an integer, got True"),
        (lambda: DistributedSampler(range(3), 2, 2), ValueError, "rank must be from 0 to 1, got 2"),
        (lambda: DistributedSampler([], 2, 0), ValueError, "no samples"),
        (lambda: DistributedSampler(range(3), 2, 0.5), TypeError, "rank must be an integer, got 0.5"),
        (lambda: DistributedSampler(range(3), 2, 0, seed=None), TypeError, "seed must be an integer, got None"),
        (lambda: DistributedSampler(range(3), 2, 0).set_epoch(-1), ValueError, "epoch must be >= 0, got -1"),
    ],
)
def test_mistakes_are_named(act, error, said):
    with pytest.raises(error, match=said):
        act()
