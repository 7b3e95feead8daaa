"""``--tb-concurrency``: trials at a time in one process, and everything else as without it."""

from __future__ import annotations

import json
import textwrap
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_terminalbench import EnvironmentFailure, FakeEnvironment
from pytest_terminalbench.environments.docker_engine import DockerEngine
from pytest_terminalbench.environments.fake import FakeProvider, Reply
from pytest_terminalbench.environments.memory import PreparedInMemory
from pytest_terminalbench.environments.provider import ENTRY_POINTS, ProviderSettings
from pytest_terminalbench.limits import Limits
from pytest_terminalbench.scenarios.model import Scenario
from tests.plugin.conftest import Suite, lines_of, scripted

PATIENCE_S = 20.0


class WatchedProvider(FakeProvider):
    """Hands out fake environments, and none after `most`; notes who asks, and what for."""

    def __init__(self) -> None:
        super().__init__(lambda scenario: FakeEnvironment(self.replies))
        self.replies: dict[str, Reply | int | str] = {
            "meet": self._meet,
            "/solution/": _work,
            "work": _work,
            "break-engine": _break,
            "/tests/": lambda environment, argv: 0 if "/app/done" in environment.files else 1,
        }
        self.party = threading.Barrier(1)
        self.release = threading.Event()
        self.prepared: list[tuple[str, str]] = []
        self.most = 1_000

    def prepare(self, scenario: Scenario, limits: Limits) -> PreparedInMemory[FakeEnvironment]:
        self.prepared.append((scenario.id, threading.current_thread().name))
        if len(self.prepared) > self.most:
            raise EnvironmentFailure("the fake engine is full")
        return super().prepare(scenario, limits)

    def stop(self) -> None:
        super().stop()
        self.release.set()

    @property
    def threads(self) -> dict[str, str]:
        """Scenario -> the thread that ran it, without its number."""
        return {scenario: thread.rstrip("-0123456789") for scenario, thread in self.prepared}

    def _meet(self, environment: FakeEnvironment, argv: object) -> str:
        self.party.wait(PATIENCE_S)
        environment.files["/app/done"] = b"yes"
        return "met\n"


# What the entry point of the package that the tests install leads to.
_watched: list[WatchedProvider] = []


def watched_provider(settings: ProviderSettings) -> WatchedProvider:
    return _watched[-1]


def _work(environment: FakeEnvironment, argv: object) -> str:
    environment.files["/app/done"] = b"yes"
    return "worked\n"


def _break(environment: FakeEnvironment, argv: object) -> str:
    raise EnvironmentFailure("the fake engine broke")


@pytest.fixture
def provider() -> Iterator[WatchedProvider]:
    _watched.append(WatchedProvider())
    yield _watched[-1]
    _watched.pop()


