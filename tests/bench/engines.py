"""The conditions of the pack in three engines: CEL as risk uses it, GoRules zen and rule-engine, from the same texts."""

import contextlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.contracts.passport_events import EventAccepted
from services.risk.assess import Cause, assess
from services.risk.pack import Pack
from services.risk.record import Record
from services.runtime import conditions
from tests.bench.events import accepted

APPLICATIONS, ROUNDS = 150, 5


@dataclass(frozen=True)
class Engine:
    name: str
    said: int
    all: int
    total_us: float


def compare() -> list[Engine]:
    """Everything that the catalogue asks of an application, from facts that are not laid out yet; the fastest round of each."""
    pack, facts = Pack.load(), _facts()
    texts = {c.id: c.condition for c in pack.conditions}
    found = []
    for name, make in (("CEL", _cel), ("zen", _zen), ("rule-engine", _rule_engine)):
        said, ask = make(texts, facts)
        best = min(_timed(ask, facts) for _ in range(ROUNDS))
        found.append(Engine(name, said, len(texts), 1e6 * best / len(facts)))
    return found


def _timed(ask: Callable[[dict[str, Any]], object], facts: list[dict[str, Any]]) -> float:
    started = time.process_time()
    for each in facts:
        ask(each)
    return time.process_time() - started


def _facts() -> list[dict[str, Any]]:
    pack = Pack.load()
    records: dict[str, Record] = {}
    last: dict[str, EventAccepted] = {}
    for event in accepted(date(2026, 3, 2), date(2026, 3, 20)):
        record = records.setdefault(event.application_id, Record(event.application_id))
        record.add(event)
        last[event.application_id] = event
    full = sorted(records.values(), key=lambda r: (-len(r.events), r.application_id))[:APPLICATIONS]
    found = []
    for record in full:
        assess(record, Cause.of(last[record.application_id]), pack)
        assert record.memo is not None
        found.append({section: dict(values) for section, values in record.memo.facts.items()})
    return found


def _cel(texts: dict[str, str], facts: list[dict[str, Any]]) -> tuple[int, Callable[[dict[str, Any]], object]]:
    programs = [conditions.compiled(text) for text in texts.values()]

    def ask(each: dict[str, Any]) -> object:
        context = conditions.context(each)
        return [conditions.answer(program, context) for program in programs]

    return len(programs), ask


def _zen(texts: dict[str, str], facts: list[dict[str, Any]]) -> tuple[int, Callable[[dict[str, Any]], object]]:
    import zen

    good = {}
    for id_, text in texts.items():
        with contextlib.suppress(Exception):
            said = _for_zen(text)
            program = zen.compile_expression(said)
            for each in facts:
                program.evaluate(each)
            good[id_] = said
    expressions = [{"id": i, "key": i, "value": text} for i, text in good.items()]
    nodes = [
        {"id": "in", "name": "in", "type": "inputNode", "position": {"x": 0, "y": 0}},
        {"id": "ask", "name": "ask", "type": "expressionNode", "position": {"x": 0, "y": 0}, "content": {"expressions": expressions}},
        {"id": "out", "name": "out", "type": "outputNode", "position": {"x": 0, "y": 0}},
    ]  # fmt: skip
    edges = [
        {"id": f"{a}-{b}", "sourceId": a, "targetId": b, "type": "edge"} for a, b in (("in", "ask"), ("ask", "out"))
    ]
    decision = zen.ZenEngine().create_decision(json.dumps({"nodes": nodes, "edges": edges}))
    return len(good), decision.evaluate


def _rule_engine(texts: dict[str, str], facts: list[dict[str, Any]]) -> tuple[int, Callable[[dict[str, Any]], object]]:
    import rule_engine

    context = rule_engine.Context(default_value=None)
    good = []
    for text in texts.values():
        with contextlib.suppress(Exception):
            rule = rule_engine.Rule(_for_rule_engine(text), context=context)
            for each in facts:
                rule.matches(each)
            good.append(rule)
    return len(good), lambda each: [rule.matches(each) for rule in good]


def _for_zen(text: str) -> str:
    text = _exists(text, _some)
    text = re.sub(r"([\w.]+)\.startsWith\(", r"startsWith(\1, ", text)
    return _words(re.sub(r"\bsize\(", "len(", text))


def _some(over: str, name: str, body: str) -> str:
    return "some(" + over + ", " + re.sub(r"\b" + name + r"\b(?!')", "#", body) + ")"


def _for_rule_engine(text: str) -> str:
    text = _exists(
        text, lambda over, name, body: "$any([" + name + " for " + name + " in " + over + " if " + body + "])"
    )
    text = re.sub(r"\.startsWith\(", ".starts_with(", text)
    return _words(re.sub(r"\bsize\(([\w.]+)\)", r"\1.length", text))


def _words(text: str) -> str:
    text = re.sub(r"\bhas\(([\w.]+)\)", r"(\1 != null)", text)
    text = re.sub(r"!(?!=)", " not ", text)
    return text.replace("&&", " and ").replace("||", " or ")


def _exists(text: str, put: Callable[[str, str, str], str]) -> str:
    """Every `list.exists(name, body)` in another engine's words, the innermost last."""
    while found := re.search(r"([\w.]+)\.exists\((\w+),", text):
        depth, end = 1, found.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        body = text[found.end() : end - 1].strip()
        text = text[: found.start()] + put(found[1], found[2], body) + text[end:]
    return text
