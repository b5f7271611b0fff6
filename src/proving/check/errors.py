"""What the checker may say is wrong.

proving.Error
├── BadToken (ValueError)        a replay token is damaged, cut short or of another version
├── NoSuchCheck (LookupError)    no check has that name, or its module cannot be imported
├── WrongOption (ValueError)     an option of `proving check` is not what it wants
└── PowerCut (OSError)           the simulated disk lost its power; every later call says so too
"""

from proving.errors import Error


class BadToken(Error, ValueError):
    """The replay token is not one that we printed, or it was damaged on the way."""


class NoSuchCheck(Error, LookupError):
    """No check of that name can be found."""


class WrongOption(Error, ValueError):
    """An option of the command line is not what it wants."""


class PowerCut(Error, OSError):
    """The simulated disk lost its power during this call or an earlier one.

    It is an `OSError`, so code under test meets it as it meets any disk that fails: nothing more reaches the disk.
    """
