"""What is derived once: `functools.cached_property` without its lock, which costs too much here."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

_Found = TypeVar("_Found")


class once(Generic[_Found]):  # noqa: N801 - reads like the property that it is
    """A property kept in its object's dictionary; the object must not change after it."""

    def __init__(self, derive: Callable[[Any], _Found]) -> None:
        self._derive = derive
        self._name = derive.__name__
        self.__doc__ = derive.__doc__

    def __get__(self, of: Any, owner: type) -> _Found:
        found = of.__dict__[self._name] = self._derive(of)
        return found
