"""What a caller of the corridor may handle.

proving.Error
├── StudyError(ValueError)      the study names something that cannot be: no such controller, no clip, no window
├── BadInputs(ValueError)       inputs are damaged or missing, and the study says to stop at them
├── OffTheRoad(ValueError)      a vehicle is where the study's road is not
├── FolderInUse(FileExistsError)  a sample would be written among somebody's files
└── StoreUnreachable(OSError)   the study's S3 endpoint refuses us or does not answer
"""

from proving.errors import Error


class StudyError(Error, ValueError):
    """The study names something that cannot be."""


class BadInputs(Error, ValueError):
    """Inputs are damaged or missing, and the study says `bad_input = "stop"`."""


class OffTheRoad(Error, ValueError):
    """A vehicle is where the study's road is not."""


class FolderInUse(Error, FileExistsError):
    """A sample would be written among somebody's files."""


class StoreUnreachable(Error, OSError):
    """The study's S3 endpoint refuses us, or nothing answers there."""
