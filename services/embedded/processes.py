"""Child processes with a log file each, ended by their own id."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class DidNotStart(Exception):
    """A child ended or did not answer in time; the text names its log."""


@dataclass
class Child:
    """One process that we started."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    port: int | None = None

    @classmethod
    def start(
        cls,
        name: str,
        command: list[str],
        logs: Path,
        *,
        port: int | None = None,
        env: Mapping[str, str] | None = None,
        stdout: Any = None,
    ) -> "Child":
        logs.mkdir(parents=True, exist_ok=True)
        log = logs / f"{name}.log"
        with log.open("ab") as sink:
            process = subprocess.Popen(
                command,
                stdout=stdout if stdout is not None else sink,
                stderr=sink,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **(env or {})},
                start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends its children in order
            )
        return cls(name, process, log, port)

    def wait_for_port(self, seconds: float = 20) -> None:
        """Until the port answers; DidNotStart when it does not."""
        if self.port is None:
            return
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.must_live()
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise DidNotStart(f"{self.name} does not answer on port {self.port} after {seconds:.0f} s; see {self.log}")

    def must_live(self) -> None:
        if self.process.poll() is not None:
            raise DidNotStart(f"{self.name} ended with {self.process.returncode}; see {self.log}")

    def terminate(self) -> None:
        """Ask it to end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self, seconds: float = 15) -> None:
        """SIGTERM, then SIGKILL when it does not heed."""
        self.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
