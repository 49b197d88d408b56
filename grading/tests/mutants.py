"""Automatic mutants of a piece of Python: every way to make one small mistake in it.

`mutants(source)` gives `(change, source)` pairs; `change` reads "line: before -> after", the line that of the source.

What no check can or need see is left as it is: sentences about bad input, on which no task insists (`raise`, a branch
that only raises, a statement of `helpers.shapes`), and arguments that matter on a GPU or for bad input only (`device`,
`force`, `strict`).
"""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Callable, Iterator

__all__ = ["mutants"]

OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Pow: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.LtE: ast.Lt, ast.Lt: ast.LtE, ast.GtE: ast.Gt, ast.Gt: ast.GtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
REVERSED = {ast.LtE: ast.GtE, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.Gt: ast.Lt}
RENAMED = {
    "sum": ["mean", "amax"], "mean": ["sum", "amax", "median"], "nanmean": ["mean"], "square": ["abs"],
    "abs": ["square"], "sqrt": ["square"], "exp": ["exp2"],
    "max": ["min"], "min": ["max"], "maximum": ["minimum"], "minimum": ["maximum"], "amax": ["amin", "mean"],
    "max_pool2d": ["avg_pool2d"], "avg_pool2d": ["max_pool2d"], "MaxPool2d": ["AvgPool2d"], "AvgPool2d": ["MaxPool2d"],
    "any": ["all"], "all": ["any"], "argmax": ["argmin"], "round": ["floor", "ceil"], "floor": ["round"],
    "Flatten": ["Identity"], "ReLU": ["Sigmoid", "Identity"], "relu": ["sigmoid"], "BatchNorm2d": ["Identity"],
    "nan_to_num": ["abs"], "append": ["extend"], "zeros_like": ["ones_like"], "new_zeros": ["new_ones"],
}  # fmt: skip
OTHER_WORDS = {"bilinear": "nearest", "nearest": "bilinear", "sum": "mean", "mean": "sum"}
REDUCTIONS = {"sum", "mean", "max", "min", "amax", "amin", "norm", "any", "all", "argmax"}
SINGULAR = {"log", "sqrt", "rsqrt", "norm"}  # of what is 0, these or their slope are no numbers
EPSILON = ast.Constant(1e-6)
UNSEEN = {"device", "force", "strict"}  # arguments
MODULES = {"torch", "nn", "F", "np", "math"}

Replacement = Callable[[ast.AST], Iterator[ast.AST]]


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Give every mutant of the functions in `source`, each with one change and no two alike."""
    tree = _without_docstrings(ast.parse(source))
    places, seen = _places(tree), {ast.unparse(tree)}
    for node in _visible(tree):
        for replacement in _replacements(node, tree):
            line = getattr(node, "lineno", 0)
            before = ast.unparse(node).splitlines()[0]
            after = ast.unparse(replacement).splitlines()[0]
            put = places[node]
            put(replacement)
            mutant = ast.unparse(tree)
            put(node)
            if mutant not in seen:
                seen.add(mutant)
                yield f"{line}: {before} -> {after}", mutant


def _visible(node: ast.AST) -> Iterator[ast.AST]:
    """Give a node and all below it, but for what no check need see."""
    if _is_about_bad_input(node) or (isinstance(node, ast.keyword) and node.arg in UNSEEN):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _visible(child)


def _is_about_bad_input(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return all(isinstance(statement, ast.Raise) for statement in node.body)
    return isinstance(node, ast.Raise) or (
        isinstance(node, ast.Expr | ast.Assign) and ast.unparse(node.value).startswith("helpers.shapes.")
    )


def _places(tree: ast.Module) -> dict[ast.AST, Callable[[ast.AST], None]]:
    """Return for every node the function that puts another one into its place."""
    places: dict[ast.AST, Callable[[ast.AST], None]] = {}
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if isinstance(value, list):
                places.update(
                    (item, functools.partial(value.__setitem__, index))
                    for index, item in enumerate(value)
                    if isinstance(item, ast.AST)
                )
            elif isinstance(value, ast.AST):
                places[value] = functools.partial(setattr, parent, name)
    return places


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _replacements(node: ast.AST, tree: ast.Module) -> Iterator[ast.AST]:
    """Give what may stand in a node's place."""
    for kind, others in KINDS.items():
        if isinstance(node, kind):
            yield from others(node)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield from (ast.Name(other, node.ctx) for other in _other_arguments(node, tree))


