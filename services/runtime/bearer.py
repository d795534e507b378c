"""Who calls an HTTP door: a bearer token as a dependency of FastAPI, and what it must allow. 401 and 403 say why."""

from typing import Annotated

from fastapi import Header, HTTPException

from services.runtime.identity import Caller, Forbidden, Unauthorised, Verifier


class Bearer:
    """A dependency: the caller of a request."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def __call__(self, authorization: Annotated[str | None, Header()] = None) -> Caller:
        """Who calls; 401 says which check failed."""
        try:
            return self._verifier.verify(authorization)
        except Unauthorised as error:
            raise HTTPException(401, str(error), {"WWW-Authenticate": "Bearer"}) from None


def allow(who: Caller, scope: str) -> None:
    """403 when the token lacks the scope."""
    try:
        who.require(scope)
    except Forbidden as error:
        raise HTTPException(403, str(error)) from None