@pytest.fixture
def plain(suite: Suite, provider: WatchedProvider, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """Four scenarios whose environments a package provides: a fixture would keep items in their turn."""
    entry_points = f"[{ENTRY_POINTS}]\nwatched = {__name__}:watched_provider\n"
    suite.write("site/watched-1.dist-info/entry_points.txt", entry_points)
    suite.write("site/watched-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: watched\nVersion: 1\n")
    monkeypatch.syspath_prepend(suite.path / "site")
    suite.write("conftest.py", "")
    suite.dataset("demo", "alpha", "beta", "delta", "gamma")
    return suite


def run(suite: Suite, *args: str) -> pytest.RunResult:
    return suite.run("--tb-dataset", "demo", "--tb-env", "watched", "-p", "no:randomly", *args)


def test_as_many_trials_run_at_a_time(plain: Suite, provider: WatchedProvider) -> None:
    provider.party = threading.Barrier(4)

    # Each waits for the three others.
    done = run(plain, "--tb-concurrency", "4", *scripted("meet"))

    done.assert_outcomes(passed=4)
    assert set(plain.statuses.values()) == {"solved"}


def test_attempts_of_one_cell_run_at_a_time_too(plain: Suite, provider: WatchedProvider) -> None:
    provider.party = threading.Barrier(3)

    done = run(plain, "-k", "alpha", "--tb-attempts", "3", "--tb-concurrency", "3", *scripted("meet"))

    done.assert_outcomes(passed=1)
    assert [attempt["attempt"] for attempt in plain.summary["cells"][0]["attempts"]] == [1, 2, 3]


def test_after_a_void_attempt_no_other_begins(plain: Suite) -> None:
    run(plain, "-k", "alpha", "--tb-attempts", "9", "--tb-concurrency", "2", *scripted("break-engine"))

    cell = plain.summary["cells"][0]
    assert cell["status"] == "void"
    assert len(cell["attempts"]) <= 2
    assert cell["text"] == "the fake engine broke"


def test_reports_come_in_the_usual_order_and_files_are_the_same(plain: Suite) -> None:
    plain.scenario("beta", verifier={"script": "beta/tests/none.sh", "result": "exit_code"})
    plain.write("scenarios/demo/beta/tests/none.sh", "#!/bin/sh\n").chmod(0o755)
    told: dict[str, Any] = {}
    for number in ("1", "4"):
        done = run(plain, "-v", "--tb-run-id", f"run-{number}", "--tb-concurrency", number)
        words = [line.split()[:2] for line in done.outlines if line.startswith("scenarios/demo/")]
        names = [name for name in plain.files(f"results/run-{number}") if "running" not in name]
        told[number] = (words, names, plain.statuses, plain.summary["totals"], done.ret)

    assert told["4"] == told["1"]
    assert len(told["4"][0]) == 4


def test_trials_run_in_threads_of_their_own(plain: Suite, provider: WatchedProvider) -> None:
    run(plain, "--tb-concurrency", "2")

    assert provider.threads == dict.fromkeys(("alpha", "beta", "delta", "gamma"), "trial")
    assert len(provider.prepared) == 4
    assert provider.release.is_set()


@pytest.mark.parametrize(
    "conftest",
    [
        """
        @pytest.fixture
        def tb_agent():
            from pytest_terminalbench import ScriptedAgent

            return ScriptedAgent(["work"])
        """,
        """
        @pytest.fixture(autouse=True)
        def before_each_test():
            pass
        """,
        """
        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker(pytest.mark.xfail(reason="not yet", strict=False))
        """,
    ],
    ids=["agent", "autouse", "xfail"],
)
def test_an_item_that_a_user_has_a_say_in_runs_in_its_own_turn(
    plain: Suite, provider: WatchedProvider, conftest: str
) -> None:
    plain.write("conftest.py", f"import pytest\n{textwrap.dedent(conftest)}")

    run(plain, "--tb-concurrency", "2")

    assert provider.threads == dict.fromkeys(("alpha", "beta", "delta", "gamma"), "MainThread")
    assert set(plain.statuses.values()) == {"solved"}


def test_a_skipped_item_has_no_trial(plain: Suite, provider: WatchedProvider) -> None:
    plain.write(
        "conftest.py",
        """
        import pytest

        def pytest_collection_modifyitems(items):
            items[1].add_marker(pytest.mark.skip(reason="not today"))
        """,
    )

    run(plain, "--tb-concurrency", "2").assert_outcomes(passed=3, skipped=1)

    assert sorted(provider.threads) == ["alpha", "delta", "gamma"]


def test_a_void_trial_is_an_error_of_its_own_cell(plain: Suite) -> None:
    done = run(plain, "--tb-concurrency", "4", "-k", "alpha or beta", *scripted("break-engine"))

    assert done.parseoutcomes()["errors"] == 2
    assert set(plain.statuses.values()) == {"void"}
    assert lines_of(done, "alpha: void in phase agent: the fake engine broke")
    assert plain.result("alpha", "scripted")["reason"] == "the fake engine broke"


def test_an_agent_that_cannot_be_made_is_void_once(plain: Suite) -> None:
    plain.write(
        "agents.py",
        """
        from pytest_terminalbench import AgentSetupError

        class Keyless:
            name = "keyless"

            def __init__(self):
                raise AgentSetupError("no key")

            def act(self, task, environment):
                raise NotImplementedError
        """,
    )

    done = run(plain, "--tb-concurrency", "4", "--tb-agent", "agents:Keyless", "-k", "alpha")

    assert done.parseoutcomes()["errors"] == 1
    assert [len(cell["attempts"]) for cell in plain.summary["cells"]] == [1]
    assert plain.summary["cells"][0]["text"] == "no key"


def test_a_cell_is_blocked_where_conditions_differ(plain: Suite) -> None:
    run(plain, "--update-baselines").assert_outcomes(passed=4)
    plain.scenario("beta", timeouts={"agent_s": 77, "verifier_s": 10})

    done = run(plain, "--tb-concurrency", "4")

    assert plain.statuses["demo/beta[oracle]"] == "blocked"
    assert json.loads((plain.latest / "parity.json").read_text()).keys() == {"demo/beta[oracle]"}
    assert done.parseoutcomes()["errors"] == 1


def test_baselines_are_the_same_bytes(plain: Suite) -> None:
    run(plain, "--update-baselines", "--tb-approver", "me", "--tb-run-id", "one").assert_outcomes(passed=4)
    alone = {name: content for name, content in plain.files("baselines").items() if name != "audit.jsonl"}

    run(plain, "--update-baselines", "--tb-approver", "me", "--tb-run-id", "two", "--tb-concurrency", "3")

    assert {name: content for name, content in plain.files("baselines").items() if name != "audit.jsonl"} == alone


MOODS = """
from pytest_terminalbench import AgentReport

class Moody:
    name = "moody"
    deterministic = False
    fails = ()

    def act(self, task, environment):
        environment.run(["idle"] if task.scenario_id in self.fails else ["work"])
        return AgentReport()

class Failing(Moody):
    fails = ("alpha",)
"""


@pytest.fixture
def moody(plain: Suite, provider: WatchedProvider) -> Suite:
    """Where the agent `moods:Moody` is approved; `moods:Failing` fails at one scenario, which needs more trials."""
    plain.write("moods.py", MOODS)
    approved = run(plain, "--tb-agent", "moods:Moody", "--tb-attempts", "5", "--update-baselines")
    assert approved.ret == 0, approved.stdout.str()
    provider.prepared.clear()
    return plain


def test_further_trials_of_auto_come_after_the_first_of_all_others(moody: Suite, provider: WatchedProvider) -> None:
    done = run(moody, "--tb-agent", "moods:Failing", "--tb-attempts", "auto", "--tb-concurrency", "2")

    assert moody.statuses["demo/alpha[moody]"] == "regressed", done.stdout.str()
    done.assert_outcomes(passed=3, failed=1)
    order = [scenario for scenario, _ in provider.prepared]
    assert sorted(order) == ["alpha", "alpha", "beta", "delta", "gamma"]
    # When it begins, the first trials of all others have, too; that of the other thread may not be noted yet.
    assert order.index("alpha", order.index("alpha") + 1) >= 3
    assert provider.threads["alpha"] == "trial"
    assert 2 <= len(moody.summary["cells"][0]["attempts"]) <= 5


@pytest.mark.parametrize("concurrency", ["1", "2"])
def test_a_cell_that_cannot_be_tried_again_keeps_its_first_trial(
    moody: Suite, provider: WatchedProvider, concurrency: str
) -> None:
    provider.most = 4

    run(moody, "--tb-agent", "moods:Failing", "--tb-attempts", "auto", "--tb-concurrency", concurrency)

    cell = moody.summary["cells"][0]
    assert (cell["cell"], cell["status"]) == ("demo/alpha[moody]", "void")
    assert [(attempt["attempt"], attempt["outcome"]) for attempt in cell["attempts"]] == [(1, "unsolved"), (2, "void")]
    kept = [moody.result("alpha", "moody", attempt)["outcome"] for attempt in (1, 2)]
    assert kept == ["unsolved", "void"]


def test_hooks_are_called_for_every_trial_by_one_thread_at_a_time(plain: Suite) -> None:
    plain.write(
        "conftest.py",
        """
        import threading
        import time

        inside = threading.Lock()
        told = []

        def tell(what, cell):
            assert inside.acquire(blocking=False)
            time.sleep(0.02)
            told.append((what, cell.scenario.id))
            inside.release()

        def pytest_terminalbench_trial_start(cell):
            tell("start", cell)

        def pytest_terminalbench_trial_end(cell, outcome):
            tell("end", cell)

        def pytest_unconfigure():
            print(f"told {sorted(told)}")
        """,
    )

    done = run(plain, "--tb-concurrency", "4", "-k", "alpha or beta")

    done.assert_outcomes(passed=2)
    assert lines_of(done, "told ") == [
        "told [('end', 'alpha'), ('end', 'beta'), ('start', 'alpha'), ('start', 'beta')]"
    ]


def test_after_the_first_failure_nothing_more_begins(plain: Suite, provider: WatchedProvider) -> None:
    others = set(threading.enumerate())

    def linger(environment: FakeEnvironment, argv: object) -> int:
        # What runs when the session is stopped loses its container; the fake's comes back by itself then.
        provider.release.wait(PATIENCE_S)
        return 0

    plain.dataset("demo", *(f"later-{number}" for number in range(9)))
    provider.replies = {"idle": 0, "linger": linger, **provider.replies}
    plain.write(
        "agents.py",
        """
        from pytest_terminalbench import AgentReport

        class OneFails:
            name = "one-fails"

            def act(self, task, environment):
                environment.run(["idle" if task.scenario_id == "alpha" else "linger"])
                return AgentReport()
        """,
    )
    done = run(plain, "--tb-concurrency", "2", "-x", "--tb-agent", "agents:OneFails")

    done.assert_outcomes(failed=1)
    assert len(provider.prepared) <= 3
    assert not [thread for thread in {*threading.enumerate()} - others if thread.name.startswith("trial-")]


def test_nothing_runs_where_fixtures_are_only_shown(plain: Suite, provider: WatchedProvider) -> None:
    run(plain, "--tb-concurrency", "2", "--setup-plan")
    run(plain, "--tb-concurrency", "2", "--collect-only")

    assert provider.prepared == []


def test_with_workers_it_is_one_or_the_other(demo: Suite) -> None:
    done = demo.run_apart("--tb-dataset", "demo", "-n", "2", "--tb-concurrency", "2")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --tb-concurrency is for one process, and -n starts several with one trial at a time each; " in (
        done.stderr.str() + done.stdout.str()
    )


