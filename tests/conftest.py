"""What every test may ask for: the data beside the checkout, a browser, and a fixed profile for random tests."""

import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

# The tests compile hundreds of programs and run each for a moment: code that is made quickly, not code that runs
# quickly (a quarter of the time for a network's step), in one piece. XLA_FLAGS that are set already are left alone.
MADE_QUICKLY = (
    "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
)
os.environ.setdefault("XLA_FLAGS", MADE_QUICKLY)

# What one process has compiled no other one of the session compiles again: this is set before workers start, and they
# and all that tests start inherit it.
COMPILED = None
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    COMPILED = tempfile.mkdtemp(prefix="proving-compiled-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

settings.register_profile("proving", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("proving")

# A shell that starts the tests in the background has them ignore Ctrl-C, and all that they start as well; some tests
# stop what they started with it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # WebGL without a graphics card.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real clips, trajectories and tables: PROVING_DATA, else ../shared/data beside the checkout.

    Where CI is set its absence is a failure, never a skip.
    """
    folder = Path(os.environ.get("PROVING_DATA", CHECKOUT.parent / "shared" / "data"))
    if not folder.is_dir():
        message = f"the data beside the checkout is missing: {folder} (set PROVING_DATA to where it lies)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless Chromium: the one named by CHROMIUM, else the one on the path. Where CI is set it must be there.

    One for the whole session: Playwright cannot be started twice in one process.
    """
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None or not Path(program).exists():
        message = "Chromium is missing: install the package chromium, or set CHROMIUM to the program"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


def pytest_configure(config: pytest.Config) -> None:
    """Compile anew, silently, what was being kept by a process that a test killed."""
    config.addinivalue_line("filterwarnings", "ignore:Error reading persistent compilation cache entry")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first, so that no worker is left with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Look for garbage seldom: tracing makes many short-lived objects and hardly any in circles."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_unconfigure() -> None:
    """Remove what was compiled, in the process that began the session, and let everything be freed at its end."""
    gc.unfreeze()
    if COMPILED is not None:
        shutil.rmtree(COMPILED, ignore_errors=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test is a failure: there every component and all the data must be at hand."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and exitstatus == pytest.ExitCode.OK and reporter and reporter.stats.get("skipped"):
        reporter.write_line(f"{len(reporter.stats['skipped'])} skipped: in CI every test must run", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
