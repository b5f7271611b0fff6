"""What can be wrong with the material of a report.

proving.errors.Error
├── NoSuchColumn    (KeyError)    the rows to be plotted lack a column, or it holds no number
├── UnsafeSvg       (ValueError)  an SVG has parts that a report does not let in (scripts, links, style sheets)
└── CorruptTracks   (ValueError)  packed tracks do not unpack to what their head promises
"""

from proving.errors import Error


class NoSuchColumn(Error, KeyError):
    """The rows to be plotted lack a column, or it holds no finite number."""

    # pyrefly: ignore [missing-override-decorator]  typing.override needs Python 3.12
    def __str__(self) -> str:
        """Return the line itself: KeyError would quote it."""
        return str(self.args[0])


class UnsafeSvg(Error, ValueError):
    """An SVG has an element, attribute or address that a report does not let in."""


class CorruptTracks(Error, ValueError):
    """Packed tracks do not unpack to what their head promises."""
