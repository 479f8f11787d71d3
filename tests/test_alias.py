"""`import gradloom`: the same modules under another name, none of them twice, each when it is asked for."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from planted.__main__ import copied

import autograd
import backends
import gradloom as gl
import nn

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parent.parent
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


def fresh(code, folder=ROOT, path=ROOT, check=True):
    """What a new interpreter says to `code`."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, path if isinstance(path, list) else [path]))
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder, env=environment, capture_output=True, text=True, check=check,
    )  # fmt: skip


def modules():
    """The names of all modules of the packages, also of those that nobody has imported."""
    for package in ("autograd", "backends", "nn"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if not name.endswith("__main__"):
                yield name


def test_they_are_the_same_modules():
    import gradloom.nn.layers
    import gradloom.nn.optimizers.schedules as schedules
    from gradloom import nn as again
    from gradloom.autograd import testing
    from gradloom.nn import Dense

    assert (gl.autograd, gl.backends, gl.nn) == (autograd, backends, nn)
    assert again is gradloom.nn is nn
    assert gradloom.nn.layers is nn.layers
    assert schedules is nn.optimizers.schedules
    assert testing is autograd.testing
    assert Dense is nn.Dense
    assert gl.__version__ == autograd.__version__


def test_no_module_is_loaded_twice_and_none_is_changed():
    """All of them, some loaded before under their own name and some not; also those with the name of a function."""
    names = list(modules())
    code = f"""
import importlib, sys
import gradloom
names = {names}
for name in names[::2]:
    importlib.import_module(name)
for name in names:
    alias = importlib.import_module("gradloom." + name)
    assert alias is sys.modules[name], name
    assert alias.__name__ == alias.__spec__.name == name, (name, alias.__spec__)
before = {{name: dict(vars(sys.modules[name])) for name in names}}
for name in names:
    importlib.import_module("gradloom." + name)
changed = [name for name in names if vars(sys.modules[name]).keys() != before[name].keys()]
assert not changed, changed
import autograd as ag
assert all(callable(getattr(ag, name)) for name in ("tensor", "op", "jit", "checkpoint", "draw"))
files = [m.__file__ for n, m in sys.modules.items() if n == m.__name__ and n in names]
assert len(set(files)) == len(files)
"""
    fresh(code)


@pytest.mark.parametrize("name", ["tensor", "op", "jit", "checkpoint", "draw"])
def test_a_module_does_not_take_the_place_of_a_function(name):
    fresh(f"import gradloom.autograd.{name}, autograd; assert callable(autograd.{name})")
    fresh(
        f"import autograd, gradloom; gradloom.nn; import gradloom.autograd.{name}; assert callable(autograd.{name})"
    )


def test_importing_it_imports_no_more_than_autograd():
    said = fresh(
        "import sys, gradloom; print(*(m for m in sys.modules if m.split('.')[0] == 'nn'), 'autograd' in sys.modules)"
    )
    assert said.stdout.split() == ["True"]
    said = fresh(
        "import sys, gradloom; gradloom.nn; print(*(m for m in sys.modules if m.split('.')[0] == 'nn'))"
    )
    assert sorted(said.stdout.split()) == ["nn", "nn._conflict", "nn.lazily"]


def test_what_it_lists():
    assert {"autograd", "backends", "nn", "__version__"} <= set(dir(gl))
    assert gl.__all__ == ["autograd", "backends", "nn"]
    assert fresh("from gradloom import *; print(nn.__name__)").stdout.split() == ["nn"]


def test_what_is_not_there():
    with pytest.raises(AttributeError, match="module 'gradloom' has no attribute 'layers'"):
        _ = gl.layers
    for name in ("gradloom.layers", "gradloom.nn.nowhere", "gradloom.nn.lazily.nowhere"):
        with pytest.raises(ModuleNotFoundError, match=f"No module named '{re.escape(name)}'"):
            importlib.import_module(name)
    with pytest.raises(AttributeError, match="module 'nn' has no attribute 'Dens'"):
        _ = gl.nn.Dens


def test_a_step_that_names_it_is_compiled_once():
    assert gl.nn.ops is nn.ops  # imported now: what a step imports is read by its next trace

    @gl.autograd.jit
    def step(x):
        return gl.autograd.tanh(x) * gl.nn.ops.ones(3)

    assert step(autograd.zeros(3)).tolist() == [0.0, 0.0, 0.0]
    step(autograd.ones(3))
    assert step.traces == 1


def test_copies_and_pickles_know_one_name():
    code = "import pickle, gradloom as gl; print(pickle.loads(pickle.dumps(gl.nn.Dense(3))).units, b'gradloom' in pickle.dumps(gl.nn.Dense))"
    assert fresh(code).stdout.split() == ["3", "False"]


def test_reloading_and_threads():
    code = """
import importlib, threading, sys
import gradloom
found = []
def look():
    found.append(importlib.import_module("gradloom.nn.layers"))
threads = [threading.Thread(target=look) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
import nn
assert len(found) == 8 and all(m is nn.layers for m in found)
assert importlib.reload(gradloom.backends).__name__ == "backends"
importlib.reload(gradloom)
assert sum(type(f).__name__ == "_Finder" for f in sys.meta_path) == 1
"""
    fresh(code)


def test_another_distribution_called_autograd_is_reported(tmp_path):
    """Beside this one, or in its place."""
    (tmp_path / "beside" / "autograd-1.8.0.dist-info").mkdir(parents=True)
    done = fresh("import gradloom", path=[ROOT, tmp_path / "beside"], check=False)
    assert done.returncode != 0
    assert "the distribution 'autograd'" in done.stderr
    other = tmp_path / "instead" / "autograd"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    done = fresh("import gradloom", folder=tmp_path, path=[other.parent, ROOT], check=False)
    assert done.returncode != 0
    assert f"ImportError: 'autograd' is another distribution here ({other}" in done.stderr
    assert "separate environments" in done.stderr


def test_a_module_of_the_user_that_hides_a_part_is_reported(tmp_path):
    """Whatever lies first on the path under the name: a file, a package, a folder, or what is loaded already."""
    for name in ("nn", "backends"):
        for kind, place in (("file", f"{name}.py"), ("package", f"{name}/__init__.py")):
            file = tmp_path / f"{kind} {name}" / place
            file.parent.mkdir(parents=True)
            file.write_text("Dense = 1")
            wanted = f"ImportError: '{name}' is another module here ({file}), not the part of gradloom"
            for code in (f"import gradloom; gradloom.{name}", f"from gradloom.{name} import Dense",
                         f"import {name}, gradloom.autograd; import gradloom.{name}"):  # fmt: skip
                path = [tmp_path / f"{kind} {name}", ROOT]
                done = fresh(code, folder=tmp_path, path=path, check=False)
                assert done.returncode != 0, (name, kind, code)
                assert wanted in done.stderr, done.stderr
    made = "import sys, types; sys.modules['nn'] = types.ModuleType('nn'); import gradloom.nn"
    done = fresh(made, check=False)
    assert "ImportError: 'nn' is another module here (made by hand)" in done.stderr, done.stderr


def test_a_module_of_the_user_leaves_the_other_parts_alone(tmp_path):
    (tmp_path / "nn.py").write_text("mine = True")
    code = """
import nn, sys
import gradloom.autograd, gradloom.backends
assert nn.mine and gradloom.autograd.tensor([1.0]).shape == (1,)
assert "gradloom.nn" not in sys.modules
"""
    fresh(code, folder=tmp_path, path=[tmp_path, ROOT])
    inside = ROOT / "examples"
    assert not (inside / "nn.py").exists()
    fresh("import gradloom.nn.layers", folder=inside, path=[inside, ROOT])


def test_the_wheel_has_it_with_its_stubs(tmp_path):
    pytest.importorskip(
        "setuptools", minversion="77", reason="setuptools that know how a license is named now"
    )
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    source = copied(ROOT, tmp_path / "source")
    subprocess.run([sys.executable, "-c", BUILD, str(tmp_path)], cwd=source, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        held = {name for name in opened.namelist() if name.startswith("gradloom/")}
        opened.extractall(tmp_path / "installed")
    wanted = {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT / "gradloom").rglob("*")
        if p.suffix in (".py", ".pyi", ".typed")
    }
    assert held == wanted
    assert "autograd/__init__.pyi" in zipfile.ZipFile(wheel).namelist()
    code = "import gradloom.nn.layers as layers, sys; print(layers.__file__)"
    said = fresh(code, folder=tmp_path, path=tmp_path / "installed")
    assert said.stdout.startswith(str(tmp_path / "installed" / "nn"))
