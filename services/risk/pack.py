"""A pack: all indicators, protective indicators and policy tables, loaded once, with the digest that names them."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import orjson

from services.risk.indicator import Indicator, IndicatorError, Protective, load
from services.risk.policy import Policy

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Pack:
    """Immutable; built at start."""

    indicators: tuple[Indicator, ...]
    protective: tuple[Protective, ...]
    policy: Policy
    digest: str

    @classmethod
    def load(cls, folder: Path = HERE) -> "Pack":
        indicators = tuple(sorted(load(folder / "indicators", Indicator), key=lambda i: i.number))
        protective = load(folder / "protective", Protective)
        policy = Policy.load(folder / "policy")
        known = {i.id for i in indicators}
        for each in indicators:
            if missing := set(each.requires_any_of) - known - NETWORK:
                raise IndicatorError(
                    f"{each.id}.yaml: requires_any_of: no such indicator: {', '.join(sorted(missing))}"
                )
        content = {
            "indicators": [i.model_dump(mode="json") for i in indicators],
            "protective": [p.model_dump(mode="json") for p in protective],
            "policy": policy.dump(),
        }
        return cls(
            indicators, protective, policy, sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
        )


# Named by others and evaluated once the network says something; until then they answer unknown.
NETWORK = frozenset({"shared_host_contact_abroad"})
