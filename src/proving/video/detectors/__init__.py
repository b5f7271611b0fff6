"""The family of detectors."""

from proving.video.detecting import DetectorKind
from proving.video.detectors.audio_dropout import AUDIO_DROPOUT
from proving.video.detectors.black import BLACK
from proving.video.detectors.freeze import FREEZE

DETECTORS: dict[str, DetectorKind] = {"black": BLACK, "freeze": FREEZE, "audio_dropout": AUDIO_DROPOUT}
