"""How far a run of the tests is and how long it still takes, and where its seconds went.

`--progress` (which `run.py test` gives) shows a bar on a terminal and a line now and then elsewhere, in the place of a
dot for each test. Time left is estimated from what each file took before: on the last run here, else on the machine of
`seconds.json`. `--seconds FILE` writes what each file took: phases `collect`, `compile` (kernels) and `run`.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import choosing
import pytest

EVERY = 15.0
"""Seconds between lines where there is no terminal."""
_CACHE = "gradloom/seconds"
FORM = "{percentage:3.0f}% {bar:30}{postfix}"


def file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def in_words(seconds: float) -> str:
    """`3 min 10 s`, `8 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Estimate:
    """What remains, by the seconds that each file took before and the pace of this run.

    Args:
        known: seconds by file.
        counts: how many tests of each file run now.
    """

    def __init__(self, known: dict[str, float], counts: Counter[str]) -> None:
        usual = 0.05
        self._each = {name: known.get(name, usual * n) / n for name, n in counts.items()}
        self.total = sum(self._each[name] * n for name, n in counts.items())
        self.done = 0.0

    def add(self, name: str) -> None:
        """A test of a file has ended."""
        self.done += self._each.get(name, 0.0)

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 1.0

    def left(self, elapsed: float, workers: int) -> float:
        """Seconds still to go: at first as before, later at the pace of this run."""
        before = self.total / max(workers, 1)
        if not self.share:
            return before
        # the pace of this run counts as much as there is of it, and from a fifth on alone
        trust = min(5 * self.share, 1.0)
        whole = trust * elapsed / self.share + (1 - trust) * before
        return max(whole - elapsed, 0.0)


class Progress:
    """The plugin: on the process that starts the tests, not on its workers."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._shown = config.getoption("--progress")
        self._file = config.getoption("--seconds")
        self._spent: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._counts: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._bad: list[str] = []
        self._begin = self._last = time.perf_counter()
        self._estimate: Estimate | None = None
        self._bar: Any = None

    def _known(self) -> dict[str, float]:
        known = choosing.seconds()
        cache = getattr(self._config, "cache", None)
        return known | (cache.get(_CACHE, {}) if cache is not None else {})

    def _start(self, nodeids: list[str]) -> None:
        if self._estimate is not None:
            return
        self._counts = Counter(map(file_of, nodeids))
        self._estimate = Estimate(self._known(), self._counts)
        self._begin = self._last = time.perf_counter()
        if not self._shown:
            return
        print(
            f"{len(nodeids):,} tests, about {in_words(self._estimate.left(0, self._workers()))}",
            flush=True,
        )
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and terminal.isatty:
            from tqdm import tqdm

            self._bar = tqdm(total=100.0, bar_format=FORM, file=terminal._tw._file, leave=False)

    def _workers(self) -> int:
        return len(self._config.getoption("tx", None) or ()) or 1

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, Any, Any]:
        """Without workers: how long a file takes to be imported and made into tests."""
        begin = time.perf_counter()
        report = yield
        if isinstance(collector, pytest.Module):
            self._spent[file_of(collector.nodeid)]["collect"] += time.perf_counter() - begin
        return report

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without workers."""
        if session.items:
            self._start([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """The first worker that has collected; the others have the same."""
        self._start(ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No dots."""
        if not self._shown or report.when is None:
            return None
        if report.when != "call" and report.passed:
            return "", "", ""
        outcome = "error" if report.failed and report.when != "call" else report.outcome
        if getattr(report, "wasxfail", None) is not None:
            outcome = "xfailed" if report.skipped else "xpassed"
        # the word is for the summary
        return outcome, "", "" if outcome == "passed" else outcome.upper()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = file_of(report.nodeid)
        spent = self._spent[name]
        spent["run"] += report.duration
        if report.failed:
            self._bad.append(report.nodeid)
            self._say(f"{'FAILED' if report.when == 'call' else 'ERROR'} {report.nodeid}")
        if report.when == "teardown":
            spent["compile"] += dict(report.user_properties).get("compile", 0.0)
            self._ended[name] += 1
            if self._estimate is not None:
                self._estimate.add(name)
            self._show()

    def _say(self, line: str) -> None:
        if not self._shown:
            return
        if self._bar is not None:
            self._bar.write(line)
        else:
            print(line, flush=True)

    def _show(self) -> None:
        now = time.perf_counter()
        if not self._shown or self._estimate is None:
            return
        if now - self._last < (0.2 if self._bar is not None else EVERY):
            return
        self._last = now
        left = in_words(self._estimate.left(now - self._begin, self._workers()))
        failed = f", {len(self._bad)} failed" if self._bad else ""
        text = f"{self._ended.total():,} of {self._counts.total():,} tests{failed}, {left} left"
        if self._bar is None:
            print(f"{100 * self._estimate.share:3.0f} % {text}", flush=True)
        else:
            self._bar.n = 100 * self._estimate.share
            self._bar.set_postfix_str(text)

    def pytest_sessionfinish(self) -> None:
        if self._bar is not None:
            self._bar.close()
        whole = {n: s for n, s in self._spent.items() if self._ended[n] == self._counts[n]}
        cache = getattr(self._config, "cache", None)
        if cache is not None and whole:
            kept = cache.get(_CACHE, {})
            cache.set(_CACHE, kept | {n: round(s["run"], 2) for n, s in whole.items()})
        if self._file:
            rows = {n: {k: round(v, 2) for k, v in s.items()} for n, s in sorted(self._spent.items())}
            Path(self._file).write_text(json.dumps(rows, indent=1) + "\n")
