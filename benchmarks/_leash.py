"""`python -m benchmarks._leash COMMAND …` runs a command until it ends, or its parent process does.

Standard input is a pipe whose other end the parent process holds; see `devserver.leash`.
"""

import os
import subprocess
import sys
import threading


def _hold(process: "subprocess.Popen[bytes]") -> None:
    while os.read(0, 1024):
        pass
    process.kill()


if __name__ == "__main__":
    running = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_hold, args=(running,), daemon=True).start()
    # A thread that reads is in the way of the interpreter's own end.
    os._exit(running.wait() % 256)
