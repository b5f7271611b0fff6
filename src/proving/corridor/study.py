"""What a study is: the dataclasses behind `study.toml`, and how its paths become files."""

import glob
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from proving.corridor.errors import StudyError
from proving.settings import read_settings

CLIP_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".avi", ".webm", ".ts", ".mpg", ".mpeg", ".m4v"})
ENDPOINT = re.compile(r"(https?://)?(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d+)?/?")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
TRAJECTORY_SUFFIXES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True, kw_only=True)
class Road:
    """The instrumented road. Lengths along it are metres from its upstream end.

    Attributes:
        name: What people call it.
        length_m: From the upstream to the downstream end.
        lane_count: Lanes in the direction that is studied.
        speed_limit_mps: The speed that drivers wish for when nobody is ahead.
    """

    name: str
    length_m: float
    lane_count: int = 1
    speed_limit_mps: float = 30.0

    def __post_init__(self) -> None:
        if self.length_m <= 0 or self.lane_count < 1 or self.speed_limit_mps <= 0:
            raise ValueError("road: length_m, lane_count and speed_limit_mps must be above zero")


@dataclass(frozen=True, kw_only=True)
class Clips:
    """What the cameras delivered.

    Attributes:
        paths: Files, folders or patterns, relative to the study.
        sound: "required" makes a clip without sound a bad input.
        detectors: Which detectors look at each clip; none named means all.
    """

    paths: tuple[str, ...] = ()
    sound: Literal["optional", "required"] = "optional"
    detectors: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a trajectory file mean what. A leader's file has no `vehicle`, `position` or `lane`."""

    time: str = "time_s"
    speed: str = "speed_mps"
    vehicle: str = ""
    position: str = ""
    lane: str = ""


@dataclass(frozen=True, kw_only=True)
class Units:
    """In which units those columns are written."""

    time: Literal["s", "ms"] = "s"
    speed: Literal["m/s", "km/h", "mph"] = "m/s"
    position: Literal["m", "km", "ft"] = "m"


@dataclass(frozen=True, kw_only=True)
class Trajectories:
    """One kind of trajectory file: "leader" is one vehicle's drive a file, "vehicles" many vehicles in one."""

    kind: Literal["leader", "vehicles"]
    paths: tuple[str, ...]
    columns: Columns = Columns()
    units: Units = Units()

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("trajectories: paths must name at least one file or folder")
        if self.kind == "vehicles" and not (self.columns.vehicle and self.columns.position):
            raise ValueError('trajectories of kind "vehicles" must declare columns.vehicle and columns.position')


@dataclass(frozen=True, kw_only=True)
class Simulate:
    """The platoons that follow the measured leaders.

    Attributes:
        controllers: What drives the automated vehicles; "none" is people only, and is always run beside the others.
        automated_shares: Shares of the followers that are automated, each 0-1.
        vehicle_count: Followers behind each leader.
        seeds: How many random repetitions each case gets.
        leader_count: At most so many leaders, those in the worst stop-and-go first.
        duration_s: The piece of each drive that is replayed: the window with most speed lost by braking.
        vehicle_class: Whose fuel is counted; a name in `proving.traffic.ENERGY`.
    """

    controllers: tuple[str, ...] = ("none", "follower_stopper")
    automated_shares: tuple[float, ...] = (0.05,)
    vehicle_count: int = 20
    seeds: int = 3
    leader_count: int = 4
    duration_s: float = 300.0
    vehicle_class: str = "midSUV"

    def __post_init__(self) -> None:
        if not all(0 < share <= 1 for share in self.automated_shares):
            raise ValueError(f"simulate: automated_shares lie above 0 and up to 1, got {list(self.automated_shares)}")
        if min(self.vehicle_count, self.seeds, self.leader_count) < 1 or self.duration_s <= 0:
            raise ValueError("simulate: vehicle_count, seeds, leader_count and duration_s must be above zero")


