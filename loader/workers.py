"""Worker processes that make whole batches: worker w makes batches w, w + W, w + 2W, ... and the parent
hands them over in order, so that they are those of the pipeline in one process.

The parent asks by number and each worker owns a copy of the schedule, so a request is four integers. At most
`prefetch` requests per worker are open: that is the bound on memory, and why nobody ever blocks while
sending.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from tql.errors import ArgumentError, WorkerError
from tql.loader import transport
from tql.loader.output import Processes
from tql.loader.pipeline import Made, Recipe
from tql.loader.schedule import Schedule
from tql.loader.sharing import HAS_MEMORY_FILES, SharedArrays, SharedJob
from tql.loader.stages.reuse import Turns
from tql.loader.state import Place
from tql.loader.worker import REQUEST, STOP, Answer, Job, Request, work

_GRACE = 1.0  # seconds that a worker gets to end by itself


@dataclass(frozen=True, slots=True, eq=False)
class _Worker:
    number: int
    process: BaseProcess
    connection: Connection


class WorkerSet:
    """Processes that make the batches of one loader, for one epoch or for many."""

    def __init__(
        self, recipe: Recipe, schedule: Schedule, processes: Processes, prefetch: int, first: Place
    ) -> None:
        """Start the processes; `first` is where they are likely to begin."""
        self._view = recipe.view
        self._schedule = schedule
        self._prefetch = prefetch
        self._timeout = processes.timeout
        self._run = 0
        self._workers = _start(recipe, schedule, processes, first)
        self._finalizer = weakref.finalize(self, _stop, self._workers, os.getpid())

    def batches(self, epoch: int, start: int = 0) -> Iterator[Made]:
        """The batches of an epoch, behind its first `start` rows, in order. Only one iteration at a time.

        Raises:
            WorkerError: a worker died, or took longer than the timeout.
            Exception: what the caller's function raised in a worker, with the worker's traceback as a note.
        """
        self._run += 1
        wanted = Request(self._run, epoch, start, 0)
        steps = self._schedule.steps_from(start)
        ahead = len(self._workers) * self._prefetch
        for step in range(min(ahead, steps)):
            self._ask(wanted._replace(step=step))
        for step in range(steps):
            made = self._answer(wanted._replace(step=step))
            if step + ahead < steps:
                self._ask(wanted._replace(step=step + ahead))
            yield made

    def _ask(self, request: Request) -> None:
        worker = self._workers[request.step % len(self._workers)]
        # That it is dead is found by who waits for the batch that it died over, not for this one.
        with contextlib.suppress(OSError):
            worker.connection.send_bytes(REQUEST.pack(*request))

    def _answer(self, request: Request) -> Made:
        worker = self._workers[request.step % len(self._workers)]
        sentinels = {w.process.sentinel: w for w in self._workers}
        end = None if self._timeout is None else time.monotonic() + self._timeout
        while True:
            ready = wait([worker.connection, *sentinels], None if end is None else end - time.monotonic())
            if not ready:
                raise WorkerError(
                    f"worker {worker.number} (pid {worker.process.pid}) has not made batch {request.step} "
                    f"within the timeout of {self._timeout:g} s",
                    hint="raise timeout=, or look for what blocks in the transform",
                )
            if worker.connection not in ready:
                dead = next(sentinels[handle] for handle in ready if isinstance(handle, int))
                raise self._death(dead, self._not_sent(dead, request))
            try:
                answer: Answer = transport.receive(worker.connection)
            except (EOFError, OSError):
                raise self._death(worker, request) from None
            if answer.run != request.run:
                continue  # of an iteration that was given up
            if answer.error is not None:
                where = f"in worker {worker.number} (pid {worker.process.pid}):"
                answer.error.add_note(f"{where}\n{answer.traceback}")
                raise answer.error
            assert answer.made is not None
            return answer.made

    def _not_sent(self, dead: _Worker, request: Request) -> Request:
        """The batch that a worker died over, while another one was waited for: the first of its own behind
        those that it has sent.
        """
        step = request.step + (dead.number - request.step) % len(self._workers)
        with contextlib.suppress(EOFError, OSError):
            while dead.connection.poll():
                answer: Answer = transport.receive(dead.connection)
                if answer.run == request.run:
                    step = answer.step + len(self._workers)
        return request._replace(step=step)

    def _death(self, worker: _Worker, request: Request) -> WorkerError:
        worker.process.join(_GRACE)
        code = worker.process.exitcode
        rows = self._rows_of(request)
        hint = f"the batch holds {rows}" if rows else None
        if code is not None and code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
            if -code == getattr(signal, "SIGKILL", None):
                memory = (
                    "the system may be out of memory: try fewer workers, a smaller batch or prefetch_factor"
                )
                hint = f"{memory}; {hint}" if hint else memory
        else:
            how = f"ended with exit code {code}"
        return WorkerError(
            f"worker {worker.number} (pid {worker.process.pid}) {how} before batch {request.step} came",
            hint=hint,
        )

    def _rows_of(self, request: Request) -> str:
        """The rows of a batch that did not come, in words."""
        order = self._schedule.epoch(request.epoch, request.start)
        if request.step >= len(order):
            return ""
        rows = self._view.indices[order.batch(request.step)].tolist()
        shown = ", ".join(map(str, rows[:4]))
        return (
            f"row {shown}" if len(rows) == 1 else f"rows {shown}, ..." if len(rows) > 4 else f"rows {shown}"
        )

    def close(self) -> None:
        """End the processes. May be called again."""
        self._finalizer()


def _start(recipe: Recipe, schedule: Schedule, processes: Processes, first: Place) -> list[_Worker]:
    context = multiprocessing.get_context(processes.start_method)
    method = context.get_start_method()
    # A forked worker shares the memory of an order that exists already; others compute their own.
    order = schedule.epoch(first.epoch, first.rows) if method == "fork" else None
    started: list[_Worker] = []
    shared = contextlib.ExitStack()
    arrays = shared.enter_context(SharedArrays()) if method != "fork" and HAS_MEMORY_FILES else None
    try:
        for number in range(processes.number):
            here, there = context.Pipe()
            job: Job | SharedJob
            job = Job(recipe, schedule, Turns(number, processes.number), processes.init, order)
            if arrays is not None:
                job = SharedJob(job, arrays)
            process = context.Process(  # type: ignore[attr-defined]
                target=work, args=(there, job), name=f"tql-worker-{number}", daemon=True
            )
            try:
                process.start()
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                if method == "fork":
                    raise
                raise ArgumentError(
                    f"a worker can't be started by '{method}': {error}",
                    hint="define what the worker calls at the top of a module, or use 'fork'",
                ) from error
            there.close()
            started.append(_Worker(number, process, here))
    except BaseException:
        _stop(started, os.getpid())
        raise
    finally:
        shared.close()
    return started


def _stop(workers: list[_Worker], owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked child holds a copy of this object, but not its processes
    for worker in workers:
        # Closing alone does not end a worker: after a fork, others hold copies of this end.
        with contextlib.suppress(OSError):
            worker.connection.send_bytes(STOP)
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