def _operations(node: ast.BinOp) -> Iterator[ast.AST]:
    """Another operator, either side alone, the sides swapped, and a divisor that is never 0."""
    if type(node.op) in OPERATORS:
        yield ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
    yield node.left
    yield node.right
    if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult):
        yield ast.BinOp(node.right, node.op, node.left)
    if isinstance(node.op, ast.Div) and not isinstance(node.right, ast.Constant):
        yield ast.BinOp(node.left, node.op, ast.BinOp(node.right, ast.Add(), EPSILON))


def _logic(node: ast.BoolOp) -> Iterator[ast.AST]:
    yield ast.BoolOp(OPERATORS[type(node.op)](), node.values)
    yield from node.values


def _comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    """Strict against not strict, and the other way round."""
    for table in (OPERATORS, REVERSED):
        if type(node.ops[0]) in table:
            yield ast.Compare(node.left, [table[type(node.ops[0])]()], node.comparators)


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    if type(node.value) is bool:
        yield ast.Constant(not node.value)
    elif type(node.value) is int:
        yield from (ast.Constant(value) for value in (node.value + 1, node.value - 1))
    elif type(node.value) is float:
        yield from (ast.Constant(value) for value in (node.value + 1, -node.value))
    elif node.value in OTHER_WORDS:
        yield ast.Constant(OTHER_WORDS[node.value])


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    """Drop a call, an argument or a keyword; swap two arguments; call a relative; keep an axis; add an epsilon."""
    of, name = node.func, node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    is_method = isinstance(of, ast.Attribute) and not _is_module(of.value)
    if is_method:
        yield of.value
    elif node.args and not isinstance(node.args[0], ast.Starred | ast.GeneratorExp):
        yield node.args[0]
    for index in range(len(node.args)):
        yield ast.Call(of, node.args[:index] + node.args[index + 1 :], node.keywords)
    for index in range(len(node.args) - 1):
        swapped = [*node.args[:index], node.args[index + 1], node.args[index], *node.args[index + 2 :]]
        yield ast.Call(of, swapped, node.keywords)
    for index, keyword in enumerate(node.keywords):
        if keyword.arg not in UNSEEN:
            yield ast.Call(of, node.args, node.keywords[:index] + node.keywords[index + 1 :])
    for other in RENAMED.get(name, []):
        renamed = ast.Attribute(of.value, other, ast.Load()) if isinstance(of, ast.Attribute) else None
        yield ast.Call(renamed or ast.Name(other, ast.Load()), node.args, node.keywords)
    given = {keyword.arg for keyword in node.keywords}
    if name in REDUCTIONS and "dim" in given and "keepdim" not in given:
        yield ast.Call(of, node.args, [*node.keywords, ast.keyword("keepdim", ast.Constant(True))])
    if name in SINGULAR and is_method:
        raised = ast.BinOp(of.value, ast.Add(), EPSILON)
        yield ast.Call(ast.Attribute(raised, name, ast.Load()), node.args, node.keywords)
    elif name in SINGULAR and node.args:
        yield ast.Call(of, [ast.BinOp(node.args[0], ast.Add(), EPSILON), *node.args[1:]], node.keywords)


def _is_module(node: ast.AST) -> bool:
    """Return whether `node` is a module or `super()`, without which a call is another thing altogether."""
    return ast.unparse(node).partition(".")[0] in (*MODULES, "super()", "helpers")


def _subscripts(node: ast.Subscript) -> Iterator[ast.AST]:
    """Without it (`[..., None]`, say), and of a mask or index the other one."""
    if isinstance(node.ctx, ast.Load):
        yield node.value
        if not isinstance(node.slice, ast.Slice | ast.Tuple):
            yield ast.Subscript(node.value, ast.UnaryOp(ast.Invert(), node.slice), node.ctx)


