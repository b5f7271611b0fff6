"""The documents say what is there: links lead somewhere, commands exist, decisions have their parts."""

import re
import shlex
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
PAGES = [
    *sorted(CHECKOUT.glob("*.md")),
    *sorted((CHECKOUT / "docs").rglob("*.md")),
    *sorted((CHECKOUT / "benchmarks").rglob("*.md")),
]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
SECTION_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s:]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?(proving [a-z].*)$", re.MULTILINE)
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def name(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_to_a_section_leads_to_its_heading(page: Path) -> None:
    lost = []
    for target, section in SECTION_LINK.findall(page.read_text(encoding="utf-8")):
        text = (page.parent / target if target else page).read_text(encoding="utf-8")
        headings = {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in HEADING.findall(text)}
        lost += [f"{target}#{section}"] * (section not in headings)
    assert lost == []


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            found += [(name(page), line) for line in COMMAND.findall(block)]
    return found


@pytest.mark.parametrize(("page", "command"), commands())
def test_every_command_in_a_document_exists(page: str, command: str) -> None:
    from proving.cli import build_app

    words = shlex.split(command, comments=True)[1:]
    if len(words) < 2 or words[1].startswith("-"):
        assert words[0] in {"--help", "--version", *(app for app in build_app())}, f"{page}: {command}"
        return
    from importlib import import_module

    package, verb = words[0], words[1]
    app = import_module(f"proving.{package}.commands").app
    assert verb in list(app), f"{page}: '{command}': {package} has no verb '{verb}'"


@pytest.mark.parametrize("page", sorted((CHECKOUT / "docs" / "decisions").glob("*.md")), ids=name)
def test_a_decision_says_what_why_and_what_would_change_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for part in (
        "**Question.**",
        "**Choice.**",
        "**Why, and what else we looked at.**",
        "**What would change our mind.**",
    ):
        assert part in text


def test_words_ruled_out_are_not_used() -> None:
    """In names of code: `model` is a reference model, so no driver or network is called one."""
    wrong = re.compile(r"\b(class|def) \w*(IdmModel|car_following_model|CarFollowingModel|driver_model|DriverModel)\w*")
    hits = [
        f"{name(path)}: {match.group()}"
        for path in (CHECKOUT / "src").rglob("*.py")
        for match in wrong.finditer(path.read_text(encoding="utf-8"))
    ]
    assert hits == []
