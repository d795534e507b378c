"""Asks the service that holds the token keys for the newest form of older tokens, so that a store can move its records."""

from collections.abc import Iterable
from typing import Any

import httpx

from services.runtime.identity import Signer

A_CALL = 5000


class KeysUnreachable(ConnectionError):
    """No answer, or keys of an older version than was asked for; nothing was moved."""


class Newest:
    """Version and older tokens by their newest form; the version is at least one that was seen somewhere."""

    def __init__(self, url: str, signer: Signer, service: str) -> None:
        self._http, self._signer, self._service = httpx.Client(base_url=url, timeout=20), signer, service

    def __call__(self, tokens: Iterable[str], at_least: int) -> tuple[int, dict[str, str]]:
        wanted, version = sorted(set(tokens)), 0
        found: dict[str, str] = {}
        for start in range(0, max(len(wanted), 1), A_CALL):
            answer = self._ask(wanted[start : start + A_CALL])
            if answer["version"] < at_least or version not in (0, answer["version"]):
                raise KeysUnreachable(f"its keys are of version {answer['version']}, {at_least} is in use")
            version = answer["version"]
            found |= answer["tokens"]
        return version, found

    def _ask(self, tokens: list[str]) -> dict[str, Any]:
        answer = signed_post(self._http, self._signer, self._service, "/vault/tokens/newest", {"tokens": tokens})
        if answer.status_code != 200:
            raise KeysUnreachable(f"answered {answer.status_code}")
        found: dict[str, Any] = answer.json()
        return found


def signed_post(http: httpx.Client, signer: Signer, service: str, path: str, body: dict[str, Any]) -> httpx.Response:
    """A question about tokens, signed by the service; KeysUnreachable when nothing comes back."""
    key = signer.token(service, "tppo-intake", ["vault:tokens"])
    try:
        return http.post(path, json=body, headers={"Authorization": f"Bearer {key}"})
    except httpx.HTTPError as error:
        raise KeysUnreachable(type(error).__name__) from None
