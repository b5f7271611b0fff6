"""A scenario's files under other names: SUMO writes beside them what they ask it to write, and there it may."""

import os
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from proving.traffic.errors import BadNetwork

CONFIGURATIONS = (".sumocfg", ".cfg")
# Elements that write what they see to their `file`: induction loops, areas, entries and exits, means per edge and lane.
DETECTORS = ("Detector", "detector", "Loop", "Probe", "Data")


def linked(files: Sequence[Path], folder: Path) -> list[Path]:
    """Return links to these files of a scenario, below an empty folder and lying to one another as the files do.

    What detectors, logs and the like are to write comes to lie beside the links. Everything in the folders of these
    files, and of those that a configuration names, is linked with them, for files name further files; except what is
    an output that somebody wrote there before, so that it is not written over.

    Raises:
        BadNetwork: a configuration or an additional file is no XML.
    """
    files = [file.absolute() for file in files]
    named = [one for file in files for one in _named(file)]
    folders = {Path(os.path.normpath(file.parent)) for file in (*files, *named)}
    written = {output for file in {*files, *named} for output in _outputs(file)}
    root = Path(os.path.commonpath(folders))
    for source in sorted(folders):
        target = folder / source.relative_to(root)
        target.mkdir(parents=True, exist_ok=True)
        for entry in source.iterdir():
            is_made = (target / entry.name).is_dir() or entry in folders or any(entry in one.parents for one in folders)
            if not is_made and entry not in written:
                (target / entry.name).symlink_to(entry)
    return [folder / Path(os.path.normpath(file)).relative_to(root) for file in files]


def _named(file: Path) -> list[Path]:
    """Return the files that are there of those that a configuration names by paths from its own folder."""
    if not file.name.endswith(CONFIGURATIONS):
        return []
    values = [value for element in _elements(file) for value in element.attrib.values()]
    paths = [Path(one) for value in values for one in value.replace(",", " ").split()]
    return [file.parent / path for path in paths if not path.is_absolute() and (file.parent / path).is_file()]


def _outputs(file: Path) -> list[Path]:
    """Return what a configuration or an additional file asks SUMO to write."""
    if file.name.endswith(CONFIGURATIONS):
        values = [element.get("value", "") for element in _elements(file) if element.tag.endswith(("-output", "log"))]
    elif file.name.endswith(".add.xml"):
        values = [element.get("file", "") for element in _elements(file) if element.tag.endswith(DETECTORS)]
    else:
        return []
    return [Path(os.path.normpath(file.parent / value)) for value in values if value]


def _elements(file: Path) -> list[ElementTree.Element]:
    try:
        return list(ElementTree.parse(file).iter())  # noqa: S314
    except ElementTree.ParseError as problem:
        raise BadNetwork(f"{file}: no XML: {problem}") from None