def test_in_the_ini_file_it_is_for_sessions_without_workers(demo: Suite) -> None:
    ini = demo.path / "tox.ini"
    ini.write_text(f"{ini.read_text()}\ntb_concurrency = 2\n")

    demo.run_apart("--tb-dataset", "demo", "-n", "2").assert_outcomes(passed=3)

    assert json.loads((demo.latest / "manifest.json").read_text())["settings"]["concurrency"] == 1


@pytest.mark.docker
def test_real_containers_beside_each_other(real: Suite, engine: DockerEngine) -> None:
    real.dataset("demo")
    for name in ("alpha", "beta", "delta", "gamma"):
        real.scenario(name, environment={"image": "debian:bookworm-slim", "memory_mb": 64})
        (real.path / f"scenarios/demo/{name}/tests/test.sh").write_text("#!/bin/sh\ntest -e /app/done\n")

    done = real.run_apart("--tb-dataset", "demo", "--tb-concurrency", "4", *scripted("sleep 3; touch /app/done"))

    done.assert_outcomes(passed=4)
    events = [json.loads(line) for line in (real.latest / "events.jsonl").read_text().splitlines()]
    kinds = [event["type"] for event in events]
    # One after the other, each would have ended before the next began.
    assert kinds[1:3] == ["trial-start"] * 2
    assert (kinds.count("trial-start"), kinds.count("trial-end")) == (4, 4)
