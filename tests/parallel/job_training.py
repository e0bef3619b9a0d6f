"""What test_parallel.py starts under mpiexec: nn.distributed, checked on every rank."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import parallel

comm = parallel.communicator()
n, rank = comm.Get_size(), comm.Get_rank()
rng = np.random.default_rng(3)
x, y = rng.normal(size=(3, n, 8, 5)).astype(np.float32), rng.integers(0, 4, (3, n, 8))


def network(seed: int) -> nn.Module:
    first, second, third = nn.Linear(5, 16, rng=seed), nn.Linear(16, 8, rng=seed), nn.Linear(8, 4, rng=seed)
    return nn.Sequential(first, nn.Tanh(), second, nn.ReLU(), third)


def bits(values: list[ad.Tensor]) -> bytes:
    return b"".join(p.data.tobytes() for p in values)


def check_steps_equal_one_process_bit_for_bit(bucket_bytes: int) -> None:
    """Three steps of Adam, against one process that takes the ranks' parts one after another."""
    net, alone = network(rank), network(0)  # rank 0's parameters count
    optimizer = nn.distributed(nn.Adam(net.parameters()), bucket_bytes=bucket_bytes)
    other = nn.Adam(alone.parameters())
    for step in range(3):
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(net(x[step, rank]), y[step, rank]).backward()
        optimizer.step()
        other.zero_grad()
        for part in range(n):
            nn.CrossEntropyLoss()(alone(x[step, part]), y[step, part]).backward()
        for p in alone.parameters():
            p.grad = p.grad / n
        other.step()
    assert bits(list(net.parameters())) == bits(list(alone.parameters()))


check_steps_equal_one_process_bit_for_bit(1)  # a bucket for each parameter
check_steps_equal_one_process_bit_for_bit(600)
check_steps_equal_one_process_bit_for_bit(1 << 20)

# A parameter that only some ranks' losses depend on, one that none depends on, and a second pass that adds.
a, b, c = (ad.tensor(np.ones(3)) for _ in "abc")
optimizer = nn.distributed(nn.SGD([a, b, c], lr=1.0), bucket_bytes=24)
for _ in range(2):
    loss = ((a * (rank + 1)) if rank else (a + b)).sum()
    loss.backward()
assert c.grad is None
np.testing.assert_array_equal(a.grad, np.full(3, 2 * sum(range(1, n + 1)) / n))
np.testing.assert_array_equal(b.grad, np.full(3, 2 / n))


# A pass that fails on one rank fails on all, and changes nothing; the next one is right.
class Fault(Exception):
    pass


def broken(g):
    raise Fault("a rule that is wrong")


mine = ad.tensor(np.ones(3))
mine.register_hook(lambda g: broken(g) if rank == n - 1 else None)
optimizer.zero_grad()
expected = Fault if rank == n - 1 else parallel.RankError
said = "a rule" if rank == n - 1 else rf"rank {n - 1} failed with Fault: a rule that is wrong\. No gradient"
with pytest.raises(expected, match=said):
    ((a + b) * mine).sum().backward()
assert a.grad is None and b.grad is None
(a + b).sum().backward()
np.testing.assert_array_equal(a.grad, np.ones(3))

# A rank that comes to its step while the others are in a pass ends that pass: nobody waits forever.
optimizer.zero_grad()
loss = (mine * 1.0 if rank == 0 else a).sum()  # rank 0's reaches no parameter
came = r"rank 0 came to optimizer\.step\(\) while rank 1 is in a backward pass"
with pytest.raises(parallel.RankError, match=came):  # noqa: PT012  # in the pass on one rank, in the step on the other
    loss.backward()
    optimizer.step()
assert a.grad is None and b.grad is None
(a + b).sum().backward()
optimizer.step()
np.testing.assert_array_equal(a.data, np.zeros(3))

