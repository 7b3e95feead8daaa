"""What installed packages add to ours by entry points: found by name, loaded when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from pytest_terminalbench.errors import SettingsError
from pytest_terminalbench.naming import nearest

__all__ = ["Extensions", "installed_places"]

T = TypeVar("T")


def installed_places(group: str, own: Mapping[str, str]) -> dict[str, str]:
    """Name -> ``module:attribute``: of installed packages, by entry points of `group`, and our `own`, which win."""
    return {**{point.name: point.value for point in entry_points(group=group)}, **own}


class Extensions(Generic[T]):
    """The objects of one entry-point group, by name: our `own` and those of installed packages.

    A place is ``module:attribute``. `accepted` makes the object of what lies there; it raises TypeError for what is
    none. No package can take a name of ours.
    """

    def __init__(self, group: str, own: Mapping[str, str], accepted: Callable[[object], T]) -> None:
        self.group = group
        self._own = own
        self._accepted = accepted
        self._loaded: dict[str, T] = {}

    def names(self) -> list[str]:
        """All that are installed, sorted; reads the metadata of every installed package."""
        return sorted(self._places())

    def named(self, name: str) -> T:
        """The object called `name`, loaded once.

        Raises SettingsError naming what is installed, or why it cannot be loaded.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _places(self) -> dict[str, str]:
        return installed_places(self.group, self._own)

    def _load(self, name: str) -> T:
        places = self._own if name in self._own else self._places()
        if name not in places:
            installed = sorted(places)
            raise SettingsError(
                f"{name!r} is not installed{nearest(name, installed)}; installed: {', '.join(installed)}; a package "
                f"adds one by an entry point of the group {self.group}"
            )
        return self.at(places[name], called=name)

    def at(self, place: str, *, called: str) -> T:
        """The object at `place`; raises SettingsError, which calls it `called`, when there is none that fits."""
        module, _, attribute = place.partition(":")
        try:
            return self._accepted(getattr(import_module(module), attribute))
        # The seam to foreign code: importing a module runs it, and it may raise anything or exit.
        except (Exception, SystemExit) as error:
            which = "" if called == place else f", which is {place},"
            raise SettingsError(f"{called!r}{which} cannot be loaded: {type(error).__name__}: {error}") from error
