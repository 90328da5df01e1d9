"""Worker processes that make whole batches: worker w makes batches w, w + W, w + 2W, ... and the parent
hands them over in order, so that they are those of the pipeline in one process.

The parent asks by number and each worker owns a copy of the schedule, so a request is three integers. At most
`prefetch` requests per worker are open: that is the bound on memory, and why nobody ever blocks while
sending.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import random
import signal
import struct
import time
import traceback
import weakref
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import numpy as np

from tql.errors import WorkerError
from tql.loader import transport
from tql.loader.pipeline import BatchMaker, Prepared, Recipe
from tql.loader.schedule import EpochOrder, Schedule
from tql.loader.to_torch import limit_torch_threads, seed_torch

_REQUEST = struct.Struct("<3q")
_STOP = b""
_GRACE = 1.0  # seconds that a worker gets to end by itself


class Request(NamedTuple):
    """Which batch is wanted, and in which iteration of the parent."""

    run: int
    epoch: int
    step: int


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What a worker sends for a request: a batch, or an exception with the text of its traceback."""

    run: int
    step: int
    batch: Any = None
    error: Exception | None = None
    traceback: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Worker:
    number: int
    process: BaseProcess
    connection: Connection


class WorkerSet:
    """Processes that make the batches of one loader, for one epoch or for many."""

    def __init__(self, recipe: Recipe, schedule: Schedule, workers: int, prefetch: int, epoch: int) -> None:
        """Start `workers` processes; `epoch` is the one that they are likely to need first."""
        self._schedule = schedule
        self._prefetch = prefetch
        self._run = 0
        self._workers = _start(recipe, schedule, workers, epoch)
        self._finalizer = weakref.finalize(self, _stop, self._workers, os.getpid())

    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of an epoch in order. Only one iteration at a time.

        Raises:
            WorkerError: a worker died.
            Exception: what the caller's function raised in a worker, with the worker's traceback as a note.
        """
        self._run += 1
        run, steps = self._run, self._schedule.steps
        ahead = len(self._workers) * self._prefetch
        for step in range(min(ahead, steps)):
            self._ask(run, epoch, step)
        for step in range(steps):
            answer = self._answer(run, step)
            if answer.error is not None:
                raise answer.error
            if step + ahead < steps:
                self._ask(run, epoch, step + ahead)
            yield answer.batch

    def _ask(self, run: int, epoch: int, step: int) -> None:
        worker = self._workers[step % len(self._workers)]
        try:
            worker.connection.send_bytes(_REQUEST.pack(run, epoch, step))
        except OSError:
            raise _death(worker, step) from None

    def _answer(self, run: int, step: int) -> Answer:
        worker = self._workers[step % len(self._workers)]
        sentinels = {w.process.sentinel: w for w in self._workers}
        while True:
            ready = wait([worker.connection, *sentinels])
            if worker.connection not in ready:
                dead = next(sentinels[handle] for handle in ready if isinstance(handle, int))
                raise _death(dead, step + (dead.number - step) % len(self._workers))
            try:
                answer: Answer = transport.receive(worker.connection)
            except (EOFError, OSError):
                raise _death(worker, step) from None
            if answer.run != run:
                continue  # of an iteration that was given up
            if answer.error is not None:
                where = f"in worker {worker.number} (pid {worker.process.pid}):"
                answer.error.add_note(f"{where}\n{answer.traceback}")
            return answer

    def close(self) -> None:
        """End the processes. May be called again."""
        self._finalizer()


def _start(recipe: Recipe, schedule: Schedule, workers: int, epoch: int) -> list[_Worker]:
    context = multiprocessing.get_context()
    # A forked worker shares the memory of an order that exists already; others compute their own.
    order = schedule.epoch(epoch) if context.get_start_method() == "fork" else None
    started: list[_Worker] = []
    try:
        for number in range(workers):
            here, there = context.Pipe()
            process = context.Process(
                target=_work,
                args=(there, recipe, schedule, epoch, order),
                name=f"tql-worker-{number}",
                daemon=True,
            )
            process.start()
            there.close()
            started.append(_Worker(number, process, here))
    except BaseException:
        _stop(started, os.getpid())
        raise
    return started


def _stop(workers: list[_Worker], owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked child holds a copy of this object, but not its processes
    for worker in workers:
        # Closing alone does not end a worker: after a fork, others hold copies of this end.
        with contextlib.suppress(OSError):
            worker.connection.send_bytes(_STOP)
        worker.connection.close()
    deadline = time.monotonic() + _GRACE
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
    for end in (BaseProcess.terminate, BaseProcess.kill):
        alive = [worker for worker in workers if worker.process.is_alive()]
        for worker in alive:
            end(worker.process)
        for worker in alive:
            worker.process.join(_GRACE)


def _death(worker: _Worker, step: int) -> WorkerError:
    worker.process.join(_GRACE)
    code = worker.process.exitcode
    hint = None
    if code is not None and code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
        if -code == getattr(signal, "SIGKILL", None):
            hint = "the system may be out of memory: try fewer workers, a smaller batch or prefetch_factor"
    else:
        how = f"ended with exit code {code}"
    return WorkerError(
        f"worker {worker.number} (pid {worker.process.pid}) {how} before batch {step} came", hint=hint
    )


# --- in the worker -----------------------------------------------------------------------------------------


def _work(
    connection: Connection, recipe: Recipe, schedule: Schedule, epoch: int, order: EpochOrder | None
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business; it ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    limit_torch_threads()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the parent wants no more, or is gone
        _serve(connection, recipe, _Orders(schedule, epoch, order))


class _Orders:
    """The order of the epoch that is being read."""

    def __init__(self, schedule: Schedule, epoch: int, order: EpochOrder | None) -> None:
        self._schedule = schedule
        self._epoch = epoch
        self._order = order

    def of(self, epoch: int) -> EpochOrder:
        if self._order is None or epoch != self._epoch:
            self._epoch, self._order = epoch, self._schedule.epoch(epoch)
        return self._order


def _serve(connection: Connection, recipe: Recipe, orders: _Orders) -> None:
    """Answer requests until there are no more. What can be decoded ahead is."""
    maker: BatchMaker | None = None
    started: deque[tuple[Request, Prepared | Exception]] = deque()
    try:
        while True:
            while not started or connection.poll():
                request = _next_request(connection)
                if request is None:
                    return
                try:
                    maker = maker or BatchMaker(recipe)
                    started.append((request, maker.start(orders.of(request.epoch).batch(request.step))))
                except Exception as error:
                    started.append((request, error))
            request, prepared = started.popleft()
            _seed_libraries(recipe.seed, request)
            _reply(connection, _made(maker, request, prepared))
    finally:
        if maker is not None:
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
    if message == _STOP:
        return None
    return Request(*_REQUEST.unpack(message))


def _seed_libraries(seed: int, request: Request) -> None:
    """Seed the random numbers that a caller's functions may use, by batch.

    So no two workers augment alike, and the number of workers makes no difference.
    """
    state = np.random.SeedSequence([seed, request.epoch, request.step]).generate_state(4)
    np.random.seed(state)
    random.seed(state.tobytes())
    seed_torch(int(state[0]))


def _made(maker: BatchMaker | None, request: Request, prepared: Prepared | Exception) -> Answer:
    run, step = request.run, request.step
    try:
        if isinstance(prepared, Exception):
            raise prepared
        assert maker is not None
        return Answer(run, step, maker.finish(prepared))
    except Exception as error:
        return Answer(run, step, error=error, traceback=_text(error))


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