# What would go wrong later is refused at the start, on every rank.
one, two = ad.tensor(np.ones(3)), ad.tensor(np.ones(3 + rank))
for other, said in (
    (nn.SGD([one], lr=0.1 if rank else 0.2), r"group 0: rank 0 has 1 parameters.*lr=0\.2.*rank 1 has .*lr=0\.1"),
    (
        nn.SGD([one, two], lr=0.1),
        r"parameter 1: rank 0 has float64 of shape \(3,\), rank 1 has float64 of shape \(4,\)",
    ),
    (nn.Adam([one]) if rank else nn.SGD([one], lr=0.1), "its class: rank 0 has SGD, rank 1 has Adam"),
    (nn.Adam([one]) if rank else nn.Adam([one, two]), "group 0: rank 0 has 2 parameters.*rank 1 has 1 parameters"),
):
    with pytest.raises(parallel.RankError, match=f"agree on the optimizer and its model, {said}"):
        nn.distributed(other)
with pytest.raises(ad.GraphError, match="create_graph"):
    (a * a).sum().backward(create_graph=True)
more = ad.tensor(np.ones(3))
optimizer.add_param_group({"params": [more]})
(a * more).sum().backward()
with pytest.raises(ad.GraphError, match=r"parameter 3 .* has changed since nn\.distributed \(a new group"):
    optimizer.step()

# A frozen parameter takes no part; one that is no longer frozen, or has another dtype, needs a new call.
frozen = network(rank)
frozen[0].weight.requires_grad = False
optimizer = nn.distributed(nn.SGD(frozen.parameters(), lr=0.1))
for change in (lambda: setattr(frozen[0].weight, "requires_grad", True), lambda: frozen.astype(np.float64)):
    optimizer.zero_grad()
    frozen(x[0, rank]).sum().backward()
    optimizer.step()
    change()
    frozen(x[0, rank]).sum().backward()
    with pytest.raises(ad.GraphError, match=r"parameter 0 .* has changed since nn\.distributed"):
        optimizer.step()
    optimizer = nn.distributed(nn.SGD(frozen.parameters(), lr=0.1))
parallel.agree("the parameters", bits(list(frozen.parameters())))

# Adam's moments on rank 0 alone: the ranks would drift apart.
optimizer = nn.Adam([a])
if rank == 0:
    a.grad = np.ones(3)
    optimizer.step()
with pytest.raises(parallel.RankError, match=r"its state: rank 0 has numbers with the SHA-256 .*, rank 1 has none"):
    nn.distributed(optimizer)
with pytest.raises(TypeError, match=r"cannot be copied or pickled; save optimizer\.state_dict"):
    copy.deepcopy(nn.distributed(nn.SGD([b], lr=0.1)))

# Ranks whose passes reach parameters of different optimizers, in either order: nobody waits, and the next is right.
one, two = ad.tensor(np.ones(3)), ad.tensor(np.ones(4))
first, second = nn.distributed(nn.SGD([one], lr=1.0)), nn.distributed(nn.SGD([two], lr=1.0))
for reached in (one, two):
    with pytest.raises(parallel.RankError, match=r"different optimizers|came to optimizer\.step"):  # noqa: PT012
        (reached.sum() if rank == 0 else one.sum() + two.sum()).backward()
        first.step()
        second.step()
    first.zero_grad()
    second.zero_grad()
(one.sum() + two.sum()).backward()
first.step()
second.step()
assert not one.data.any() and not two.data.any()
hooked = one * 1.0
hooked.register_hook(lambda g: two.sum().backward())
with pytest.raises(ad.GraphError, match="inside a backward pass"):
    (hooked.sum() + two.sum()).backward()

# Rank 0 ends nn.fit an epoch before the others.
optimizer = nn.distributed(nn.Adam(frozen.parameters()))
with pytest.raises(parallel.RankError, match=r"rank 0 has ended its training \(finished\) while rank 1 is in a"):
    nn.fit(
        frozen, x[0, rank], y[0, rank], loss=nn.CrossEntropyLoss(), optimizer=optimizer, epochs=1 if rank == 0 else 2
    )
