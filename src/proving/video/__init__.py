"""Finds defects in picture and sound, and makes damaged clips to learn from."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proving.video.damage import make_defect
    from proving.video.defects import DEFECTS, LOOK_ALIKES
    from proving.video.detectors import DETECTORS
    from proving.video.encode import write_clip
    from proving.video.errors import NoPicture, NoPlace, NoSound, NoSuchClip, NoSuchDetector, UnreadableClip, VideoError
    from proving.video.findings import Finding, Inspection, StreamFacts, Truth
    from proving.video.scanning import scan
    from proving.video.scoring import Scores, score
    from proving.video.synthetic import Vehicles, View, free_traffic, road_camera
    from proving.video.thumbnails import thumbnail

__all__ = [
    "DEFECTS",
    "DETECTORS",
    "LOOK_ALIKES",
    "Finding",
    "Inspection",
    "NoPicture",
    "NoPlace",
    "NoSound",
    "NoSuchClip",
    "NoSuchDetector",
    "Scores",
    "StreamFacts",
    "Truth",
    "UnreadableClip",
    "Vehicles",
    "VideoError",
    "View",
    "free_traffic",
    "make_defect",
    "road_camera",
    "scan",
    "score",
    "thumbnail",
    "write_clip",
]

# No file is called as what it gives: an imported file `scan` would hide the function of that name.
_HOMES = {
    "DEFECTS": "defects",
    "DETECTORS": "detectors",
    "LOOK_ALIKES": "defects",
    "Finding": "findings",
    "Inspection": "findings",
    "StreamFacts": "findings",
    "Truth": "findings",
    "make_defect": "damage",
    "Vehicles": "synthetic",
    "View": "synthetic",
    "free_traffic": "synthetic",
    "road_camera": "synthetic",
    "scan": "scanning",
    "score": "scoring",
    "Scores": "scoring",
    "thumbnail": "thumbnails",
    "write_clip": "encode",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, so that `import proving.video` stays light."""
    if name not in __all__:
        raise AttributeError(f"module 'proving.video' has no attribute '{name}'")
    home = _HOMES.get(name, "errors")
    return getattr(importlib.import_module(f"proving.video.{home}"), name)
