"""The one error type that users see: what happened, the value and place, and what to do next, in one line."""

import errno

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where no more can be written: the disk, the user's share of it, or the file is full."""


class FoldinError(Exception):
    """A fault of input, parameters or environment that its reader can mend.

    Parameters
    ----------
    what : str
        What happened, with the offending value.
    where : str, optional
        The place: a file, a key, a stage.
    remedy : str, optional
        What to do next.
    """

    def __init__(self, what: str, *, where: object = None, remedy: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.remedy = remedy
        text = f"{self.where}: {what}" if self.where else what
        super().__init__(f"{text}; {remedy}" if remedy else text)
