"""The disks that the contract tests run on: the simulated one, and the real folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from proving.check.sim_disk import SimDisk


@pytest.fixture(params=["simulated", "folder"])
def make_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], object]:
    """Return a function that opens the disk; called again it opens the same files again."""
    if request.param == "folder":
        from proving.store.disk import FolderDisk

        return lambda: FolderDisk(tmp_path / "disk")
    disks = [SimDisk(seed=1)]

    def reopen() -> SimDisk:
        disks.append(disks[-1].reopen())
        return disks[-1]

    return reopen
