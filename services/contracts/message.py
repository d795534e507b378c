"""The base of every message of ours: frozen, tolerant readers (unknown fields are ignored), past tense."""

from functools import cache, cached_property
from typing import Any, ClassVar, Self

import orjson
from pydantic import BaseModel, ConfigDict

KINDS: dict[str, type["Message"]] = {}


class Message(BaseModel):
    """One message on one topic; `kind` stands in the header of that name."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_bytes="base64")

    TOPIC: ClassVar[str]
    KEY: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        if "TOPIC" in cls.__dict__ or hasattr(cls, "TOPIC"):
            KINDS[cls.__name__] = cls

    @classmethod
    def trusted(cls, **values: Any) -> Self:
        """Made of values that our own code knows to be right: `model_construct` without its walk over all fields (measured)."""
        made = cls.__new__(cls)
        object.__setattr__(made, "__dict__", {**_defaults(cls), **values})
        object.__setattr__(made, "__pydantic_fields_set__", set(values))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made

    @property
    def key(self) -> bytes:
        return str(getattr(self, self.KEY)).encode()

    @cached_property
    def wire(self) -> bytes:
        """`encode()`, kept: for a message that is written more than once."""
        return self.encode()

    def __copy__(self) -> Self:
        """Copies are made to be changed."""
        copied = super().__copy__()
        copied.__dict__.pop("wire", None)
        return copied

    def encode(self) -> bytes:
        """JSON, absent fields left out, keys sorted: the same message is the same bytes."""
        return orjson.dumps(self.model_dump(mode="json", exclude_none=True), option=orjson.OPT_SORT_KEYS)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        return cls.model_validate(orjson.loads(payload))


def known(model: BaseModel) -> dict[str, Any]:
    """Its fields that are not absent, models within left as they are: for messages that are sent too often for pydantic's walk."""
    values = model.__dict__
    return {name: values[name] for name in type(model).model_fields if values[name] is not None}


@cache
def _defaults(model: type[Message]) -> dict[str, Any]:
    """None of them may be changed in place."""
    return {name: field.get_default() for name, field in model.model_fields.items() if not field.is_required()}


def decode(kind: str, payload: bytes) -> Message | None:
    """The message of a known kind; None for a kind that a newer writer may have added."""
    model = KINDS.get(kind)
    return model.decode(payload) if model else None
