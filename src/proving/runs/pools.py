"""Where jobs are done: in this process, in processes of this machine, or on Ray. All give the same rows.

A pool takes jobs and gives (index of the job, how it went) in the order of finishing. Closing the iterator early
stops the workers at once. This module owns Ray.
"""

import logging
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

from proving.runs.errors import PoolUnavailable
from proving.runs.perform import Done, not_performed, perform, trace
from proving.runs.provenance import core_count
from proving.runs.scenario import Job

Results = Generator[tuple[int, Done], None, None]
BATCH_S = 0.02
MOST_IN_A_BATCH = 64
STOP_TIMEOUT_S = 2.0
READY = b"ready"


@runtime_checkable
class Pool(Protocol):
    """Does jobs; gives (index, how it went) as each finishes, every index once."""

    def __call__(self, jobs: Sequence[Job]) -> Results:
        """Do the jobs."""
        ...


def here() -> Pool:
    """Return the pool that does one job after the other in this process; a job that kills it ends the run."""
    return do_here


def processes(workers: int | None = None) -> Pool:
    """Return a pool of processes on this machine, one for each core unless told.

    A job whose worker dies (killed, out of memory) is failed, and a new worker takes over. A script that uses this
    pool must do so under `if __name__ == "__main__":`, because each worker imports the script.

    Raises:
        ValueError: fewer than one worker.
    """
    return _Processes(_at_least_one(workers))


def on_ray(workers: int | None = None) -> Pool:
    """Return a pool of Ray workers: on the cluster that RAY_ADDRESS names, else on one started on this machine.

    Starting Ray takes about ten seconds. A Ray that runs in this process already is used and left running.

    Args:
        workers: Jobs at a time; on a cluster as many as it has cores unless told.

    Raises:
        ValueError: fewer than one worker.
    """
    return _OnRay(None if workers is None else _at_least_one(workers))


def do_here(jobs: Sequence[Job]) -> Results:
    """Do one job after the other in this process."""
    for index, job in enumerate(jobs):
        yield index, perform(job.scenario.run, job.config, job.seed)


def _at_least_one(workers: int | None) -> int:
    if workers is None:
        return core_count()
    if workers < 1:
        raise ValueError(f"a pool needs at least one worker, got {workers}")
    return workers


@dataclass
class _Batches:
    """The jobs that wait, packed; gives out as many at a time as fill about `BATCH_S`.

    One job in a batch until the first result tells how long a job takes: a batch of slow jobs would keep the other
    workers idle at the end.
    """

    waiting: deque[tuple[int, bytes]]
    workers: int
    mean_s: float | None = None

    def next(self) -> list[tuple[int, bytes]]:
        fair = len(self.waiting) // (2 * self.workers)
        wanted = 1 if self.mean_s is None else int(BATCH_S / max(self.mean_s, 1e-6))
        count = max(1, min(wanted, fair, MOST_IN_A_BATCH))
        return [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]

    def learn(self, done: Done) -> None:
        self.mean_s = done.wall_s if self.mean_s is None else 0.8 * self.mean_s + 0.2 * done.wall_s


def _pack(jobs: Sequence[Job]) -> tuple[deque[tuple[int, bytes]], list[tuple[int, Done]]]:
    """Return the jobs as bytes, each by itself, and the results of those that cannot be packed."""
    packed: deque[tuple[int, bytes]] = deque()
    refused = []
    for index, job in enumerate(jobs):
        try:
            packed.append((index, pickle.dumps((job.scenario.run, job.config, job.seed))))
        except Exception as raised:  # noqa: BLE001 - one of many jobs must not stop the rest; it is recorded
            refused.append((index, not_performed(f"cannot be sent to a worker: {trace(raised)}")))
    return packed, refused


def _perform_packed(packed: bytes) -> Done:
    try:
        run, config, seed = pickle.loads(packed)  # noqa: S301 - packed by the process that started this worker
    except Exception as raised:  # noqa: BLE001 - one of many jobs must not stop the rest; it is recorded
        return not_performed(f"the worker cannot import the scenario: {trace(raised)}")
    return perform(run, config, seed)


@dataclass
class _Worker:
    """A process, the pipe to it, and the jobs that it was given and has not answered yet."""

    process: ForkServerProcess
    pipe: Connection
    is_ready: bool = False
    batch: deque[tuple[int, bytes]] = field(default_factory=deque)


@dataclass(frozen=True)
class _Processes:
    workers: int

    def __call__(self, jobs: Sequence[Job]) -> Results:
        packed, refused = _pack(jobs)
        yield from refused
        crew: list[_Worker] = []
        batches = _Batches(packed, min(self.workers, max(1, len(packed))))
        try:
            while batches.waiting or any(worker.batch for worker in crew):
                if len(crew) < batches.workers and batches.waiting:
                    crew.extend(_hire() for _ in range(batches.workers - len(crew)))
                _hand_out(crew, batches)
                for worker in _with_news(crew):
                    answer = _hear(worker)
                    if answer is not None:
                        batches.learn(answer[1])
                        yield answer
                    elif worker.process.exitcode is not None:
                        crew.remove(worker)
                        yield from _bury(worker, batches)
        finally:
            _dismiss(crew)


def _hire() -> _Worker:
    context = get_context("forkserver")
    ours, theirs = context.Pipe()
    # Not a daemon: a job may start processes of its own. The worker leaves when this process does, see _leave_with.
    process = context.Process(target=_work, args=(theirs,), name="proving-worker")
    process.start()
    theirs.close()
    return _Worker(process=process, pipe=ours)


