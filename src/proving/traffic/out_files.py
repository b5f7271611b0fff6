"""Files that are written where somebody asks for them."""

from pathlib import Path

from proving.traffic.errors import BadSettings


def in_a_folder(path: Path) -> Path:
    """Return the path of a file to be written.

    Raises:
        BadSettings: the folder that it would lie in is not there; the message names it.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise BadSettings(f"{path}: there is no folder {folder}")
    return path
