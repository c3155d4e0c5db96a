"""`python -m benchmarks._leash COMMAND …` runs a command until it ends, or its parent process does.

A signal that would end this process alone ends the command as well. Standard input is a pipe whose other end the parent
process holds; see `devserver.leash`.
"""

import os
import signal
import subprocess
import sys
import threading

_ENDS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def _hold(process: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 1024):
        pass
    process.kill()


if __name__ == "__main__":
    # One that comes before there is a process to end is kept until there is. The command has their defaults again.
    early: list[int] = []
    for number in _ENDS:
        signal.signal(number, lambda number, _: early.append(number))
    running = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    for number in _ENDS:
        signal.signal(number, lambda *_: running.kill())
    if early:
        running.kill()
    threading.Thread(target=_hold, args=(running,), daemon=True).start()
    # A thread that reads is in the way of the interpreter's own end.
    os._exit(running.wait() % 256)
