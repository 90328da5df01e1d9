"""The torch face, and the only place that imports torch: arrays to tensors without a copy.

torch has no full support for unsigned integers wider than 8 bits, so they are widened: uint16 to int32,
uint32 to int64, and uint64 to int64 where the values fit.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tql.errors import ArgumentError, MissingDependencyError
from tql.loader.schedule import Share
from tql.loader.stages.pad import Pad, pad_value, padded, ragged

_WIDENED = {2: np.int32, 4: np.int64, 8: np.int64}
"""By bytes: what unsigned integers that torch lacks become."""


def require_torch() -> None:
    """Check that torch is installed, without importing it.

    Raises:
        MissingDependencyError: it is not.
    """
    if "torch" not in sys.modules and importlib.util.find_spec("torch") is None:
        raise MissingDependencyError("pytorch() needs torch", hint="pip install tql[torch]")


def is_tensor(value: object) -> bool:
    """Whether a value is a torch tensor; imports nothing."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def seed_torch(seed: int) -> None:
    """Seed torch's random numbers on the CPU, if this process has imported torch."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.default_generator.manual_seed(seed)


@contextmanager
def restored_torch() -> Iterator[None]:
    """Afterwards torch's random numbers go on as if nothing had happened inside."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    state = torch.default_generator.get_state()
    try:
        yield
    finally:
        torch.default_generator.set_state(state)


def limit_torch_threads() -> None:
    """One thread per operator in a worker, if torch was imported before the fork: its thread pool did not
    survive.
    """
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)


class TorchFace:
    """Leaves of a batch as torch tensors.

    Args:
        pad: what fills rows of different shapes up to one.
    """

    def __init__(self, pad: Pad = None) -> None:
        import torch

        self._torch = torch
        self._pad = pad

    def is_tensor(self, value: object) -> bool:
        return isinstance(value, self._torch.Tensor)

    def array(self, array: NDArray[Any], column: str = "") -> Any:
        """A tensor over the array's memory; copied only where it is widened, read-only or reversed.

        Args:
            array: numbers or bool of any shape.
            column: for the message.

        Raises:
            ArgumentError: a uint64 value of 2**63 or more.
        """
        dtype = array.dtype
        wider = _WIDENED.get(dtype.itemsize) if dtype.kind == "u" else None
        if wider is not None:
            if dtype.itemsize == 8 and array.size and int(array.max()) >= 1 << 63:
                raise ArgumentError(
                    f"no integer of torch holds the uint64 value {int(array.max())}"
                    + (f" of column '{column}'" if column else ""),
                    hint="convert it in a transform, for example to float64",
                )
            array = array.astype(wider)
        elif not array.flags.writeable or not dtype.isnative or any(s < 0 for s in array.strides):
            array = array.astype(dtype.newbyteorder("="), order="C", copy=True)
        return self._torch.from_numpy(array)

    def parts(self, array: Any, rows: int) -> Sequence[Any]:
        """A tensor cut into parts of `rows` rows that share its memory; the last one may be shorter.

        Each has a version counter of its own, or autograd would take a change in place of one for one of all.
        """
        parts: Sequence[Any] = self._torch.unsafe_split(array, rows)
        return parts

    def ragged(self, rows: Sequence[NDArray[Any]], column: str) -> Any:
        """Rows of different shapes: one tensor that is filled up where `pad` says so, else a list."""
        value = pad_value(self._pad, column)
        if value is None:
            return ragged([self.array(row, column) for row in rows], column)
        return self.array(padded(rows, value, column), column)

    def stack(self, tensors: Sequence[Any]) -> Any:
        """One tensor [n, ...] of n tensors of one shape and dtype, else the list."""
        first = tensors[0]
        if all(t.shape == first.shape and t.dtype == first.dtype for t in tensors):
            return self._torch.stack(tuple(tensors))
        return list(tensors)


def tensor_parts(tensor: Any) -> tuple[NDArray[Any], str] | None:
    """A dense CPU tensor as an array over the same memory and the name of its dtype; None for any other.

    For sending it to another process. Types that NumPy lacks travel as bytes.
    """
    import torch

    if (
        tensor.device.type != "cpu"
        or tensor.layout != torch.strided
        or tensor.is_quantized
        or tensor.dim() == 0
    ):
        return None
    if tensor.requires_grad or tensor.is_conj() or tensor.is_neg() or type(tensor) is not torch.Tensor:
        return None
    name = str(tensor.dtype).removeprefix("torch.")
    tensor = tensor.contiguous()
    try:
        return tensor.numpy(), name
    except TypeError:
        return tensor.view(torch.uint8).numpy(), name


def tensor_from_parts(array: NDArray[Any], dtype: str) -> Any:
    """The inverse of `tensor_parts`, over the array's memory."""
    import torch

    tensor = torch.from_numpy(array)
    wanted = getattr(torch, dtype)
    return tensor if tensor.dtype == wanted else tensor.view(wanted)


def distributed_share() -> Share:
    """Rank and world size: of `torch.distributed` if it is initialised, else of RANK and WORLD_SIZE.

    Raises:
        ArgumentError: neither is there, or the variables make no sense.
    """
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        return Share(dist.get_rank(), dist.get_world_size())
    rank, world_size = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if rank is None or world_size is None:
        raise ArgumentError(
            "distributed=True, but torch.distributed is not initialised and RANK and WORLD_SIZE are not set",
            hint="start with torchrun, call torch.distributed.init_process_group() first, or leave it out",
        )
    if not (rank.isdigit() and world_size.isdigit() and int(rank) < int(world_size)):
        raise ArgumentError(f"RANK must be less than WORLD_SIZE, got RANK={rank} and WORLD_SIZE={world_size}")
    return Share(int(rank), int(world_size))
