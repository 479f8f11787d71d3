"""Fusion: which instructions share one pass over memory.

A program becomes a list of groups that run one after the other. A group is a matrix product with the
elementwise work that follows it, or a nest of loops over a `domain` with at most one set of reduced axes,
or one instruction that is neither. Every value of a group says which axis of the domain each of its axes
is, so nothing is guessed from lengths.

An instruction joins the group of its latest operand when the loops fit; it never moves in front of what it
needs, because all other operands come from earlier groups. Arithmetic on parameters and numbers alone is
computed again wherever it is read as long as it is cheap; the rest joins any group over the same domain.
Nothing here knows a target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from ..contract import Shape, float32, float64
from ..primitives import PRIMITIVES, is_reduction
from .ir import Instruction, Program, Value, operands_of
from .views import Axes, View, axes_of_root, identity, is_view, own, reduced_axes, viewed

Kind = Literal["rows", "columns", "product", "opaque"]
_REPEATED = 6
"""Chains of up to this many instructions on parameters alone are computed again for each reader."""
_LOOK_BACK = 6
"""So many of the last groups are asked whether what they do not compute themselves can join their loops."""


class Group:
    """Instructions that run in one pass.

    `reduced` are the axes of the domain that reductions run over: the last ones in a `rows`
    group, the first ones in a `columns` group; None as long as nothing is reduced. `head` is the
    product, or the one opaque instruction: indexing, a transpose, random bits.
    """

    def __init__(self, kind: Kind, domain: Shape, head: Instruction | None = None) -> None:
        self.kind: Kind = kind
        self.domain = domain
        self.head = head
        self.reduced: frozenset[int] | None = None
        self.steps: list[Instruction] = []
        self.axes: dict[Value, Axes] = {}

    @property
    def long(self) -> frozenset[int]:
        """The axes that are longer than 1."""
        return frozenset(axis for axis, length in enumerate(self.domain) if length != 1)

    @property
    def kept(self) -> frozenset[int]:
        """The long axes that are not reduced."""
        return self.long - (self.reduced or frozenset())

    def is_element(self, value: Value) -> bool:
        """Whether `value` varies along the reduced axes; without any, along the last ones."""
        return self.reduced is None or bool(set(self.axes[value]) & self.reduced)


class Plan(NamedTuple):
    """The groups of a program in order, what each value is a view of, and which group computes a root."""

    program: Program
    groups: tuple[Group, ...]
    views: dict[Value, View]
    group_of: dict[Value, int]


def plan(program: Program, accepts: Callable[[Instruction], bool] = lambda instruction: True) -> Plan:
    """Groups for a program that `prepare` made.

    `accepts` tells which elementwise instructions and reductions the target
    can compute; the others stand alone.

    >>> from backends.program import parse_program
    >>> made = plan(parse_program('''
    ... program mean_square
    ... %0: float32[8, 3] = input "x"
    ... %1: float32[8, 3] = multiply(%0, %0)
    ... %2: float32[8] = sum(%1, axis=(1,), keepdims=False)
    ... %3: float32[8] = divide(%2, 3)
    ... return y=%3
    ... '''))
    >>> [(group.kind, group.domain, len(group.steps)) for group in made.groups]
    [('rows', (8, 3), 3)]
    """
    return _Planner(program, accepts).plan()


class _Planner:
    def __init__(self, program: Program, accepts: Callable[[Instruction], bool]) -> None:
        self.program = program
        self.accepts = accepts
        self.groups: list[Group] = []
        self.views = {p.value: own(p.value) for p in program.parameters}
        self.group_of: dict[Value, int] = {}
        self.pending: dict[Value, Instruction] = {}
        self.costs: dict[Value, int] = {}
        self.drawn: set[Value] = set()

    def plan(self) -> Plan:
        for instruction in self.program.instructions:
            view = viewed(instruction.result, instruction, self.views)
            assert view is not None
            self.views[instruction.result] = view
            if is_view(instruction):
                continue
            if self._can_wait(instruction):
                self.pending[instruction.result] = instruction
            else:
                self._place(instruction)
        for _, value in (*self.program.assigns, *self.program.outputs):
            if isinstance(value, Value):
                self._need(value)
        return Plan(self.program, tuple(self.groups), self.views, self.group_of)

    def _latest(self, value: Value) -> int:
        """The group after which `value` can be had: its own, or those of
        what waiting arithmetic reads by now.
        """
        root = self.views[value].root
        if root in self.group_of or root not in self.pending:
            return self.group_of.get(root, -1)
        return max(map(self._latest, operands_of(self.pending[root])), default=-1)

    def _can_wait(self, instruction: Instruction) -> bool:
        """Whether this is cheap arithmetic on parameters and numbers."""
        row = PRIMITIVES[instruction.primitive]
        if not self._is_loop(instruction) or is_reduction(instruction.primitive):
            return False
        roots = [self.views[o].root for o in operands_of(instruction)]
        if any(root in self.group_of and root not in self.drawn for root in roots):
            return False
        function = "math." in str(row.numba) or instruction.primitive == "power"
        cost = 1 + sum(self.costs.get(root, 0) for root in roots) + _REPEATED * function
        self.costs[instruction.result] = cost
        return cost <= _REPEATED

    def _is_loop(self, instruction: Instruction) -> bool:
        """Whether this is arithmetic or a reduction that the target can put into a loop."""
        kind = PRIMITIVES[instruction.primitive].kind
        return kind in ("elementwise", "create", "reduction") and self.accepts(instruction)

    def _need(self, value: Value) -> None:
        """Make sure that what `value` is a view of gets memory."""
        root = self.views[value].root
        if root in self.pending and root not in self.group_of:
            self._place(self.pending[root])

    def _place(self, instruction: Instruction) -> None:
        """Give an instruction its group."""
        result, values = instruction.result, operands_of(instruction)
        elementwise = not is_reduction(instruction.primitive)
        if not self._is_loop(instruction):
            for value in values:
                self._need(value)
            shape = result.spec.shape
            group = Group("product" if _is_product(instruction) else "opaque", shape, instruction)
            group.axes[result] = identity(shape)
            self._append(group, result)
            if instruction.primitive == "random_bits":
                self.drawn.add(result)
            return
        for value in values:
            if self.views[value].axes is None:
                self._need(value)
        latest = max(map(self._latest, values), default=-1)
        for index in self._candidates(latest, elementwise, result):
            if self._join(instruction, self.groups[index]):
                self.group_of[result] = index
                return
        self._found(instruction, elementwise)

    def _candidates(self, latest: int, elementwise: bool, result: Value) -> Iterator[int]:
        if latest >= 0:
            yield latest
        if elementwise and result.spec.size > 1:
            if latest < 0:
                yield from self._over(result.spec.shape)
            return
        # another reduction over the same loops, or a number beside numbers; any group from `latest` on may
        # take it
        yield from range(max(latest + 1, len(self.groups) - _LOOK_BACK), len(self.groups))

    def _over(self, shape: Shape) -> Iterator[int]:
        """The last groups over `shape`: what starts from parameters can be
        had in any; its reader comes soon.
        """
        for index in range(len(self.groups) - 1, max(len(self.groups) - _LOOK_BACK, 0) - 1, -1):
            if self.groups[index].kind == "rows" and self.groups[index].domain == shape:
                yield index

    def _append(self, group: Group, result: Value) -> None:
        self.groups.append(group)
        self.group_of[result] = len(self.groups) - 1

    def _found(self, instruction: Instruction, elementwise: bool) -> None:
        """A group of its own."""
        result = instruction.result
        if elementwise:
            group = Group("rows", result.spec.shape)
            axes = identity(result.spec.shape)
        else:
            (source,) = operands_of(instruction)
            group, axes = _loops_of(instruction, source.spec.shape)
        taken = self._take(instruction, group, axes)
        if not taken:
            # a parameter's arithmetic is wanted along two different axes: it gets memory
            for value in operands_of(instruction):
                self._need(value)
            fresh = Group(group.kind, group.domain)
            fresh.reduced, group = group.reduced, fresh
            self._take(instruction, group, axes)
        self._append(group, result)

    def _join(self, instruction: Instruction, group: Group) -> bool:
        """Add `instruction` to `group` if the loops fit; leaves the group as it was if not."""
        if group.kind == "opaque":
            return False
        reduced = group.reduced
        if is_reduction(instruction.primitive):
            axes = self._axes_of_reduction(instruction, group)
        else:
            axes = self._axes_of_elements(instruction, group)
        if axes is not None and self._take(instruction, group, axes):
            return True
        group.reduced = reduced
        return False

    def _axes_of_elements(self, instruction: Instruction, group: Group) -> Axes | None:
        """The axes of the domain that an elementwise result has in `group`; None when it does not fit."""
        result = instruction.result
        shape, found = result.spec.shape, dict[int, int]()
        for operand in operands_of(instruction):
            inside = self._inside(operand, group)
            if inside is False:
                return None
            lead = len(shape) - operand.spec.ndim
            for k, axis in enumerate(inside or ()):
                if axis is not None and found.setdefault(lead + k, axis) != axis:
                    return None
        spread = len(group.domain) - len(shape)
        for k, length in enumerate(shape):
            if length == 1 or k in found:
                continue
            at = k if spread == 0 else k + spread
            if not 0 <= at < len(group.domain) or at in found.values():
                return None
            found[k] = at
        axes = tuple(found.get(k) for k in range(len(shape)))
        used = [axis for axis in axes if axis is not None]
        if used != sorted(set(used)) or any(group.domain[a] != shape[k] for k, a in found.items()):
            return None
        if group.kind == "columns" or (group.kind == "rows" and group.reduced is not None):
            fits = set(used) == group.kept or (group.kind == "rows" and set(used) == group.long)
        else:
            fits = set(used) == group.long
        return axes if fits else None

    def _axes_of_reduction(self, instruction: Instruction, group: Group) -> Axes | None:
        (source,), static = operands_of(instruction), dict(instruction.static)
        if group.kind not in ("rows", "columns"):
            return None
        inside = self._inside(source, group)
        if inside is False or (inside is None and source.spec.shape != group.domain):
            return None
        inside = inside or identity(source.spec.shape)
        # the loops of what is repeated are fewer than the reduction's
        if any(axis is None and n != 1 for axis, n in zip(inside, source.spec.shape, strict=True)):
            return None
        if {a for a in inside if a is not None} != group.long:
            return None
        over = frozenset(a for a in (inside[k] for k in static["axis"]) if a is not None)
        if group.kind == "columns" and (over != group.reduced or self.views[source].root in group.axes):
            return None
        if group.reduced is None:
            kept = group.long - over
            if (
                not over
                or (kept and max(kept) > min(over))
                or any(set(axes) - {None} not in ({*group.long},) for axes in group.axes.values() if axes)
            ):
                return None
            group.reduced = over
        if over != group.reduced:
            return None
        return reduced_axes(instruction, inside)

    def _inside(self, operand: Value, group: Group) -> Axes | Literal[False] | None:
        """The axes of the domain that `operand` has when `group` computes it;
        None: it does not; False: out of reach.
        """
        view = self.views[operand]
        inside = group.axes.get(view.root)
        if inside is None or (view.root in self.pending and view.root not in self.group_of):
            return None
        if view.axes is None:
            return False
        return tuple(None if a is None else inside[a] for a in view.axes)

    def _take(self, instruction: Instruction, group: Group, axes: Axes) -> bool:
        """Append `instruction` after the parameters' arithmetic that it reads."""
        added: dict[Value, tuple[Instruction, Axes]] = {}
        if not self._pull(instruction, group, axes, added):
            return False
        for value, (step, mapped) in added.items():
            group.steps.append(step)
            group.axes[value] = mapped
        group.steps.append(instruction)
        group.axes[instruction.result] = axes
        return True

    def _pull(
        self, instruction: Instruction, group: Group, axes: Axes, added: dict[Value, tuple[Instruction, Axes]]
    ) -> bool:
        if is_reduction(instruction.primitive):
            (source,) = operands_of(instruction)
            inside = self._inside(source, group)
            axes = inside if inside else self._domain_axes(instruction, source, group)
        for operand in operands_of(instruction):
            view = self.views[operand]
            root = view.root
            if root not in self.pending or root in self.group_of:
                continue
            wanted = axes_of_root(view, operand, axes)
            if wanted is None:
                return False
            known = group.axes.get(root) or (added[root][1] if root in added else None)
            if known is not None:
                if known != wanted:
                    return False
                continue
            if not self._pull(self.pending[root], group, wanted, added):
                return False
            added[root] = (self.pending[root], wanted)
        return True

    @staticmethod
    def _domain_axes(instruction: Instruction, source: Value, group: Group) -> Axes:
        """How an operand from memory runs along the domain that a reduction of it made."""
        order = _order(instruction, source.spec.shape) if group.kind == "rows" else range(source.spec.ndim)
        place = {axis: at for at, axis in enumerate(order)}
        return tuple(None if n == 1 else place[k] for k, n in enumerate(source.spec.shape))


