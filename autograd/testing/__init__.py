"""For tests of ops, the library's own and yours: gradients held against
differences, inputs made from declarations.

`adapters` (for functions of other frameworks) and `strategies` (which need Hypothesis) are modules that load
when they are first used. The pytest plugin, which needs no import, gives the fixture `gradcheck`. `python -m
autograd.testing.campaign` looks for false alarms.

This is the one room of `autograd` that knows NumPy, to build inputs and to difference numerically.
"""

import importlib.util
import sys
from types import ModuleType

from .check import check_grad, check_jvp, check_vjp
from .report import GradientMismatch, Undecided
from .samples import BadSample, Sample, bad_samples, samples
from .subject import BaseSubject, Subject, TensorSubject


def _when_used(name: str) -> ModuleType:
    """A submodule that is executed when an attribute of it is first read."""
    spec = importlib.util.find_spec(f"{__name__}.{name}")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


adapters = _when_used("adapters")
strategies = _when_used("strategies")

__all__ = [
    "BadSample",
    "BaseSubject",
    "GradientMismatch",
    "Sample",
    "Subject",
    "TensorSubject",
    "Undecided",
    "adapters",
    "bad_samples",
    "check_grad",
    "check_jvp",
    "check_vjp",
    "samples",
    "strategies",
]
