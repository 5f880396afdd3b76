"""Mutants of function bodies: mutmut's operators, one change each, as code objects.

mutmut's own runner passes over what its trampolines cannot stand in for, such as properties, caches
and the methods of data classes, which is much of the core. Exchanging `__code__` reaches all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
from mutmut.mutation.mutators import mutation_operators

CONTEXT = 60
Place = tuple[str, str, int]
"""A function's module, its name within, and the line of its `def` or first decorator."""


@dataclass(frozen=True)
class Mutant:
    place: Place
    line: int
    lines: range
    """What must have been executed for a test to be able to notice."""
    number: int
    """Of those in its module; stays while the module does."""
    diff: str
    module: cst.Module
    was: cst.CSTNode
    becomes: cst.CSTNode

    @property
    def name(self) -> str:
        return f"{self.place[0]}#{self.number}"

    def code(self) -> CodeType | None:
        """Of its function as mutated; None where it is no Python."""
        mutated = cst.ensure_type(self.module.deep_replace(self.was, self.becomes), cst.Module)
        try:
            whole = compile(mutated.code, self.place[0], "exec")
        except SyntaxError:
            return None
        return next((code for code in _codes(whole) if _key(code) == self.place[1:]), None)


def of(path: Path, name: str) -> list[Mutant]:
    """All of one module, in the order of its lines."""
    wrapper = MetadataWrapper(cst.parse_module(path.read_text(encoding="utf-8")))
    bodies = _Bodies(wrapper, name)
    wrapper.module.visit(bodies)
    return bodies.found


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _key(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _diff(was: str, becomes: str) -> str:
    """What both begin with is told in its last words."""
    same = next(
        (at for at, pair in enumerate(zip(was, becomes, strict=False)) if len({*pair}) > 1), 0
    )
    begin = max(0, same - CONTEXT)
    return f"{was[begin:][: 2 * CONTEXT]}  ->  {becomes[begin:][: 2 * CONTEXT]}"


class _Bodies(cst.CSTVisitor):
    """Visits what runs when a function is called: no signatures, decorators, annotations."""

    def __init__(self, wrapper: MetadataWrapper, name: str) -> None:
        super().__init__()
        self.found: list[Mutant] = []
        self._module = wrapper.module
        self._name = name
        self._positions = wrapper.resolve(PositionProvider)
        self._parents = wrapper.resolve(ParentNodeProvider)
        self._scopes: list[str] = []
        self._function: Place | None = None

    def visit_ClassDef(self, node: cst.ClassDef) -> None:  # noqa: N802 - libcst's name
        self._scopes.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:  # noqa: N802 - as above
        self._scopes.pop()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:  # noqa: N802 - as above
        outermost = self._function is None
        if outermost:
            first = min(self._positions[part].start.line for part in (node.name, *node.decorators))
            self._function = (self._name, ".".join((*self._scopes, node.name.value)), first)
        node.body.visit(self)
        if outermost:
            self._function = None
        return False

    def visit_Annotation(self, node: cst.Annotation) -> bool:  # noqa: N802 - as above
        return False

    def on_visit(self, node: cst.CSTNode) -> bool:
        if self._function is not None:
            for kind, operator in mutation_operators:
                if isinstance(node, kind):
                    for becomes in operator(node):
                        self._add(self._function, node, becomes)
        return super().on_visit(node)

    def _add(self, function: Place, was: cst.CSTNode, becomes: cst.CSTNode) -> None:
        statement = was
        while not isinstance(statement, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
            statement = self._parents[statement]
        place = self._positions[was]
        if isinstance(statement, cst.SimpleStatementLine):
            reach = self._positions[statement]
        else:
            reach = place
        self.found.append(
            Mutant(
                place=function,
                line=place.start.line,
                lines=range(reach.start.line, reach.end.line + 1),
                number=len(self.found),
                diff=_diff(self._words(was), self._words(becomes)),
                module=self._module,
                was=was,
                becomes=becomes,
            )
        )

    def _words(self, node: cst.CSTNode) -> str:
        return " ".join(self._module.code_for_node(node).split()) or type(node).__name__
