"""What runs on a machine with a GPU, as far as it needs none: limits are kept, nothing is lost, every device test has a stage."""

from __future__ import annotations

import ast
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.contests.step import CONTEST as STEP
from benchmarks.gpu import __main__ as command_line
from benchmarks.gpu import running
from benchmarks.gpu.running import LATE, MISSING, Runner, Stage
from benchmarks.gpu.stages import FEW, MINUTES, stages
from benchmarks.networks import cublas
from benchmarks.networks.problems import FOR_GPU, PROBLEMS
from benchmarks.networks.with_torch_graph import cloned, copy_into
from benchmarks.work import Skip

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parent.parent
ALL = stages(sys.executable, Path("out"), 1000)
NINE = stages(sys.executable, Path("out"))


def python(name: str, code: str, seconds: float = 60.0, **more: Any) -> Stage:
    return Stage(name, seconds, [sys.executable, "-c", code], **more)


ANSWER = """
import json, os
with open(os.path.join(os.environ["OUT"], "first.jsonl"), "a") as file:
    for what, ok in (("fit: tiny", True), ("kernels: softmax", False)):
        file.write(json.dumps({"what": what, "ok": ok}) + "\\n")
print("1 passed in 2.00s")
"""
FOREVER = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
print("child", child.pid, flush=True)
time.sleep(300)
"""


def ended(number: int) -> bool:
    """Whether a process is gone, or waits for nothing but to be counted."""
    try:
        os.kill(number, 0)
        return "State:\tZ" in Path(f"/proc/{number}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return True


def all_ended(log: str) -> bool:
    """Whether every child that a log names ends soon."""
    children = [int(number) for number in re.findall(r"^child (\d+)$", log, flags=re.MULTILINE)]
    assert children
    for _ in range(100):
        if all(map(ended, children)):
            return True
        time.sleep(0.1)
    return False


def test_stages_keep_their_limits_and_all_is_written(tmp_path: Path) -> None:
    """One that would run for ever is ended with what it has started; the next one runs all the same."""
    runner = Runner(tmp_path, 120)
    code = runner.run([
        python("good", ANSWER),
        python("forever", FOREVER, 2),
        Stage("nowhere", 5, ["gradloom-has-no-such-command"]),
        python("bad", "raise SystemExit(3)"),
        python("later", "print('2 passed in 1.00s')", variables={"MORE": "1"}),
    ])  # fmt: skip
    assert [stage.code for stage in runner.ended] == [0, LATE, MISSING, 3, 0]
    assert code == 1
    log, summary = ((tmp_path / name).read_text() for name in ("log.txt", "summary.txt"))
    assert all_ended(log)
    for words in ("== good: exit 0", "== forever: its time was up", "== nowhere: gradloom-has-no-such-command is not installed", "== bad: exit 3", "2 passed in 1.00s"):  # fmt: skip
        assert words in log
        assert words in summary
    assert '{"what": "kernels: softmax", "ok": false}' in summary, "what is wrong"
    assert '{"what": "fit: tiny", "ok": true}' in summary, "and what was measured"


def test_what_was_cut_off_or_is_not_installed_is_no_failure(tmp_path: Path) -> None:
    assert Runner(tmp_path, 60).run([python("long", "import time; time.sleep(60)", 0.5), Stage("nowhere", 5, ["no-such"])]) == 0  # fmt: skip


def test_no_stage_begins_without_time_for_it(tmp_path: Path) -> None:
    runner = Runner(tmp_path, running.RESERVE + 2)
    runner.run([python("long", "raise SystemExit(5)", 30)])
    assert runner.ended[0].code is None
    assert "== long: no time left" in (tmp_path / "summary.txt").read_text()


def test_without_a_device_nothing_else_is_tried(tmp_path: Path) -> None:
    runner = Runner(tmp_path, 60)
    assert runner.run([python("device", "raise SystemExit('no GPU, since ...')", required=True), python("next", "")]) == 1  # fmt: skip
    assert [stage.name for stage in runner.ended] == ["device"]
    assert "no GPU, since ..." in (tmp_path / "summary.txt").read_text()


def test_every_stage_has_what_a_device_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUPY_CACHE_DIR", raising=False)
    code = "import os; print('given', *(os.environ.get(n) for n in ('OUT', 'XLA_PYTHON_CLIENT_PREALLOCATE', 'JAX_PLATFORMS', 'CUPY_CACHE_DIR')))"  # fmt: skip
    Runner(tmp_path, 60).run([python("one", code, variables={"JAX_PLATFORMS": "cpu"})])
    (given,) = re.findall("^given (.*)$", (tmp_path / "log.txt").read_text(), flags=re.MULTILINE)
    out, preallocate, platforms, kernels = given.split()
    assert (Path(out), preallocate, platforms) == (tmp_path.resolve(), "false", "cpu")
    assert not Path(kernels).exists(), "it is packed by now"


def test_kernels_are_kept_from_run_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUPY_CACHE_DIR", raising=False)
    compiles = "import os, pathlib; f = pathlib.Path(os.environ['CUPY_CACHE_DIR']); print('kept', *sorted(p.name for p in f.iterdir())); (f / '{}').write_text('x')"  # fmt: skip
    archive = tmp_path / "cache.tgz"
    for name, known in (("a", "kept"), ("b", "kept a")):
        assert Runner(tmp_path, 60, [tmp_path / "missing.tgz", archive]).run([python("one", compiles.format(name))]) == 0  # fmt: skip
        assert known in (tmp_path / "log.txt").read_text().splitlines()
    with tarfile.open(archive) as opened:
        assert sorted(opened.getnames()) == ["a", "b"]
    archive.write_bytes(archive.read_bytes()[:40])
    assert Runner(tmp_path, 60, [archive]).run([python("one", compiles.format("c"))]) == 0, "a damaged one"
    monkeypatch.setattr(running, "LARGEST_ARCHIVE", 10)
    archive.unlink()
    Runner(tmp_path, 60, [archive]).run([python("one", compiles.format("d"))])
    assert not archive.exists(), "too large to be carried"


def test_a_folder_of_ones_own_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("CUPY_CACHE_DIR", str(own))
    write = "import os, pathlib; pathlib.Path(os.environ['CUPY_CACHE_DIR'], 'k').write_text('x')"
    Runner(tmp_path / "out", 60).run([python("one", write)])
    assert (own / "k").exists()
    assert not (tmp_path / "out" / "cache.tgz").exists()


def test_the_run_before_is_put_aside_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for number in (1, 2, 3):
        Runner(tmp_path, 60).run([python("one", f"print('{number} passed in 1.00s')")])
    assert "3 passed" in (tmp_path / "summary.txt").read_text()
    assert "2 passed" in (tmp_path / "before" / "log.txt").read_text()
    assert (tmp_path / "mine.txt").read_text() == "mine"


RUN = """
import signal
import sys
from pathlib import Path
# whoever was started in the background of a shell is born deaf to it
signal.signal(signal.SIGINT, signal.default_int_handler)
from benchmarks.gpu.running import Runner, Stage, told_to_end
command = lambda code: [sys.executable, "-c", code]
with told_to_end():
    runner = Runner(Path(sys.argv[1]), 200)
    sys.exit(runner.run([Stage("quick", 60, command(sys.argv[2])), Stage("long", 100, command(sys.argv[3])), Stage("never", 9, command(""))]))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_a_run_that_is_stopped_keeps_what_it_had(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, tmp_path, ANSWER, FOREVER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    log = tmp_path / "log.txt"
    while not (log.exists() and re.search(r"^child \d+$", log.read_text(), flags=re.MULTILINE)):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    printed, _ = process.communicate(timeout=60)
    text = log.read_text()
    assert "1 passed in 2.00s" in text
    assert '"what": "fit: tiny"' in (tmp_path / "first.jsonl").read_text()
    assert "== never" not in text
    if number is signal.SIGKILL:
        # nobody is left to end the stage
        for pid in re.findall(r"^child (\d+)$", text, flags=re.MULTILINE):
            os.killpg(os.getpgid(int(pid)), signal.SIGKILL)
        return
    assert process.returncode == 130
    assert "== stopped by hand" in printed
    assert '"what": "fit: tiny"' in (tmp_path / "summary.txt").read_text()
    assert (tmp_path / "cache.tgz").exists() or "CUPY_CACHE_DIR" in os.environ
    assert all_ended(text)


def test_the_command_says_why_there_is_nothing_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a device, or where none can be seen."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert command_line.main(["--out", str(tmp_path), "--minutes", "2"]) == 1
    summary = (tmp_path / "summary.txt").read_text()
    assert "needs an NVIDIA GPU and CuPy: " in summary
    assert "== answers" not in summary
    with pytest.raises(SystemExit, match="stage 'anwers' is none of: device, facts"):
        command_line.main(["--only", "anwers"])
    with pytest.raises(SystemExit, match="--minutes: a number above 0"):
        command_line.main(["--minutes", "0"])


def test_the_script_for_a_bare_machine_hands_over(tmp_path: Path) -> None:
    given = {
        "OUT": str(tmp_path / "out"),
        "BUDGET": "120",
        "PY": sys.executable,
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    done = subprocess.run(
        ["bash", str(ROOT / "benchmarks" / "gpu" / "first_minutes.sh")], cwd=tmp_path, env=os.environ | given,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "needs an NVIDIA GPU and CuPy: " in done.stdout
    assert (tmp_path / "out" / "log.txt").exists()


def test_the_most_telling_stages_come_first_and_fit_into_nine_minutes() -> None:
    names = [stage.name for stage in NINE]
    order = ["device", "answers", "times", "contest", "memcheck", "machines", "eager", "suite"]
    assert [name for name in names if name in order] == order
    told = sum(stage.seconds for stage in NINE[: names.index("contest") + 1])
    assert told <= 60 * MINUTES - running.RESERVE, "they are there, whatever the others take"
    longer = {stage.name: stage.seconds for stage in stages(sys.executable, Path("out"), 27)}
    assert longer["suite"] == 1200
    assert {"contest in float32", "contest in tf32", "contest in bfloat16"} <= longer.keys()


def test_suites_on_a_device_take_no_substitute_no_oracle_and_no_warning_for_an_error() -> None:
    suites = [stage for stage in ALL if "pytest" in stage.command]
    assert len(suites) >= 4
    for stage in suites:
        words = " ".join(stage.command)
        assert "-W default" in words
        assert "-m gpu" in words or ("--backend cupy" in words and "and not oracle" in words)
        assert stage.variables == {"JAX_PLATFORMS": "cpu"}
    assert not [stage.name for stage in ALL if "contest" in stage.name and stage.variables]


def test_contests_know_the_options_that_they_are_given() -> None:
    from benchmarks.__main__ import parser

    for stage in [*ALL, *NINE]:
        if "contest" in stage.name:
            options = parser().parse_args(list(stage.command[3:]))
            assert options.backend == "cupy"
            assert options.minutes > 0
            assert options.minutes * 60 <= stage.seconds, "it ends by itself"
    known = FEW[FEW.index("--only") + 1].split(",")
    assert set(known) <= set(FOR_GPU)
    options = parser().parse_args(["step", "--backend", "cupy"])
    assert set(FEW[1].split(",")) <= set(STEP.names(options))


TAKES_A_DEVICE = {"cupy_backend", "either_backend", "device", "place", "check"}


def arguments(path: Path) -> set[str]:
    """The names of all that the functions of a file take, and of the fixtures that they are marked with."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {a.arg for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) for a in n.args.args}
    return found | {
        n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }


def test_every_test_on_a_device_is_in_a_stage() -> None:
    on_a_device = {
        f"tests/gpu/{path.name}" for path in (ROOT / "tests" / "gpu").glob("test_*.py") if arguments(path) & TAKES_A_DEVICE
    }  # fmt: skip
    assert len(on_a_device) > 10
    run = {word for stage in NINE for word in stage.command if word.startswith("tests/gpu/")}
    assert run == on_a_device


def test_a_missing_compiler_skips_no_test_on_a_device() -> None:
    """The fixture asks for it, on the substitute alone: a condition of the test or its file would skip both."""
    for path in (ROOT / "tests" / "gpu").glob("test_*.py"):
        if not arguments(path) & TAKES_A_DEVICE:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
                assert "COMPILER" not in ast.unparse(node), path.name
            if isinstance(node, ast.FunctionDef) and {a.arg for a in node.args.args} & TAKES_A_DEVICE:
                assert not any("COMPILER" in ast.unparse(d) for d in node.decorator_list), node.name


def test_without_a_compiler_the_substitute_is_skipped_and_nothing_fails() -> None:
    files = [f"tests/gpu/test_{name}.py" for name in ("executable_ways", "blas", "errors", "streams")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", *files], cwd=ROOT,
        env=os.environ | {"PATH": str(ROOT / "nowhere")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert "no C++ compiler on this machine" in done.stdout


def test_the_contest_on_a_gpu_has_every_kind_of_network() -> None:
    assert set(PROBLEMS) <= set(FOR_GPU)
    for name in ("digits_cnn", "tabular"):
        with pytest.raises(Skip, match="not dense are not written down"):
            cublas.figure(PROBLEMS[name], None, 0.1)  # type: ignore[arg-type]


class Held:
    """An array with the two methods of a tensor that are asked for."""

    def __init__(self, values: Any) -> None:
        self.values = np.array(values)

    def clone(self) -> Held:
        return Held(self.values)

    def copy_(self, other: Held) -> None:
        self.values[...] = other.values


def test_batches_of_several_parts_have_a_place_in_a_graph() -> None:
    batch = ((Held([1, 2]), Held([0.5])), Held([3]))
    place = cloned(batch)
    copy_into(place, ((Held([7, 8]), Held([1.5])), Held([9])))
    assert [part.values.tolist() for part in (*place[0], place[1])] == [[7, 8], [1.5], [9]]
    assert batch[0][0].values.tolist() == [1, 2], "it has memory of its own"
    with pytest.raises(ValueError, match="zip"):
        copy_into(place, ((Held([7, 8]),), Held([9])))
