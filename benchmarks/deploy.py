"""`make bench-deploy`: the size of the package, and how long it takes from `make deploy` to the first answer.

The account is emulated on this machine, so that neither AWS's own minutes nor the way of the package are in it.
"""

import time
import urllib.request

from benchmarks._cloud import cloud
from infra import package
from infra.dependencies import lambda_platform


def main() -> None:
    """Prints the figures."""
    for architecture in ("x86_64", "arm64"):
        made = package.make(lambda_platform(architecture))
        print(f"package for {architecture}: {made.size / 1e6:.1f} MB of {package.LIMIT / 1e6:.0f} allowed")
    with cloud() as account:
        for what in ("first deployment", "one that changes nothing"):
            started = time.monotonic()
            deployed = account.deploy("bench")
            took = time.monotonic() - started
            urllib.request.urlopen(f"{deployed.url}/health").close()
            answered = time.monotonic() - started
            print(f"{what}: {took:.1f} s, the first answer after {answered:.1f} s")


if __name__ == "__main__":
    main()
