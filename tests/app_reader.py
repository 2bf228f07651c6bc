"""Reads HTML of the app's page: its tags, its texts, its tables by caption, and its paragraphs."""

from html.parser import HTMLParser


class Read(HTMLParser):
    """Collects what a page holds.

    Attributes
    ----------
    tags : list of tuple
        Each tag with its attributes.
    texts : list of str
        All texts.
    tables : dict
        Caption → heading → cells.
    paragraphs : list of str
        Texts of paragraphs.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.paragraphs: list[str] = []
        self.tables: dict[str, dict[str, list[str]]] = {}
        self._heads: list[str] = []
        self._rows: list[list[str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tbody":
            self._rows = []
        elif tag == "thead":
            self._heads = []
        elif tag == "p":
            self.paragraphs.append("")
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td"):
            cells = self._heads if ("scope", "col") in attrs else self._rows[-1]
            cells.append("")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        match self.tags[-1]:
            case ("caption", _):
                self._caption = data
            case ("th", {"scope": "col"}):
                self._heads[-1] = data
            case ("th" | "td", _):
                self._rows[-1][-1] = data
            case ("p", _):
                self.paragraphs[-1] = data

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            cells = zip(*self._rows, strict=True)
            self.tables[self._caption] = {head: [*column] for head, column in zip(self._heads, cells, strict=True)}
