"""The behaviour suite under pytest: one test for each implementation and case.

    pytest tests/test_behaviour.py -k "trio and E04"
    pytest tests/test_behaviour.py -k trio-E04.3 --every-case

Rules: no test plays anything by itself. Whatever this pytest run has selected is played in one go
when the first test needs it, by the suite's own crew of workers, and each test looks up its
verdict. Under xdist all of them go to one worker (conftest.py), which plays while the others run
the rest of the tests.

PASS, DECLARED (it is what meta.toml says) and INFO pass. UNSUPPORTED, INCONCLUSIVE and what cannot
run here are skipped, with their reason. FAIL and HARNESS-ERROR fail, with reason and wire log.

Where pytest is asked for the whole test suite, one Python plays the cases of this file, and the
others the quick ones. Implementations that a usual run leaves out have their quick ones played by
one Python, each by another. Asked for by name (the file, or -k) all are played on any. Cases that
only repeat another to be surer (`again`) are left out, as in `compare`, unless --every-case is
given.
"""

from __future__ import annotations

import faulthandler
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from harness import plan
from harness.check import cases, suite
from harness.launch import ROOT
from harness.model import Verdict

if TYPE_CHECKING:
    from harness.check.case import Case
    from harness.model import Implementation

ALL = {one.name: one for one in plan.discover()}
CASES = {case.id: case for case in cases.ALL}
WORKERS = 4  # other tests run at the same time
WHOLE = (3, 13)  # the Python that plays all of them for the whole test suite
MINORS = (11, 12, 13)  # who plays the quick ones of implementations that are not usual, in turn
ELSEWHERE = "elsewhere"  # stands for all cases of an implementation that another Python plays
WAITS_S = 1500  # the first test waits for all: 7 implementations, hundreds of cases, a slow machine

pytestmark = pytest.mark.timeout(WAITS_S)


def _sums(picked: tuple[Case, ...]) -> list[str]:
    """Return the ids of the sums over the cases of a workload."""
    workloads = {case.clause.workload for case in picked}
    return [f"{clause}.0" for clause, (its, _) in suite.SUMS.items() if its in workloads]


def _declared(one: Implementation) -> list[str]:
    """Return the ids that stand for its declarations: each has to be seen by a case."""
    if one.kind == "reference":
        return []
    played = {case.clause.id for case in cases.ALL}
    return [f"{clause}.declared" for clause in sorted(one.known) if clause in played]


def _is_in_passing(config: pytest.Config) -> bool:
    """Tell whether this file was not asked for by name."""
    return not config.option.keyword and not any("test_behaviour" in one for one in config.args)


def minor_of(one: Implementation) -> int:
    """Return the minor version that plays an implementation for the whole test suite."""
    if one.default:
        return sys.version_info.minor
    rare = [name for name, other in ALL.items() if not other.default]
    return MINORS[rare.index(one.name) % len(MINORS)]


