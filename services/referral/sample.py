"""Who is drawn, blindly: the control sample, and cases in which the officer forms a view of his own first. Pure.

Drawn by a keyed hash of the application id: nobody can foresee it, redelivery draws the same, and nothing about the person plays a part
(privacy-and-safety.md, sections 3 and 6). Both look alike at the desk, so that an officer cannot tell which it is: a structured
interview with the standard questions, and the assessment only after it.
"""

import hmac
from dataclasses import dataclass

CONTROL = 0.015  # of those whom nothing flags: the only source of miss rates
OWN_VIEW = 0.20  # of those at levels 1 and 2


@dataclass(frozen=True)
class Sample:
    """Draws with a secret of its own."""

    key: bytes

    def control(self, application_id: str) -> bool:
        return self._share("control", application_id) < CONTROL

    def own_view_first(self, application_id: str) -> bool:
        return self._share("own view", application_id) < OWN_VIEW

    def _share(self, what: str, application_id: str) -> float:
        digest = hmac.digest(self.key, f"{what}\x1f{application_id}".encode(), "sha256")
        return int.from_bytes(digest[:8]) / 2**64
