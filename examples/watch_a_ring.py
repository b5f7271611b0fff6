"""Stop-and-go waves on a ring, and one automated vehicle that ends them: a page that plays it, and its diagrams."""

from pathlib import Path

from proving.report import write
from proving.traffic import Ring, ring
from proving.traffic.watching import trajectories_show, write_watch_page
from proving.traffic.watching.diagrams import diagram_report

run = ring(Ring(controller="follower_stopper", automated_share=1 / 22, duration_s=400.0), seed=1)
show = trajectories_show(run, is_ring=True)
write_watch_page(show, Path("ring.html"), "One automated vehicle of 22")
write(diagram_report(show, title="One automated vehicle of 22"), Path("diagram.html"))
print("open ring.html and diagram.html in a browser")
