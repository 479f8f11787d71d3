"""For tests of ops, the library's own and yours: gradients held against differences, inputs made from declarations.

The Hypothesis strategies are imported by name, `from autograd.testing import strategies`; the pytest plugin, which
needs no import, gives the fixture `gradcheck`. `python -m autograd.testing.campaign` looks for false alarms.

This is the one room of `autograd` that knows NumPy, to build inputs and to difference numerically.
"""

from .check import check_grad, check_jvp, check_vjp
from .report import GradientMismatch, Undecided
from .samples import BadSample, Sample, bad_samples, samples
from .subject import BaseSubject, Subject, TensorSubject

__all__ = [
    "BadSample",
    "BaseSubject",
    "GradientMismatch",
    "Sample",
    "Subject",
    "TensorSubject",
    "Undecided",
    "bad_samples",
    "check_grad",
    "check_jvp",
    "check_vjp",
    "samples",
]
