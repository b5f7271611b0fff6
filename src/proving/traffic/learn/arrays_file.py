"""Named arrays and a JSON text in one .npz file that is written whole or not at all, also when the power is cut."""

import contextlib
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from proving.runs.journal import sync_folder
from proving.traffic.learn.errors import NotSaved

# What reading raises where the bytes are not those of a file that was written here.
DAMAGED = (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)


class ArraysFile(NamedTuple):
    """What is in a file."""

    text: Any
    arrays: dict[str, np.ndarray]


def write_arrays(path: Path, text: object, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the file.

    Raises:
        NotSaved: it could not be written; the file that was there before still is.
    """
    half = path.with_name(path.name + ".part")
    try:
        with half.open("wb") as file:
            np.savez(file, allow_pickle=False, card=np.array(json.dumps(text)), **arrays)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            half.unlink()
        raise NotSaved(f"{path}: {error.strerror or error}; nothing that was there before is lost") from error


def read_arrays(path: Path) -> ArraysFile:
    """Return what is in the file.

    Raises:
        one of DAMAGED: it was not written here, or not wholly.
    """
    if not zipfile.is_zipfile(path):
        # NumPy would take it for a pickle and advise to trust it.
        raise ValueError("it holds no named arrays")
    # Opened here, since NumPy leaves the file open where the content is broken.
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if name != "card"}
        return ArraysFile(json.loads(str(file["card"])), arrays)
