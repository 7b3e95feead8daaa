"""Environments by kind: which there are, and what all of them do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_terminalbench.environments.docker_provider import DockerProvider
from pytest_terminalbench.environments.fake import FakeEnvironment, FakeProvider, fake_environments
from pytest_terminalbench.environments.provider import (
    ENTRY_POINTS,
    ImageProvider,
    Prepared,
    Provider,
    ProviderSettings,
    as_prepared,
    make_provider,
)
from pytest_terminalbench.errors import EnvironmentFailure, SettingsError
from pytest_terminalbench.limits import Limits
from tests.scenario_files import a_scenario

SETTINGS = ProviderSettings(run_id="run-1")
LIMITS = Limits(build_s=1, agent_s=1, verifier_s=1)


def packaged(settings: ProviderSettings) -> FakeProvider:
    """What a package's own entry point leads to."""
    return FakeProvider(lambda scenario: FakeEnvironment(files={"/run": settings.run_id.encode()}))


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package with environments of its own, one of which does not load."""
    folder = tmp_path / "site" / "mine-1.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(
        f"[{ENTRY_POINTS}]\nmine = {__name__}:packaged\nbroken = no_such_module:provider\n"
        f"docker = {__name__}:packaged\n"
    )
    monkeypatch.syspath_prepend(folder.parent)


class TestNames:
    @pytest.mark.parametrize("kind", ["docker", "fake", "none"])
    def test_ours_are_there(self, kind: str) -> None:
        assert make_provider(kind, SETTINGS).kind == kind

    def test_one_that_is_not_installed_is_refused_with_what_there_is(self) -> None:
        with pytest.raises(SettingsError) as error:
            make_provider("dokcer", SETTINGS)
        assert str(error.value) == (
            "environment 'dokcer' is not installed (did you mean 'docker'?); installed: docker, fake, none; a package "
            "adds one by an entry point of the group pytest_terminalbench.environments"
        )

    @pytest.mark.usefixtures("packages")
    def test_a_packages_own_is_made_with_the_sessions_settings(self, tmp_path: Path) -> None:
        mine = make_provider("mine", SETTINGS)

        with mine.prepare(a_scenario(tmp_path), LIMITS)() as environment:
            assert environment.get("/run", tmp_path / "out")
        assert (tmp_path / "out" / "run").read_text() == "run-1"

    @pytest.mark.usefixtures("packages")
    def test_a_package_cannot_take_one_of_our_names(self) -> None:
        assert isinstance(make_provider("docker", SETTINGS), DockerProvider)
        with pytest.raises(SettingsError, match="installed: broken, docker, fake, mine, none;"):
            make_provider("other", SETTINGS)

    @pytest.mark.usefixtures("packages")
    def test_one_that_does_not_load_is_told(self) -> None:
        with pytest.raises(SettingsError) as error:
            make_provider("broken", SETTINGS)
        assert str(error.value) == (
            "environment 'broken', which is no_such_module:provider, cannot be loaded: ModuleNotFoundError: No module "
            "named 'no_such_module'"
        )


@pytest.mark.parametrize("kind", ["fake", "none"])
class TestInMemory:
    @pytest.fixture
    def provider(self, kind: str) -> Provider:
        return make_provider(kind, SETTINGS)

    def test_it_is_prepared_like_any_other(self, provider: Provider, kind: str, tmp_path: Path) -> None:
        provider.check()
        prepared = provider.prepare(a_scenario(tmp_path), LIMITS)

        assert isinstance(prepared, Prepared)
        assert prepared.recipe.partition(":")[0] == kind
        assert (prepared.platform, prepared.build_s, prepared.start_s) == (None, 0.0, 0.0)
        prepared.close()
        assert provider.sweep() == []

    def test_each_environment_is_fresh(self, provider: Provider, tmp_path: Path) -> None:
        prepared = provider.prepare(a_scenario(tmp_path), LIMITS)
        with prepared() as first, prepared() as second:
            first.put({"/app/a": b"1"})

            assert first.export("/app") is not None
            assert second.export("/app") is None

    def test_nothing_is_started_after_the_end(self, provider: Provider, tmp_path: Path) -> None:
        provider.stop()

        with pytest.raises(EnvironmentFailure, match="the session ended"):
            provider.prepare(a_scenario(tmp_path), LIMITS)

    def test_there_are_no_images(self, provider: Provider) -> None:
        assert not isinstance(provider, ImageProvider)


def test_containers_of_any_image_are_dockers() -> None:
    assert isinstance(make_provider("docker", SETTINGS), ImageProvider)


class TestOverridden:
    """A factory of a user's own fixture is as good as a provider's."""

    def test_any_callable_that_gives_a_context_will_do(self) -> None:
        environment = FakeEnvironment()

        @contextmanager
        def factory() -> Iterator[FakeEnvironment]:
            yield environment

        prepared = as_prepared(factory)

        with prepared() as given:
            assert given is environment
        assert (prepared.recipe, prepared.platform, prepared.build_s, prepared.start_s) == ("overridden", None, 0, 0)
        prepared.close()
        assert not environment.closed

    def test_one_that_says_what_it_is_made_of_stays_as_it_is(self) -> None:
        prepared = fake_environments(FakeEnvironment())

        assert as_prepared(prepared) is prepared
