"""The page behind a link to acknowledge. Looking changes nothing, for mail scanners open links too; only the button acts, once."""

from html import escape
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from services.contracts.calendar import WIB
from services.notify import acknowledge, links
from services.notify.alert import Alert
from services.notify.work import Desk

_SAFE = {
    "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow", "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
}  # fmt: skip
_PAGE = """<!doctype html><html lang="id"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rujukan</title><style>body{{font:18px/1.5 system-ui,Arial,sans-serif;margin:0 auto;max-width:34rem;padding:1.5rem 1rem;color:#1b1b1b}}
h1{{font-size:1.4rem;margin:.2rem 0 .6rem}}p{{margin:.5rem 0}}.en{{color:#555;font-size:.95rem}}ul{{padding:0;list-style:none;margin:1rem 0}}
li{{border:1px solid #ccc;border-radius:6px;padding:.6rem .8rem;margin:.4rem 0;display:flex;justify-content:space-between;gap:1rem;flex-wrap:wrap}}
button{{font:inherit;font-weight:600;width:100%;padding:.9rem;border:0;border-radius:8px;background:#0b5d3b;color:#fff;margin:.6rem 0}}
button.second{{background:#fff;color:#0b5d3b;border:2px solid #0b5d3b}}.done{{border-left:6px solid #0b5d3b;padding:.2rem .9rem;background:#eef6f1}}
.stop{{border-left:6px solid #9a3412;padding:.2rem .9rem;background:#fdf3ec}}</style></head><body>{body}</body></html>"""


def links_router(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["links"])

    @router.get("/l/{token}", response_class=HTMLResponse)
    def look(token: str) -> HTMLResponse:
        """What the message is about, and a button. Changes nothing."""
        alerts, status = _found(desk, token)
        return _page(_refusal(status) if status != 200 else _question(alerts), status)

    @router.post("/l/{token}", response_class=HTMLResponse)
    async def act(token: str, request: Request) -> HTMLResponse:
        """The button: seen, or seen and taken. A second time says who did it first."""
        body = (await request.body())[:200]
        take = body == urlencode({"do": "take"}).encode()
        alerts, status = _found(desk, token)
        if status != 200:
            return _page(_refusal(status), status)
        if body not in (b"do=seen", b"do=take"):
            return _page(_question(alerts), 400)
        who = _person(alerts[0], token)
        problems: list[str] = []
        for alert in alerts:
            try:
                desk.change(
                    alert.alert_id,
                    lambda a: (acknowledge.taken if take else acknowledge.seen)(a, who, "by the link", desk.clock()),
                )
            except acknowledge.NotPossible as error:
                problems.append(f"{alert.ref}: {error}")
        return _page(_answer([a for x in alerts if (a := desk.store.get(x.alert_id))], problems), 200)

    return router


def _found(desk: Desk, token: str) -> tuple[list[Alert], int]:
    """Alerts of the message that this link is of. 404: no such link; 410: too old."""
    if len(token) != links.LENGTH:
        return [], 404
    alerts = desk.store.by_link(links.hashed(token))
    if not alerts:
        return [], 404
    if all(desk.clock() > links.expires(a.deadline) for a in alerts):
        return alerts, 410
    return sorted(alerts, key=lambda a: (a.deadline, a.ref)), 200


def _person(alert: Alert, token: str) -> str:
    messages = [*alert.told, *([alert.sending] if alert.sending else [])]
    return next(t.person for t in messages if t.link == links.hashed(token))


def _question(alerts: list[Alert]) -> str:
    waiting = [a for a in alerts if a.state in ("open", "exhausted")]
    if not waiting:
        return _answer(alerts, [])
    drill = bool(alerts[0].drill)
    title = ("Uji coba", "Drill") if drill else ("Rujukan menunggu", "A referral is waiting")
    second = (
        ""
        if drill
        else '<button class="second" name="do" value="take">Saya yang menangani · I take care of it</button>'
    )
    return (
        f'<h1>{title[0]}</h1><p class="en">{title[1]}</p>{_list(alerts)}<form method="post">'
        f'<button name="do" value="seen">Sudah saya lihat · I have seen it</button>{second}</form>'
        "<p>Isi rujukan dibaca setelah masuk. Halaman ini bukan jawaban instansi.</p>"
        '<p class="en">The referral is read after login. This page is not the agency\'s answer.</p>'
    )


def _answer(alerts: list[Alert], problems: list[str]) -> str:
    over = all(a.state == "settled" for a in alerts)
    head = (
        ("Rujukan sudah selesai", "The referral is closed")
        if over
        else ("Terima kasih, tercatat", "Thank you, it is recorded")
    )
    body = f'<div class="done"><h1>{head[0]}</h1><p class="en">{head[1]}</p></div>{_list(alerts)}'
    if problems:
        told = "".join(f"<p>{escape(p)}</p>" for p in problems)
        body += f'<div class="stop"><p>Tidak semuanya dapat dicatat · Not all could be recorded:</p>{told}</div>'
    return body


def _list(alerts: list[Alert]) -> str:
    rows = []
    for a in alerts:
        due = a.deadline.astimezone(WIB).strftime("%d-%m-%Y %H.%M WIB")
        state = "selesai · closed" if a.state == "settled" else f"ditangani · taken: {a.taken_by}" if a.taken_by else ""
        state = state or (f"dilihat · seen: {a.seen_by}" if a.seen_by else f"tenggat · due {due}")
        rows.append(f"<li><b>{escape(a.ref)}</b><span>{escape(state)}</span></li>")
    return f"<ul>{''.join(rows)}</ul>"


def _refusal(status: int) -> str:
    text = {
        404: ("Tautan ini tidak dikenal", "Buka pesan terbaru, atau masuk ke meja kerja.", "This link is not known. Open the newest message, or log in."),
        410: ("Tautan ini sudah kedaluwarsa", "Tenggatnya lewat lebih dari tujuh hari. Masuk ke meja kerja.", "This link has expired. Log in instead."),
    }[status]  # fmt: skip
    return f'<div class="stop"><h1>{text[0]}</h1><p>{text[1]}</p><p class="en">{text[2]}</p></div>'


def _page(body: str, status: int) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(body=body), status, _SAFE)
