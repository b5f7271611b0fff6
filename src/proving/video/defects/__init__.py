"""The family of defects that can be put into a clip, and of look-alikes in which nothing should be found."""

from proving.video.damaging import Defect
from proving.video.defects.audio_dropout import AudioDropout
from proving.video.defects.black import Black
from proving.video.defects.fade_to_black import FadeToBlack
from proving.video.defects.freeze import Freeze
from proving.video.defects.pause import Pause
from proving.video.defects.standstill import Standstill

DEFECTS: dict[str, type[Defect]] = {"black": Black, "freeze": Freeze, "audio_dropout": AudioDropout}
LOOK_ALIKES: dict[str, type[Defect]] = {"fade_to_black": FadeToBlack, "standstill": Standstill, "pause": Pause}
