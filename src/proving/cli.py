"""The one command, `proving PACKAGE VERB`; each package's commands load when they are used.

Results go to stdout, everything else to stderr. Exit 0: fine; 1: something was found; 2: wrong use or bad input.
"""

import difflib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from proving import __version__
from proving.errors import Error

if TYPE_CHECKING:
    from cyclopts import App

PACKAGES = {
    "corridor": "The whole system on one road: keep, inspect, ask, simulate, report.",
    "traffic": "Mixed-autonomy traffic: simulate human and automated vehicles.",
    "video": "Find defects in picture and sound; make damaged clips to learn from.",
    "tables": "Tables that re-arrange themselves to their own queries.",
    "store": "An S3-compatible object store node that loses nothing in a crash.",
    "check": "Find wrong behaviour: reference models, crash states, replay.",
    "runs": "List, run, show and replay scenarios.",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _complain(_stopped(arguments), code=130)


def _run(arguments: list[str]) -> int:
    import cyclopts

    word = next((argument for argument in arguments if not argument.startswith("-")), None)
    if word is not None and word not in PACKAGES:
        near = difflib.get_close_matches(word, PACKAGES, n=1)
        return _complain(f"unknown command '{word}'; {f'did you mean {near[0]!r}?' if near else 'see proving --help'}")
    try:
        result = build_app().meta(arguments, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        return _complain(str(error))
    except Error as error:
        return _complain(str(error))
    except ModuleNotFoundError as error:
        return _complain(_missing_part(error, arguments))
    except OSError as error:
        return _complain(_system_error(error))
    return result if isinstance(result, int) else 0


def build_app() -> "App":
    """Return the command tree; nothing heavy is imported until a command is called."""
    from cyclopts import App, Parameter

    app = App(
        name="proving",
        version=__version__,
        help="Simulate it, learn on it, prove it, only then let it drive.",
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    app.meta.suppress_keyboard_interrupt = False
    for package, about in PACKAGES.items():
        app.command(f"proving.{package}.commands:app", name=package, help=about)

    @app.meta.default
    def start(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        verbose: Annotated[bool, Parameter(negative="")] = False,
    ) -> object:
        """Run a command.

        Args:
            tokens: The command and its arguments.
            verbose: Log what happens to stderr.
        """
        logging.basicConfig(
            level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
        )
        return app(tokens, exit_on_error=False, print_error=False)

    return app


def _complain(message: str, code: int = 2) -> int:
    print(f"proving: {' '.join(message.split())}", file=sys.stderr)
    return code


def _missing_part(error: ModuleNotFoundError, arguments: list[str]) -> str:
    package = next((word for word in arguments if word in PACKAGES), "all")
    if (error.name or "").startswith("proving"):
        raise error
    extra = "all" if package in ("corridor", "runs") else package
    return f"'{error.name}' is not installed; it comes with: pip install 'proving[{extra}]'"


def _system_error(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    if isinstance(error, FileExistsError) and error.filename and Path(str(error.filename)).is_file():
        return f"{place}is a file, where a folder is needed"
    return f"{place}{error.strerror or error}"


def _stopped(arguments: list[str]) -> str:
    words = [argument for argument in arguments if not argument.startswith("-")][:2]
    is_resumable = words in (["corridor", "run"], ["runs", "run"], ["traffic", "train"])
    return "stopped; the same command goes on where it was" if is_resumable else "stopped"
