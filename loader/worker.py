"""A worker process: it makes the batches that the parent asks for, in the order in which it asks."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import struct
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

from tql._engine import DecodePool
from tql.errors import WorkerError
from tql.loader import transport
from tql.loader.pipeline import BatchMaker, Made, Prepared, Recipe
from tql.loader.schedule import EpochOrder, Schedule
from tql.loader.stages.randomness import seed_libraries
from tql.loader.stages.reuse import Turns
from tql.loader.to_torch import limit_torch_threads

REQUEST = struct.Struct("<4q")
STOP = b""


class Request(NamedTuple):
    """Which batch is wanted, and in which iteration of the parent."""

    run: int
    epoch: int
    start: int
    step: int


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a worker sends for a request: a batch, or an exception with the text of its traceback."""

    run: int
    step: int
    made: Made | None = None
    error: Exception | None = None
    traceback: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What a worker is to do.

    Attributes:
        recipe: how batches are made.
        schedule: which rows they have.
        turns: the steps that this worker makes; `first` is its number.
        init: called with the worker's number before its first batch.
        order: of the epoch that is likely to come first, where it is at hand.
    """

    recipe: Recipe
    schedule: Schedule
    turns: Turns
    init: Callable[[int], object] | None
    order: EpochOrder | None


def work(connection: Connection, job: Job) -> None:
    """The life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business; it ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    limit_torch_threads()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the parent wants no more, or is gone
        _serve(connection, job)


class _Orders:
    """The order of the epoch that is being read."""

    def __init__(self, schedule: Schedule, order: EpochOrder | None) -> None:
        self._schedule = schedule
        self._order = order

    def of(self, epoch: int, start: int) -> EpochOrder:
        order = self._order
        if order is None or (epoch, start) != (order.epoch, order.start):
            order = self._order = self._schedule.epoch(epoch, start)
        return order


class _Maker:
    """Makes batches once the caller's own preparations are done; an error of these is that of every batch."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._orders = _Orders(job.schedule, job.order)
        self._pool = DecodePool(job.recipe.threads)
        self._maker: BatchMaker | None = None
        self._failed: Exception | None = None

    def start(self, request: Request) -> Prepared | Exception:
        try:
            order = self._orders.of(request.epoch, request.start)
            return self._ready().start(order, range(request.step, request.step + 1))
        except Exception as error:
            return error

    def finish(self, request: Request, prepared: Prepared | Exception) -> Answer:
        try:
            if isinstance(prepared, Exception):
                raise prepared
            seed_libraries(self._job.recipe.seed, request.epoch, int(prepared.slots.places[0]))
            (made,) = self._ready().finish(prepared)
            return Answer(request.run, request.step, made)
        except Exception as error:
            return Answer(request.run, request.step, error=error, traceback=_text(error))

    def _ready(self) -> BatchMaker:
        if self._failed is not None:
            raise self._failed
        if self._maker is None:
            try:
                if self._job.init is not None:
                    self._job.init(self._job.turns.first)
            except Exception as error:
                self._failed = error
                raise
            self._maker = BatchMaker(self._job.recipe, self._pool, self._job.turns)
        return self._maker

    def close(self) -> None:
        if self._maker is not None:
            self._maker.close()
        self._pool.close()


def _serve(connection: Connection, job: Job) -> None:
    """Answer requests until there are no more. What can be decoded ahead is."""
    maker = _Maker(job)
    started: deque[tuple[Request, Prepared | Exception]] = deque()
    try:
        while True:
            while not started or connection.poll():
                request = _next_request(connection)
                if request is None:
                    return
                started.append((request, maker.start(request)))
            request, prepared = started.popleft()
            _reply(connection, maker.finish(request, prepared))
    finally:
        maker.close()


def _next_request(connection: Connection) -> Request | None:
    """Wait for a request; None where the parent wants no more, or is gone."""
    parent = multiprocessing.parent_process()
    handles: list[Any] = [connection] if parent is None else [connection, parent.sentinel]
    if connection not in wait(handles):
        return None
    try:
        message = connection.recv_bytes()
    except EOFError:
        return None
    if message == STOP:
        return None
    return Request(*REQUEST.unpack(message))


def _reply(connection: Connection, answer: Answer) -> None:
    try:
        message = transport.pack(answer)
        if answer.error is not None:
            pickle.loads(pickle.dumps(answer.error))  # some exceptions can be sent, but not read
    except Exception as error:
        what = "a batch" if answer.error is None else "its error"
        reason = WorkerError(
            f"a worker can't send {what}: {type(error).__name__}: {error}",
            hint=str(answer.error) if answer.error else "what transform and collate_fn return must pickle",
        )
        message = transport.pack(
            Answer(answer.run, answer.step, error=reason, traceback=answer.traceback or _text(error))
        )
    transport.send(connection, message)


def _text(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()
