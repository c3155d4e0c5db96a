"""PyJWT, imported without the certificates of `cryptography` (X.509), which it names and we never use.

They take half the time of its import, which the first request with a token pays. Loaded lazily they are still
there for whoever does use them.
"""

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec


def _put_off(package: str, name: str) -> None:
    """Has `from package import name` load nothing before the module is used
    (https://docs.python.org/3/library/importlib.html#implementing-lazy-imports).
    """
    full_name = f"{package}.{name}"
    spec = find_spec(full_name)
    if full_name in sys.modules or spec is None or spec.loader is None:
        return
    loader = spec.loader = LazyLoader(spec.loader)
    module = sys.modules[full_name] = module_from_spec(spec)
    loader.exec_module(module)
    setattr(sys.modules[package], name, module)


_put_off("cryptography", "x509")

import jwt as jwt  # noqa: E402
