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
_LOST = ("ConditionFailed", "LeaseLost")
_GUARDS = ("check", "check_held", "_check_reserved")


def _become(node: Any, other: ast.AST) -> None:
    node.__class__ = type(other)
    node.__dict__.clear()
    node.__dict__.update(other.__dict__)


def _name(node: ast.AST) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


def weaken(node: Any) -> list[Change]:
    """What makes a conditional write, or what follows when its condition fails, less strict."""
    match node:
        case ast.Call(func=ast.Attribute(attr="append", value=ast.Attribute(attr=kind))) if kind in _CHANGES:
            return _without_conditions(kind, node)
        case ast.Call():
            return _weaken_call(node)
        case ast.keyword(arg=kind) if kind in _CHANGES:
            return _without_conditions(kind, node) + _without_checks(kind, node)
        case ast.AugAssign(target=ast.Attribute(attr="checks")):
            return [("checks dropped", lambda n: _become(n, ast.Pass()))]
        case ast.AugAssign(target=ast.Attribute(attr=kind)) if kind in _CHANGES:
            return _without_conditions(kind, node)
        case ast.Return(value=ast.Tuple(elts=[*_, last])) if _is_condition(last):
            return _without_conditions("what is returned", node)
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
        case ast.List(elts=[*_, ast.Dict(keys=[ast.Constant(value="ConditionCheck")])]):
            return [("check dropped", lambda n: n.elts.pop())]
        case ast.ExceptHandler(body=[ast.Pass()]):
            return []
        case ast.ExceptHandler(type=kind) if kind and "ConditionFailed" in ast.unparse(kind):
            return [("ConditionFailed swallowed", lambda n: setattr(n, "body", [ast.Pass()]))]
        case ast.Raise(exc=error) if error and ast.unparse(error).startswith(_LOST):
            return [("raise dropped", lambda n: _become(n, ast.Pass()))]
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="append", value=ast.Attribute(attr="checks")))):
            return [("check dropped", lambda n: _become(n, ast.Pass()))]
        case ast.Expr(value=ast.Call(func=function)) if _name(function) in _GUARDS:
            return [(f"{_name(function)}() dropped", lambda n: _become(n, ast.Pass()))]
    return []


def _weaken_call(node: Any) -> list[Change]:
    function = node.func
    of_table = isinstance(function, ast.Attribute) and _name(function.value) == "table"
    last = of_table and _WRITES.get(_name(function)) == len(node.args) - 1
    found: list[Change] = [("condition dropped", lambda n: n.args.pop())] if last else []
    for place, argument in enumerate(node.args):
        if _name(argument) == "check":
            found.append(("check not passed", lambda n, p=place: n.args.__setitem__(p, ast.Name("bool"))))
    for place, keyword in enumerate(node.keywords):
        if keyword.arg in _CONDITIONS and _name(function).islower():
            found.append((f"{keyword.arg}= dropped", lambda n, p=place: n.keywords.pop(p)))
    return found


def _is_condition(node: ast.AST) -> bool:
    match node:
        case ast.Compare(left=ast.Attribute(value=ast.Name(id="Row"))):
            return True
        case ast.BinOp(left=left, op=ast.BitAnd() | ast.BitOr()):
            return _is_condition(left)
    return False


def _changes_in(node: ast.AST, kind: str) -> list[Any]:
    return [
        found
        for found in ast.walk(node)
        if isinstance(found, ast.Tuple)
        and len(found.elts) == _CHANGES.get(kind, len(found.elts))
        # Neither a key nor what a comprehension goes through is a change.
        and _name(found.elts[-1]) not in ("sk", "row")
    ]


def _without_conditions(kind: str, node: ast.AST) -> list[Change]:
    """The changes of a transaction, each as if it had no condition."""
    if kind == "checks":
        return []

    def drop(changed: ast.AST, place: int) -> None:
        _changes_in(changed, kind)[place].elts[-1] = ast.Constant(None)

    return [
        (f"condition of {kind} dropped", lambda n, p=place: drop(n, p))
        for place, found in enumerate(_changes_in(node, kind))
        if not (isinstance(found.elts[-1], ast.Constant) and found.elts[-1].value is None)
    ]


def _without_checks(kind: str, keyword: Any) -> list[Change]:
    if kind != "checks" or not isinstance(keyword.value, ast.List):
        return []
    return [
        ("check dropped", lambda n, p=place: n.value.elts.pop(p)) for place in range(len(keyword.value.elts))
    ]


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
