"""An embedded store of a test's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.embedded import store
from services.embedded.processes import Child, free_port


@contextmanager
def running(folder: Path) -> Iterator[Child]:
    child = store.start(free_port(), folder / "store", folder)
    try:
        child.wait_for_port()
        yield child
    finally:
        child.stop()


def address(child: Child) -> str:
    return f"mongodb://127.0.0.1:{child.port}/?retryWrites=false"
