"""`proving traffic watch`, `draw` and `diagram`: runs in the browser, as films, as pictures."""

import dataclasses
import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from proving.traffic.watching.settings import Watched

watch_app = App(name="watch", help="Play a run on its map, in the browser, as one HTML file or as a film.")
draw_app = App(name="draw", help="Draw a road network.")
diagram_app = App(name="diagram", help="Write the diagrams of a run along one route as a page.")
diagram_app.command(
    "proving.traffic.watching.commands_capacity:app",
    name="capacity",
    help="Sweep the inflow of a network, and draw what comes out over what comes in.",
)


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Ways:
    """How to watch.

    Attributes:
        out: Write the whole run as one HTML file that plays it, and end.
        mp4: Write a film of it, and end.
        film_speed: Seconds of the run in a second of the film.
        dark: The film has dark ground.
        port: Serve the page of a run that goes on at this port of 127.0.0.1; 0 takes a free one.
        ahead_s: A run that goes on is computed at most so far ahead of what was looked at.
        browser: Open the page.
    """

    out: Path | None = None
    mp4: Path | None = None
    film_speed: float = 5.0
    dark: bool = False
    port: int = 0
    ahead_s: float = 60.0
    browser: Annotated[bool, Parameter(negative="")] = False


WATCHED, WAYS = Watched(), Ways()


@watch_app.default
def watch(
    what: str,
    /,
    *,
    demand: tuple[Path, ...] = (),
    ring_length_m: float | None = None,
    network: str = "",
    watched: Annotated[Watched, Parameter(name="*")] = WATCHED,
    ways: Ways = WAYS,
) -> int:
    """Play a run on its map: vehicles, signals, pause, seek, zoom, and whoever is clicked on.

    Without --out and --mp4 the run goes on while it is watched, on a page at 127.0.0.1, until Ctrl-C.

    Args:
        what: A network's name (ring, figure_eight, grid, city, ...), a file (.sumocfg, SUMO .net.xml, CityFlow
            .json), or a recording of "proving traffic simulate --out" (.csv, .parquet).
        demand: Files of demand that belong to a network's file.
        ring_length_m: Of a recording: it was made on a ring of this length.
        network: Of a recording of "simulate network": that network's name or file.
        watched: How to run it.
        ways: How to watch.
    """
    from proving.traffic.out_files import in_a_folder
    from proving.traffic.watching.sources import show_of

    # Known before the run, not after it.
    for path in (ways.out, ways.mp4):
        if path is not None:
            in_a_folder(path)
    show, title = show_of(what, watched, demand, ring_length_m, network)
    if ways.out is not None:
        from proving.traffic.watching.page import write_watch_page

        write_watch_page(show, ways.out, title)
        print(ways.out)
    if ways.mp4 is not None:
        from proving.traffic.watching.film import Film, write_film

        write_film(show, ways.mp4, Film(speed=ways.film_speed, is_dark=ways.dark), title)
        print(ways.mp4)
    if ways.out is not None or ways.mp4 is not None:
        return 0
    from proving.traffic.watching.serving import Serving, served

    try:
        with served(show, Serving(port=ways.port, ahead_s=ways.ahead_s), title) as address:
            print(f"{title}: {address} (Ctrl-C ends it)", flush=True)
            if ways.browser:
                import webbrowser

                webbrowser.open(address)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        # The usual way to end it.
        print("ended", file=sys.stderr)
    return 0


@draw_app.default
def draw(what: str, /, *, out: Path | None = None, dark: bool = False) -> int:
    """Draw a road network: lanes, ways on which one yields, signals.

    Args:
        what: A network's name (ring, figure_eight, grid, city, ...), or a file: .sumocfg, SUMO .net.xml, CityFlow
            .json; with SUMO's netconvert also .osm, .xodr, .net, .inpx.
        out: The picture: .png, .svg or .pdf; without it NAME.png.
        dark: On dark ground.
    """
    from proving.traffic.network_runs import scenario
    from proving.traffic.out_files import in_a_folder
    from proving.traffic.watching.drawing import write_map

    asked = scenario(what)
    title = asked.road_map.name.replace("_", " ") if asked.file is None else asked.file.name.split(".")[0]
    path = Path(f"{title.replace(' ', '_')}.png") if out is None else out
    write_map(asked.road_map, in_a_folder(path), title, is_dark=dark)
    print(path)
    return 0


@diagram_app.default
def diagram(
    what: str,
    /,
    *,
    along: tuple[str, ...] = (),
    demand: tuple[Path, ...] = (),
    ring_length_m: float | None = None,
    network: str = "",
    watched: Annotated[Watched, Parameter(name="*")] = WATCHED,
    out: Path | None = None,
) -> int:
    """Run a network and write the diagrams of one route: time and space, speed field, fundamental diagram.

    Args:
        what: What "proving traffic watch" takes.
        along: Edges, one after the other; without them the route that most trips take.
        demand: Files of demand that belong to a network's file.
        ring_length_m: Of a recording: it was made on a ring of this length.
        network: Of a recording of "simulate network": that network's name or file.
        watched: How to run it.
        out: The page; without it diagram.html.
    """
    from proving.report import write
    from proving.traffic.out_files import in_a_folder
    from proving.traffic.watching.diagrams import diagram_report
    from proving.traffic.watching.sources import show_of

    path = in_a_folder(out or Path("diagram.html"))
    show, title = show_of(what, watched, demand, ring_length_m, network)
    write(diagram_report(show, along, title), path)
    print(path)
    return 0
