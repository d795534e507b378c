"""Facts of a wrong type or out of their range are taken out before anything reads them: they are unknown, never a wrong yes."""

from pydantic import ValidationError

from services.contracts.passport_events import EventAccepted, house_model
from services.contracts.upstream import REGISTRY


def usable(event: EventAccepted) -> tuple[EventAccepted, tuple[str, ...]]:
    """The event with the facts that have the shape of the contract, and the names of those that had not."""
    if event.type not in REGISTRY:
        return event, ()
    try:
        house_model(event.type).model_validate(event.data)
    except ValidationError as error:
        bad = {str(e["loc"][0]) for e in error.errors(include_url=False, include_input=False)}
        kept = {name: value for name, value in event.data.items() if name not in bad}
        return event.model_copy(update={"data": kept}), tuple(sorted(bad))
    return event, ()
