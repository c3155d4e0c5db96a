"""Changes of a module that a test should notice: each in one place, found in its syntax tree."""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Change = tuple[str, Callable[[Any], object]]
"""What is changed, and how: in place, in a copy of the tree."""
Operator = Callable[[Any], list[Change]]
_PAIRS: list[tuple[type[ast.cmpop], type[ast.cmpop]]] = [
    (ast.Eq, ast.NotEq),
    (ast.Is, ast.IsNot),
    (ast.In, ast.NotIn),
    (ast.Lt, ast.GtE),
    (ast.Gt, ast.LtE),
]
_FLIPPED = dict(_PAIRS) | {other: one for one, other in _PAIRS}
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
_WRITES = {"put": 1, "update": 2, "delete": 1}
"""The verbs of `store.table`, each with the place of its condition among the arguments."""
_CONDITIONS = {"condition", "over", "etag", "IfMatch", "IfNoneMatch"}
_HEADERS = {"if-match", "if-none-match", "x-amz-copy-source-if-match"}
_CHANGES = {"puts": 2, "updates": 3, "deletes": 2, "checks": 2}
"""What a transaction does, each with how many things say so; the last is the condition."""


def _become(node: Any, other: ast.AST) -> None:
    node.__class__ = type(other)
    node.__dict__.clear()
    node.__dict__.update(other.__dict__)


def _name(node: ast.AST) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


def weaken(node: Any) -> list[Change]:
    """What makes a conditional write, or what follows when its condition fails, less strict."""
    match node:
        case ast.Call(func=function, args=arguments, keywords=named):
            of_table = isinstance(function, ast.Attribute) and _name(function.value) == "table"
            last = of_table and _WRITES.get(_name(function)) == len(arguments) - 1
            found: list[Change] = [("condition dropped", lambda n: n.args.pop())] if last else []
            for place, keyword in enumerate(named):
                if keyword.arg in _CONDITIONS and _name(function).islower():
                    found.append((f"{keyword.arg}= dropped", lambda n, p=place: n.keywords.pop(p)))
                if keyword.arg in _CHANGES and isinstance(keyword.value, ast.List):
                    found += _weaken_transaction(place, keyword)
            return found
        case ast.BinOp(op=ast.BitAnd()):
            return [
                ("right condition dropped", lambda n: _become(n, n.left)),
                ("left condition dropped", lambda n: _become(n, n.right)),
            ]
        case ast.Dict(keys=keys):
            places = [place for place, key in enumerate(keys) if getattr(key, "value", None) in _HEADERS]
            return [
                (f"header {keys[place].value} dropped", lambda n, p=place: (n.keys.pop(p), n.values.pop(p)))
                for place in places
            ]
        case ast.ExceptHandler(type=kind) if kind and "ConditionFailed" in ast.unparse(kind):
            return [("ConditionFailed swallowed", lambda n: setattr(n, "body", [ast.Pass()]))]
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="check"))):
            return [("check() dropped", lambda n: _become(n, ast.Pass()))]
    return []


def _weaken_transaction(place: int, keyword: Any) -> list[Change]:
    found: list[Change] = []
    for at, element in enumerate(keyword.value.elts):
        if keyword.arg == "checks":
            found.append(("check dropped", lambda n, at=at: n.keywords[place].value.elts.pop(at)))
        if isinstance(element, ast.Tuple) and len(element.elts) == _CHANGES[keyword.arg]:

            def drop(n: Any, at: int = at) -> None:
                n.keywords[place].value.elts[at].elts[-1] = ast.Constant(None)

            if not (isinstance(element.elts[-1], ast.Constant) and element.elts[-1].value is None):
                found.append((f"condition of {keyword.arg} dropped", drop))
    return found


def damage(node: Any) -> list[Change]:
    """What makes code do something else than it says."""
    match node:
        case ast.Compare(ops=[op]):
            return [("comparison flipped", lambda n: n.ops.__setitem__(0, _FLIPPED[type(op)]()))]
        case ast.BinOp(op=op) | ast.BoolOp(op=op) if type(op) in _SWAPPED:
            return [(f"{type(op).__name__} swapped", lambda n: setattr(n, "op", _SWAPPED[type(op)]()))]
        case ast.If() | ast.While() | ast.IfExp():
            return [("test negated", lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test)))]
        case ast.Raise():
            return [("raise dropped", lambda n: _become(n, ast.Pass()))]
        case ast.Return(value=value) if value and not (
            isinstance(value, ast.Constant) and value.value is None
        ):
            return [("returns None", lambda n: setattr(n, "value", None))]
        case ast.Expr(value=ast.Call()):
            return [("call dropped", lambda n: _become(n, ast.Pass()))]
        case ast.ExceptHandler():
            return [("handler does nothing", lambda n: setattr(n, "body", [ast.Pass()]))]
        case ast.Constant(value=int() as value) if not isinstance(value, bool):
            return [
                (f"{value} is {value + by}", lambda n, by=by: setattr(n, "value", value + by))
                for by in (1, -1)
            ]
    return []


@dataclass(frozen=True)
class Mutant:
    """A module with one change."""

    line: int
    code: str
    """The line as it was."""
    label: str
    source: str


def unchanged(source: str) -> str:
    """A module as the mutants are written: without comments, in lines of other lengths."""
    return ast.unparse(ast.parse(source))


def mutants(source: str, operators: list[Operator]) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree, lines = ast.parse(source), source.splitlines()
    for place, node in enumerate(ast.walk(tree)):
        for label, change in [found for operator in operators for found in operator(node)]:
            changed = copy.deepcopy(tree)
            change(list(ast.walk(changed))[place])
            line = getattr(node, "lineno", 1)
            yield Mutant(
                line, lines[line - 1].strip(), label, ast.unparse(ast.fix_missing_locations(changed))
            )
