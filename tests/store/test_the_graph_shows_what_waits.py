"""The dependency graph: what is staged waits, what was put does not, nothing waits for itself, and all waiting ends."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from proving.check.sim_disk import SimDisk
from proving.store import Graph, Store

OpenSmall = Callable[..., Store]


def check(graph: Graph) -> None:
    """Nothing durable comes behind what waits, and every node comes behind all that must be durable before it."""
    order = {node.name: place for place, node in enumerate(graph.nodes)}
    durable = {node.name for node in graph.nodes if node.is_durable}
    for first, then in graph.edges:
        assert order[first] < order[then]
        assert first in durable or then not in durable


def test_what_is_staged_waits_until_it_is_put(open_small: OpenSmall) -> None:
    with open_small(SimDisk()) as store:
        store.create_bucket("bucket")
        assert store.graph().waiting == ()
        parts = [store.stage(bytes(3000)), store.stage(b"x" * 700)]
        waiting = [node.label for node in store.graph().waiting]
        assert "a staged part of 3,000 bytes" in waiting
        assert sum(label.startswith("data to extent ") for label in waiting) >= 2
        check(store.graph())
        store.put_staged("bucket", "key", parts, etag="two-2")
        assert store.graph().waiting == ()


class Watched(SimDisk):
    """A disk that keeps the graph as it is before each sync."""

    def __init__(self) -> None:
        super().__init__()
        self.store: Store | None = None
        self.graphs: list[Graph] = []

    def sync(self, name: str) -> None:
        if self.store is not None:
            self.graphs.append(self.store.graph())
        super().sync(name)


def test_puts_and_a_flush_are_drawn_while_they_wait(open_small: OpenSmall) -> None:
    disk = Watched()
    with open_small(disk) as store:
        store.create_bucket("bucket")
        disk.store = store
        store.put("bucket", "large", bytes(2000))
        store.put("bucket", "small", bytes(20))
        store.flush()
        seen = list(disk.graphs)
        disk.store = None
    arrows = set()
    for graph in seen:
        check(graph)
        labels = {node.name: node.label for node in graph.nodes if not node.is_durable}
        arrows |= {(labels[first], labels[then]) for first, then in graph.edges if first in labels and then in labels}
        assert graph.svg().count("<rect") == len(graph.nodes)
    waited = {node.label for graph in seen for node in graph.waiting}
    assert "owner of extent 1, held" in waited
    for chunk in ("run", "fences of a run", "filter of a run"):
        assert (f"{chunk} to extent 1", "a new run and a checkpoint, held") in arrows
    assert any(label.startswith("batch 2 of 1 entries") for label in waited), waited


def test_waiting_ends_with_an_orderly_stop(open_small: OpenSmall) -> None:
    rng = random.Random(5)
    disk = SimDisk()
    with open_small(disk) as store:
        store.create_bucket("bucket")
        for number in range(60):
            store.put("bucket", f"{rng.randrange(20)}", rng.randbytes(rng.choice((10, 300, 3000))))
            if number % 10 == 0:
                store.stage(bytes(500))
            if number % 20 == 0:
                store.reclaim()
            check(store.graph())
    with open_small(disk.reopen()) as store:
        assert store.graph().waiting == ()
        assert {"superblock", "run 0"} <= {node.name for node in store.graph().nodes}


def test_it_is_drawn(open_small: OpenSmall, tmp_path: Path) -> None:
    with open_small(SimDisk()) as store:
        store.create_bucket("bucket")
        store.put("bucket", "key", bytes(3000))
        store.flush()
        store.stage(bytes(5000))
        graph = store.graph()
    picture = ElementTree.fromstring(graph.svg())
    boxes = picture.findall(".//{http://www.w3.org/2000/svg}rect")
    assert len(boxes) == len(graph.nodes)
    assert sum("stroke-dasharray" in box.attrib for box in boxes) == len(graph.waiting) > 0
    assert graph.dot().count("->") == len(graph.edges) == graph.svg().count("<line")
    folder = tmp_path / "store"
    with Store.open(folder) as store:
        store.create_bucket("bucket")
    for arguments in ((), ("--out", tmp_path / "graph.svg"), ("--out", tmp_path / "graph.dot")):
        done = subprocess.run(
            [sys.executable, "-m", "proving", "store", "graph", folder, *arguments],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert ("digraph" in done.stdout) == (not arguments)
    assert (tmp_path / "graph.svg").read_text().startswith("<svg")
    assert (tmp_path / "graph.dot").read_text().startswith("digraph")
