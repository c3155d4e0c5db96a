"""A loop that checks runs over what is plainly there, or over `each(…)`, which fails where there is nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from each import each

TESTS = Path(__file__).parent
ENDLESS = {"count"}
GUARDED = {"cuts", "each_moment", "in_the_middle", "kills", "repeats"}
"""Generators of our own that fail when they find nothing to do."""
SAME_LENGTH = {"enumerate", "list", "reversed", "set", "sorted"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _name(call: ast.expr) -> str:
    function = call.func if isinstance(call, ast.Call) else call
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


class Loops:
    """The loops of one module that check something, and may have nothing to run over."""

    def __init__(self, source: str) -> None:
        self.module = ast.parse(source)

    def unguarded(self) -> Iterator[int]:
        """The lines of those loops, except in what Hypothesis calls: it draws empty things beside others."""
        yield from self._unguarded(self.module, [self.module])

    def _unguarded(self, node: ast.AST, scopes: list[ast.AST]) -> Iterator[int]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function) and "given" in map(_name, child.decorator_list):
                continue
            if any(not self._never_empty(things, scopes) for things in self._checked(child)):
                yield child.lineno
            yield from self._unguarded(child, [child, *scopes] if isinstance(child, Function) else scopes)

    @staticmethod
    def _checked(node: ast.AST) -> Iterator[ast.expr]:
        """What this very statement checks one by one."""
        if isinstance(node, ast.For):
            body = [inner for statement in node.body for inner in ast.walk(statement)]
            if any(isinstance(inner, ast.Assert) or _name(inner) == "raises" for inner in body):
                yield node.iter
        if isinstance(node, ast.Assert):
            for inner in ast.walk(node.test):
                if isinstance(inner, ast.Call) and _name(inner) == "all":
                    (made,) = inner.args
                    yield made.generators[0].iter if isinstance(made, ast.GeneratorExp) else made

    def _never_empty(self, things: ast.expr, scopes: list[ast.AST]) -> bool:
        match things:
            case ast.Tuple(elts=found) | ast.List(elts=found) | ast.Set(elts=found) | ast.Dict(keys=found):
                return any(not isinstance(item, ast.Starred) for item in found)
            case ast.Constant(value=value):
                return bool(value)
            case ast.BinOp(left=left, right=right):
                return self._never_empty(left, scopes) or self._never_empty(right, scopes)
            case ast.Name(id=name):
                return self._always(name, scopes)
            case ast.Call(func=ast.Attribute(value=inner, attr="items" | "values")):
                return self._never_empty(inner, scopes)
            case ast.Call(args=arguments) if _name(things) == "range":
                return all(isinstance(argument, ast.Constant) for argument in arguments) and bool(
                    range(*(argument.value for argument in arguments))
                )
            case ast.Call(args=[first, *_]) if _name(things) in SAME_LENGTH:
                return self._never_empty(first, scopes)
            case ast.Call(args=several) if _name(things) == "zip":
                known = [self._never_empty(each, scopes) for each in several]
                return all(known) or (
                    any(known) and any(option.arg == "strict" for option in things.keywords)
                )
        return isinstance(things, ast.Call) and _name(things) in {"each", *ENDLESS, *GUARDED}

    def _always(self, name: str, scopes: list[ast.AST]) -> bool:
        """Whether all that a name is made of, in the innermost function that makes it, is never empty."""
        for scope in scopes:
            if isinstance(scope, Function) and name in {
                one.arg for one in ast.walk(scope.args) if isinstance(one, ast.arg)
            }:
                return False
            values = [
                node.value
                for node in ast.walk(scope)
                if isinstance(node, ast.Assign | ast.AnnAssign)
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
                if isinstance(target, ast.Name) and target.id == name
            ]
            if values:
                return all(value is not None and self._never_empty(value, scopes) for value in values)
        return False


@pytest.mark.parametrize("file", sorted(TESTS.rglob("*.py")), ids=lambda file: str(file.relative_to(TESTS)))
def test_no_loop_that_checks_may_run_over_nothing(file: Path) -> None:
    lines = list(Loops(file.read_text()).unguarded())
    assert not lines, f"{file.name}, lines {lines}: `for … in each(…)` fails where there is nothing to check"


@pytest.mark.parametrize(
    "code",
    [
        "for x in found: assert x",
        "for x in answer['models']:\n    with pytest.raises(E): pass",
        "for x in range(n): assert x",
        "for x in ():\n    assert x",
        "for x in sorted(found): assert x",
        "for x, y in zip([1], found): assert x",
        "found = f()\nfor x in found: assert x",
        "def test(found=()):\n    for x in found: assert x",
        "assert all(x for x in found)",
        "for x in [*found]: assert x",
    ],
)
def test_a_loop_that_may_be_empty_is_found(code: str) -> None:
    assert list(Loops(code).unguarded())


@pytest.mark.parametrize(
    "code",
    [
        "for x in each(found): assert x",
        "for x in (1, 2): assert x",
        "for x in range(3): assert x",
        "for at, x in enumerate([1, *found]): assert x",
        "for x, y in zip([1], found, strict=True): assert x",
        "FOUND = {1: 2}\ndef test():\n    for x, y in FOUND.items(): assert x",
        "for x in kills(): assert x",
        "for x in found: print(x)",
        "assert all(x for x in each(found))",
        "@given(found=st.lists(st.text()))\ndef test(found):\n    for x in found: assert x",
    ],
)
def test_a_loop_that_is_never_empty_is_fine(code: str) -> None:
    assert not list(Loops(code).unguarded())


def test_each_fails_over_nothing() -> None:
    assert list(each(iter("ab"))) == ["a", "b"]
    with pytest.raises(AssertionError, match="nothing to check"):
        list(each([]))
