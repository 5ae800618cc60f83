"""Analyze the data flow of a chat template: follow values of a kind through its variables.

The template is not run. The analysis overestimates: variables have no scopes, and every branch is
taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jinja2 import nodes

_COUNTS = ("length", "count")
_PAIRS = ("items", "dictsort")


class Flow:
    """The variables that hold values of a kind.

    `is_source` returns whether an expression is of the kind by itself; None defers to its parts.
    Something derived from a value (a comparison, its length) is not of its kind.
    """

    def __init__(
        self, tree: nodes.Template, is_source: Callable[[nodes.Node], bool | None]
    ) -> None:
        self._is_source = is_source
        self._names: set[str] = set()
        self._macros = {macro.name: macro for macro in tree.find_all(nodes.Macro)}
        known = -1
        while known < len(self._names):
            known = len(self._names)
            for node in tree.find_all((nodes.Assign, nodes.For, nodes.AssignBlock, nodes.Call)):
                self._names.update(self._reached_by(node))

    def reaches(self, node: nodes.Node) -> bool:
        """Return whether the value of an expression may be of the kind."""
        verdict = self._is_source(node)
        if verdict is not None:
            return verdict
        return _name_of(node) in self._names or any(map(self.reaches, _values_in(node)))

    def _reached_by(self, node: nodes.Node) -> Iterator[str]:
        match node:
            case nodes.Assign(target=target, node=value):
                yield from self._assigned(target, value)
            case nodes.For(target=target, iter=value) if self.reaches(value):
                yield from _loop_targets(target, value)
            case nodes.AssignBlock(target=target, body=body):
                if any(self.reaches(said) for part in body for said in _said(part)):
                    yield from _targets(target)
            case nodes.Call(node=nodes.Name(name=name)) if name in self._macros:
                yield from self._given(self._macros[name], node)

    def _given(self, macro: nodes.Macro, call: nodes.Call) -> Iterator[str]:
        for parameter, value in zip(macro.args, call.args, strict=False):
            if self.reaches(value):
                yield parameter.name
        yield from (word.key for word in call.kwargs if self.reaches(word.value))

    def _assigned(self, target: nodes.Node, value: nodes.Node) -> Iterator[str]:
        if isinstance(value, nodes.Call) and isinstance(target, nodes.Name):
            # {% set ns = namespace(found=...) %}
            yield from (
                f"{target.name}.{word.key}" for word in value.kwargs if self.reaches(word.value)
            )
        if self.reaches(value):
            yield from _targets(target)


def _values_in(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield the parts of an expression that its value consists of."""
    match node:
        case nodes.Compare() | nodes.Test() | nodes.Not() | nodes.Getattr():
            return
        case nodes.Filter(name=name) if name in _COUNTS:
            return
        case nodes.Getitem(node=inner, arg=key):
            # Another field of an object is another value; an index of a list is not.
            if not (isinstance(key, nodes.Const) and isinstance(key.value, str)):
                yield inner
        case nodes.Call(node=nodes.Getattr(node=inner), args=given):
            yield from (inner, *given)
        case _:
            yield from node.iter_child_nodes()


def _loop_targets(target: nodes.Node, iterated: nodes.Node) -> Iterator[str]:
    match iterated:
        case nodes.Filter(name=name) | nodes.Call(node=nodes.Getattr(attr=name)):
            if name in _PAIRS and isinstance(target, nodes.Tuple):
                # {% for key, value in object.items() %}: keys are only names.
                yield from _targets(target.items[-1])
                return
    yield from _targets(target)


def _said(node: nodes.Node) -> Iterator[nodes.Node]:
    outputs = [node] if isinstance(node, nodes.Output) else node.find_all(nodes.Output)
    for output in outputs:
        yield from output.nodes


def _targets(target: nodes.Node) -> Iterator[str]:
    name = _name_of(target)
    if name:
        yield name
    elif isinstance(target, nodes.Tuple):
        for item in target.items:
            yield from _targets(item)


def _name_of(node: nodes.Node) -> str:
    match node:
        case nodes.Name(name=name):
            return str(name)
        case nodes.NSRef(name=name, attr=attribute):
            return f"{name}.{attribute}"
        case nodes.Getattr(node=nodes.Name(name=name), attr=attribute):
            return f"{name}.{attribute}"
    return ""
