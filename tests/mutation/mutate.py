"""Every small change of a module that a test should notice: the mutants, made from its syntax tree.

A mutant is the whole module's code with one expression or statement changed. Not mutated: annotations, decorators,
docstrings, texts with a space in them (messages are for people), what `raise` says, and type aliases.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_TYPES = {"Literal", "TypeVar", "Callable"}


@dataclass(slots=True)
class _Site:
    """A node that can be changed, where it hangs, and what it can become."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST
    place: str
    in_function: bool
    said: bool  # inside a raise: what it says is for people

    def put(self, node: ast.AST) -> None:
        """Hang this node there."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change. `in_function`: a function that exists can take the code; else the module is loaded anew."""

    module: str
    path: str
    line: int
    end_line: int
    place: str  # qualified name of the function or class that it is in
    change: str  # `before -> after`
    nth: int  # of the same change in the same place
    in_function: bool
    tree: ast.Module
    site: _Site
    after: ast.AST

    @property
    def key(self) -> str:
        """What names it as long as the function is not rewritten."""
        return f"{self.place}: {self.change}" + (f" #{self.nth + 1}" if self.nth else "")

    def code(self) -> CodeType:
        """The mutated module."""
        self.site.put(ast.fix_missing_locations(ast.copy_location(self.after, self.site.node)))
        try:
            return compile(self.tree, self.path, "exec", dont_inherit=True)
        finally:
            self.site.put(self.site.node)


def mutants_of(module: str, path: str, source: str) -> Iterator[Mutant]:
    """All mutants of a module, in the order of its lines."""
    tree = ast.parse(source)
    seen: dict[tuple[str, str], int] = {}
    for site in list(_sites(tree, module)):
        for after in _changes(site):
            before = ast.unparse(site.node)
            change = f"{_short(before)} -> {_short(ast.unparse(after))}"
            nth = seen[site.place, change] = seen.get((site.place, change), -1) + 1
            yield Mutant(
                module=module,
                path=path,
                line=site.node.lineno,  # type: ignore[attr-defined]
                end_line=site.node.end_lineno or 0,  # type: ignore[attr-defined]
                place=site.place,
                change=change,
                nth=nth,
                in_function=site.in_function,
                tree=tree,
                site=site,
                after=after,
            )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 100 else f"{text[:97]}..."


# --- where ------------------------------------------------------------------------------------------------------------


def _sites(tree: ast.Module, module: str) -> Iterator[_Site]:
    """Every expression and statement that may be changed."""
    yield from _below(tree, module, in_function=False, said=False)


def _below(node: ast.AST, place: str, *, in_function: bool, said: bool) -> Iterator[_Site]:
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params", "bases", "keywords_of_class", "ctx"):
            continue
        inside = in_function or (isinstance(node, _SCOPES) and field == "body")
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or _is_of_types(child) or _is_docstring(node, field, index, child):
                continue
            here = f"{place}.{child.name}" if isinstance(child, ast.ClassDef | ast.FunctionDef) else place
            saying = said or isinstance(child, ast.Raise)
            if isinstance(child, ast.expr | ast.stmt | ast.match_case):
                at = index if isinstance(value, list) else None
                if not isinstance(child, ast.match_case):
                    yield _Site(node, field, at, child, place, inside, said)
                yield from _below(child, here, in_function=inside, said=saying)
            else:
                yield from _below(child, here, in_function=inside, said=saying)


def _is_docstring(node: ast.AST, field: str, index: int, child: ast.AST) -> bool:
    first = field == "body" and index == 0 and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
    return first and isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)


def _is_of_types(child: ast.AST) -> bool:
    """Imports, aliases of types, and what stands only for a type checker."""
    if isinstance(child, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Pass):
        return True
    if isinstance(child, ast.Assign) and isinstance(child.targets[0], ast.Name):
        value = child.value
        called = value.value if isinstance(value, ast.Subscript) else value
        alias = child.targets[0].id[:1].isupper() and not child.targets[0].id.isupper()
        return alias or child.targets[0].id == "__all__" or (isinstance(called, ast.Name) and called.id in _TYPES)
    return isinstance(child, ast.Subscript) and isinstance(child.value, ast.Name) and child.value.id in _TYPES


# --- what it becomes --------------------------------------------------------------------------------------------------


def _changes(site: _Site) -> Iterator[ast.AST]:
    node = site.node
    match node:
        case ast.Compare():
            for at, operator in enumerate(node.ops):
                for other in _COMPARED[type(operator)]:
                    yield _like(node, ops=[*node.ops[:at], other(), *node.ops[at + 1 :]])
        case ast.BinOp():
            yield _like(node, op=_COMPUTED[type(node.op)]())
        case ast.BoolOp():
            yield _like(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
            for at in range(len(node.values)):
                left = node.values[:at] + node.values[at + 1 :]
                yield left[0] if len(left) == 1 else _like(node, values=left)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.Constant():
            if not site.said:
                yield from _constants(node)
        case ast.IfExp():
            yield from _negated(node)
        case ast.If() | ast.While():
            yield from _negated(node)
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            yield _like(node, func=ast.Name(_CALLED[name], ast.Load()))
        case ast.Slice():
            if node.lower is not None:
                yield _like(node, lower=None)
            if node.upper is not None:
                yield _like(node, upper=None)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            for at, generator in enumerate(node.generators):
                if generator.ifs:
                    plain = _like(generator, ifs=[])
                    yield _like(node, generators=[*node.generators[:at], plain, *node.generators[at + 1 :]])
        case ast.AugAssign():
            yield _like(node, op=_COMPUTED[type(node.op)]())
            yield ast.Pass()
        case ast.Assign() if site.in_function and not isinstance(node.targets[0], ast.Name | ast.Tuple):
            yield ast.Pass()
        case ast.Return() if node.value is not None and not isinstance(node.value, ast.Constant):  # those change too
            yield ast.Return(ast.Constant(None))
        case ast.Return() if node.value is None:
            yield ast.Pass()
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield ast.Pass()
        case ast.Raise() | ast.Continue() | ast.Break() | ast.Delete():
            yield ast.Pass()
        case ast.Match():
            for at in range(len(node.cases)):
                if len(node.cases) > 1 and not _is_default(node.cases[at]):
                    yield _like(node, cases=node.cases[:at] + node.cases[at + 1 :])


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    match node.value:
        case bool():
            yield ast.Constant(not node.value)
        case int():
            yield ast.Constant(node.value + 1)
            if node.value > 1:
                yield ast.Constant(node.value - 1)
        case str() if " " not in node.value:
            yield ast.Constant(node.value + "x")  # a codec would take a "?" for nothing
        case bytes():
            yield ast.Constant(node.value + b"?")


def _negated(node: "ast.If | ast.While | ast.IfExp") -> Iterator[ast.AST]:
    plain = isinstance(node.test, ast.Compare) and len(node.test.ops) == 1 and type(node.test.ops[0]) not in _ORDERED
    if not plain and not isinstance(node.test, ast.UnaryOp):  # negating those is a change of their own
        yield _like(node, test=ast.UnaryOp(ast.Not(), node.test))


_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def _is_default(case: ast.match_case) -> bool:
    return isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None and case.guard is None


def _like(node: ast.AST, **changed: object) -> ast.AST:
    return type(node)(**{**dict(ast.iter_fields(node)), **changed})
