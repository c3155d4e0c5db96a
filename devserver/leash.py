"""`python -m devserver.leash MODULE` runs a module until it ends, or its parent process does.

Its standard input is a pipe whose other end nobody writes to. It ends when the process that holds it ends in any way,
also by SIGKILL. A server that tests have started thus outlives none of them.
"""

import os
import runpy
import sys
import threading


def _hold() -> None:
    # Not through sys.stdin: at the interpreter's end a thread that reads from it is in the way.
    while os.read(0, 1024):
        pass
    # As when a machine goes away, which what runs here is made to survive.
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_hold, name="leash", daemon=True).start()
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
