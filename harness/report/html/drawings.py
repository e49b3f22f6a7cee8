"""The interactive charts: the very specifications that REPORT.md's pictures are drawn from.

Rules: nothing is drawn or chosen here. Rows stand apart from the specifications, so that the page
can leave implementations out of them; the themes are those of the pictures.
"""

from __future__ import annotations

import json
from concurrent.futures import Future
from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, Any

import vl_convert

from harness.report.svg import THEMES, VL_VERSION, config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.report.picture import Picture


def _bundle() -> str:
    script = vl_convert.javascript_bundle(vl_version=VL_VERSION)  # type: ignore[call-arg]  # its stub lacks a default
    return f"(() => {{\n{script}\n}})();\n"  # its thousands of names stay its own


@cache
def bundling() -> Future[str]:
    """Begin to make the bundle, once a process, in a thread: it takes longer than a chart."""
    made: Future[str] = Future()

    def make() -> None:
        try:
            made.set_result(_bundle())
        except BaseException as error:  # noqa: BLE001  whoever waits for it has to know
            made.set_exception(error)

    Thread(target=make, daemon=True).start()
    return made


def bundle() -> str:
    """Return Vega, Vega-Lite and their embedding as one script, as vl-convert carries them."""
    return bundling().result()


def _chart(picture: Picture) -> dict[str, object]:
    datasets: dict[str, Any] = {}
    found: dict[str, object] = {"datasets": datasets}
    for width, phone in (("wide", False), ("narrow", True)):
        spec = picture.draw(phone)
        datasets.update(spec.get("datasets", {}))  # Altair names rows by their hash: alike are once
        found[width] = {key: value for key, value in spec.items() if key != "datasets"}
    return found


def drawings(pictures: Mapping[str, Picture]) -> str:
    """Return all charts and themes as JSON that can stand in an HTML script element."""
    found = {
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