def _hand_out(crew: Sequence[_Worker], batches: _Batches) -> None:
    for worker in crew:
        if worker.is_ready and not worker.batch and batches.waiting:
            batch = batches.next()
            try:
                worker.pipe.send(batch)
            except OSError:  # it died idle, which _hear finds out; the jobs were never begun
                batches.waiting.extendleft(reversed(batch))
            else:
                worker.batch.extend(batch)


def _with_news(crew: Sequence[_Worker]) -> list[_Worker]:
    told = wait([worker.pipe for worker in crew])
    return [worker for worker in crew if worker.pipe in told]


def _hear(worker: _Worker) -> tuple[int, Done] | None:
    """Return the worker's next result; None when it only says that it is ready, or has died (see its exitcode)."""
    try:
        message = worker.pipe.recv()
    # A worker that is killed while it writes leaves half a message: any of these.
    except (EOFError, OSError, pickle.UnpicklingError):
        worker.pipe.close()
        worker.process.join(STOP_TIMEOUT_S)
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()
        return None
    if message == READY:
        worker.is_ready = True
        return None
    index, done = message
    worker.batch.popleft()
    return index, done


def _bury(worker: _Worker, batches: _Batches) -> Iterator[tuple[int, Done]]:
    """Fail the job that a worker died of, and give back those that it had not begun.

    Raises:
        PoolUnavailable: it died before it was ready, so the next one would too.
    """
    how = _how_it_ended(worker.process.exitcode)
    if not worker.is_ready:
        raise PoolUnavailable(
            f"a worker process {how} before it was ready; a script must start its run under "
            "`if __name__ == '__main__':`, and `--pool here` needs no workers"
        )
    if worker.batch:
        index, _ = worker.batch.popleft()
        batches.waiting.extendleft(reversed(worker.batch))
        yield index, not_performed(f"the worker process {how} while it did this job")


def _how_it_ended(code: int | None) -> str:
    if code is None or code >= 0:
        return f"left with exit code {code}"
    names = {int(each): each.name for each in signal.Signals}
    hint = ", perhaps for want of memory" if code == -signal.SIGKILL else ""
    return f"was killed by {names.get(-code, f'signal {-code}')}{hint}"


def _dismiss(crew: Sequence[_Worker]) -> None:
    """Stop all workers: the idle ones leave by themselves, those in the middle of a job are killed."""
    for worker in crew:
        if worker.batch or not worker.is_ready:
            worker.process.kill()
        worker.pipe.close()
    for worker in crew:
        worker.process.join(STOP_TIMEOUT_S)
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()
        worker.process.close()


def _work(pipe: Connection) -> None:
    """Do the batches that come through the pipe until it is closed; one message for each job."""
    # Ctrl-C reaches the whole group of processes; the one that started this worker decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        pipe.send(READY)
        while True:
            for index, packed in pipe.recv():
                pipe.send((index, _perform_packed(packed)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _leave_with_parent() -> None:
    """Leave when the process that started this worker is gone: nobody wants the rest of its job."""
    parent = parent_process()
    assert parent is not None, "a worker was started by a process"
    wait([parent.sentinel])
    os._exit(1)


@dataclass(frozen=True)
class _OnRay:
    workers: int | None

    def __call__(self, jobs: Sequence[Job]) -> Results:
        packed, refused = _pack(jobs)
        yield from refused
        if not packed:
            return
        ray, is_ours = _start_ray(self.workers)
        try:
            workers = self.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
            yield from _do_on_ray(ray, _Batches(packed, workers))
        finally:
            if is_ours:
                ray.shutdown()


def _start_ray(workers: int | None) -> tuple[ModuleType, bool]:
    """Return the Ray module, running, and whether we started it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Else Ray warns, for each worker without a GPU, of what a later version will do.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise PoolUnavailable("Ray is not installed; it comes with: pip install 'proving[ray]'") from error
    if ray.is_initialized():
        return ray, False
    if "RAY_ADDRESS" in os.environ:
        ray.init(log_to_driver=False, logging_level=logging.ERROR)
    else:
        cores = workers or core_count()
        ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    return ray, True


def _do_on_ray(ray: ModuleType, batches: _Batches) -> Results:
    """Keep two batches for each worker under way; those of a worker that died are done again one by one.

    Of a batch whose worker died Ray tells nothing, so each of its jobs is done alone, and only what dies alone failed.
    """
    do_batch = ray.remote(max_retries=0)(_perform_batch)
    under_way: dict[Any, list[tuple[int, bytes]]] = {}
    alone: deque[tuple[int, bytes]] = deque()
    search_path = _search_path()
    try:
        while batches.waiting or alone or under_way:
            while (batches.waiting or alone) and len(under_way) < 2 * batches.workers:
                batch = [alone.popleft()] if alone else batches.next()
                under_way[do_batch.remote(search_path, [packed for _, packed in batch])] = batch
            for reference in ray.wait(list(under_way), num_returns=1)[0]:
                batch = under_way.pop(reference)
                try:
                    results = ray.get(reference)
                except ray.exceptions.RayError as error:
                    if len(batch) > 1:
                        alone.extend(batch)
                        continue
                    results = [not_performed(f"the Ray worker died while it did this job: {_first_line(error)}")]
                for (index, _), done in zip(batch, results, strict=True):
                    batches.learn(done)
                    yield index, done
    finally:
        for reference in under_way:
            ray.cancel(reference, force=True)


def _perform_batch(search_path: Sequence[str], batch: Sequence[bytes]) -> list[Done]:
    sys.path.extend(folder for folder in search_path if folder not in sys.path)
    return [_perform_packed(packed) for packed in batch]


def _search_path() -> list[str]:
    """Return where this process looks for modules: a worker must find the same scenarios."""
    return [folder for folder in sys.path if folder]


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