def _slices(node: ast.Slice) -> Iterator[ast.AST]:
    for bound in ("lower", "upper", "step"):
        if getattr(node, bound) is not None:
            yield ast.Slice(**{**{one: getattr(node, one) for one in ("lower", "upper", "step")}, bound: None})


def _displays(node: ast.Tuple | ast.List) -> Iterator[ast.AST]:
    """One stage less, and all in the other order."""
    if isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        yield type(node)(node.elts[::-1], node.ctx)
        for index in range(len(node.elts)):
            yield type(node)(node.elts[:index] + node.elts[index + 1 :], node.ctx)


def _loops(node: ast.For | ast.comprehension) -> Iterator[ast.AST]:
    """The first or the last stage left out, or all in the other order."""
    stages = ast.Call(ast.Name("list", ast.Load()), [node.iter], [])
    one = ast.Constant(1)
    for part in (ast.Slice(lower=one), ast.Slice(upper=ast.UnaryOp(ast.USub(), one))):
        yield _with(node, iter=ast.Subscript(stages, part, ast.Load()))
    backwards = ast.Slice(step=ast.UnaryOp(ast.USub(), one))
    yield _with(node, iter=ast.Subscript(stages, backwards, ast.Load()))


def _values(node: ast.Assign | ast.Return) -> Iterator[ast.AST]:
    """A map, or several, that lie one pixel beside."""
    tensors = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    if any(
        isinstance(one, ast.Constant | ast.List | ast.Dict | ast.Set | ast.ListComp | type(None)) for one in tensors
    ):
        return
    for index, axis in itertools.product(range(len(tensors)), (-1, -2)):
        function = ast.Attribute(ast.Name("torch", ast.Load()), "roll", ast.Load())
        rolled = ast.Call(function, [tensors[index], ast.Constant(1), ast.Constant(axis)], [])
        all_of_them = [*tensors[:index], rolled, *tensors[index + 1 :]]
        yield _with(node, value=ast.Tuple(all_of_them, ast.Load()) if len(tensors) > 1 else rolled)


def _with(node: ast.AST, **changed: ast.AST) -> ast.AST:
    """Return a node of the same kind with other fields."""
    made = type(node)(**{**dict(ast.iter_fields(node)), **changed})
    return ast.copy_location(made, node) if hasattr(node, "lineno") else made


def _no_value(node: ast.Return) -> Iterator[ast.AST]:
    if node.value is not None:
        yield ast.Return(ast.Constant(None))


def _other_arguments(node: ast.Name, tree: ast.Module) -> list[str]:
    """Return the other arguments of the function that a name stands in, if it is itself one."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and any(child is node for child in ast.walk(function)):
            names = [argument.arg for argument in function.args.args if argument.arg != "self"]
            if node.id in names:
                return [name for name in names if name != node.id]
    return []


KINDS: dict[type | tuple[type, ...], Replacement] = {
    ast.BinOp: _operations,
    ast.BoolOp: _logic,
    ast.Compare: _comparisons,
    ast.UnaryOp: lambda node: iter([node.operand]),
    ast.Constant: _constants,
    ast.Call: _calls,
    ast.Subscript: _subscripts,
    ast.Slice: _slices,
    (ast.Tuple, ast.List): _displays,
    (ast.For, ast.comprehension): _loops,
    ast.IfExp: lambda node: iter([node.body, node.orelse]),
    ast.If: lambda node: iter([ast.Pass(), _with(node, test=ast.Constant(True))]),
    ast.AugAssign: lambda node: iter(
        [_with(node, op=OPERATORS[type(node.op)]())] if type(node.op) in OPERATORS else []
    ),
    (ast.Expr, ast.Assign, ast.AugAssign, ast.Continue, ast.Break): lambda node: iter([ast.Pass()]),
    (ast.Assign, ast.Return): _values,
    ast.Return: _no_value,
}
