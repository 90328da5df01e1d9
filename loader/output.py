"""The arguments of `numpy` and `pytorch`, checked, as data."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from tql.errors import ArgumentError
from tql.loader.schedule import Share
from tql.loader.stages.fetch import DecodeMethod
from tql.loader.stages.pad import Pad
from tql.loader.stages.repair import OnError
from tql.loader.to_torch import require_torch


@dataclass(frozen=True)
class Processes:
    """How worker processes are run.

    Attributes:
        number: how many; 0 makes the batches in this process.
        persistent: whether they are kept between epochs.
        init: called in each with its number before its first batch.
        start_method: how they are started: "fork", "spawn", "forkserver"; None takes Python's default.
        timeout: seconds that a batch may take; None for no limit.
    """

    number: int = 0
    persistent: bool = False
    init: Callable[[int], object] | None = None
    start_method: str | None = None
    timeout: float | None = None


@dataclass(frozen=True)
class Output:
    """Arguments of `numpy` and `pytorch`."""

    face: Literal["numpy", "torch"] = "numpy"
    processes: Processes = Processes()
    collate_fn: Callable[[list[Any]], Any] | None = None
    tensors: tuple[str, ...] | None = None
    threads: int | None = None
    prefetch: int = 2
    distributed: bool = False
    share: Share | None = None
    return_index: bool = False
    decode_method: Mapping[str, DecodeMethod] = field(default_factory=dict)
    on_error: OnError = "raise"
    pad: Pad = None
    pin_memory: bool = False
    device: Any = None
    verbose: bool = False


def make_output(
    face: Literal["numpy", "torch"],
    *,
    num_workers: int,
    tensors: Sequence[str] | None,
    num_threads: int | None,
    prefetch_factor: int,
    decode_method: Mapping[str, DecodeMethod] | None,
    persistent_workers: bool,
    worker_init_fn: Callable[[int], object] | None,
    multiprocessing_context: Any,
    timeout: float | None,
    distributed: bool,
    rank: int | None,
    world_size: int | None,
    on_error: OnError | None,
    ignore_errors: bool,
    return_index: bool,
    pad: Pad,
    verbose: bool,
    collate_fn: Callable[[list[Any]], Any] | None = None,
    pin_memory: bool = False,
    device: Any = None,
) -> Output:
    """Check the arguments of the two calls; those with a default are of `pytorch` alone.

    Raises:
        ArgumentError: an unusable value.
        MissingDependencyError: torch is wanted and not installed.
    """
    if face == "torch":
        require_torch()
    if tensors is not None and isinstance(tensors, str):
        raise ArgumentError(f"tensors must be a list of column names, got {tensors!r}")
    if decode_method is not None and not isinstance(decode_method, Mapping):
        raise ArgumentError(f"decode_method must be a dict of column name to method, got {decode_method!r}")
    for name, function in (("worker_init_fn", worker_init_fn), ("collate_fn", collate_fn)):
        if function is not None:
            check_callable(name, function)
    processes = Processes(
        number=check_integer("num_workers", num_workers, 0),
        persistent=bool(persistent_workers),
        init=worker_init_fn,
        start_method=_start_method(multiprocessing_context),
        timeout=_timeout(timeout),
    )
    return Output(
        face,
        processes,
        tensors=None if tensors is None else tuple(dict.fromkeys(tensors)),
        threads=None if num_threads is None else check_integer("num_threads", num_threads, 1),
        prefetch=check_integer("prefetch_factor", prefetch_factor, 1),
        decode_method=dict(decode_method or {}),
        distributed=bool(distributed),
        share=_share(rank, world_size),
        on_error=_on_error(on_error, ignore_errors),
        collate_fn=collate_fn,
        return_index=bool(return_index),
        pad=check_pad(pad),
        pin_memory=bool(pin_memory),
        device=device,
        verbose=bool(verbose),
    )


def check_integer(name: str, value: Any, least: int | None = None) -> int:
    """An integer argument.

    Raises:
        ArgumentError: it is no integer, or less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ArgumentError(f"{name} must be an integer, got {value!r}")
    if least is not None and value < least:
        raise ArgumentError(f"{name} must be at least {least}, got {value}")
    return int(value)


def check_callable(name: str, value: object) -> None:
    """Raises ArgumentError for what can't be called."""
    if not callable(value):
        raise ArgumentError(f"{name} must be callable, got {value!r}")


def check_pad(pad: Any) -> Pad:
    """The value or values that ragged columns are filled up with.

    Raises:
        ArgumentError: neither a number nor a dict of column name to number.
    """
    values = list(pad.values()) if isinstance(pad, Mapping) else [pad]
    for value in values:
        if value is not None and not isinstance(value, (bool, int, float, np.number, np.bool_)):
            raise ArgumentError(f"pad must be a number or a dict of column name to number, got {value!r}")
    return dict(pad) if isinstance(pad, Mapping) else pad


def local_cores() -> int:
    """Cores for this process: those that it may run on, shared with the other ranks of this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    ranks = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, cores // max(1, int(ranks) if ranks.isdigit() else 1))


def _start_method(context: Any) -> str | None:
    if context is None:
        return None
    method = context if isinstance(context, str) else getattr(context, "get_start_method", lambda: None)()
    known = multiprocessing.get_all_start_methods()
    if method not in known:
        names = ", ".join(f"'{name}'" for name in known)
        raise ArgumentError(f"multiprocessing_context must be one of {names}, got {context!r}")
    return str(method)


def _timeout(timeout: float | None) -> float | None:
    if timeout is None or timeout == 0:  # torch's loaders mean by 0 that there is no limit
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float, np.number)) or not timeout > 0:
        raise ArgumentError(f"timeout must be a number of seconds, got {timeout!r}")
    return float(timeout)


def _share(rank: int | None, world_size: int | None) -> Share | None:
    if rank is None and world_size is None:
        return None
    if rank is None or world_size is None:
        raise ArgumentError(f"rank and world_size go together, got rank={rank} and world_size={world_size}")
    share = Share(check_integer("rank", rank, 0), check_integer("world_size", world_size, 1))
    if share.rank >= share.world_size:
        raise ArgumentError(f"rank must be less than world_size, got rank={rank} and world_size={world_size}")
    return share


def _on_error(on_error: OnError | None, ignore_errors: bool) -> OnError:
    if on_error is None:
        return "skip" if ignore_errors else "raise"
    if on_error not in get_args(OnError):
        names = ", ".join(f"'{name}'" for name in get_args(OnError))
        raise ArgumentError(f"on_error must be one of {names}, got {on_error!r}")
    if ignore_errors and on_error == "raise":
        raise ArgumentError("ignore_errors=True and on_error='raise' contradict each other")
    return on_error
