"""report.html: its parts, put into one template under a policy that lets nothing else in.

Rules: what a part holds is made by `figures`, `drawings`, `matrix` and `reader`; how it is arranged
stands in templates/html/. Scripts are files of this repository and the Vega bundle; each is named
by its hash, so that one from anywhere else, in whatever way it came into the page, does not run.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from harness.report import answer, engine, reading, words
from harness.report.html import drawings, figures, reader
from harness.report.html.clauses import clauses
from harness.report.html.matrix import matrix
from harness.report.markdown import visible
from harness.report.page import command
from harness.report.picture import label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.report.html.clauses import Clause
    from harness.report.html.matrix import Matrix
    from harness.report.html.sources import Source
    from harness.report.picture import Picture
    from harness.summary import Summary

SCRIPTS = ("tables.js", "cases.js", "reader.js", "charts.js", "keys.js")  # in this order


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report", "templates/html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _hash(text: str) -> str:
    """Return a text as a Content-Security-Policy names it."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _policy(style: str, scripts: Sequence[str]) -> str:
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def _style(made: Matrix | None) -> str:
    columns = len(made.columns) if made else 1
    return _environment().get_template("report.css").render(n=columns) + reader.style()


def _own_script() -> str:
    return "\n".join(_environment().get_template(name).render() for name in SCRIPTS)


def _facts(summary: Summary) -> list[tuple[str, str]]:
    """Return the facts about the machine and the run, and the command that repeats it."""
    facts = {**words.machine(summary), "again": command(summary)}
    return [(visible(name), visible(value)) for name, value in facts.items()]


def _parts(
    summary: Summary,
    pictures: Mapping[str, Picture],
    found: Sequence[Source],
    known: list[Clause],
) -> dict[str, Any]:
    """Return all that the template shows."""
    made = matrix(summary, {clause.id: clause.owes for clause in known})
    anchors = [fold.id for _, _, folds in made.workloads for fold in folds] if made else []
    implementations = summary.by_name
    usual = [label(one) for one in answer.usual(summary)]
    return {
        "created": visible(summary.created),
        "python": visible(words.pythons(summary)),
        "warnings": [visible(one) for one in words.warnings(summary)],
        "how": reading.HEADING,
        "legend": visible(reading.columns(summary)),
        "terms": list(reading.terms(summary)),
        "workloads": [
            (found.workload, words.WHAT[found.workload], figures.answer(summary, found))
            for found in summary.workloads
        ],
        "pictures": [(name, visible(picture.alt)) for name, picture in pictures.items()],
        "drawings": Markup(drawings.drawings(pictures, usual)),  # noqa: S704  JSON without < > &
        "every": figures.shown(
            [figures.pythons(summary), figures.cells(summary), figures.traits(summary)]
        ),
        "matrix": made,
        "levels": words.LEVELS,
        "files": reader.reader(found, implementations, known, anchors),
        "anchors": frozenset(anchors),
        "controls": figures.shown([figures.canaries(summary)]),
        "contestants": figures.contestants(summary),
        "facts": _facts(summary),
    }


def page(
    summary: Summary,
    pictures: Mapping[str, Picture],
    found: Sequence[Source],
    spec: str,
    bundle: Callable[[], str] = engine.bundle,
) -> str:
    """Return report.html.

    `found`: the sources to read side by side; `spec`: SPEC.md's text; `bundle` gives what draws
    charts, and is asked where there are any.
    """
    parts = _parts(summary, pictures, found, clauses(spec))
    style = _style(parts["matrix"])
    scripts = [_own_script()]
    if pictures:  # asked for last: it may still be in the making
        scripts.insert(0, drawings.script(bundle()))
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            policy=_policy(style, scripts),
            style=Markup(style),  # noqa: S704  files of this repository, Pygments' styles, a number
            scripts=[Markup(script) for script in scripts],  # noqa: S704  the same, and vl-convert's
            **parts,
        )
    )
