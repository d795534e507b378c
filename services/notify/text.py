"""The words of a notice, from texts.yaml: reference, deadline, link, nothing of the case (promise 10). Pure but for reading the file once."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Formatter
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from services.contracts.calendar import WIB
from services.notify.alert import Alert, Told
from services.notify.channels.channel import Notice
from services.runtime.yaml_file import YamlFile

TEXTS = Path(__file__).parent / "texts.yaml"
LISTED = 30  # references in one message; who has more looks at the desk
SMS = 160
Kind = Literal["one", "several", "over", "drill"]
FIELDS: dict[Kind, set[str]] = {
    "one": {"ref", "deadline", "code"},
    "several": {"count", "deadline", "code"},
    "over": {"refs"},
    "drill": {"ref", "deadline", "code"},
}
# The longest that can stand in a field of a short text.
WORST = {
    "ref": "R-AAAA1111-9",
    "deadline": "30-12-2026 23.59 WIB",
    "code": "123456",
    "count": "9999",
    "refs": "R-AAAA1111-9 (+9999)",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Both(_Strict):
    """Indonesian and English."""

    id: str
    en: str

    def of(self, language: Literal["id", "en"]) -> str:
        return self.id if language == "id" else self.en


class Sentences(_Strict):
    """One kind of notice."""

    long: Both
    short: Both


class Texts(_Strict):
    """All of them."""

    subject: Both
    subject_over: Both
    subject_drill: Both
    one: Sentences
    several: Sentences
    over: Sentences
    drill: Sentences
    seen_link: Both
    desk_link: Both
    more: Both

    @classmethod
    def load(cls, path: Path = TEXTS) -> "Texts":
        """YamlFault names file, line and key: an unknown field, or a short text that is too long for an SMS."""
        file = YamlFile(path)
        try:
            texts = cls.model_validate(file.data)
        except ValidationError as error:
            first = error.errors()[0]
            raise file.fault(first["loc"], first["msg"]) from None
        for kind, allowed in FIELDS.items():
            for size in ("long", "short"):
                for language in ("id", "en"):
                    text = getattr(getattr(getattr(texts, kind), size), language)
                    if fault := _fault(text, allowed, size):
                        raise file.fault((kind, size, language), fault)
        return texts

    def notice(
        self, alerts: Sequence[Alert], told: Told, language: Literal["id", "en"], link: str, code: str, desk: str
    ) -> Notice:
        """What one person gets about one or several alerts."""
        alerts = sorted(alerts, key=lambda a: (a.deadline, a.ref))
        first, refs = alerts[0], [a.ref for a in alerts]
        kind: Kind = "over" if told.over else "drill" if first.drill else "one" if len(alerts) == 1 else "several"
        subject = {"over": self.subject_over, "drill": self.subject_drill}.get(kind, self.subject)
        sentences: Sentences = getattr(self, kind)
        plain, html = [], []
        for tongue in ("id", "en"):
            line = sentences.long.of(tongue).format(**_fields(alerts, _listed(refs, self.more.of(tongue)), code))
            listed = [f"{a.ref}  {_when(a.deadline)}" for a in alerts[:LISTED]] if kind == "several" else []
            if kind == "several" and len(alerts) > LISTED:
                listed.append(self.more.of(tongue).format(count=len(alerts) - LISTED))
            ways = [] if kind == "over" else [(self.seen_link.of(tongue), link), (self.desk_link.of(tongue), desk)]
            plain += [line, *(f"  {each}" for each in listed), *(f"{name}: {url}" for name, url in ways), ""]
            html.append(_section(tongue, line, listed, ways))
        short = sentences.short.of(language).format(
            **_fields(alerts, refs[0] if len(refs) == 1 else f"{refs[0]} (+{len(refs) - 1})", code)
        )
        return Notice(
            subject=f"{subject.id} / {subject.en}", text="\n".join(plain).strip() + "\n", html=_PAGE.format(body="<hr>".join(html)),
            short=short, idempotency_key=told.key, alert_ids=tuple(a.alert_id for a in alerts), refs=tuple(refs), deadline=_when(first.deadline),
            link="" if kind == "over" else link, language=language, kind=kind,
        )  # fmt: skip


_PAGE = (
    '<!doctype html><html lang="id"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    '</head><body style="margin:0;padding:16px;font:16px/1.5 system-ui,Arial,sans-serif;color:#1b1b1b;max-width:34rem">{body}</body></html>'
)


def _section(tongue: str, line: str, listed: Sequence[str], ways: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f'<li style="margin:4px 0">{escape(each)}</li>' for each in listed)
    body = f'<section lang="{tongue}"><p style="font-size:18px;margin:8px 0">{escape(line)}</p>'
    body += f'<ul style="padding-left:20px">{rows}</ul>' if rows else ""
    for number, (name, url) in enumerate(ways):
        look = (
            "background:#0b5d3b;color:#fff;padding:12px 20px;border-radius:6px"
            if number == 0
            else "color:#0b5d3b;padding:12px 0"
        )
        body += f'<p><a href="{escape(url)}" style="display:inline-block;text-decoration:none;{look}">{escape(name)}</a></p>'
    return body + "</section>"


def _fields(alerts: Sequence[Alert], refs: str, code: str) -> dict[str, str]:
    return {
        "ref": alerts[0].ref,
        "refs": refs,
        "deadline": _when(alerts[0].deadline),
        "count": str(len(alerts)),
        "code": code,
    }


def _listed(refs: Sequence[str], more: str) -> str:
    shown = ", ".join(refs[:LISTED])
    return shown if len(refs) <= LISTED else f"{shown} {more.format(count=len(refs) - LISTED)}"


def _when(moment: datetime) -> str:
    return moment.astimezone(WIB).strftime("%d-%m-%Y %H.%M WIB")


def _fault(text: str, allowed: set[str], size: str) -> str | None:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        return f"cannot be read: {error}"
    used = {name for _, name, _, _ in parts if name is not None}
    if strange := used - allowed:
        return f"unknown field {', '.join(sorted(strange)) or '(empty)'}; known here: {', '.join(sorted(allowed))}"
    if size == "short":
        longest = text.format(**WORST)
        if len(longest) > SMS or not longest.isascii():
            return f"can be {len(longest)} characters long, or holds letters beyond ASCII; an SMS takes {SMS} of plain ones"
    return None
