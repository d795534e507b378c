"""What a simulated world looks like in numbers, beside the figures of the reference it was made from.

Reads events and truth as they are written; a target is a number or a range, in the unit of its line.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.contracts.calendar import add_working_days, is_working_day
from services.contracts.fields import parse_time
from services.simulator.mix import mix

NAMED = ("SA", "MY", "SG", "TW", "JP", "KR", "HK", "TH", "CN", "TR")
DESTINATIONS = {"SA": 44, "MY": 20, "SG": 9, "TW": 5, "JP": 4, "KR": 3, "HK": 3, "TH": 3, "CN": 2, "TR": 2, "others": 5}
ANSWER_DAYS = 5  # working days a partner has
AREA = ("3301", "3302", "3305", "3303", "3304")


@dataclass(frozen=True)
class Line:
    """One figure: `low` and `high` are equal when the reference gives one number."""

    what: str
    low: float
    high: float
    generated: float

    @property
    def target(self) -> str:
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"

    @property
    def difference(self) -> float:
        """0 inside a range, else the distance to the nearest end."""
        return self.generated - min(max(self.generated, self.low), self.high)


@dataclass
class Tally:
    """Counts a world. `event` takes an upstream event, `truth` a line of the truth file."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    arrivals: Counter[int] = field(default_factory=Counter)
    days: set[date] = field(default_factory=set)
    rings: list[tuple[str, int]] = field(default_factory=list)
    _in_time: dict[str, bool] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _held: dict[str, Any] = field(default_factory=dict)

    def truth(self, line: Mapping[str, Any]) -> None:
        if line["kind"] == "ring":
            self.rings.append((line["scenario"], line["size"]))
            return
        add = self._add
        add("application", "all")
        for name in ("purpose", "truth", "ended", "phone_of"):
            add(name, str(line[name]))
        add("kabupaten", line["kabupaten"] if line["kabupaten"] in AREA else "others")
        for name in ("rescheduled", "incomplete", "registry_unavailable", "deferred_for_np"):
            if line[name]:
                add(name, "yes")
        if line["level"]:
            add("level", line["level"])
        add("sex", line["sex"])
        add(f"sex of {line['purpose']}", line["sex"])
        if line["purpose"] == "umrah" and line["age"] >= 45:
            add("umrah 45+", "yes")
        if line["ended"] not in ("approved", "no_show"):
            add("not granted", "yes")

    def event(self, event: Mapping[str, Any]) -> None:
        type_, data = event["type"], event["data"]
        self._add("event", "all")
        if event["id"] in self._seen:
            self._add("event", "again")
            return
        if type_ in ("application.submitted", "applicant.checked_in"):
            self._seen.add(event["id"])
        if type_ == "application.submitted":
            self._form(data)
        elif type_ == "applicant.checked_in":
            moment = parse_time(event["time"])
            self.arrivals[moment.hour * 2 + moment.minute // 30] += 1
            if is_working_day(moment.date()):
                self.days.add(moment.date())
        elif type_ == "application.deferred" and data["reason_code"] == "dugaan_pmi_np":
            self._held[event["subject"]] = parse_time(event["time"])
        elif type_ == "referral.outcome" and event["subject"] in self._held:
            due = add_working_days(self._held[event["subject"]], ANSWER_DAYS).date()
            self._in_time[event["subject"]] = parse_time(event["time"]).date() <= due

    def _form(self, data: Mapping[str, Any]) -> None:
        add = self._add
        add("form", "all")
        add("product", f"{data['passport_kind']}_{data['pages']}")
        add("application_type", data["application_type"])
        add("service", data["service"])
        for country in data.get("dest_countries", [])[:1]:
            add("destination", "all")
            add("destination", country if country in NAMED else "others")

    def _add(self, table: str, value: str) -> None:
        self.counts[table, value] += 1

    # -- the table

    def percent(self, table: str, value: str, of: tuple[str, str] = ("application", "all")) -> float:
        return 100 * self.counts[table, value] / max(1, self.counts[of])

    def lines(self) -> list[Line]:
        """Every figure the reference gives (practice.md section 7; indicators.md sections 10 and 11)."""
        return [*self._mixes(), *self._people(), *self._process(), *self._hidden(), *self._volume()]

    def _mixes(self) -> Iterator[Line]:
        for name, purpose in mix().purposes.items():
            yield self._line(f"purpose {name}, %", purpose.share, self.percent("purpose", name))
        for name, share in mix().raw["product"].items():
            yield self._line(f"product {name}, %", share, self.percent("product", name, ("form", "all")))
        form = ("form", "all")
        yield self._line("new, %", 55, self.percent("application_type", "baru", form))
        yield self._line("replacement, %", 45, 100 - self.percent("application_type", "baru", form))
        yield self._line("lost, %", 2, self.percent("application_type", "hilang", form))
        yield self._line("damaged, %", 0.2, self.percent("application_type", "rusak", form))
        yield self._line("percepatan, %", 3, self.percent("service", "percepatan", form))
        for country, share in DESTINATIONS.items():
            yield self._line(
                f"destination {country}, % of those named",
                share,
                self.percent("destination", country, ("destination", "all")),
            )
        for kab, share in [*((k, mix().raw["residence"][k]) for k in AREA), ("others", 11)]:
            yield self._line(f"residence {kab}, %", share, self.percent("kabupaten", kab))

    def _people(self) -> Iterator[Line]:
        yield self._line("women, %", 50, self.percent("sex", "P"))
        yield Line('umrah aged 45 or more, % ("heavy")', 50, 85, self.percent("umrah 45+", "yes", ("purpose", "umrah")))
        yield self._line("women among PMI, %", 77, self.percent("sex of bekerja_pmi", "P", ("purpose", "bekerja_pmi")))
        sea = [self.counts[f"sex of {p}", s] for s in "LP" for p in ("pelaut_niaga", "pelaut_perikanan")]
        yield self._line("men among seafarers, %", 99, 100 * sum(sea[:2]) / max(1, sum(sea)))
        yield self._line("phone of the family, %", 25, self.percent("phone_of", "family"))
        yield self._line("phone of a licensed group, %", 8, self.percent("phone_of", "licensed_group"))
        yield self._line("phone of a village go-between, %", 2, self.percent("phone_of", "go_between"))
        yield self._line("phone of an organiser, %", 0.1, self.percent("phone_of", "organiser"))

    def _process(self) -> Iterator[Line]:
        yield self._line("no-show, %", 6, self.percent("ended", "no_show"))
        yield self._line("rescheduled, %", 12, self.percent("rescheduled", "yes"))
        yield self._line("documents incomplete, %", 4, self.percent("incomplete", "yes"))
        yield self._line("duplicates, %", 0.6, self.percent("ended", "cancelled_duplicate"))
        yield self._line("deferred or cancelled for all causes, %", 1.3, self.percent("not granted", "yes"))
        yield self._line("held as PMI-NP, %", 0.1, self.percent("deferred_for_np", "yes"))
        yield self._line("registry unavailable, %", 3, self.percent("registry_unavailable", "yes"))
        yield Line("control sample, % of those interviewed", 1, 2, self.percent("level", "control_sample"))
        held = len(self._held)
        answered, in_time = len(self._in_time), sum(self._in_time.values())
        yield self._line("partner answers in time, %", 60, 100 * in_time / max(1, held))
        yield self._line("partner answers late, %", 25, 100 * (answered - in_time) / max(1, held))
        yield self._line("partner never answers, %", 15, 100 * (held - answered) / max(1, held))

    def _hidden(self) -> Iterator[Line]:
        yield Line("true PMI-NP or TPPO, %", 1, 3, self.percent("truth", "pmi_np") + self.percent("truth", "tppo"))
        small = [size for _, size in self.rings if size <= 40]
        yield Line("rings of 5 to 40", 3, 6, len(small))
        yield Line("rings of about 150", 0, 1, len(self.rings) - len(small))
        yield Line("smallest ring", 5, 40, min(small, default=0))

    def _volume(self) -> Iterator[Line]:
        counted = self.counts["application", "all"]
        yield self._line("applications a working day", 160, counted / max(1, len(self.days)))
        yield Line("events per application", 10, 15, self.counts["event", "all"] / max(1, counted))
        early = sum(n for half, n in self.arrivals.items() if 16 <= half < 22)
        yield Line('visits 08 to 11, % ("many")', 50, 75, 100 * early / max(1, sum(self.arrivals.values())))

    @staticmethod
    def _line(what: str, target: float, generated: float) -> Line:
        return Line(what, target, target, generated)


def table(lines: list[Line]) -> str:
    """Markdown: what, target, generated, difference."""
    rows = [f"| {n.what} | {n.target} | {n.generated:.2f} | {n.difference:+.2f} |" for n in lines]
    return "\n".join(["| what | target | generated | difference |", "|---|---|---|---|", *rows]) + "\n"
