"""From groups to calls: which kernel does the work of a group, which memory it reads and writes, and what waits for what.

State is written in place where nobody reads the old value afterwards, otherwise to memory of its own and copied at the
end. A product goes to a tile kernel, or to BLAS when its second operand is too large for the caches; the momentum update
of stochastic gradient descent then is the beta of that call. What no kernel can do is left to the host.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..contract import Spec, float32
from ..program.fuse import REDUCTIONS, Group, Plan, plan
from ..program.ir import Instruction, Program, Value
from ..program.passes import prepare, simplify
from ..program.text import format_call
from ..program.views import View, row_major, viewed
from ..shapes import Slot, expand_key
from . import special
from .columns import Columns
from .kernel import DTYPES, Access, Kernel, accepts, merged
from .loops import Nest, Rows, is_flat, kept_axes, room_values
from .narrow import Narrow, is_narrow
from .product import Product

Touch = tuple[str, int] | None
"""How the threads of a call share a root: ("rows", n) each its own rows, ("first", 0) one thread; None any of it."""
_TILE_BYTES = 600_000
"""A product whose second operand or result is larger goes to BLAS."""


@dataclass
class Call:
    """One kernel with its memory. `host` is an instruction for which there is no kernel."""

    label: str
    text: str
    declared: tuple[str, ...]
    roots: tuple[Value, ...]
    reads: dict[Value, Touch]
    writes: dict[Value, Touch]
    flops: int = 0
    host: Instruction | None = None
    checks: bool = False
    detail: list[str] = field(default_factory=list)
    pairs: list[tuple[Value, Value]] = field(default_factory=list)
    """(written, read): each element is read before the same element is written, so both may lie in one place."""


@dataclass
class Lowered:
    """Calls in an order that is right; `place` maps values to the state whose memory holds them."""

    program: Program
    plan: Plan
    calls: list[Call]
    place: dict[Value, Value]
    rooms: dict[Value, int]
    functions: dict[Value, str]


ERRORS = Value(-1, Spec((1,), np.dtype(np.int64)))
"""The root that stands for the error count of the driver."""


def lower(program: Program, width: int, has_blas: bool) -> Lowered:
    """Calls for a traced program."""
    return _Lowering(program, width, has_blas).run()


class _Lowering:
    def __init__(self, program: Program, width: int, has_blas: bool) -> None:
        self.program = prepare(simplify(program))
        self.plan = plan(self.program, _accepts)
        self.views = self.plan.views
        self.width = width
        self.has_blas = has_blas
        self.calls: list[Call] = []
        self.rooms: dict[Value, int] = {}
        self.functions: dict[Value, str] = {}
        self.scalars: set[Value] = set()
        used = [v.number for v in self.views]
        self.next = max(used, default=0) + 1
        self.reads = [self._reads_of(g) for g in self.plan.groups]
        self.assigned = {v: s for s, v in self.program.assigns if isinstance(v, Value)}
        self.needed = self._needed()
        self.place = self._places()

    def fresh(self, spec: Spec) -> Value:
        self.next += 1
        value = Value(self.next - 1, spec)
        self.views[value] = View(value, 0, row_major(spec.shape), tuple(None if n == 1 else k for k, n in enumerate(spec.shape)))  # fmt: skip
        return value

    def run(self) -> Lowered:
        for group, reads in zip(self.plan.groups, self.reads, strict=True):
            if group.kind == "product":
                self._product(group, reads)
            elif group.kind == "special":
                self._special(group)
            else:
                self._loops(group, reads)
        for state, value in self.program.assigns:
            assert isinstance(value, Value)
            if self._root(value) != state:
                self._copy(value, state, View(state, 0, row_major(state.spec.shape), None), "keep")
        return Lowered(self.program, self.plan, self.calls, self.place, self.rooms, self.functions)

    # what lies where
    def _needed(self) -> set[Value]:
        """Roots that somebody reads from memory."""
        needed = {a.root for reads in self.reads for a in reads.values()}
        for group in self.plan.groups:
            if group.head is not None:
                needed |= {self.views[o].root for o in group.head.operands if isinstance(o, Value)}
        needed |= {v for _, v in (*self.program.assigns, *self.program.outputs) if isinstance(v, Value)}  # fmt: skip
        return needed

    def _places(self) -> dict[Value, Value]:
        """Values that are computed right into the memory of a state."""
        on_host = any(g.head is not None and g.kind == "special" and _is_host(g.head) for g in self.plan.groups)  # fmt: skip
        if on_host:
            return {}
        last: dict[Value, int] = {}
        for index, (group, reads) in enumerate(zip(self.plan.groups, self.reads, strict=True)):
            roots = {a.root for a in reads.values()}
            if group.head is not None:
                roots |= {self.views[o].root for o in group.head.operands if isinstance(o, Value)}
            last.update(dict.fromkeys(roots, index))
        return {v: s for v, s in self.assigned.items() if self._in_place(v, s, last.get(s, -1))}

    def _in_place(self, value: Value, state: Value, last: int) -> bool:
        home = self.plan.home[value]
        group = self.plan.groups[home]
        if last > home or group.kind == "special":
            return False
        if last < home:
            return True
        if group.head is not None and any(isinstance(o, Value) and self.views[o].root == state for o in group.head.operands):  # fmt: skip
            return False
        if group.kind == "rows" and group.reduced is not None and room_length(group) > 4 * self.width:  # fmt: skip
            return False
        write = self._write(group, value)
        return all(
            (a.offset, a.strides) == (write.offset, write.strides)
            for a in self.reads[home].values() if a.root == state
        )  # fmt: skip

    def _root(self, value: Value) -> Value:
        return self.place.get(value, value)

    def _reads_of(self, group: Group) -> dict[Value, Access]:
        """What the steps of a group read from memory; an operand that is read along two different axes gets two names."""
        reads: dict[Value, Access] = {}
        for at, step in enumerate(group.steps):
            operands = list(step.operands)
            for k, operand in enumerate(operands):
                if not isinstance(operand, Value):
                    continue
                view = self.views[operand]
                if view.root in group.axes and (operand == view.root or self._is_inside(group, view)):
                    operands[k] = view.root if operand != view.root else operand
                    continue
                access = self._access(group, step, operand)
                name = operand
                if reads.get(name, access) != access:
                    name = next((v for v, a in reads.items() if a == access), None) or self.fresh(operand.spec)  # fmt: skip
                reads[name] = access
                operands[k] = name
            group.steps[at] = step._replace(operands=tuple(operands))
        return reads

    @staticmethod
    def _is_inside(group: Group, view: View) -> bool:
        return view.root in group.axes

    def _axes_for(self, group: Group, step: Instruction, operand: Value) -> tuple[int | None, ...]:
        """The axes of the domain along which `operand` is read."""
        if step.primitive in REDUCTIONS:
            static, result = dict(step.static), group.axes[step.result]
            given = list(result) if not static["keepdims"] else [a for k, a in enumerate(result) if k not in static["axis"]]  # fmt: skip
            assert group.reduced is not None
            over = sorted(group.reduced)
            axes: list[int | None] = []
            for k, length in enumerate(operand.spec.shape):
                if k in static["axis"]:
                    axes.append(None if length == 1 else over.pop(0))
                else:
                    axes.append(given.pop(0))
            return tuple(axes)
        axes_of_result = group.axes[step.result]
        return axes_of_result[len(axes_of_result) - operand.spec.ndim :]

    def _access(self, group: Group, step: Instruction, operand: Value) -> Access:
        view = self.views[operand]
        strides = [0] * len(group.domain)
        for axis, length, step_of in zip(self._axes_for(group, step, operand), operand.spec.shape, view.strides, strict=True):  # fmt: skip
            if length != 1 and axis is not None:
                strides[axis] += step_of
        return Access(view.root, operand.spec.dtype, view.offset, tuple(strides))

    def _write(self, group: Group, value: Value) -> Access:
        """Where a group writes `value`: in C order."""
        strides = [0] * len(group.domain)
        for axis, length, step in zip(group.axes[value], value.spec.shape, row_major(value.spec.shape), strict=True):  # fmt: skip
            if length != 1 and axis is not None:
                strides[axis] = step
        if group.domain and group.domain[-1] == 1:
            strides[-1] = 1
        return Access(value, value.spec.dtype, 0, tuple(strides))

    def _made(self, group: Group) -> list[Value]:
        """Values of the group that are wanted in memory."""
        here = [v for v in group.axes if v in self.needed and self.plan.home.get(v) is not None]
        return [v for v in here if self.plan.groups[self.plan.home[v]] is group]

    # loops
    def _loops(self, group: Group, reads: dict[Value, Access]) -> None:
        writes = {v: self._write(group, v) for v in self._made(group)}
        self._nest(group, reads, writes, group.steps[0].primitive if len(group.steps) == 1 else "")

    def _nest(self, group: Group, reads: dict[Value, Access], writes: dict[Value, Access], name: str = "") -> None:  # fmt: skip
        """The call of a nest of loops."""
        reads = {v: a._replace(root=self._root(a.root)) for v, a in reads.items()}
        writes = {v: a._replace(root=self._root(a.root)) for v, a in writes.items()}
        rooms: dict[Value, Access] = {}
        if group.kind == "rows" and group.reduced is not None:
            for value in room_values(group, self.width):
                rooms[value] = self._room(group, value)
        nest = Nest(group, reads, writes, rooms)
        roots = list(dict.fromkeys(a.root for a in (*reads.values(), *writes.values(), *rooms.values())))  # fmt: skip
        kernel: Kernel
        if group.kind == "columns":
            kernel = Columns(nest, roots, self.width)
            touch: Callable[[Access], Touch] = lambda access: None  # noqa: E731
        else:
            kernel = (Narrow if is_narrow(nest) else Rows)(nest, roots, self.width)
            touch = self._touch_of(nest)
        label = name or " ".join(_summary(group))
        call = self._call(kernel, label, roots, reads.values(), writes.values(), touch, group)
        if group.reduced is None or (group.kind == "rows" and not rooms and room_length(group) <= 4 * self.width):  # fmt: skip
            call.pairs = _same_places(reads, writes)

    def _room(self, group: Group, value: Value) -> Access:
        """Scratch memory for one row in each thread; `offset` is the distance between two threads, in elements."""
        columns = room_length(group)
        padded = -(-columns // 16) * 16
        room = self.fresh(Spec((padded,), value.spec.dtype))
        self.rooms[room] = padded * value.spec.dtype.itemsize
        assert group.reduced is not None
        first = min(group.reduced)
        strides = [0] * first + list(row_major(group.domain[first:]))
        return Access(room, value.spec.dtype, padded, tuple(strides))

    def _touch_of(self, nest: Nest) -> Callable[[Access], Touch]:
        domain = nest.group.domain
        if is_flat(nest):
            first = domain[0] if len(domain) > 1 else math.prod(domain)
            if math.prod(domain) <= 1:
                return lambda access: ("first", 0)
            return lambda access: _rows_touched(access, domain, 1 if len(domain) > 1 else len(domain), first)  # fmt: skip
        kept = kept_axes(nest)
        rows = math.prod(domain[:kept])
        if rows == 1:
            return lambda access: ("first", 0)
        return lambda access: _rows_touched(access, domain, kept, rows)

    def _call(
        self, kernel: Kernel, label: str, roots: Sequence[Value], reads: Any, writes: Any, touch: Callable[[Access], Touch], group: Group | None = None,
    ) -> Call:  # fmt: skip
        text = kernel.text()
        call = Call(
            label, text, tuple(kernel.code.declared), tuple(roots),
            _touches(reads, touch), _touches(writes, touch),
            flops=0 if group is None else math.prod(group.domain) * len(group.steps),
            detail=[] if group is None else [_shown(s) for s in group.steps],
        )  # fmt: skip
        self.calls.append(call)
        return call

    def _copy(self, source: Value, target: Value, where: View, label: str, accumulate: bool = False) -> None:  # fmt: skip
        """Write `source` into a view of `target`, or add it there."""
        shape = source.spec.shape
        group = Group("rows", shape)
        axes = tuple(None if n == 1 else k for k, n in enumerate(shape))
        result = self.fresh(Spec(shape, target.spec.dtype))
        reads = {source: Access(self.views[source].root, source.spec.dtype, self.views[source].offset, self.views[source].strides)}  # fmt: skip
        there = Access(where.root, target.spec.dtype, where.offset, where.strides)
        if accumulate:
            old = self.fresh(Spec(shape, target.spec.dtype))
            reads[old] = there
            step = Instruction(result, "add", (old, source), ())
        else:
            step = Instruction(result, "astype", (source,), (("dtype", target.spec.dtype),))
        group.steps.append(step)
        group.axes[result] = axes
        self._nest(group, reads, {result: there}, label)

    def _filled(self, target: Value, number: Any) -> None:
        group = Group("rows", target.spec.shape)
        result = self.fresh(target.spec)
        static = (("shape", target.spec.shape), ("value", number), ("dtype", target.spec.dtype))
        group.steps.append(Instruction(result, "full", (), static))
        group.axes[result] = tuple(None if n == 1 else k for k, n in enumerate(target.spec.shape))
        there = self._write(group, result)._replace(root=target)
        self._nest(group, {}, {result: there}, "fill")

    # products
    def _product(self, group: Group, reads: dict[Value, Access]) -> None:
        head = group.head
        assert head is not None
        a, b = head.operands
        assert isinstance(a, Value) and isinstance(b, Value)
        rows, columns = group.domain[-2:]
        terms = a.spec.shape[-1]
        blas = (
            self.has_blas
            and len(group.domain) == 2
            and max(terms, rows) * columns * head.result.spec.dtype.itemsize > _TILE_BYTES
            and min(rows, columns, terms) > 1
        )
        if blas:
            self._blas(group, reads, a, b)
        else:
            self._tiles(group, reads, a, b)
        self.calls[-1].flops = max(self.calls[-1].flops, 0)

    def _matrix(self, value: Value, batch: Sequence[int]) -> Access:
        """An operand with strides for all batch axes of the product."""
        view = self.views[value]
        lead = len(batch) - (value.spec.ndim - 2)
        own = [0 if n == 1 else s for n, s in zip(value.spec.shape[:-2], view.strides[:-2], strict=True)]  # fmt: skip
        strides = (*(0,) * lead, *own, *view.strides[-2:])
        return Access(self._root(view.root), value.spec.dtype, view.offset, strides)

    def _tiles(self, group: Group, reads: dict[Value, Access], a: Value, b: Value) -> None:
        batch = group.domain[:-2]
        second = self._matrix(b, batch)
        if second.strides[-1] != 1 and b.spec.shape[-1] != 1:
            b = self._straight(b)
            second = self._matrix(b, batch)
        first = self._matrix(a, batch)
        reads = {v: x._replace(root=self._root(x.root)) for v, x in reads.items()}
        writes = {v: self._write(group, v) for v in self._made(group)}
        writes = {v: x._replace(root=self._root(x.root)) for v, x in writes.items()}
        nest = Nest(group, reads, writes, {})
        roots = list(dict.fromkeys(x.root for x in (first, second, *reads.values(), *writes.values())))  # fmt: skip
        kernel = Product(nest, first, second, a.spec.shape[-1], roots, self.width)
        rows = group.domain[-2]
        kept = len(group.domain) - 1

        def touch(access: Access) -> Touch:
            if access is second or batch:
                return None
            if access is first:
                return _rows_touched(access, (rows, a.spec.shape[-1]), 1, rows)
            return _rows_touched(access, group.domain, kept, rows)

        call = self._call(kernel, "matmul " + " ".join(_summary(group)), roots, (first, second, *reads.values()), writes.values(), touch, group)  # fmt: skip
        call.flops += 2 * math.prod(group.domain) * a.spec.shape[-1]
        call.pairs = [(w, r) for w, r in _same_places(reads, writes) if r not in (first.root, second.root)]  # fmt: skip
        call.label = call.label.strip()

    def _straight(self, value: Value) -> Value:
        """A copy of a matrix in C order; a plain transpose is turned over in registers."""
        view = self.views[value]
        copy = self.fresh(value.spec)
        if value.spec.ndim == 2 and view.strides[0] == 1 and value.spec.dtype.itemsize >= 4:
            source = self._root(view.root)
            kernel = special.Transpose(source, copy, view.strides[1], view.offset, self.width)
            reads = [Access(source, value.spec.dtype, 0, ())]
            self._call(kernel, "transpose", (source, copy), reads, [Access(copy, value.spec.dtype, 0, ())], lambda access: None)  # fmt: skip
        else:
            where = self.views[copy]
            self._copy(value, copy, where, "copy")
        return copy

    def _blas(self, group: Group, reads: dict[Value, Access], a: Value, b: Value) -> None:
        head = group.head
        assert head is not None
        rows, columns = group.domain
        terms = a.spec.shape[-1]
        sides: list[tuple[Value, bool, int]] = []
        for value in (a, b):
            if 1 not in self.views[value].strides or self.views[value].offset:
                value = self._straight(value)
            steps = self.views[value].strides
            turned = steps[1] != 1
            sides.append((self._root(self.views[value].root), turned, steps[0] if not turned else steps[1]))  # fmt: skip
        (root_a, turned_a, step_a), (root_b, turned_b, step_b) = sides
        momentum = _momentum(group, self.place)
        target, alpha, beta = (self._root(head.result), 1.0, 0.0) if momentum is None else momentum[:3]  # fmt: skip
        if isinstance(alpha, Value):
            alpha = self._scalar(alpha, group)
        if momentum is None and group.steps and head.result not in self.needed:
            self.needed.add(head.result)
        dtype = head.result.spec.dtype
        name = "sgemm" if dtype == float32 else "dgemm"
        function = next((v for v, n in self.functions.items() if n == name), None) or self.fresh(Spec((), dtype))  # fmt: skip
        self.functions[function] = name
        kernel = special.Blas(
            function, root_a, root_b, target, (rows, columns, terms), (turned_a, turned_b), (step_a, step_b), self.width,
            alpha=alpha, sign=1.0 if momentum is None else -1.0, beta=beta,
        )  # fmt: skip
        by_rows = special.Blas.by_rows(rows, columns)
        own: Touch = ("rows", rows) if by_rows else None
        roots = tuple(kernel.pointers)
        call = Call(
            f"matmul ({name})" + (" with momentum" if momentum else ""), kernel.text(), tuple(kernel.code.declared), roots,
            {root_a: None if turned_a else own, root_b: None, **({alpha: None} if isinstance(alpha, Value) else {})}, {target: own},
            flops=2 * rows * columns * terms,
        )  # fmt: skip
        if beta:
            call.reads[target] = own
        self.calls.append(call)
        made = self._made(group)
        steps_left = _only_for(made, group.steps if momentum is None else momentum[3])
        if steps_left:
            after = Group("rows", group.domain)
            after.steps = list(steps_left)
            computed = {s.result for s in steps_left}
            after.axes = {v: x for v, x in group.axes.items() if v in computed}
            wanted = {o for s in steps_left for o in s.operands if isinstance(o, Value)}
            reads = {v: x for v, x in reads.items() if v in wanted}
            for value in wanted & (set(group.axes) - computed):
                reads[value] = self._write(group, value)
            writes = {v: self._write(group, v) for v in made if v in computed}
            self._nest(after, reads, writes)

    def _scalar(self, value: Value, group: Group) -> Value:
        """Memory with one number that a group computes from parameters on its way."""
        if value not in group.axes:
            return self._root(self.views[value].root)
        if value not in self.scalars:
            alone = Group("rows", ())
            alone.steps = _only_for([value], group.steps)
            alone.axes = {s.result: () for s in alone.steps}
            reads = self._reads_of(alone)
            self._nest(alone, reads, {value: self._write(alone, value)}, "rate")
            self.scalars.add(value)
        return value

    # everything else
    def _special(self, group: Group) -> None:
        head = group.head
        assert head is not None
        result, primitive, operands, static = head
        settings = dict(static)
        values = [o for o in operands if isinstance(o, Value)]
        target = self._root(result)
        if _is_host(head):
            roots = [self._root(self.views[v].root) for v in values]
            self.calls.append(Call(f"{primitive} (NumPy)", "", (), (), dict.fromkeys(roots), {target: None}, host=head))  # fmt: skip
            return
        if primitive == "random_bits":
            key, counter = (self._root(self.views[v].root) for v in values)
            bits = special.RandomBits(key, counter, target, self.width)
            shape = result.spec.shape
            own: Touch = ("rows", shape[0]) if special.RandomBits.by_rows(shape, self.width) else None  # fmt: skip
            call = Call("random_bits", bits.text(), tuple(bits.code.declared), (key, counter, target), {key: None, counter: None}, {target: own})  # fmt: skip
            self.calls.append(call)
        elif primitive == "concat":
            axis, start = settings["axis"] % result.spec.ndim, 0
            for operand in operands:
                assert isinstance(operand, Value)
                whole = row_major(result.spec.shape)
                if operand.spec.size:
                    self._copy(operand, target, View(target, start * whole[axis], whole, None), "concat")  # fmt: skip
                start += operand.spec.shape[axis]
        elif primitive == "pad":
            self._filled(target, settings["value"])
            whole = row_major(result.spec.shape)
            offset = sum(before * s for (before, _), s in zip(settings["pad_width"], whole, strict=True))  # fmt: skip
            self._copy(values[0], target, View(target, offset, whole, None), "pad")
        elif primitive == "windows_add":
            self._windows_add(values[0], target, settings)
        elif primitive == "getitem":
            self._take(values, target)
        elif any(isinstance(e, Slot) for e in settings["key"]):
            self._scatter(values, target)
        else:
            self._filled(target, 0)
            part = self.fresh(result.spec)
            self.views[part] = View(target, 0, row_major(result.spec.shape), None)
            made = Instruction(Value(part.number, values[0].spec), "getitem", (part,), (("key", settings["key"]),))  # fmt: skip
            view = viewed(made.result, made, self.views)
            assert view is not None
            self._copy(values[0], target, view._replace(root=target), "index_add")

    def _windows_add(self, values: Value, target: Value, static: dict[str, Any]) -> None:
        """One strided addition for each place inside a window."""
        self._filled(target, 0)
        base = self.views[values]
        ndim = len(static["shape"])
        steps = row_major(static["shape"])
        shape, size = values.spec.shape[:ndim], static["size"]
        for place in np.ndindex(*size):
            inside = base.strides[ndim:]
            offset = base.offset + sum(p * s for p, s in zip(place, inside, strict=True))
            part = self.fresh(Spec(shape, values.spec.dtype))
            self.views[part] = View(base.root, offset, base.strides[:ndim], None)
            there, start = list(steps), 0
            for axis, p, stride, gap in zip(static["axes"], place, static["stride"], static["dilation"], strict=True):  # fmt: skip
                there[axis] = steps[axis] * stride
                start += p * gap * steps[axis]
            self._copy(part, target, View(target, start, tuple(there), None), "windows_add", accumulate=True)  # fmt: skip

    def _contiguous(self, value: Value) -> Value:
        if self.views[value].root == value:
            return value
        copy = self.fresh(value.spec)
        self._copy(value, copy, self.views[copy], "copy")
        return copy

    def _take(self, values: list[Value], target: Value) -> None:
        table, indices = (self._contiguous(v) for v in values)
        own: Touch = ("rows", indices.spec.shape[0] if indices.spec.shape else 1)
        kernel = special.Take(self._rooted(table), self._rooted(indices), target, ERRORS, self.width)
        roots = tuple(kernel.pointers)
        self.calls.append(Call("take", kernel.text(), tuple(kernel.code.declared), roots, {roots[0]: None, roots[1]: own}, {target: own, ERRORS: None}, checks=True))  # fmt: skip

    def _rooted(self, value: Value) -> Value:
        """The same description of an operand under the name of the memory that holds it."""
        return Value(self._root(value).number, value.spec)

    def _scatter(self, values: list[Value], target: Value) -> None:
        given, indices = (self._contiguous(v) for v in values)
        kernel = special.ScatterAdd(self._rooted(given), self._rooted(indices), target, ERRORS, self.width)  # fmt: skip
        roots = tuple(kernel.pointers)
        first: Touch = ("first", 0)
        self.calls.append(Call("scatter_add", kernel.text(), tuple(kernel.code.declared), roots, {roots[0]: first, roots[1]: first}, {target: first, ERRORS: None}, checks=True))  # fmt: skip


def _only_for(wanted: Sequence[Value], steps: Sequence[Instruction]) -> list[Instruction]:
    """The steps that the `wanted` values depend on."""
    needed, kept = set(wanted), []
    for step in reversed(steps):
        if step.result in needed:
            kept.append(step)
            needed.update(o for o in step.operands if isinstance(o, Value))
    return kept[::-1]


def room_length(group: Group) -> int:
    first = min(group.reduced or (), default=len(group.domain))
    return math.prod(group.domain[first:])


def _accepts(instruction: Instruction) -> bool:
    if instruction.primitive in REDUCTIONS:
        source = instruction.operands[0]
        return isinstance(source, Value) and source.spec.dtype in DTYPES and 0 not in source.spec.shape and source.spec.size > 0 and bool(dict(instruction.static)["axis"])  # fmt: skip
    return accepts(instruction) and 0 not in instruction.result.spec.shape


def _is_host(instruction: Instruction) -> bool:
    """Whether there is no kernel for this special instruction."""
    result, primitive, operands, static = instruction
    values = [o for o in operands if isinstance(o, Value)]
    settings = dict(static)
    if result.spec.dtype not in DTYPES or 0 in result.spec.shape or any(v.spec.dtype not in DTYPES or 0 in v.spec.shape for v in values):  # fmt: skip
        return True
    if len(values) < len(operands):
        return True
    if primitive in ("random_bits", "concat", "pad", "windows_add"):
        return False
    if primitive == "matmul":
        return result.spec.dtype.kind != "f" or any(v.spec.dtype != result.spec.dtype for v in values)  # fmt: skip
    if primitive in ("getitem", "index_add"):
        shape = values[0].spec.shape if primitive == "getitem" else settings["shape"]
        slots = [e for e in settings["key"] if isinstance(e, Slot)]
        if not slots:
            return False
        key = expand_key(settings["key"], len(shape))
        whole = all(e == slice(None) for e in key[1:])
        is_float = primitive == "getitem" or result.spec.dtype.kind == "f"
        return not (len(slots) == 1 and isinstance(key[0], Slot) and whole and is_float and values[1].spec.dtype.kind in "iu")  # fmt: skip
    return True


def _same_places(reads: dict[Value, Access], writes: dict[Value, Access]) -> list[tuple[Value, Value]]:  # fmt: skip
    """Operands that are read only where, and as, a result is written."""
    found = []
    for write in writes.values():
        for root in {a.root for a in reads.values()}:
            same = all((a.offset, a.strides, a.dtype.itemsize) == (write.offset, write.strides, write.dtype.itemsize) for a in reads.values() if a.root == root)  # fmt: skip
            if same and root.spec.size == write.root.spec.size:
                found.append((write.root, root))
    return found


def _touches(accesses: Any, touch: Callable[[Access], Touch]) -> dict[Value, Touch]:
    found: dict[Value, Touch] = {}
    for access in accesses:
        new = touch(access)
        found[access.root] = new if found.get(access.root, new) == new else None
    return found


def _rows_touched(access: Access, domain: Sequence[int], kept: int, rows: int) -> Touch:
    """("rows", n) where row i of the loops touches only the i-th of n equal parts of the root."""
    step = merged(domain[:kept], access.strides[:kept])
    inside = sum((n - 1) * s for n, s in zip(domain[kept:], access.strides[kept:], strict=True))
    size = access.root.spec.size
    if access.offset == 0 and step and step * rows == size and 0 <= inside < step:
        return ("rows", rows)
    return None


def _summary(group: Group) -> list[str]:
    """What a group does, in a few words."""
    names = list(dict.fromkeys(s.primitive for s in group.steps if s.primitive not in ("astype", "full", "arange", "isfinite")))  # fmt: skip
    return names if len(names) <= 4 else [*names[:3], f"and {len(names) - 3} more"]


def _shown(step: Instruction) -> str:
    return f"{step.result}: {step.result.spec} = {format_call(step)}"


def _momentum(group: Group, place: dict[Value, Value]) -> tuple[Value, Value | float, float, list[Instruction]] | None:  # fmt: skip
    """(state, rate, momentum, remaining steps) where a product is the gradient in `v = momentum v - rate gradient`."""
    head = group.head
    assert head is not None
    uses: dict[Value, list[Instruction]] = {}
    for step in group.steps:
        for operand in step.operands:
            if isinstance(operand, Value):
                uses.setdefault(operand, []).append(step)
    if len(uses.get(head.result, ())) != 1:
        return None
    scaled = uses[head.result][0]
    if scaled.primitive != "multiply" or len(uses.get(scaled.result, ())) != 1:
        return None
    rate = next((o for o in scaled.operands if o != head.result), None)
    if isinstance(rate, Value) and rate.spec.size != 1:
        return None
    taken = uses[scaled.result][0]
    if taken.primitive != "subtract" or taken.operands[1] != scaled.result or taken.result not in place:  # fmt: skip
        return None
    state = place[taken.result]
    old = taken.operands[0]
    made = {s.result: s for s in group.steps}
    dropped = {scaled.result, taken.result}
    factor = 1.0
    if isinstance(old, Value) and old in made:
        decayed = made[old]
        if decayed.primitive != "multiply" or len(uses.get(old, ())) != 1 or not isinstance(decayed.operands[1], float):  # fmt: skip
            return None
        factor = decayed.operands[1]
        dropped.add(old)
        old = decayed.operands[0]
    if old != state or len(uses.get(state, ())) > 1:
        return None
    assert rate is not None
    alpha = rate if isinstance(rate, Value) else float(rate)
    return state, alpha, factor, [s for s in group.steps if s.result not in dropped]
