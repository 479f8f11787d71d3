"""Writes docs/keras.md, Keras's public names with ours beside them: `python docs/make_compatibility.py`.

What exists, which arguments it takes and which defaults they have is read off both packages, so Keras has to be
installed. What cannot be read off, how a meaning differs and why a name is missing, stands in docs/keras_names.toml. A
test holds the page equal to what this script makes, and fails for a name of Keras that neither is here nor has a reason
there.
"""

from __future__ import annotations

import fnmatch
import functools
import inspect
import os
import sys
import tomllib
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# the one of the tests: methods of its trainer differ from backend to backend
os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import nn

TARGET = Path(__file__).with_name("keras.md")
NAMES = Path(__file__).with_name("keras_names.toml")
MODULES = """
    activations backend callbacks config constraints datasets datasets.boston_housing datasets.california_housing
    datasets.cifar10 datasets.cifar100 datasets.fashion_mnist datasets.imdb datasets.mnist datasets.reuters initializers
    layers losses metrics models ops optimizers optimizers.schedules preprocessing preprocessing.image
    preprocessing.sequence random regularizers saving tree utils wrappers
"""
CLASSES = """
    Model Sequential layers.Layer callbacks.Callback losses.Loss metrics.Metric optimizers.Optimizer
    optimizers.schedules.LearningRateSchedule initializers.Initializer regularizers.Regularizer constraints.Constraint
"""
"""Those whose methods and properties are compared, too."""
_STEPS = "train_step test_step predict_step make_train_function make_test_function make_predict_function"
"""Names that people override and that every backend of Keras gives itself."""
GENERAL = {"same": "same", "other": "other meaning", "missing": "missing"}
_HOOKS = [
    *("on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end"),
    *("on_train_batch_begin", "on_train_batch_end"),
]
_TAKES_ALL = {"LambdaCallback": _HOOKS}
"""Arguments that ours takes among others as `**hooks`."""
_PLAIN = (type(None), bool, int, float, str, tuple)
_HEAD = """# Keras's names here

Written by `python docs/make_compatibility.py` from both packages and `docs/keras_names.toml`; do not edit it.

`import nn as keras` runs what is **same**. **Other meaning**: the name is here, and the page says what differs;
"without" lists arguments of Keras {version} that ours does not take (they raise a TypeError, none is ignored), and
"default" names those whose default differs. **Missing**: with the reason. Names that Keras has twice (`MSE`, `mse`) count twice.
"""


class Row(NamedTuple):
    """A name of Keras: its status of `GENERAL`, ours, and what there is to say."""

    name: str
    status: str
    note: str


class Table(NamedTuple):
    """What keras_names.toml says: sentences by name, reasons by pattern, arguments that count nowhere."""

    other: dict[str, str]
    missing: dict[str, str]
    renamed: dict[str, str]
    modules: dict[str, str]
    arguments: dict[str, str]


def table() -> Table:
    """The file, with each reason under every pattern that has it."""
    read = tomllib.loads(NAMES.read_text(encoding="utf-8"))
    missing = {pattern: part["reason"] for part in read["missing"] for pattern in part["names"].split()}
    return Table(read["other"], missing, read["renamed"], read["modules"], read["arguments"])


def resolve(root: Any, path: str) -> Any:
    """What a dotted name leads to; None where it ends before."""
    for part in path.split(".") if path else ():
        try:
            root = getattr(root, part)
        except AttributeError:
            return None
    return root


def public(thing: Any) -> list[str]:
    """The names of a module or a class, without modules and what `object` has."""
    found = []
    for name in dir(thing):
        if name.startswith("_") or hasattr(object, name):
            continue
        if inspect.isclass(thing) and not _by_keras(thing, name):
            continue
        if not isinstance(inspect.getattr_static(thing, name), types.ModuleType):
            found.append(name)
    return found


def _by_keras(kind: type, name: str) -> bool:
    """Whether Keras itself, not one of its backends, gives this name to the class."""
    owners = [each.__module__ for each in kind.__mro__ if name in vars(each)]
    if name in _STEPS.split():
        return True
    return any(o.startswith("keras.") and not o.startswith("keras.src.backend.") for o in owners)