def _is_product(instruction: Instruction) -> bool:
    """Whether this is a product for which there are kernels: of one kind of
    floats throughout, with numbers in it.
    """
    specs = [instruction.result.spec, *(value.spec for value in operands_of(instruction))]
    kernels = specs[0].dtype in (float32, float64) and len({s.dtype for s in specs}) == 1
    return kernels and instruction.primitive == "matmul" and all(0 not in s.shape for s in specs)


def _order(instruction: Instruction, shape: Shape) -> list[int]:
    """The axes of the operand of a reduction, the kept ones first."""
    over = {a for a in dict(instruction.static)["axis"] if shape[a] != 1}
    kept = [a for a in range(len(shape)) if a not in over]
    long = [a for a in kept if shape[a] != 1]
    if not long or not over or max(long) < min(over):
        return list(range(len(shape)))
    return [*kept, *sorted(over)]


def _loops_of(instruction: Instruction, shape: Shape) -> tuple[Group, Axes]:
    """The group that a reduction founds, and the axes of its result."""
    over = frozenset(a for a in dict(instruction.static)["axis"] if shape[a] != 1)
    kept = frozenset(a for a, n in enumerate(shape) if n != 1) - over
    gathers = PRIMITIVES[instruction.primitive].gathers
    assert gathers is not None
    vectors = not gathers.place and PRIMITIVES[gathers.by].family == "arithmetic"
    if kept and over and max(over) < min(kept) and vectors:
        group = Group("columns", shape)
        group.reduced = over
        return group, reduced_axes(instruction, identity(shape))
    order = _order(instruction, shape)
    place = {axis: at for at, axis in enumerate(order)}
    group = Group("rows", tuple(shape[a] for a in order))
    group.reduced = frozenset(place[a] for a in over)
    inside = tuple(None if n == 1 else place[k] for k, n in enumerate(shape))
    return group, reduced_axes(instruction, inside)
