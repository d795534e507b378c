"""Where an alert goes, as chains.yaml says: the first route that fits names a chain, and a chain says who is told after whom. Data."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.runtime.yaml_file import YamlFile

ASKED, FALLBACK = "asked", "fallback"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Link(_Strict):
    """One step of a chain: a role of the target (`asked`: the role the request names), or one person after a hand-over."""

    role: str = Field(pattern=r"^[a-z_]{2,32}$")
    wait_minutes: float = Field(gt=0, description="how long a person has to acknowledge before the next one is told")
    person: str | None = None


class Chain(_Strict):
    """How one kind of alert reaches somebody."""

    name: str = ""
    hours: Literal["any", "night", "own", "ignored"] = Field(
        description="any: at every hour, people in their hours first; night: not between 21 and 6; own: in the person's hours only; "
        "ignored: as if everybody were always there, for a demo"
    )
    together_seconds: int = Field(
        ge=0, description="alerts of one person in so long a time are one message; 0: each alone"
    )
    per_hour: int | None = Field(None, ge=1, description="messages a person may get in an hour; more become a digest")
    attempts: int = Field(ge=1, le=10, description="tries of one channel before the next one")
    rounds: int = Field(ge=1, le=10, description="how often the whole chain is gone along")
    round_minutes: float = Field(gt=0, description="pause between two rounds")
    links: list[Link] = Field(min_length=1)


class Match(_Strict):
    """What must fit; absent fits all. `to` and `step` may hold `*`."""

    severity: Literal["must_act", "high", "normal"] | None = None
    to: str | None = None
    step: str | None = None

    def fits(self, severity: str, to: str, step: str) -> bool:
        return (
            self.severity in (None, severity)
            and fnmatchcase(to, self.to or "*")
            and fnmatchcase(step, self.step or "*")
        )


class Example(_Strict):
    """An alert that must take this route."""

    severity: Literal["must_act", "high", "normal"]
    to: str
    step: str


class Route(_Strict):
    """One row; the first that fits is taken."""

    match: Match = Match()
    chain: str
    examples: list[Example] = Field(min_length=1)


class Chains(_Strict):
    """The whole table."""

    routes: list[Route] = Field(min_length=1)
    chains: dict[str, Chain]

    @classmethod
    def load(cls, path: Path) -> "Chains":
        """YamlFault names file, line and key of the first thing that is wrong."""
        file = YamlFile(path)
        try:
            found = cls.model_validate(file.data)
        except ValidationError as error:
            first = error.errors()[0]
            raise file.fault(first["loc"], first["msg"]) from None
        for place, text in found._faults():
            raise file.fault(place, text)
        named = {name: chain.model_copy(update={"name": name}) for name, chain in found.chains.items()}
        return found.model_copy(update={"chains": named})

    def of(self, severity: str, to: str, step: str) -> Chain:
        return self.chains[self.route(severity, to, step).chain]

    def route(self, severity: str, to: str, step: str) -> Route:
        return next(r for r in self.routes if r.match.fits(severity, to, step))

    def _faults(self) -> list[tuple[tuple[str | int, ...], str]]:
        found: list[tuple[tuple[str | int, ...], str]] = []
        for number, route in enumerate(self.routes):
            if route.chain not in self.chains:
                found.append(
                    (("routes", number, "chain"), f"there is no chain {route.chain}; known: {', '.join(self.chains)}")
                )
            for each, example in enumerate(route.examples):
                taken = next((r for r in self.routes if r.match.fits(**example.model_dump())), None)
                if taken is not route:
                    other = self.routes.index(taken) + 1 if taken else "none"
                    found.append((("routes", number, "examples", each), f"takes route {other}, not this one"))
        if self.routes[-1].match != Match():
            found.append(
                (
                    ("routes", len(self.routes) - 1),
                    "the last route must fit everything: an alert without a chain reaches nobody",
                )
            )
        unused = self.chains.keys() - {r.chain for r in self.routes}
        found += [(("chains", name), "no route leads here") for name in sorted(unused)]
        for name, chain in self.chains.items():
            if chain.links[-1].role != FALLBACK and chain.hours in ("any", "ignored"):
                found.append(
                    (("chains", name, "links"), "must end at the fallback: it is for alerts that may not go unheard")
                )
        return found
