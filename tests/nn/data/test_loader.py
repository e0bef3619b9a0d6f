"""DataLoader: the same batches whoever prepares them, errors where they are due, and no thread left behind."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn.data import DataLoader, Dataset, Subset, TensorDataset, WeightedRandomSampler


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("nn.data")]


@settings(max_examples=30)
@given(
    n=st.integers(1, 20),
    size=st.integers(1, 7),
    workers=st.integers(1, 4),
    ahead=st.integers(1, 3),
    drop_last=st.booleans(),
    shuffle=st.booleans(),
)
def test_the_batches_do_not_depend_on_the_number_of_threads(n, size, workers, ahead, drop_last, shuffle):
    def epochs(num_workers, **options):
        noisy = lambda batch, rng: (batch[0] + rng.random(len(batch[0])), batch[1])
        data = TensorDataset(np.arange(n) * 1.0, np.arange(n))
        loader = DataLoader(
            data, size, shuffle, num_workers=num_workers, drop_last=drop_last, generator=3, augment=noisy, **options
        )
        return [[(x.tolist(), y.tolist()) for x, y in loader] for _ in range(2)]

    first, second = epochs(0)
    assert epochs(workers, prefetch_factor=ahead) == [first, second]
    seen = [i for _, y in first for i in y]
    assert len(seen) == (n - n % size if drop_last else n) == len(set(seen))
    assert first != second or not seen  # another order, and other noise
    assert not threads()


class Failing(Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, i):
        if i == 7:
            raise OSError("sample 7 is damaged")
        return i


@pytest.mark.parametrize("workers", [0, 3])
def test_an_error_is_raised_where_its_batch_is_due(workers):
    got = []
    with pytest.raises(OSError, match="sample 7 is damaged") as caught:
        got.extend(batch.tolist() for batch in DataLoader(Failing(), batch_size=2, num_workers=workers))
    assert got == [[0, 1], [2, 3], [4, 5]] and not threads()
    assert caught.value.__notes__ == ["in batch 4 of the DataLoader, which has the samples [6, 7]"]


def test_the_generators_of_samplers_and_datasets_are_found_for_checkpoints():
    own, of_sampler, of_data = (np.random.default_rng(i) for i in range(3))

    class Random(Dataset):
        def __init__(self):
            self.rng = of_data

        def __len__(self):
            return 3

    sampler = WeightedRandomSampler([1, 1, 1], 3, generator=of_sampler)
    loader = DataLoader(Subset(Random(), [0, 1]), sampler=sampler, generator=own)
    assert {id(g) for g in loader.generators()} == {id(own), id(of_sampler), id(of_data)}
    shared = DataLoader([1, 2], shuffle=True, generator=own)
    assert list(shared.generators()) == [own]


def test_batches_are_prepared_ahead_but_not_without_limit():
    asked, third = [], threading.Event()

    class Watched(Dataset):
        def __len__(self):
            return 100

        def __getitem__(self, i):
            asked.append(i)
            if len(asked) == 4:
                third.set()
            return i

    batches = iter(DataLoader(Watched(), num_workers=2, prefetch_factor=2))
    assert next(batches).tolist() == [0]
    assert third.wait(10)  # others were prepared without being asked for
    batches.close()
    assert len(asked) <= 5 and not threads()  # the one that was given, and four ahead


def test_a_loop_that_ends_early_ends_the_threads():
    for batch in DataLoader(TensorDataset(np.arange(50)), num_workers=3):
        if batch[0][0] == 4:
            break
    del batch
    assert not threads()


def test_samplers_batch_samplers_and_collate_functions_of_your_own_are_used():
    data = TensorDataset(np.arange(6))
    only = DataLoader(data, 4, sampler=WeightedRandomSampler([0, 0, 1, 0, 0, 0], 6))
    assert [x.tolist() for (x,) in only] == [[2, 2, 2, 2], [2, 2]]
    pairs = DataLoader(data, batch_sampler=[[5, 0], [3]])
    assert len(pairs) == 2 and [x.tolist() for (x,) in pairs] == [[5, 0], [3]]
    lists = DataLoader([1, 2, 3], 2, collate_fn=list)
    assert list(lists) == [[1, 2], [3]]


def test_two_loops_over_one_loader_do_not_disturb_each_other():
    loader = DataLoader(TensorDataset(np.arange(4)), num_workers=2)
    assert [int(a[0]) + 10 * int(b[0]) for (a,), (b,) in itertools.product(loader, loader)] == [
        i + 10 * k for i in range(4) for k in range(4)
    ]


@pytest.mark.parametrize(
    ("act", "error", "said"),
    [
        (lambda: DataLoader(iter([1])), TypeError, "needs a dataset with a length"),
        (lambda: DataLoader((np.ones(3), np.ones(3))), TypeError, r"TensorDataset\(x, y\)"),
        (lambda: DataLoader([1], shuffle=True, sampler=[0]), ValueError, "not both"),
        (lambda: DataLoader([1], 2, batch_sampler=[[0]]), ValueError, "excludes batch_size"),
        (lambda: DataLoader([1], 0), ValueError, "batch_size must be >= 1"),
        (lambda: DataLoader([1], num_workers=-1), ValueError, "num_workers must be >= 1"),
        (lambda: DataLoader([1], num_workers=1.5), TypeError, "num_workers must be an integer"),
        (lambda: DataLoader([1], augment=3), TypeError, "augment must be a function"),
        (lambda: DataLoader([1], generator="x"), TypeError, "rng must be"),
    ],
)
def test_mistakes_are_named(act, error, said):
    with pytest.raises(error, match=said):
        act()
