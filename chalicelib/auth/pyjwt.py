"""PyJWT, imported without the certificates of `cryptography` (X.509), which it names and we never use.

They take half the time of its import, which the first request with a token pays. Loaded lazily they are still
there for whoever does use them.
"""

import sys
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec
from threading import Lock

_loading = Lock()


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


def load_certificates() -> None:
    """Loads what was put off, for one who is about to use it.

    PyJWT looks whether the secret of HS256 is a certificate. When two threads are the first to do so, a lazy module of
    Python before 3.11.9 and 3.12.3 fails one of them (https://github.com/python/cpython/issues/114763).
    """
    with _loading:
        vars(import_module("cryptography.x509"))
