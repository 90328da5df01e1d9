"""Arrays to torch tensors."""

from __future__ import annotations

from multiprocessing import Pipe
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tql.errors import ArgumentError  # noqa: E402
from tql.loader import transport  # noqa: E402
from tql.loader.schedule import Share  # noqa: E402
from tql.loader.stages.collate import collate  # noqa: E402
from tql.loader.to_numpy import NumpyFace  # noqa: E402
from tql.loader.to_torch import TorchFace, distributed_share  # noqa: E402

FACE = TorchFace()


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("bool", torch.bool),
        ("int8", torch.int8),
        ("int64", torch.int64),
        ("uint8", torch.uint8),
        ("uint16", torch.int32),
        ("uint32", torch.int64),
        ("uint64", torch.int64),
        ("float16", torch.float16),
        ("float32", torch.float32),
        ("float64", torch.float64),
    ],
)
def test_dtypes(dtype: str, expected: Any) -> None:
    array = np.array([[0, 1], [1, 0]], dtype)
    tensor = FACE.array(array)
    assert tensor.dtype == expected
    assert tensor.tolist() == array.tolist()


def test_memory_is_shared() -> None:
    array = np.zeros((2, 3), np.float32)
    assert FACE.array(array).data_ptr() == array.ctypes.data


@pytest.mark.parametrize(
    "array", [np.arange(6)[::-1], np.arange(6, dtype=">i4"), np.broadcast_to(np.arange(2), (3, 2))]
)
def test_unusual_memory_is_copied(array: Any) -> None:
    assert FACE.array(array).tolist() == array.tolist()


def test_a_uint64_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ArgumentError) as caught:
        FACE.array(np.array([2**63], np.uint64), "hashes")
    assert str(caught.value) == (
        "no integer of torch holds the uint64 value 9223372036854775808 of column 'hashes'\n"
        "  convert it in a transform, for example to float64"
    )


def test_tensors_of_a_transform_are_stacked_or_listed() -> None:
    assert collate([torch.ones(2), torch.zeros(2)], FACE).tolist() == [[1, 1], [0, 0]]
    ragged = collate([torch.ones(2), torch.zeros(3)], FACE)
    assert isinstance(ragged, list) and [len(tensor) for tensor in ragged] == [2, 3]
    assert isinstance(collate([torch.ones(2), None], FACE), list)


def test_tensors_become_arrays_in_numpy_batches() -> None:
    batch = collate([torch.ones(2), torch.zeros(2)], NumpyFace())
    assert isinstance(batch, np.ndarray) and batch.tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(40000.0),
        torch.arange(5, dtype=torch.bfloat16),
        torch.tensor(3),
        torch.zeros(0, 4),
        torch.arange(12).reshape(3, 4).T,
        torch.ones(3, requires_grad=True),
        torch.ones(2, dtype=torch.complex64).conj(),
    ],
)
def test_tensors_travel_between_processes(tensor: Any) -> None:
    here, there = Pipe()
    transport.send(here, transport.pack({"x": tensor, "y": ["text"]}))
    received = transport.receive(there)
    assert received["y"] == ["text"]
    assert received["x"].dtype == tensor.dtype
    assert torch.equal(received["x"].detach(), tensor.detach())
    here.close()
    there.close()


def test_large_arrays_travel_in_shared_memory_and_stay_writable() -> None:
    here, there = Pipe()
    array = np.random.default_rng(0).random((300, 100))
    transport.send(here, transport.pack([array, b"x" * 100_000]))
    received, text = transport.receive(there)
    assert np.array_equal(received, array) and text == b"x" * 100_000
    received[0] = 0
    here.close()
    there.close()


def test_rank_and_world_size_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert distributed_share() == Share(1, 4)
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(ArgumentError, match="RANK must be less than WORLD_SIZE, got RANK=4 and WORLD_SIZE=4"):
        distributed_share()
    monkeypatch.delenv("RANK")
    with pytest.raises(ArgumentError, match=r"torch[.]distributed is not initialised"):
        distributed_share()
