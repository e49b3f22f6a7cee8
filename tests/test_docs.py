"""The documents say what is so: links lead somewhere, paths and sessions exist, numbers are true.

Rules: every tracked Markdown file is read, but for rendered ones in tests/golden, whose links are
those of a run folder. Addresses outside are not fetched.
"""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from mutants import table

from harness import contrast, model, precision
from harness.__main__ import main
from harness.check import cases

ROOT = Path(__file__).resolve().parent.parent
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)")
_SOURCE = re.compile(r"\b(?:src|srcset|href)=\"([^\"]+)\"")
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#{1,6} +(.*?)(?: +#+)?$", re.MULTILINE)
_COMMAND = re.compile(r"\bnox -s ([^`#|\n]+)")


def documents() -> list[Path]:
    """Return every Markdown file that git knows of, or would."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    names = [name for name in listed.splitlines() if not name.startswith("tests/golden/")]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


DOCUMENTS = documents()
HANDWRITTEN = [file for file in DOCUMENTS if file.name != "REPORT.md"]


def named(file: Path) -> str:
    """Return a document's path from the top of the tree."""
    return str(file.relative_to(ROOT))


def slugs(text: str) -> set[str]:
    """Return the anchors that GitHub gives to a document's headings.

    Lower case, without markup; what is neither letter, digit, space, hyphen nor underscore is
    dropped, a space becomes a hyphen, and a heading that was there before gets -1, -2.
    """
    found: dict[str, int] = {}
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        shown = re.sub(r"\\(.)", r"\1", re.sub(r"<[^>]+>", "", shown))
        slug = re.sub(r"[^\w\- ]", "", shown.strip().lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        if found[slug]:
            found[f"{slug}-{found[slug]}"] = 0
    return set(found)


def links(text: str) -> list[str]:
    """Return where a document's links and pictures lead."""
    plain = _FENCE.sub("", text)
    return _LINK.findall(_CODE.sub("", plain)) + _SOURCE.findall(plain)


@pytest.mark.parametrize(
    ("heading", "slug"),
    [
        ("# Add a framework", "add-a-framework"),
        ("## 1. A folder with facts", "1-a-folder-with-facts"),
        ("### `CPU` µs, *a* [message](x.md)!", "cpu-µs-a-message"),
        ("## Twisted: write() takes everything", "twisted-write-takes-everything"),
        ("## snake_case -- and more ##", "snake_case----and-more"),
    ],
)
def test_an_anchor_is_made_as_github_makes_it(heading: str, slug: str) -> None:
    """Lower case, hyphens for spaces, no markup and no punctuation."""
    assert slugs(heading) == {slug}


def test_equal_headings_are_numbered_and_fences_hold_none() -> None:
    """The second of equal headings ends in -1; a comment in a shell block is no heading."""
    assert slugs("# A\n\n# A\n\n```sh\n# B\n```\n\n# A\n") == {"a", "a-1", "a-2"}


@pytest.mark.parametrize("file", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(file: Path) -> None:
    """Relative links name files that are there, anchors name headings; others are https."""
    broken = []
    for link in links(file.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            if not link.startswith("https://"):
                broken.append(link)
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        there = target.exists() and target.is_relative_to(ROOT)
        if there and anchor and target.suffix == ".md":
            there = anchor in slugs(target.read_text("utf-8"))
        if not there:
            broken.append(link)
    assert not broken


def is_path(word: str) -> bool:
    """Tell whether a word in code names a path of this repository, by the folder it begins with."""
    heads = {"implementations", "harness", "tests", "docs", "report", ".ci"}
    return "/" in word and word.partition("/")[0] in heads and not re.search(r"[<>*{}]", word)


@pytest.mark.parametrize("file", HANDWRITTEN, ids=named)
def test_no_document_names_a_path_that_is_not_there(file: Path) -> None:
    """A path in code, from the top of the tree or from beside the document, exists."""
    text = file.read_text("utf-8")
    words = [word for code in _CODE.findall(text) for word in code.split()]
    words += [word for fence in _FENCE.findall(text) for word in fence.split()]
    paths = {word.rstrip(".,:;)").partition("::")[0] for word in words if is_path(word)}
    missing = [p for p in paths if not (ROOT / p).exists() and not (file.parent / p).exists()]
    # the tutorial says where a new folder would go
    assert not set(missing) - {"implementations/threads/"}


def sessions() -> set[str]:
    """Return the names of the sessions in noxfile.py, `tests-3.12` and its like among them."""
    found = set()
    for node in ast.parse((ROOT / "noxfile.py").read_text("utf-8")).body:
        for mark in getattr(node, "decorator_list", []):
            if "nox.session" not in ast.unparse(mark):
                continue
            words = {k.arg: k.value for k in getattr(mark, "keywords", [])}
            name = ast.literal_eval(words["name"]) if "name" in words else node.name  # type: ignore[attr-defined]
            found.add(name)
            if "python" in words:
                found |= {f"{name}-3.{minor}" for minor in (11, 12, 13)}
    return found


def commands(text: str) -> list[tuple[list[str], list[str]]]:
    """Return the sessions and the arguments of every `nox -s` in a document."""
    found = []
    for match in _COMMAND.finditer(text):
        before, _, after = match[1].partition(" -- ")
        names = [w for w in before.split() if not re.match(r"-|3\.", w)]
        found.append((names, shlex.split(after.strip(" .,);"))))
    return found


@pytest.mark.parametrize("file", HANDWRITTEN, ids=named)
def test_every_command_is_a_session_with_options_that_it_has(file: Path) -> None:
    """`nox -s NAME -- --option`: the session exists, and its command's help has the option."""
    known = sessions()
    for names, arguments in commands(file.read_text("utf-8")):
        assert names, file
        assert set(names) <= known, names
        if names[0] not in main.commands:
            continue  # pytest's or a script's own options
        shown = CliRunner().invoke(main, [names[0], "--help"]).output
        wrong = [w for w in arguments if w.startswith("--") and w.partition("=")[0] not in shown]
        assert not wrong, (names, wrong)


def one_number(file: str, pattern: str) -> int:
    """Return the number in the one place of a document where a pattern matches."""
    found = re.findall(pattern, " ".join((ROOT / file).read_text("utf-8").split()))
    assert len(set(found)) == 1, (file, pattern, found)
    return int(found[0])


def test_the_number_of_cases_is_that_of_the_suite() -> None:
    """The README counts the cases as the suite does."""
    assert one_number("README.md", r"(\d+) cases, ") == len(cases.ALL)


def test_the_number_of_planted_faults_is_that_of_the_table() -> None:
    """The README counts the mutants as their table does."""
    assert one_number("README.md", r"(\d+) planted faults") == len(table.MUTANTS)


def test_the_method_names_the_limits_that_the_code_has() -> None:
    """What METHOD.md says of ties, intervals, ranks and stopping are the constants themselves."""
    method = " ".join((ROOT / "METHOD.md").read_text("utf-8").split())
    for said in (
        f"the median ratio differs from 1 by {contrast.TIE:.0%} or more",
        f"there are none under {model.BLOCKS_LEAST} blocks",
        f"no ranks under {model.BLOCKS_LEAST}",
        f"p of {contrast.ALPHA:.0%} or less",
        f"half-width {precision.HALF_WIDTH:.1%}, at {precision.BLOCKS_ENOUGH} blocks or more",
        f"with {model.PLANTED_SHARE:.0%} of its time burnt",
    ):
        assert said in method, said


USUAL = [
    file
    for file in sorted(ROOT.glob("implementations/*/naive.py"))
    if tomllib.loads((file.parent / "meta.toml").read_text("utf-8")).get("default", True)
]


@pytest.mark.parametrize("file", USUAL, ids=named)
def test_every_documented_echo_can_be_checked(file: Path) -> None:
    """docs/naive starts each usual naive.py, with its neighbour's needs, under its own name."""
    name = file.parent.name
    own = tomllib.loads((ROOT / "docs/naive" / f"naive_{name}" / "meta.toml").read_text("utf-8"))
    real = tomllib.loads((file.parent / "meta.toml").read_text("utf-8"))
    for key in ("requires", "python", "homepage", "style"):
        assert own[key] == real[key]
    assert own["run"][-1] == "{python}"
    assert f"-m implementations {name} " in own["run"][2]
    assert "--naive" in own["run"][2]
