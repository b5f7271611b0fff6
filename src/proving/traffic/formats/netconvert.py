"""SUMO's netconvert: other formats by way of SUMO's. The one place that runs it."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from proving.traffic.errors import BadNetwork, BadSettings, NoSuchFile
from proving.traffic.formats.sumo_net import SumoNetwork, read_sumo_net

LONGEST_S = 600
# The option by which netconvert takes a file, and what else makes a usable network of it.
OPTIONS: dict[str, tuple[str, ...]] = {
    ".osm": ("--geometry.remove", "--roundabouts.guess", "--ramps.guess", "--junctions.join", "--osm-files"),
    ".xodr": ("--opendrive-files",),
    ".net": ("--visum-file",),
    ".inpx": ("--vissim-file",),
}
# VISUM writes in its user's language, which shows in what it calls nodes; netconvert takes everything for German.
VISUM_NODES = {b"$NODE:": "visumEN.txt", b"$NOEUD:": "visumFR.txt", b"$NODO:": "visumIT.txt"}


def netconvert_path() -> Path | None:
    """Return where netconvert lies: in the `sumo` package (pip install eclipse-sumo), else on the PATH."""
    found = importlib.util.find_spec("sumo")
    for folder in (found.submodule_search_locations or ()) if found else ():
        program = Path(folder) / "bin" / "netconvert"
        if program.is_file():
            return program
    on_path = shutil.which("netconvert")
    return Path(on_path) if on_path else None


def run_netconvert(options: Sequence[str], about: Path) -> None:
    """Run netconvert; a relative path is taken from where we are.

    Raises:
        BadSettings: there is no netconvert.
        BadNetwork: it refuses; the text has its first error and names `about`.
    """
    program = netconvert_path()
    if program is None:
        raise BadSettings(f"{about}: needs SUMO's netconvert; it comes with: pip install eclipse-sumo")
    environment = {"SUMO_HOME": str(program.parent.parent)} | os.environ
    try:
        done = subprocess.run(  # noqa: S603
            [str(program), *options],
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadNetwork(f"{about}: netconvert did not finish in {LONGEST_S} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("Error")] or done.stderr.splitlines()
        raise BadNetwork(f"{about}: netconvert: {lines[0] if lines else f'ended with {done.returncode}'}")


def read_by_netconvert(file: Path) -> SumoNetwork:
    """Return the road map of an OpenStreetMap, OpenDRIVE, VISUM or VISSIM file.

    Raises:
        BadSettings: the name tells no such format, or there is no netconvert.
        BadNetwork: netconvert refuses the file.
    """
    suffix = next((one for one in OPTIONS if file.name.removesuffix(".xml").endswith(one)), None)
    if suffix is None:
        raise BadSettings(f"{file}: netconvert reads {', '.join(OPTIONS)}")
    if not file.is_file():
        raise NoSuchFile(f"{file}: no such file")
    with tempfile.TemporaryDirectory() as folder:
        net = Path(folder) / f"{file.name.removesuffix('.xml').removesuffix(suffix)}.net.xml"
        language = _visum_language(file) if suffix == ".net" else ()
        run_netconvert([*language, *OPTIONS[suffix], str(file), "--output-file", str(net)], file)
        return read_sumo_net(net)


def _visum_language(file: Path) -> tuple[str, ...]:
    """Return the option that names SUMO's own dictionary for the language of a VISUM network; German needs none."""
    content, program = file.read_bytes().upper(), netconvert_path()
    words = next((words for table, words in VISUM_NODES.items() if table in content), None)
    if words is None or program is None:
        return ()
    return ("--visum.language-file", str(program.parent.parent / "data" / "lang" / words))
