"""How the members of an archive are unpacked: which are copied inside the store, which are fetched together.

Members in, units of work out. A unit is small enough to be noted as done as a whole, and large enough that
the requests for it don't outweigh its bytes.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chalicelib.archive.central import STORED
from chalicelib.archive.directory import Member

MIB = 1024 * 1024
COPIED_FROM = 5 * MIB
"""Bytes of a stored member from which the store can copy it: the least that a part may have
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html)."""
SMALL = MIB
"""Most bytes of a member, packed and unpacked, that is fetched together with its neighbours."""
TOGETHER = 4 * MIB
TOGETHER_MEMBERS = 100
"""Most bytes, and members, that are fetched with one request."""
MEMBER_COST = 256 * 1024
"""Bytes that could be written in the time that a request for a member takes beside its bytes."""

Way = Literal["copy", "stream", "together"]


@dataclass(frozen=True, slots=True)
class Unit:
    """Members that are unpacked in one go: one that is copied or streamed, or small neighbours together."""

    way: Way
    members: tuple[Member, ...]

    @property
    def offset(self) -> int:
        """Where its bytes begin in the archive."""
        return self.members[0].header_offset

    @property
    def cost(self) -> int:
        """How much work it is, in bytes that are written."""
        return sum(member.size + MEMBER_COST for member in self.members)

    @property
    def length(self) -> int:
        """How many bytes of the archive it takes, gaps between its members included."""
        return self.members[-1].extent_end - self.offset


def plan_units(members: Iterable[Member]) -> Iterator[Unit]:
    """The units of these members, which are in the order in which they lie in the archive."""
    near: list[Member] = []
    for member in members:
        if near and not _joins(near, member):
            yield Unit("together", tuple(near))
            near = []
        if _is_small(member):
            near.append(member)
        elif member.method == STORED and member.size >= COPIED_FROM:
            yield Unit("copy", (member,))
        else:
            yield Unit("stream", (member,))
    if near:
        yield Unit("together", tuple(near))


def without(units: Iterable[Unit], paths: Container[str]) -> Iterator[Unit]:
    """The units less the members of these paths."""
    for unit in units:
        left = tuple(member for member in unit.members if member.path not in paths)
        if left:
            yield Unit(unit.way, left)


def cut_shares(units: Sequence[Unit], *, least: int, most: int) -> list[Sequence[Unit]]:
    """The units in shares of about equal cost, in order: so many that each costs `least`, and at most `most`.

    The same units give the same shares. None is empty, unless there are no units at all.
    """
    total = sum(unit.cost for unit in units)
    wanted = max(1, min(most, total // least))
    shares: list[Sequence[Unit]] = []
    begin = cost = 0
    for end, unit in enumerate(units, 1):
        cost += unit.cost
        if cost * wanted >= total * (len(shares) + 1):
            shares.append(units[begin:end])
            begin = end
    return shares or [units]


def _is_small(member: Member) -> bool:
    return member.extent_end - member.header_offset <= SMALL and member.size <= SMALL


def _joins(near: list[Member], member: Member) -> bool:
    fits = member.extent_end - near[0].header_offset <= TOGETHER
    return _is_small(member) and fits and len(near) < TOGETHER_MEMBERS
