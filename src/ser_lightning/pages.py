"""What every HTML page that we write shares: its style sheet, its escaping, and how it reaches the disk.

A page is one file that needs nothing but itself: pictures and sounds are data URIs, the style is inline.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from ser_lightning.files import atomic_path


def render(package: str, template: str, *, filters: Mapping[str, Callable[..., str]], **values: object) -> str:
    """The page's text from a template file of a package, every value escaped; `style` is ours and stays as it is.

    A template may include others, by their paths within the package.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _text(package, name)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    style = _text("ser_lightning", "page.css")
    return environment.get_template(template).render(style=Markup(style), **values)


def write_page(folder: Path, page: str, pictures: Mapping[str, bytes]) -> Path:
    """Write `<folder>/index.html` and `<name>.png` of each picture beside it; return the page's path."""
    files = {f"{name}.png": content for name, content in pictures.items()} | {"index.html": page.encode()}
    for name, content in files.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(content)
    return folder / "index.html"


def data_uri(kind: str, content: bytes) -> str:
    """The content as an address that holds it; `kind` is its media type.

    >>> data_uri("text/plain", b"hi")
    'data:text/plain;base64,aGk='
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _text(package: str, name: str) -> str:
    return resources.files(package).joinpath(*name.split("/")).read_text(encoding="utf-8")