@dataclass(frozen=True, kw_only=True)
class StoreAt:
    """Where everything is kept: our own node under the output folder, or any S3 endpoint.

    Credentials of an endpoint come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
    """

    endpoint: str = ""
    bucket: str = "corridor"
    region: str = "us-east-1"

    def __post_init__(self) -> None:
        if self.endpoint and not ENDPOINT.fullmatch(self.endpoint):
            raise ValueError(f"store: endpoint must look like http://HOST:PORT or https://HOST, got {self.endpoint!r}")
        if not BUCKET.fullmatch(self.bucket):
            raise ValueError(
                f"store: bucket must be 3 to 63 lower-case letters, digits, dots and hyphens, got {self.bucket!r}"
            )


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something an operator or researcher asks of the table `tracks`, again and again, with other windows.

    Attributes:
        name: In words.
        sql: With `{column.low}` and `{column.high}` where a window over that column goes, and `{column.value}`
            where one of its values goes.
    """

    name: str
    sql: str


@dataclass(frozen=True, kw_only=True)
class Ask:
    """How the tables are used, and may learn.

    Attributes:
        questions: What is asked; none named means the built-in ones of `proving.corridor.ask`.
        times: How often each question is asked before the tables re-arrange themselves, and again after.
        window_share: How much of a column's range one window covers, 0-1.
    """

    questions: tuple[Question, ...] = ()
    times: int = 12
    window_share: float = 0.1

    def __post_init__(self) -> None:
        if self.times < 1 or not 0 < self.window_share <= 1:
            raise ValueError("ask: times must be at least 1 and window_share above 0 and up to 1")


@dataclass(frozen=True, kw_only=True)
class Study:
    """One road, its inputs, and what to find out.

    Attributes:
        name: The title of the report, and, as a slug, of the output folder.
        about: A sentence for the report's reader.
        road: The road itself.
        trajectories: What its detectors delivered.
        clips: What its cameras delivered.
        simulate: What is simulated behind the measured leaders.
        ask: What is asked of the tables.
        store: Where everything is kept.
        survive: How many crash scenarios our own store is put through; 0 leaves them out.
        bad_input: "stop" ends the study at the first stage that meets damaged inputs; "quarantine" sets them
            aside, names them in the report and goes on.
        folder: What the paths above are relative to; itself relative to the study's file.
    """

    name: str
    road: Road
    trajectories: tuple[Trajectories, ...]
    about: str = ""
    clips: Clips = Clips()
    simulate: Simulate = Simulate()
    ask: Ask = Ask()
    store: StoreAt = StoreAt()
    survive: int = 50
    bad_input: Literal["stop", "quarantine"] = "stop"
    folder: Path = Path()

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name: a study needs a name")
        if not self.trajectories:
            raise ValueError("trajectories: a study needs at least one [[trajectories]]")

    @property
    def slug(self) -> str:
        """Return the name as a folder name."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") or "study"


def read_study(path: Path) -> Study:
    """Return the study that a TOML file describes; its relative paths are relative to that file.

    Raises:
        SettingsError: an unknown key (with the nearest right one), a value of the wrong kind.
    """
    study = read_settings(path, Study)
    return replace(study, folder=(path.parent / study.folder).resolve())


def clip_files(study: Study) -> tuple[Path, ...]:
    """Return the clips that the study names, sorted. A file that is named itself may have any suffix.

    Raises:
        StudyError: a path leads to nothing.
    """
    return _files(study.folder, study.clips.paths, tuple(CLIP_SUFFIXES))


def trajectory_files(study: Study, trajectories: Trajectories) -> tuple[Path, ...]:
    """Return the files of one kind of trajectories, sorted.

    Raises:
        StudyError: a path leads to nothing.
    """
    return _files(study.folder, trajectories.paths, TRAJECTORY_SUFFIXES)


def _files(folder: Path, patterns: tuple[str, ...], suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    found: dict[Path, None] = {}
    for pattern in patterns:
        place = folder / pattern
        if place.is_file():
            matches = [place]
        elif place.is_dir():
            matches = [
                file for file in sorted(place.iterdir()) if file.is_file() and file.name.lower().endswith(suffixes)
            ]
        else:
            # Path.glob knows no pattern that climbs out of its folder.
            matches = [Path(name) for name in sorted(glob.glob(str(place))) if Path(name).is_file()]  # noqa: PTH207
        if not matches:
            raise StudyError(f"{pattern}: no such file, or a folder or pattern without any ({place})")
        found.update(dict.fromkeys(matches))
    return tuple(found)
