"""Clients of several users, each with a JWT of their own."""

from guarding import ADMIN, WRITE, bearer


class People:
    """`people.ben.get(…)` asks as ben."""

    def __init__(self, api):
        self._api = api

    def __getattr__(self, name):
        self._api.token = bearer(name, ADMIN if name == "admin" else WRITE)
        return self._api
