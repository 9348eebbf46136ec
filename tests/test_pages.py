"""Pages escape what they are given, include their parts, and reach the disk whole."""

from __future__ import annotations

import jinja2
import pytest

from ser_lightning import pages


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a template that includes another from a folder within it."""
    folder = tmp_path / "templates_of_a_test"
    (folder / "parts").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "page.html.j2").write_text('<style>{{ style }}</style>{% include "parts/one.html.j2" %}')
    (folder / "parts" / "one.html.j2").write_text("<p>{{ value | loud }}</p>")
    monkeypatch.syspath_prepend(tmp_path)
    return "templates_of_a_test"


def test_an_included_template_sees_the_values_and_filters_and_escapes_them(package):
    page = pages.render(package, "page.html.j2", filters={"loud": str.upper}, value="<b>&")
    style, _, rest = page.partition("</style>")
    assert rest == "<p>&lt;B&gt;&amp;</p>"
    assert style.startswith("<style>/* The look of every page")
    assert "&#34;Segoe" not in style


def test_a_value_that_is_not_given_is_an_error(package):
    with pytest.raises(jinja2.UndefinedError, match="value"):
        pages.render(package, "page.html.j2", filters={"loud": str})


def test_a_page_and_its_pictures_are_written_side_by_side(tmp_path):
    path = pages.write_page(tmp_path / "report", "<p>ü</p>", {"a": b"1", "b": b"2"})
    assert path == tmp_path / "report" / "index.html"
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == {
        "index.html": "<p>ü</p>".encode(),
        "a.png": b"1",
        "b.png": b"2",
    }
