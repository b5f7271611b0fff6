"""What can go wrong with a clip.

proving.errors.Error
└── VideoError
    ├── UnreadableClip (ValueError)     nothing in the file can be decoded: empty, no media, cut beyond use
    ├── NoSuchClip (FileNotFoundError)  the named file is not there
    ├── NoSound (ValueError)            a detector of sound was asked for by name, and the clip has no sound
    ├── NoPicture (ValueError)          the same for pictures
    ├── NoSuchDetector (ValueError)     no detector has that name
    ├── NoPlace (ValueError)            the clip has no place for the wanted defect: too short, too still
    └── BadTruth (ValueError)           a file of findings or truths is not what `scan` or `damage` writes
"""

from proving.errors import Error


class VideoError(Error):
    """Something about a clip that the caller can mend."""


class UnreadableClip(VideoError, ValueError):
    """Nothing in the file can be decoded."""


class NoSuchClip(VideoError, FileNotFoundError):
    """The named file is not there."""


class NoSound(VideoError, ValueError):
    """A detector of sound was asked for by name, and the clip has no sound."""


class NoPicture(VideoError, ValueError):
    """A detector of pictures was asked for by name, and the clip has no picture."""


class NoSuchDetector(VideoError, ValueError):
    """No detector has that name."""


class NoPlace(VideoError, ValueError):
    """The clip has no place for the wanted defect."""


class BadTruth(VideoError, ValueError):
    """A file of findings or truths is not what `scan` or `damage` writes."""
