"""Schemas by id as a stage needs them: at hand or not yet, and fetched between its turns."""

import asyncio

from connectors.registry.avro import Schema, SchemaRefused, schema_of
from connectors.registry.client import Registry
from connectors.registry.errors import NotThere

_NO_FOR_S = 60.0  # a schema may be registered late; a flood of wild ids must not ask each time
_MISSING_MAX = 10_000


class KnownSchemas:
    """What one registry said. `at_hand` never waits; `look_up` does, and remembers a no as well."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[int, Schema] = {}
        self._missing: dict[int, str] = {}

    def at_hand(self, number: int) -> Schema | str | None:
        """The schema; why it cannot be used; None: nobody has asked yet."""
        return self._known.get(number) or self._missing.get(number)

    async def look_up(self, number: int) -> None:
        """Ask for it. Raises RegistryFailed; a schema that is not there is an answer."""
        try:
            found = await self._registry.schema(number)
            self._known[number] = schema_of(found.text, found.named, found.kind)
        except NotThere:
            self._miss(number, f"the registry has no schema {number}")
        except SchemaRefused as refused:
            self._miss(number, f"schema {number}: {refused}")

    def _miss(self, number: int, why: str) -> None:
        if len(self._missing) >= _MISSING_MAX:
            self._missing.clear()
        self._missing[number] = why
        asyncio.get_running_loop().call_later(_NO_FOR_S, self._missing.pop, number, None)
