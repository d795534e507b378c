"""What a ring may be, in words: who, from where, tied by what, where to. Never a proof. Pure."""

from collections import Counter
from collections.abc import Iterable

from services.contracts.regions import kabupaten
from services.risk.network.words import KIND_WORDS


def hypothesis(
    people: int, places: Iterable[str], kinds: Iterable[str], destinations: Iterable[str | None]
) -> tuple[str, str]:
    """Indonesian and English. `places` are codes of kabupaten; one kind for each thing that ties, one destination for each member."""
    names = ", ".join(kabupaten().get(code, code) for code in places)
    ties = sorted(Counter(kinds).items())
    where = Counter(d for d in destinations if d).most_common(1)
    ties_id = ", ".join(f"{n} {KIND_WORDS[kind][0]}" for kind, n in ties)
    ties_en = ", ".join(f"{n} {KIND_WORDS[kind][1]}" for kind, n in ties)
    to_id = f"; tujuan terbanyak {where[0][0]} ({where[0][1]})" if where else ""
    to_en = f"; most often to {where[0][0]} ({where[0][1]})" if where else ""
    return (
        f"{people} pemohon dari {names or 'daerah tak diketahui'} terhubung lewat {ties_id}{to_id}. "
        "Mungkin satu perekrut; mereka diduga calon korban.",
        f"{people} applicants from {names or 'unknown places'} are tied by {ties_en}{to_en}. "
        "Perhaps one recruiter; they are presumed possible victims.",
    )
