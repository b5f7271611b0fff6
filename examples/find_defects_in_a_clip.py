"""Make a clip of a road, damage it in three ways, and see whether the damage is found where it is."""

import tempfile
from pathlib import Path

from proving.video import DEFECTS, View, free_traffic, make_defect, road_camera, scan, score, write_clip

SEED = 7
view = View(width=320, height=180)

with tempfile.TemporaryDirectory() as folder:
    pristine = Path(folder, "pristine.mp4")
    pictures, sound = road_camera(free_traffic(SEED, 8.0, view), view, frame_rate=25.0, seed=SEED)
    write_clip(pristine, pictures, 25.0, sound)
    print(f"{'nothing':13s}  findings: {len(scan(pristine).findings)}")

    for name, defect in DEFECTS.items():
        damaged = Path(folder, f"{name}.mp4")
        truths = make_defect(pristine, damaged, defect(), seed=SEED)
        findings = scan(damaged).findings
        true = ", ".join(f"{one.start_s:.2f}-{one.end_s:.2f} s" for one in truths)
        found = ", ".join(f"{one.detector} {one.start_s:.2f}-{one.end_s:.2f} s" for one in findings)
        print(f"{name:13s}  true: {true}  found: {found or 'nothing'}  f1 {score(findings, truths).f1:.2f}")
