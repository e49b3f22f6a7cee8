"""The interactive charts: the very specifications that REPORT.md's pictures are drawn from.

Rules: nothing is drawn or chosen here. Rows stand apart from the specifications, so that the page
can leave implementations out of them; the themes are those of the pictures.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.report.svg import THEMES, config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.report.picture import Picture


def script(bundle: str) -> str:
    """Return the chart engine's bundle as a script whose thousands of names stay its own."""
    return f"(() => {{\n{bundle}\n}})();\n"


def _chart(picture: Picture) -> dict[str, object]:
    datasets: dict[str, Any] = {}
    found: dict[str, object] = {"datasets": datasets}
    for width, phone in (("wide", False), ("narrow", True)):
        spec = picture.draw(phone)
        datasets.update(spec.get("datasets", {}))  # those of the narrow one are the same rows
        found[width] = {key: value for key, value in spec.items() if key != "datasets"}
    return found


def drawings(pictures: Mapping[str, Picture], usual: Sequence[str] = ()) -> str:
    """Return all charts and themes as JSON that can stand in an HTML script element.

    `usual` are the names that a reader can choose at once.
    """
    found = {
        "usual": list(usual),
        "charts": {name: _chart(picture) for name, picture in pictures.items()},
        "themes": {
            theme: {width: config(theme, phone=width == "narrow") for width in ("wide", "narrow")}
            for theme in THEMES
        },
    }
    text = json.dumps(found, separators=(",", ":"))  # ASCII: U+2028 is an escape, too
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text
