"""docs/gallery.md has a section for each trap of the notebook, and its numbers are those of the committed demo page."""

import json
import re

import pytest
from conftest import CHECKOUT

PAGE = (CHECKOUT / "docs" / "gallery.md").read_text()
SECTIONS = dict(section.split("\n", 1) for section in PAGE.split("\n## ")[1:])
INTRODUCTION = "The five projects"
NOTEBOOK = json.loads((CHECKOUT / "notebooks" / "traps.ipynb").read_text())
MATRIX = "S2. A confusion matrix read the wrong way round"
"""One section for two tables: S2's own matrix, and that of a model on the data at hand."""


def source(kind: str) -> str:
    return "\n".join("".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == kind)


def anchor(title: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_every_trap_of_the_notebook_has_a_section_and_a_link():
    titles = re.findall(r'gallery\.place\(f?"(.+?)"\)', source("code"))
    titles = [title.replace("{len(strong)}", "220") for title in titles]
    assert len(titles) == 17
    matrices = [title for title in titles if "confusion matrix" in title]
    assert len(matrices) == 2
    assert [*SECTIONS] == [INTRODUCTION, *dict.fromkeys(MATRIX if title in matrices else title for title in titles)]
    linked = re.findall(r"docs/gallery\.md#([\w-]+)", source("markdown"))
    assert linked == [anchor(title) for title in SECTIONS if title != INTRODUCTION]


@pytest.mark.parametrize("title", [title for title in SECTIONS if title != INTRODUCTION])
def test_a_section_says_the_mistake_the_control_the_correction_and_the_cost(title):
    parts = re.findall(r"^\*\*(.+?)\.\*\*", SECTIONS[title], re.MULTILINE)
    assert parts == ["The mistake", "Control", "Corrected", "Cost"]
    cost = SECTIONS[title].partition("**Cost.**")[2]
    numbers = re.findall(r"\d+\.\d{4}|\d+\.\d(?= %)", cost)
    assert numbers
    page = (CHECKOUT / "reports" / "demo" / "TRAPS.md").read_text()
    tables = [set(re.findall(r"\d[\d,.]*", section)) for section in page.split("\n## ")[1:]]
    assert any(table.issuperset(numbers) for table in tables), f"{numbers} stand in no table of reports/demo/TRAPS.md"


def test_the_projects_are_introduced_where_they_are_first_named():
    for text in (PAGE, source("markdown").replace("the projects, S1 to S5,", "")):
        prose = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
        for name in ("S1", "S2", "S3", "S4", "S5"):
            assert re.search(rf"\b{name}\b", prose).start() == prose.index(f"**{name}**") + 2, name
