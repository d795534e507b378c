"""Named points where a crash test may end the process, as a power cut would. Does nothing unless TPPO_FAULT names one.

`TPPO_FAULT=referral.after_write:3` ends the process with SIGKILL when that point is passed for the third time; with `:stall` behind it
the process stands there for ever, with `:freeze` until somebody continues it (SIGCONT).
"""

import os
import signal
import threading

_name, _, _rest = os.environ.get("TPPO_FAULT", "").partition(":")
_count, _, _what = _rest.partition(":")
_left = int(_count or 1)


def point(name: str) -> None:
    """A step where a crash is interesting."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        if _what == "stall":
            threading.Event().wait()
        os.kill(os.getpid(), signal.SIGSTOP if _what == "freeze" else signal.SIGKILL)
