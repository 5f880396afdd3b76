"""How a bug is planted: a function of ours is another one for a while, wherever it is known."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from streams.core import rules


@contextmanager
def instead(original: Any, planted: Any) -> Iterator[None]:
    """`planted` wherever a module of ours has `original` by any name."""
    places = [
        (module, name)
        for module_name, module in list(sys.modules.items())
        if module_name.startswith(("streams.", "schemas."))
        for name, value in list(vars(module).items())
        if value is original
    ]
    assert places, original
    for module, name in places:
        setattr(module, name, planted)
    rows, rules.RULES = (
        rules.RULES,
        tuple(
            row._replace(propose=planted) if row.propose is original else row for row in rules.RULES
        ),
    )
    try:
        yield
    finally:
        rules.RULES = rows
        for module, name in places:
            setattr(module, name, original)


@contextmanager
def set_to(owner: Any, name: str, planted: Any) -> Iterator[None]:
    original = owner.__dict__[name]
    setattr(owner, name, planted)
    try:
        yield
    finally:
        setattr(owner, name, original)


PLANTED: dict[str, Callable[[], Any]] = {}


def plant(name: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def named(make: Callable[[], Any]) -> Callable[[], Any]:
        PLANTED[name] = make
        return make

    return named


@contextmanager
def swapped(table: dict[Any, Any], original: Any, planted: Any) -> Iterator[None]:
    keys = [key for key, value in table.items() if value is original]
    table.update(dict.fromkeys(keys, planted))
    try:
        yield
    finally:
        table.update(dict.fromkeys(keys, original))


@contextmanager
def both(one: Any, other: Any) -> Iterator[None]:
    with one, other:
        yield
