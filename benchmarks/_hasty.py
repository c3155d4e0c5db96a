"""The command `weighthouse` with timeouts of a few seconds in place of a minute, so that stalls can be many.

python -m benchmarks._hasty push PATH USER/MODEL
"""

import urllib3

from weighthouse import transport
from weighthouse.cli import main

if __name__ == "__main__":
    transport._STORE = urllib3.Timeout(connect=2, read=4)
    transport._SERVICE = urllib3.Timeout(connect=2, read=8)
    main()
