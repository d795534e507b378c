"""The embedded document store: SecantusDB as a child process, never imported (GPL-2.0)."""

import sys
from pathlib import Path

from services.embedded.processes import Child


def start(port: int, data: Path, logs: Path) -> Child:
    data.mkdir(parents=True, exist_ok=True)
    program = Path(sys.executable).parent / "secantusd-py"
    command = [
        str(program),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--storage-path",
        str(data),
        "--log-level",
        "WARNING",
    ]
    return Child.start("store", command, logs, port=port)
