"""Where a row comes from: the commit of the code and the machine, without its name."""

import os
import platform
import subprocess
from functools import cache
from pathlib import Path

import proving


def commit() -> str:
    """Return the commit of the checkout that `proving` is imported from, else the package's version.

    Ends in "-dirty" when a tracked file differs from the commit.
    """
    checkout = Path(proving.__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return proving.__version__
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - a fixed command
    except (OSError, subprocess.CalledProcessError):
        return proving.__version__
    return told.stdout.strip()


@cache
def machine() -> str:
    """Return processor, core count and system in one line, such as "AMD EPYC 7B13, 2 cores, Linux x86_64"."""
    return f"{_processor()}, {core_count()} cores, {platform.system()} {platform.machine()}"


def core_count() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or "unknown processor"
