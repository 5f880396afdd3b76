"""Why a stage does not start or does not go on; `BadRecord` and its kin are in `stage.py`."""


class Refused(Exception):
    """State and code do not fit; a restart cannot help, a person must look."""


class PositionsMissing(Refused):
    """The state topic holds state and no positions: where to go on is unknown."""


class StateTooNew(Refused):
    """A state record was written by a newer version than this code knows."""


class InputsChanged(Refused):
    """The inputs differ from those the positions were written for, under the same version."""


class InputLost(Refused):
    """An input no longer holds the records that come next (retention was shorter than the lag)."""


class SliceGap(Exception):
    """A slice does not begin where the one before it ended; records would be lost."""