def _ids(one: Implementation, *, passing: bool, again: bool) -> list[str]:
    """Return what is played of an implementation: cases, then sums and declarations."""
    if passing and minor_of(one) != sys.version_info.minor:
        return [ELSEWHERE]
    quick = passing and (sys.version_info[:2] != WHOLE or not one.default)
    picked = suite.select(cases.ALL, workloads=one.workloads, quick=quick, again=again)
    ids = [*(case.id for case in picked), *_sums(picked)]
    return ids if quick else [*ids, *_declared(one)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each implementation and case; sums and declarations last."""
    if {"implementation", "case"} <= set(metafunc.fixturenames):
        passing = _is_in_passing(metafunc.config)
        again = bool(metafunc.config.getoption("--every-case"))
        pairs = [
            (one.name, case)
            for one in ALL.values()
            for case in _ids(one, passing=passing, again=again)
        ]
        metafunc.parametrize(
            ("implementation", "case"), pairs, ids=[f"{name}-{case}" for name, case in pairs]
        )


def _selected(items: list[pytest.Item]) -> dict[str, set[str]]:
    """Return the cases of each implementation that are left of this file's tests."""
    found: dict[str, set[str]] = {}
    for item in items:
        if item.path.name == "test_behaviour.py" and isinstance(item, pytest.Function):
            call = getattr(item, "callspec", None)
            if call is not None and "implementation" in call.params:
                found.setdefault(call.params["implementation"], set()).add(call.params["case"])
    return found


def _played(ids: set[str]) -> frozenset[str]:
    """Return the cases to play so that each of `ids` has a verdict.

    A sum is one over the cases that are selected, over all of its workload where none is; a
    declaration is looked for in every case of its clause.
    """
    whole = {one.partition(".")[0] for one in ids if one.endswith(".declared")}
    played = ids & CASES.keys() | {case.id for case in cases.ALL if case.clause.id in whole}
    for clause, (workload, _) in suite.SUMS.items():
        own = {case.id for case in cases.ALL if case.clause.workload == workload}
        if f"{clause}.0" in ids and not own & played:
            played |= {
                case.id for case in suite.select(cases.ALL, workloads=[workload], again=False)
            }
    return frozenset(played)


@pytest.fixture(scope="session")
def verdicts(request: pytest.FixtureRequest) -> dict[tuple[str, str], Verdict]:
    """Return the verdicts of all that is selected, played once."""
    faulthandler.cancel_dump_traceback_later()  # this one is to take long, and --timeout watches it
    alike: dict[frozenset[str], list[Implementation]] = {}
    for name, ids in _selected(request.session.items).items():
        if not ALL[name].cannot_run and ids != {ELSEWHERE}:
            alike.setdefault(_played(ids), []).append(ALL[name])
    found: dict[tuple[str, str], Verdict] = {}
    for played, implementations in alike.items():
        picked = tuple(case for case in cases.ALL if case.id in played)
        suite.run(
            implementations,
            picked,
            workers=WORKERS,
            on_verdict=lambda v: found.update({(v.implementation, v.case): v}),
        )
    return found


def test_behaviour(
    implementation: str, case: str, verdicts: dict[tuple[str, str], Verdict]
) -> None:
    """The implementation does what the case demands, or its meta.toml says that it does not."""
    if case == ELSEWHERE:
        minor = minor_of(ALL[implementation])
        pytest.skip(f"Python 3.{minor} plays its quick cases (-k {implementation}: all, here)")
    if ALL[implementation].cannot_run:
        pytest.skip(f"cannot run here: {ALL[implementation].cannot_run}")
    clause, _, what = case.partition(".")
    if what == "declared" and (implementation, case) not in verdicts:
        own = [v for (who, _), v in verdicts.items() if (who, v.clause) == (implementation, clause)]
        if not any(verdict.verdict == "DECLARED" for verdict in own):
            pytest.skip(f"no case of {clause} came as far as to see the declared difference")
        return
    judge(verdicts[implementation, case])


def judge(verdict: Verdict) -> None:
    """Pass, skip or fail, as the verdict says."""
    said = f"{verdict.verdict}: {verdict.reason}"
    if verdict.verdict in {"UNSUPPORTED", "INCONCLUSIVE"}:
        pytest.skip(said)
    if verdict.verdict not in {"PASS", "DECLARED", "INFO"}:
        pytest.fail("\n".join([said, *verdict.evidence]), pytrace=False)


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        ("PASS", None),
        ("DECLARED", None),
        ("INFO", None),
        ("UNSUPPORTED", pytest.skip.Exception),
        ("INCONCLUSIVE", pytest.skip.Exception),
        ("FAIL", pytest.fail.Exception),
        ("HARNESS-ERROR", pytest.fail.Exception),
    ],
)
def test_how_a_verdict_ends_a_test(kind: str, ends: type[BaseException] | None) -> None:
    """Each verdict passes, skips or fails, and a test that does not pass says why."""
    verdict = Verdict(
        implementation="mine",
        case="E04.1",
        level="MUST",
        verdict=kind,  # type: ignore[arg-type]
        reason="expected a; got b",
        evidence=("peer: sent FIN",),
    )
    if ends is None:
        judge(verdict)
        return
    with pytest.raises(ends, match="expected a; got b") as raised:
        judge(verdict)
    assert ("sent FIN" in str(raised.value)) is (ends is pytest.fail.Exception)


def test_every_selected_test_has_a_verdict() -> None:
    """A case alone, a sum alone, or both: what is played holds what is asked for."""
    assert _played({"E04.1"}) == {"E04.1"}
    assert _played({"E04.1", "E14.0"}) == {"E04.1"}
    alone = _played({"E14.0"})
    assert alone
    assert {CASES[case].clause.workload for case in alone} == {"echo"}
    assert _played({"E17.declared"}) == {case.id for case in cases.ALL if case.clause.id == "E17"}


def test_who_is_not_usual_is_played_by_one_python_and_whole_when_asked_for() -> None:
    """In passing one of three has the quick cases and the others a skip; by name, all cases."""
    rare = [one for one in ALL.values() if not one.default]
    assert {minor_of(one) for one in rare} == set(MINORS)
    for one in rare:
        own = _ids(one, passing=True, again=False)
        assert (own == [ELSEWHERE]) is (minor_of(one) != sys.version_info.minor)
        assert len(_ids(one, passing=False, again=False)) > len(own)


def test_xdist_gives_all_of_them_to_one_worker() -> None:
    """Of this file's tests none runs on another worker, and other files' tests run on any."""
    words = ["-n", "2", "-v", "-k", "how_a_verdict or test_judge", "--no-header"]
    files = [f"{ROOT}/tests/test_behaviour.py", f"{ROOT}/tests/test_judge.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *files],
        cwd=ROOT, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    workers = re.findall(r"\[(gw\d)\].* PASSED tests/test_(behaviour|judge)", done.stdout)
    assert len({worker for worker, file in workers if file == "behaviour"}) == 1
    assert len([file for _, file in workers if file == "behaviour"]) == 7
    assert "judge" in {file for _, file in workers}
