"""What every test may ask for: the data beside the checkout, a browser, and a fixed profile for random tests."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

# The tests compile hundreds of programs and run each for a moment: code that is made quickly, not code that runs
# quickly (a quarter of the time for a network's step). XLA_FLAGS that are set already are left alone.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0")

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


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI a skipped test is a failure: there every component and all the data must be at hand."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and exitstatus == pytest.ExitCode.OK and reporter and reporter.stats.get("skipped"):
        reporter.write_line(f"{len(reporter.stats['skipped'])} skipped: in CI every test must run", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
