"""Writes docs/ops.md, the table of all ops, from their declarations: `python docs/make_ops.py`.

Nothing is written by hand: signature and first line of the docstring are those of the function, the formula is the
gradient rule itself, run on symbols and printed, and what is saved is what its plan says. A test holds the file equal
to what this script makes.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from autograd.op import Op, argument_names
from autograd.ops import NAMESPACE, OPS
from autograd.testing import Sample, samples
from autograd.testing.rules import RuleProgram, rule_name, rule_positions, trace_rule
from backends.contract import Spec
from backends.numba.kernels import plan_rule
from backends.primitives import PRIMITIVES
from backends.program.formula import format_formula
from backends.program.text import format_static

TARGET = Path(__file__).with_name("ops.md")
_SHORT = 3
"""A formula with more lines stands below the table."""
_HEAD = """# Every op and its gradient

Written by `python docs/make_ops.py` from the declarations in `autograd/ops/`; do not edit it.

A formula is the gradient rule itself, run on symbols and printed, so it is what the engine computes. `g` is the
gradient of the result `y`, and inputs have the names of the signature. What broadcasting repeated is summed
afterwards, by the engine. Where the rule depends on shapes or settings, one example is shown, named in small print.
"Saved" is what one call keeps for its gradient: values, or only a shape. "Kernels" tells what the Numba backend runs
as compiled kernels on large arrays, made from the same rules: the forward, or the gradient of an input. All else is
computed by NumPy's primitives, on both backends.
"""


def _first(doc: str) -> str:
    """The first paragraph, on one line."""
    return " ".join(doc.partition("\n\n")[0].split())


def kernels_of(op: Op) -> str:
    """Which parts of `op` the Numba backend runs as kernels: the forward, gradients of inputs."""
    parts = {"forward": False} | dict.fromkeys(op.vjp, False)
    for sample in samples(op, "float32"):
        specs = [Spec(x.shape, x.dtype) for x in sample.inputs]
        static = op.canonical(specs, dict(sample.static))
        values = {**static, **dict(zip(op.arrays, specs, strict=False)), "y": op.spec(*specs, **sample.static)}  # fmt: skip
        parts["forward"] |= bool(plan_rule(op.forward, specs, static))
        for name, rule in op.vjp.items():
            wanted = [n.removesuffix("_spec") for n in op.rule_names(name)]
            if set(wanted) <= values.keys():
                given = [values["y"], *(values[n] for n in wanted)]
                parts[name] |= bool(plan_rule(rule, given, {}))
    made = [part for part, has_kernel in parts.items() if has_kernel]
    return f"numba: {', '.join(made)}" if made else "-"


def text() -> str:
    """The whole page."""
    parts = [_HEAD]
    chapters: dict[str, list[Op]] = {}
    for op in OPS.values():
        chapters.setdefault(op.forward.__module__, []).append(op)
    for module, ops in chapters.items():
        doc = inspect.getdoc(sys.modules[module]) or ""
        name = module.rpartition(".")[2]
        parts.append(f"## {name.capitalize()}\n\n{_first(doc)}\n")
        parts.append(_table(ops))
    return "\n".join(parts)


def _table(ops: list[Op]) -> str:
    rows = ["| op | gradient | saved | kernels |", "|---|---|---|---|"]
    below: list[str] = []
    for op in ops:
        title = f"`{op.name}{inspect.signature(getattr(NAMESPACE, op.name))}`"
        summary = _first(inspect.getdoc(op.forward) or "")
        formulas, saved, notes = [], [], {"": None}
        for name in op.vjp:
            rule, lines = _example(op, name)
            small = _shown_for(rule) if _is_example(rule) else ""
            if len(lines) > _SHORT:
                formulas.append(f"{name}: below")
                where = small and f", for {small}"
                below.append(f"Gradient of `{op.name}` by `{name}`{where}:\n\n" + _block(lines))
            else:
                code = "<br>".join(f"`{line}`" for line in lines)
                formulas.append(f"{name}: {code}")
                notes[f"<small>{small}</small>" if small else ""] = None
            saved.append(f"{name}: {_saved(rule)}")
        gradient = "<br>".join([*formulas, *filter(None, notes)]) or "none"
        cells = (f"{title}<br>{summary}", gradient, "<br>".join(saved) or "-", kernels_of(op))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*rows, "", *below])


def _block(lines: list[str]) -> str:
    return "```\n" + "\n".join(lines) + "\n```\n"


def _example(op: Op, name: str) -> tuple[RuleProgram, list[str]]:
    """The rule at the sample that makes it shortest, among those with arrays of some length."""
    rules = [_traced(s, i, name) for s in samples(op) for i in rule_positions(s)]
    found = [rule for rule in rules if rule is not None]
    roomy = [r for r in found if all(x.size > 1 for x in r.inputs)] or found
    rule = min(roomy, key=lambda r: len(r.program.instructions))
    order = [op.parameter_name(i) for i in range(len(rule.inputs))]
    order.sort(key=lambda parameter: parameter != rule.input_name)
    return rule, format_formula(rule.program, shapes_of=order)


def _traced(sample: Sample, position: int, name: str) -> RuleProgram | None:
    rule = trace_rule(sample, position, fit=False)
    return rule if rule_name(rule) == name else None


def _is_example(rule: RuleProgram) -> bool:
    """Whether shapes or settings are written into the formula."""
    names = argument_names(rule.op.vjp[rule_name(rule)])
    kinds = {PRIMITIVES[step.primitive].kind for step in rule.program.instructions}
    return bool(kinds - {"elementwise", "create"}) or not rule.op.static.keys().isdisjoint(names)


def _shown_for(rule: RuleProgram) -> str:
    shapes = [f"{rule.op.parameter_name(i)} {x.shape}" for i, x in enumerate(rule.inputs)]
    settings = [f"{n}={format_static(rule.static[n])}" for n in rule.op.static if n in rule.static]
    return ", ".join([*shapes, *settings])


def _saved(rule: RuleProgram) -> str:
    tracked = tuple(i == rule.position for i in range(len(rule.inputs)))
    plan = rule.op.plan(tracked)
    if plan is None or not plan.names:
        return "nothing"
    kept = [f"shape of {n.removesuffix('_spec')}" if n.endswith("_spec") else n for n in plan.names]
    return ", ".join(kept)


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    print(f"wrote {TARGET}")