def parameters(keras: Any, thing: Any) -> dict[str, inspect.Parameter] | None:
    """Arguments by name; those that a layer passes on to the base of layers count as its own."""
    try:
        known = dict(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return None
    various = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    for base in thing.__mro__ if inspect.isclass(thing) else ():
        # a backend may hand on all that it is given
        if all(p.kind in various or n == "self" for n, p in known.items()) and "__init__" in vars(base):
            known = dict(inspect.signature(vars(base)["__init__"]).parameters)
    passes_on = any(p.kind is p.VAR_KEYWORD for p in known.values())
    layer = keras.layers.Layer
    if passes_on and inspect.isclass(thing) and issubclass(thing, layer) and thing is not layer:
        known |= dict(inspect.signature(layer).parameters)
    return {n: p for n, p in known.items() if p.kind not in various and n != "self"}


def _differences(keras: Any, theirs: Any, ours: Any, known: Table) -> list[str]:
    """What the signatures tell: arguments that we lack, and other defaults."""
    wanted = parameters(keras, theirs) if callable(theirs) else None
    if wanted is None or not callable(ours):
        return []
    try:
        signature = inspect.signature(ours)
    except (TypeError, ValueError):
        return []
    given = signature.parameters
    said = []
    called = _other_names(wanted, given)
    said += [f"`{theirs_is}` is called `{ours_is}`" for theirs_is, ours_is in called.items()]
    taken = any(p.kind is p.VAR_KEYWORD for p in given.values())
    takes_all = _TAKES_ALL.get(getattr(theirs, "__name__", ""), ()) if taken else ()
    aside = {*given, *known.arguments, *called, *takes_all}
    if lacking := [n for n in wanted if n not in aside]:
        said.append("without " + ", ".join(f"`{name}`" for name in lacking))
    for name, parameter in wanted.items():
        if name not in given or inspect.Parameter.empty in (parameter.default, given[name].default):
            continue
        theirs_is, ours_is = parameter.default, given[name].default
        both_plain = isinstance(theirs_is, _PLAIN) and isinstance(ours_is, _PLAIN)
        if both_plain and theirs_is != ours_is:
            said.append(f"default of `{name}`: {ours_is!r}, in Keras {theirs_is!r}")
    return said


def _other_names(wanted: Mapping[str, Any], given: Mapping[str, inspect.Parameter]) -> dict[str, str]:
    """Keras's names of the first arguments and ours, where they differ."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ours = [name for name, p in given.items() if p.kind in positional and name != "self"]
    found: dict[str, str] = {}
    for theirs_is, ours_is in zip(wanted, ours, strict=False):
        # that of the base of layers is no first argument of a model
        if theirs_is in given or ours_is in wanted or theirs_is == "activity_regularizer":
            break
        found[theirs_is] = ours_is
    return found


@functools.cache
def _samples() -> dict[str, Any]:
    """Objects of the classes, built and used: what an object has alone, as an attribute, counts too."""
    layer = nn.Dense(1, input_shape=(1,))
    model = nn.Sequential([layer])
    model.compile("sgd", "mse")
    callback = nn.Callback()
    model.fit([[0.0]], [0.0], callbacks=callback, verbose=0)
    made = [model, model, layer, callback, model.loss, nn.metrics.Mean(), model.optimizer]
    made += [nn.ExponentialDecay(0.1, 1, 0.5), nn.Zeros(), nn.L2(0.1), nn.NonNeg()]
    return dict(zip(CLASSES.split(), made, strict=True))


def _reason(name: str, known: Table) -> str:
    """Why a name is missing: by itself, else by the first pattern that fits; empty where nothing says it."""
    exact = known.missing.get(name)
    return exact or next((r for p, r in known.missing.items() if fnmatch.fnmatchcase(name, p)), "")


def row(keras: Any, path: str, known: Table) -> Row:
    """The row of one dotted name."""
    place = known.renamed.get(path, path)
    theirs, ours = resolve(keras, path), resolve(nn, place)
    parent, _, last = place.rpartition(".")
    # a property of a class may well be None, and `hasattr` finds names in modules that are None
    there = ours is not None or (bool(parent) and hasattr(resolve(nn, parent), last))
    there = there or hasattr(_samples().get(parent), last)
    if not there:
        return Row(path, "missing", _reason(path, known))
    said = [known.other[path]] if path in known.other else []
    if place != path:
        said.insert(0, f"here `nn.{place}`")
    said += _differences(keras, theirs, ours, known)
    return Row(path, "other" if said else "same", "; ".join(said))


def _chapters(keras: Any) -> Iterator[tuple[str, str]]:
    """(title, dotted prefix) of all that is compared."""
    yield "keras", ""
    yield from ((f"keras.{name}", name) for name in MODULES.split())
    yield from ((f"methods and properties of {name}", name) for name in CLASSES.split())


def rows(keras: Any, known: Table) -> dict[str, list[Row]]:
    """All rows by chapter."""
    found = {}
    for title, prefix in _chapters(keras):
        names = [f"{prefix}.{n}" if prefix else n for n in public(resolve(keras, prefix))]
        if names:
            found[title] = [row(keras, name, known) for name in names]
    return found


def unexplained(found: dict[str, list[Row]]) -> list[str]:
    """Names that are missing without a reason."""
    return [r.name for each in found.values() for r in each if r.status == "missing" and not r.note]


def strange(keras: Any, known: Table) -> list[str]:
    """What keras_names.toml says of nothing that Keras has."""
    names = [f"{p}.{n}" if p else n for _, p in _chapters(keras) for n in public(resolve(keras, p))]
    wrong = [name for name in (*known.other, *known.renamed) if name not in names]
    return wrong + [p for p in known.missing if not fnmatch.filter(names, p)]


def text(keras: Any) -> str:
    """The whole page."""
    known = table()
    found = rows(keras, known)
    parts = [
        _HEAD.format(version=keras.__version__),
        "| | same | other meaning | missing |",
        "|---|---|---|---|",
    ]
    total = dict.fromkeys(GENERAL, 0)
    for title, each in found.items():
        counts = {status: sum(r.status == status for r in each) for status in GENERAL}
        total = {status: total[status] + counts[status] for status in GENERAL}
        parts.append(f"| [{title}](#{_anchor(title)}) | {' | '.join(map(str, counts.values()))} |")
    parts.append(f"| **all** | {' | '.join(f'**{n}**' for n in total.values())} |")
    parts.append("\nWhole modules that are left out, and why:\n")
    parts += [f"- `keras.{name}`: {reason}" for name, reason in known.modules.items()]
    parts.append("\nArguments that Keras has everywhere and that are not counted:\n")
    parts += [f"- `{name}`: {reason}" for name, reason in known.arguments.items()]
    for title, each in found.items():
        parts.append(f"\n## {title}\n")
        parts += _chapter(each)
    return "\n".join([*parts, ""])


def _anchor(title: str) -> str:
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")


def _chapter(each: list[Row]) -> list[str]:
    """Same in a line, others in a table, missing in a line for each reason."""
    parts = []
    short = {r.name: r.name.rpartition(".")[2] for r in each}
    if same := [short[r.name] for r in each if r.status == "same"]:
        parts.append(f"Same: {', '.join(f'`{name}`' for name in same)}.\n")
    if other := [r for r in each if r.status == "other"]:
        parts += ["| other meaning | what differs |", "|---|---|"]
        parts += [f"| `{short[r.name]}` | {r.note.replace('|', chr(92) + '|')} |" for r in other]
        parts.append("")
    reasons: dict[str, list[str]] = {}
    for r in each:
        if r.status == "missing":
            reasons.setdefault(r.note or "no reason given", []).append(short[r.name])
    parts += [f"- Missing, {why}: {', '.join(f'`{n}`' for n in names)}." for why, names in reasons.items()]
    return parts


if __name__ == "__main__":
    import keras

    TARGET.write_text(text(keras), encoding="utf-8")
    print(f"wrote {TARGET}")
    if nothing := unexplained(rows(keras, table())):
        sys.exit(f"missing without a reason in {NAMES.name}: {' '.join(nothing)}")
