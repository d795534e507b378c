"""The HTTP doors: agencies read and answer their referrals, officers read and move cases."""

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from services.referral import http_agency, http_cases, http_desk, http_referrals
from services.referral.doors import Doors
from services.referral.reveal import Vault
from services.referral.store import CaseStore
from services.referral.tables import Tables
from services.runtime.identity import Verifier


def make_app(
    *, store: CaseStore, tables: Tables, vault: Vault, verifier: Verifier, clock: Callable[[], datetime]
) -> FastAPI:
    app = FastAPIOffline(title="tppo referral", version="1", description=__doc__)
    doors = Doors(store, tables, vault, verifier, clock)
    app.include_router(http_agency.router(doors))
    app.include_router(http_desk.router(doors))
    app.include_router(http_cases.router(doors))
    app.include_router(http_referrals.router(doors))
    return app
