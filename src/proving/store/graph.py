"""The live dependency graph: what of a store is durable, what waits, and what must be durable before what.

An arrow goes from what must be durable first to what may become so then; see "Order of writes" in
`docs/store-format.md`. Extents of which nothing waits are drawn as one. In the manner of the figure of soft updates in
"Using Lightweight Formal Methods to Validate a Key-Value Storage Node in Amazon S3", SOSP 2021.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from proving.store.extents import Extents
from proving.store.soft_updates import Dependency, Write
from proving.store.superblock import Role, State

_COLUMN_PX, _ROW_PX, _BOX_PX, _BOX_HIGH_PX, _MARGIN_PX = 250, 56, 200, 36, 20


@dataclass(frozen=True, slots=True)
class Node:
    """Something that is durable or waits to be.

    Attributes:
        name: Told apart from every other node.
        label: What it is, in words.
        is_durable: Whether it would survive a crash now.
    """

    name: str
    label: str
    is_durable: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """What must be durable before what.

    Attributes:
        nodes: Each after all that must be durable before it.
        edges: Names of two nodes: first this, then that.
    """

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]

    @property
    def waiting(self) -> tuple[Node, ...]:
        """Return what is not durable."""
        return tuple(node for node in self.nodes if not node.is_durable)

    def dot(self) -> str:
        """Return it in the language of Graphviz."""
        lines = ["digraph store {", "  rankdir=LR;", "  node [shape=box, fontname=sans];"]
        for node in self.nodes:
            style = "" if node.is_durable else ", style=dashed, color=red"
            lines.append(f'  "{node.name}" [label="{node.label}"{style}];')
        lines += [f'  "{first}" -> "{then}";' for first, then in self.edges]
        return "\n".join([*lines, "}", ""])

    def svg(self) -> str:
        """Return it drawn, from left to right: durable boxes are filled, those that wait are dashed."""
        places = _places(self)
        wide = max((x for x, _ in places.values()), default=0) + _BOX_PX + _MARGIN_PX
        high = max((y for _, y in places.values()), default=0) + _BOX_HIGH_PX + _MARGIN_PX
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif" '
            'font-size="12">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>',
        ]
        middle = _BOX_HIGH_PX // 2
        for first, then in self.edges:
            (from_x, from_y), (to_x, to_y) = places[first], places[then]
            parts.append(
                f'<line x1="{from_x + _BOX_PX}" y1="{from_y + middle}" x2="{to_x}" y2="{to_y + middle}" '
                'stroke="currentColor" marker-end="url(#tip)"/>'
            )
        for node in self.nodes:
            x, y = places[node.name]
            style = 'fill="#cfe8cf" stroke="#2c7a2c"' if node.is_durable else 'fill="none" stroke="#c22" '
            dashes = "" if node.is_durable else 'stroke-dasharray="5 3"'
            told = "durable" if node.is_durable else "waiting"
            parts.append(
                f"<g><title>{escape(node.label)}, {told}</title>"
                f'<rect x="{x}" y="{y}" width="{_BOX_PX}" height="{_BOX_HIGH_PX}" rx="4" {style} {dashes}/>'
                f'<text x="{x + _BOX_PX // 2}" y="{y + middle + 4}" text-anchor="middle" '
                f"aria-label={quoteattr(told)}>{escape(node.label)}</text></g>"
            )
        return "\n".join([*parts, "</svg>", ""])


def graph_of(extents: Extents, state: State, journal_bytes: int, pending: Iterable[tuple[str, Dependency]]) -> Graph:
    """Return the graph of a store.

    Args:
        extents: Where its chunks are.
        state: What its superblock says.
        journal_bytes: What the journal holds that is in no run.
        pending: What waits for chunks and is named by nothing durable yet, in words.
    """
    nodes: dict[str, Node] = {}
    edges: set[tuple[str, str]] = set()

    def add(name: str, label: str, after: Iterable[str], *, is_durable: bool) -> None:
        nodes.setdefault(name, Node(name, label, is_durable))
        edges.update((first, name) for first in after if first != name)

    for role in (Role.DATA, Role.JOURNAL):
        there = sum(extent.role == role and extent.pointer > 0 for extent in extents.all)
        if there:
            add(role.name, f"{there} {role.name.lower()} extents", (), is_durable=True)
    for index, run in enumerate(state.runs):
        add(f"run {index}", f"run {index}: {run.entry_count:,} entries", ("DATA",), is_durable=True)
    runs = [name for name in nodes if name.startswith("run")]
    after = runs or [name for name in nodes if name == Role.DATA.name]
    add("superblock", f"superblock {state.sequence}", after, is_durable=True)
    if journal_bytes:
        label = f"batches from {state.checkpoint.sequence} on: {journal_bytes:,} bytes"
        add("journal", label, [name for name in ("superblock", "DATA", "JOURNAL") if name in nodes], is_durable=True)
    waiting = _waiting(extents)
    for write, name in waiting.items():
        before = {name for each, name in waiting.items() if _needs(write.after, each)} or {"superblock"}
        add(name, _label(write), sorted(before), is_durable=False)
    for number, (label, dependency) in enumerate(pending):
        before = {name for write, name in waiting.items() if _needs(dependency, write)} or {"DATA"}
        add(f"pending {number}", label, sorted(before & nodes.keys()), is_durable=False)
    return Graph(tuple(nodes.values()), tuple(sorted(edges)))


def _waiting(extents: Extents) -> dict[Write, str]:
    """Return the writes that are not durable, each with a name; each comes behind what must be durable before it."""
    held = extents.soft.waiting()
    issued = [write for extent in tuple(extents.all) for write in extent.target.unsynced]
    ordered: dict[Write, None] = {}

    def visit(write: Write) -> None:
        if write not in ordered:
            for before in write.after.writes:
                if not before.is_durable and not before.has_failed:
                    visit(before)
            ordered[write] = None

    for write in (*issued, *held):
        if not write.is_durable and not write.has_failed:
            visit(write)
    return {write: f"write {number}" for number, write in enumerate(ordered)}


def _needs(dependency: Dependency, write: Write) -> bool:
    """Return whether a dependency takes a write; the last one that was issued to a target stands for earlier ones."""
    return any(
        each is write or (each.target is write.target and 0 < write.number <= each.number) for each in dependency.writes
    )


def _label(write: Write) -> str:
    where = "" if write.target.perform else f" to extent {write.target.order}"
    return f"{write.what}{where}{'' if write.number else ', held'}"


def _places(graph: Graph) -> dict[str, tuple[int, int]]:
    """Return where the upper left corner of each box is: a column behind all that comes before it."""
    columns: dict[str, int] = {}
    for node in graph.nodes:
        before: Sequence[str] = [first for first, then in graph.edges if then == node.name]
        columns[node.name] = 1 + max((columns[name] for name in before), default=-1)
    rows: dict[int, int] = {}
    places = {}
    for name, column in columns.items():
        row = rows.get(column, 0)
        rows[column] = row + 1
        places[name] = (_MARGIN_PX + column * _COLUMN_PX, _MARGIN_PX + row * _ROW_PX)
    return places
