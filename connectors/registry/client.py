"""One schema registry with Confluent's REST API: schemas by id, and ids for schemas."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import stamina
from pydantic import SecretStr

from connectors.registry.errors import NotThere, RegistryFailed

ATTEMPTS = 4
WITHIN_S = 12.0
_REQUEST_S = 4.0
_WORDS = 200  # characters of an answer that are repeated in an error
_SERVER_ERROR, _TOO_MANY = 500, 429
_NOT_FOUND = 404
_TYPE = "application/vnd.schemaregistry.v1+json"
_REFERENCES_MAX = 50


class _TryAgain(Exception):
    """What may be over in a moment: no connection, 429, 5xx."""


class _Reference(msgspec.Struct):
    subject: str
    version: int


class _Answer(msgspec.Struct, rename={"kind": "schemaType"}):
    """What is read of a schema's answer; `id` where a schema was registered."""

    schema: str = ""
    kind: str = "AVRO"
    references: list[_Reference] | None = None
    id: int = -1


class Found(msgspec.Struct, frozen=True):
    """A schema's text, and those of the schemas it refers to, in order of reference."""

    text: str
    named: tuple[str, ...] = ()
    kind: str = "AVRO"


class Registry:
    """`url` is what its REST paths follow: `https://host`, `http://host/apis/ccompat/v7`.

    Each call opens and closes its connection: calls are few, and no loop owns the client.
    """

    def __init__(self, url: str, user: str = "", password: SecretStr | None = None) -> None:
        self.url = url.rstrip("/")
        self._tls = httpx.create_ssl_context()  # half of a call's time, were it made for each
        self._auth = (user, password.get_secret_value()) if user and password else None

    async def schema(self, number: int) -> Found:
        """By global id, whatever it refers to with it. Raises NotThere, RegistryFailed."""
        found = await self._read("GET", f"/schemas/ids/{number}")
        named: list[str] = []
        await self._referred(found, named)
        return Found(found.schema, tuple(named), found.kind)

    async def _referred(self, found: _Answer, named: list[str]) -> None:
        """Depth first, so that each comes after those that it needs itself."""
        for one in found.references or ():
            path = f"/subjects/{quote(one.subject, safe='')}/versions/{one.version}"
            inner = await self._read("GET", path)
            await self._referred(inner, named)
            if inner.schema not in named:
                named.append(inner.schema)
            if len(named) > _REFERENCES_MAX:
                raise NotThere(f"refers to more than {_REFERENCES_MAX} schemas")

    async def register(self, subject: str, schema: str) -> int:
        """The id of this Avro schema under this subject; the same again for the same schema.

        Raises RegistryFailed, also where the registry refuses it as not compatible.
        """
        path = f"/subjects/{quote(subject, safe='')}/versions"
        try:
            found = await self._read("POST", path, {"schema": schema})
        except NotThere as none:
            raise RegistryFailed(f"{self.url}{path}: {none}") from none
        if found.id < 0:
            raise RegistryFailed(f"{self.url}{path}: answers without an id")
        return found.id

    async def _read(self, method: str, path: str, body: dict[str, Any] | None = None) -> _Answer:
        try:
            async for attempt in stamina.retry_context(
                on=_TryAgain, attempts=ATTEMPTS, timeout=WITHIN_S, wait_max=2.0
            ):
                with attempt:
                    return await self._once(method, path, body)
        except _TryAgain as failed:
            raise RegistryFailed(f"{self.url}{path}: {failed}") from failed
        raise AssertionError("stamina ends with a result or an exception")

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(auth=self._auth, timeout=_REQUEST_S, verify=self._tls)

    async def _once(self, method: str, path: str, body: dict[str, Any] | None) -> _Answer:
        content = None if body is None else msgspec.json.encode(body)
        headers = {"Accept": f"{_TYPE}, application/json", "Content-Type": _TYPE}
        try:
            async with self._client() as client:
                answer = await client.request(
                    method, self.url + path, content=content, headers=headers
                )
        except httpx.TransportError as error:
            raise _TryAgain(f"{type(error).__name__}: {error}") from error
        if answer.status_code >= _SERVER_ERROR or answer.status_code == _TOO_MANY:
            raise _TryAgain(" ".join(_told(answer)))
        if answer.status_code == _NOT_FOUND:
            raise NotThere(" ".join(_told(answer)))
        if not answer.is_success:
            raise RegistryFailed(f"{self.url}{path}: {' '.join(_told(answer))}")
        try:
            return msgspec.json.decode(answer.content, type=_Answer)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise RegistryFailed(f"{self.url}{path}: not a registry's answer: {error}") from error


def _told(answer: httpx.Response) -> Iterator[str]:
    yield str(answer.status_code)
    yield answer.text[:_WORDS]
