"""plan: meta.toml files are read strictly, and what cannot run is known with its reason."""

from pathlib import Path

import pytest

from harness import plan
from harness.model import UsageError

META = 'title = "Mine"\nstyle = "coroutine"\n'


def folder(root: Path, name: str = "mine", meta: str = META) -> Path:
    """Make an implementation's folder."""
    made = root / name
    made.mkdir()
    (made / "meta.toml").write_text(meta)
    for workload in ("echo", "fetch"):
        (made / f"{workload}.py").write_text('"""Docs."""\n\nx = 1  # one line\n')
    return made


def test_reads_a_folder(tmp_path: Path) -> None:
    """A minimal meta.toml is enough, and code lines leave out docstrings and blanks."""
    mine = plan.read(folder(tmp_path))
    assert (mine.name, mine.title, mine.kind, mine.cannot_run) == ("mine", "Mine", "framework", "")
    assert mine.code_lines == {"echo.py": 1, "fetch.py": 1}


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        (META + 'titel = "x"\n', ["meta.toml", "titel", "title"]),
        ('style = "coroutine"\n', ["meta.toml", "title"]),
        ('title = 3\nstyle = "x"\n', ["meta.toml", "title", "str", "int"]),
        (META + "[known]\nE11 = 5\n", ["meta.toml", "known", "str"]),
        (META + 'kind = "best"\n', ["meta.toml", "kind", "best"]),
        ("title = \n", ["meta.toml", "TOML", "line 1"]),
        (META + 'requires = ["not a = requirement"]\n', ["meta.toml", "requires"]),
        (META + 'python = "new"\n', ["meta.toml", "python"]),
        (META + '[known]\nE20 = {python = "new", text = "x"}\n', ["meta.toml", "known.E20.python"]),
        (META + '[known]\nE20 = {python = ">=3"}\n', ["meta.toml", "known", "text"]),
        (META + 'workloads = ["swim"]\n', ["meta.toml", "workloads", "swim"]),
        (META + "workloads = []\n", ["meta.toml", "workloads", "echo, fetch"]),
    ],
)
def test_a_fault_is_named(tmp_path: Path, meta: str, words: list[str]) -> None:
    """A wrong key, type or value is refused with file, key and what was expected."""
    with pytest.raises(UsageError) as caught:
        plan.read(folder(tmp_path, meta=meta))
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_folder_name_is_refused(tmp_path: Path) -> None:
    """A name that could become a path or an option is none."""
    with pytest.raises(UsageError, match="must match"):
        plan.read(folder(tmp_path, name="My-Framework"))


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        (META + 'requires = ["evenloop-has-no-such-package>=1"]\n', "pip install 'evenloop-has"),
        (META + 'requires = ["msgspec>=999"]\n', "msgspec>=999 not installed"),
        (META + 'cannot_run = "it never closes"\n', "it never closes"),
        (META + 'python = "<3"\n', "it needs Python <3"),
        (META + 'run = ["evenloop-has-no-such-program"]\n', "not on the PATH"),
    ],
)
def test_what_cannot_run_has_its_reason(tmp_path: Path, meta: str, reason: str) -> None:
    """Nothing is dropped: the reason stands in its row, with what would help."""
    found = plan.read(folder(tmp_path, meta=meta))
    assert reason in found.cannot_run
    assert found.unfit == ("cannot_run" in meta)


def test_a_difference_may_be_of_some_pythons_alone(tmp_path: Path) -> None:
    """It is known where the Python that runs it is one of those, and nowhere else."""
    known = '[known]\nE10 = {python = "<4", text = "here"}\nE20 = {python = "<3", text = "gone"}\n'
    one = plan.read(folder(tmp_path, meta=META + known))
    assert (one.known, one.races) == ({"E10": "here"}, ())


def test_a_difference_may_take_a_race(tmp_path: Path) -> None:
    """It is known like any other, and need not be seen."""
    one = plan.read(folder(tmp_path, meta=META + '[known]\nE10 = {race = true, text = "now"}\n'))
    assert (one.known, one.races) == ({"E10": "now"}, ("E10",))


def test_missing_files_are_a_reason(tmp_path: Path) -> None:
    """A folder without run and without fetch.py cannot run."""
    mine = folder(tmp_path)
    (mine / "fetch.py").unlink()
    assert plan.read(mine).cannot_run == "fetch.py missing beside its meta.toml"


def test_one_workload_is_enough(tmp_path: Path) -> None:
    """Who says to have fetch alone needs no echo.py, and none is missed; no workload is a fault."""
    mine = folder(tmp_path, meta=META + 'workloads = ["fetch"]\n')
    (mine / "echo.py").unlink()
    found = plan.read(mine)
    assert (found.workloads, found.cannot_run) == (("fetch",), "")
    (mine / "fetch.py").unlink()
    assert plan.read(mine).cannot_run == "fetch.py missing beside its meta.toml"


def test_all_six_are_in_the_tree() -> None:
    """The six frameworks of the design and the reference are found."""
    names = {one.name for one in plan.discover()}
    assert names >= {"asyncio", "trio", "curio", "twisted", "gevent", "tornado", "reference"}


def test_an_outside_folder_is_added(tmp_path: Path) -> None:
    """--from finds folders at any depth, and an unknown name has its nearest neighbour."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    folder(deep)
    known = plan.discover([tmp_path])
    assert plan.choose(known, ["mine"])[0].folder == str(deep / "mine")
    with pytest.raises(UsageError, match="did you mean mine"):
        plan.choose(known, ["mina"])


def test_who_is_left_out_is_there_when_asked_for(tmp_path: Path) -> None:
    """`default = false` leaves one out where no name is given; its own name, or all, brings it."""
    folder(tmp_path, name="usual")
    folder(tmp_path, name="rare", meta=META + "default = false\n")
    known = plan.discover([tmp_path])
    usual = {one.name for one in plan.choose(known, [])}
    assert "usual" in usual
    assert "rare" not in usual
    assert [one.name for one in plan.choose(known, ["rare"])] == ["rare"]
    assert plan.choose(known, ["all"]) == known


def test_a_name_stands_once(tmp_path: Path) -> None:
    """An outside folder cannot take the name of another."""
    folder(tmp_path, name="trio")
    with pytest.raises(UsageError, match="taken"):
        plan.discover([tmp_path])


def test_an_empty_outside_folder_is_told(tmp_path: Path) -> None:
    """--from a folder without implementations is a mistake, not nothing."""
    with pytest.raises(UsageError, match=r"no folder below it has a meta\.toml"):
        plan.discover([tmp_path])
