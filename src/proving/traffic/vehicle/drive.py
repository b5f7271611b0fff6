"""Drive: measurements in, decisions out, every one logged; and replay such a log."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import msgspec

from proving.traffic.errors import NoSuchFile
from proving.traffic.vehicle.decide import State, Supervisor, decide, first_state
from proving.traffic.vehicle.errors import BadLog
from proving.traffic.vehicle.infer import OnnxPolicy
from proving.traffic.vehicle.messages import Value, answer, measurement, parsed

LOG_FORMAT = 1


class Runtime:
    """A policy that drives one vehicle: it remembers the state, and writes every decision to its log.

    Attributes:
        malformed_count: lines so far that were no measurement; each counted as a missing one.
        decision_count: decisions so far.
    """

    malformed_count: int
    decision_count: int

    def __init__(self, policy: OnnxPolicy, supervisor: Supervisor, log: TextIO | None = None) -> None:
        self._policy, self._supervisor, self._log = policy, supervisor, log
        self._state: State = first_state()
        self.malformed_count = self.decision_count = 0
        if log is not None:
            head = {"format": LOG_FORMAT, "policy_sha256": policy.file_sha256, "task": policy.card.task}
            _write(log, head | {"supervisor": dataclasses.asdict(supervisor)})

    def line(self, line: str | bytes, clock_s: float) -> dict[str, Value]:
        """Return the answer to a line that came at this time; what is no measurement counts as a missing one."""
        content = parsed(line)
        if content is None:
            self.malformed_count += 1
        return self.step(content, clock_s)

    def step(self, content: Mapping[str, Value] | None, clock_s: float) -> dict[str, Value]:
        """Return the answer to a measurement at this time; None: nothing came."""
        policy = self._policy
        command, self._state = decide(
            policy.card, policy.act, self._supervisor, self._state, measurement(content), clock_s
        )
        sent = answer(command)
        self.decision_count += 1
        if self._log is not None:
            _write(self._log, {"clock_s": clock_s, "measured": content, "answer": sent})
        return sent


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What became of a replay.

    Attributes:
        decision_count: decisions in the log.
        difference_count: how many came out differently.
        first_difference: the first of them in words, or None.
    """

    decision_count: int
    difference_count: int
    first_difference: str | None


def replay(policy: OnnxPolicy, log: Path) -> Replayed:
    """Decide everything in a log anew, bit for bit.

    Raises:
        NoSuchFile: there is no such log.
        BadLog: it cannot be read, or was written by another policy.
    """
    if not log.is_file():
        raise NoSuchFile(f"{log}: no such log")
    rows = _rows(log)
    head = rows[0] if rows else {}
    if head.get("format") != LOG_FORMAT:
        raise BadLog(f"{log} is no log of decisions of format {LOG_FORMAT}")
    if head.get("policy_sha256") != policy.file_sha256:
        raise BadLog(f"{log} was written by another policy file (sha256 {str(head.get('policy_sha256'))[:12]}...)")
    try:
        supervisor = msgspec.convert(head["supervisor"], Supervisor)
    except (KeyError, msgspec.ValidationError) as error:
        raise BadLog(f"{log}: its supervisor's settings cannot be read ({error})") from error
    runtime = Runtime(policy, supervisor)
    differences: list[str] = []
    for number, row in enumerate(rows[1:], start=2):
        try:
            measured, clock_s, logged = row["measured"], float(row["clock_s"]), row["answer"]
        except (KeyError, TypeError, ValueError) as error:
            raise BadLog(f"{log}, line {number}: this is no decision") from error
        now = runtime.step(measured, clock_s)
        if now != logged:
            differences.append(f"line {number}, at {clock_s:g} s: logged {json.dumps(logged)}, now {json.dumps(now)}")
    return Replayed(
        decision_count=len(rows) - 1,
        difference_count=len(differences),
        first_difference=differences[0] if differences else None,
    )


def drive(
    runtime: Runtime, lines: Iterable[tuple[float, str | bytes | None]], send: Callable[[dict[str, Value]], None]
) -> None:
    """Answer each line, and each moment at which none came in time, until they end."""
    for clock_s, line in lines:
        send(runtime.step(None, clock_s) if line is None else runtime.line(line, clock_s))


def _write(log: TextIO, row: Mapping[str, Any]) -> None:
    log.write(json.dumps(row) + "\n")
    log.flush()


def _rows(log: Path) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(log.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadLog(f"{log}, line {number}: this is no JSON") from error
        if not isinstance(row, dict):
            raise BadLog(f"{log}, line {number}: this is no decision")
        rows.append(row)
    return rows
