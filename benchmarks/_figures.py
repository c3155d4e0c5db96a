"""What benchmarks measure, and what it must reach."""

from dataclasses import dataclass

HEAD = ["what", "Weighthouse", "by hand", "figure", "limit", ""]
"""What is in a figure's row."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured of one thing, and what it must reach."""

    what: str
    ours: str
    theirs: str
    value: float
    limit: float | None
    """None where it is only told."""
    unit: str = "x"
    at_most: bool = False

    @property
    def holds(self) -> bool:
        """Whether the limit is kept."""
        if self.limit is None:
            return True
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    @property
    def row(self) -> list[str]:
        """As it is printed."""
        figure = [self.what, self.ours, self.theirs, f"{self.value:.2f} {self.unit}"]
        if self.limit is None:
            return [*figure, "", ""]
        sign = "<=" if self.at_most else ">="
        return [*figure, f"{sign} {self.limit:g}", "met" if self.holds else "NOT met"]


def faster(what: str, ours: float, theirs: float, limit: float) -> Figure:
    """How many times faster ours is; seconds."""
    return Figure(what, f"{ours:.2f} s", f"{theirs:.2f} s", theirs / ours, limit)


def check(right: bool, wrong: str) -> None:
    """Ends the run when something that was measured was not done right."""
    if not right:
        raise SystemExit(f"WRONG: {wrong}")
