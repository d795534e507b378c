"""The base of all upstream event types: a class that names its type registers itself."""

from typing import ClassVar

from services.contracts.fields import DoorModel

REGISTRY: dict[str, type["UpstreamData"]] = {}


class UpstreamData(DoorModel):
    """The `data` of one event type, as the passport system sends it, personal values in clear."""

    TYPES: ClassVar[tuple[str, ...]] = ()
    PREFIX: ClassVar[str] = ""
    HAS_APPLICATION: ClassVar[bool] = True

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        for type_ in cls.TYPES:
            if type_ in REGISTRY:
                raise TypeError(f"event type {type_} is declared twice")
            REGISTRY[type_] = cls
