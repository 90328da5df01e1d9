"""Tensors on their way to a GPU: page-locked memory, and copies that run ahead of the consumer.

Only what is a tensor, or a dict, list or tuple of such, is moved; the rest is handed on as it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tql.errors import ArgumentError
from tql.loader.pipeline import Made
from tql.loader.stages.pad import Ragged, ragged


class Stream(Protocol):
    """Where copies run beside the consumer's work: the part of torch's streams that is used."""

    def copying(self) -> Any:
        """Inside, copies are put on the stream."""
        ...

    def mark(self) -> Any:
        """A point behind the copies that were put on the stream so far."""
        ...

    def hand_over(self, tensors: list[Any], mark: Any) -> None:
        """The consumer's work waits for the copies before the mark, not for those behind it; the memory of
        the tensors is not reused before that work is done.
        """
        ...


def checked_device(device: Any) -> Any:
    """A device as torch takes it, as a `torch.device`.

    Raises:
        ArgumentError: torch does not know it, or finds no GPU.
    """
    import torch

    try:
        checked = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ArgumentError(
            f"device must be one of torch's, got {device!r}", hint="'cuda', 'cuda:1', 'cpu', ..."
        ) from error
    if checked.type == "cuda" and not torch.cuda.is_available():
        raise ArgumentError(f"torch finds no GPU for device={device!r}", hint="leave out device=")
    return checked


def map_tensors(value: Any, function: Callable[[Any], Any]) -> Any:
    """The value with its tensors replaced; containers are rebuilt, of their own types."""
    import torch

    if isinstance(value, torch.Tensor):
        return function(value)
    if isinstance(value, Mapping):
        return {key: map_tensors(item, function) for key, item in value.items()}
    if isinstance(value, Ragged):
        return ragged([map_tensors(item, function) for item in value], value.column)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(item, function) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(map_tensors(item, function) for item in value)
    return value


def pinned(batch: Any) -> Any:
    """The batch in page-locked memory; unchanged, with a warning, where there is no GPU."""
    import torch

    if not torch.cuda.is_available():
        warnings.warn("pin_memory=True has no effect: torch finds no GPU", RuntimeWarning, stacklevel=2)
        return batch
    return map_tensors(batch, lambda tensor: tensor.pin_memory())


def pin_all(made: Generator[Made, None, None]) -> Generator[Made, None, None]:
    """Each batch in page-locked memory."""
    try:
        for item in made:
            yield replace(item, batch=pinned(item.batch))
    finally:
        made.close()


def copy_ahead(
    made: Generator[Made, None, None], device: Any, stream: Stream | None = None
) -> Generator[Made, None, None]:
    """Each batch on the device. The copy of the next one is under way while the consumer has this one.

    Args:
        made: the batches.
        device: as torch takes it.
        stream: None makes one of the device where it has streams; else copies are plain.

    Raises:
        ArgumentError: a device that torch does not know, or can't find.
    """
    device = checked_device(device)
    if stream is None and device.type == "cuda":
        stream = _CudaStream(device)
    try:
        ahead: _Copy | None = None
        for item in made:
            following = _copied(item, device, stream)
            if ahead is not None:
                yield ahead.handed_over(stream)
            ahead = following
        if ahead is not None:
            yield ahead.handed_over(stream)
    finally:
        made.close()


@dataclass(frozen=True, slots=True)
class _Copy:
    """A batch whose copies may still be under way."""

    made: Made
    tensors: list[Any]
    mark: Any

    def handed_over(self, stream: Stream | None) -> Made:
        if stream is not None:
            stream.hand_over(self.tensors, self.mark)
        return self.made


def _copied(item: Made, device: Any, stream: Stream | None) -> _Copy:
    tensors: list[Any] = []

    def copy(tensor: Any) -> Any:
        tensors.append(tensor.to(device, non_blocking=stream is not None))
        return tensors[-1]

    if stream is None:
        return _Copy(replace(item, batch=map_tensors(item.batch, copy)), tensors, None)
    with stream.copying():
        copied = replace(item, batch=map_tensors(item.batch, copy))
    return _Copy(copied, tensors, stream.mark())


class _CudaStream:
    """A stream of its own on a CUDA device."""

    def __init__(self, device: Any) -> None:
        import torch

        self._cuda: Any = torch.cuda
        self._stream = self._cuda.Stream(device)

    def copying(self) -> Any:
        return self._cuda.stream(self._stream)

    def mark(self) -> Any:
        return self._stream.record_event()

    def hand_over(self, tensors: list[Any], mark: Any) -> None:
        current = self._cuda.current_stream(self._stream.device)
        current.wait_event(mark)
        for tensor in tensors:
            tensor.record_stream(current)
