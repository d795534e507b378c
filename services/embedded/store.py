"""The embedded document store: SecantusDB as a child process, never imported (GPL-2.0)."""

import sys
from pathlib import Path

from services.embedded.processes import Child

SETTINGS = "[storage]\nttl_sweep_seconds = 0\n"  # `expiry` does it, by index


def start(port: int, data: Path, logs: Path) -> Child:
    data.mkdir(parents=True, exist_ok=True)
    settings = data.with_suffix(".toml")
    settings.write_text(SETTINGS)
    program = Path(sys.executable).parent / "secantusd-py"
    command = [str(program), "--config", str(settings), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--storage-path", str(data), "--log-level", "WARNING"]
    return Child.start("store", command, logs, port=port)
