"""One extent as this process knows it: its use, how far it is written, and what keeps it from being reset."""

from dataclasses import dataclass, field

from proving.store.soft_updates import NOTHING, Dependency, Target
from proving.store.superblock import ExtentRecord, Role


@dataclass(eq=False, slots=True)
class Extent:
    """One extent.

    Attributes:
        number: Its place in the superblock and in its file's name.
        role: What it is used for.
        life: How often it was taken into use; frames carry it.
        pointer: Where the next append goes.
        order: Grows with each allocation.
        entry_bytes: Frames that durable entries name.
        checkpoint_bytes: Frames that entries named at the checkpoint.
        run_bytes: Frames of the runs that make the index, or are still read.
        pins: Reads, and chunks that nothing names yet, that need it as it is.
        takes_appends: Appends still come, unless it fails.
        owner: What makes its role and life durable; no append is issued before.
        target: Its file, for writes.
    """

    number: int
    role: Role = Role.FREE
    life: int = 0
    pointer: int = 0
    order: int = 0
    entry_bytes: int = 0
    checkpoint_bytes: int = 0
    run_bytes: int = 0
    pins: int = 0
    takes_appends: bool = False
    owner: Dependency = NOTHING
    target: Target = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Know its file."""
        self.target = Target(extent_file(self.number), self.number)

    @property
    def file(self) -> str:
        """Return the name of its file."""
        return self.target.file

    @property
    def is_failed(self) -> bool:
        """Return whether a sync failed: what is not durable now never will be."""
        return self.target.is_failed

    @property
    def is_open(self) -> bool:
        """Return whether appends still come."""
        return self.takes_appends and not self.target.is_failed and not self.owner.has_failed

    @property
    def live_bytes(self) -> int:
        """Return the frames that must stay."""
        return self.entry_bytes + self.run_bytes

    @property
    def record(self) -> ExtentRecord:
        """Return what the superblock says of it."""
        return ExtentRecord(self.role, self.life, self.pointer, self.order, self.checkpoint_bytes)


def extent_file(number: int) -> str:
    """Return the file name of an extent."""
    return f"extent-{number:08d}"
