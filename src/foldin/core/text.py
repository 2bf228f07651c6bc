"""Text from data and declarations, made harmless where it is shown: on a terminal, and in Markdown.

It imports only the standard library, so that errors can be printed without the installed environment.
"""

import re

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves a terminal's cursor, ends a line, turns the direction of text, or is half a character."""
MARKUP = "&<>*_`[]\\|~$"
"""What Markdown, and the HTML and formulas in it, could take for more than text."""


def one_line(text: str) -> str:
    r"""Return text for a terminal: control characters are shown as Python writes them, such as \x1b.

    Parameters
    ----------
    text : str
        Any text.
    """
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def markdown(text: str, keep: str = "") -> str:
    """Return text as Markdown that shows it as it is; on one line, as a cell of a table needs it.

    Parameters
    ----------
    text : str
        Any text.
    keep : str, optional
        Marks that stay what they are, where we have set them ourselves.
    """
    line = one_line(text)
    return "".join(f"&#{ord(each)};" if each in MARKUP and each not in keep else each for each in line)
