"""The same checks for other people's gradients: functions of PyTorch, JAX, MyGrad
and HIPS autograd, and plain NumPy.

    from autograd.testing import adapters, check_grad

    check_grad(adapters.torch(f), x)

Each adapter makes a subject out of a function: something that gives values and gradients as NumPy arrays. A
framework is imported when its adapter is called, and never before.
"""

from .from_hips import AdapterError, HipsSubject, hips
from .from_jax import JaxSubject, jax
from .from_mygrad import MyGradSubject, mygrad
from .from_numpy import NumPySubject, numpy
from .from_torch import TorchSubject, torch

__all__ = [
    "AdapterError",
    "HipsSubject",
    "JaxSubject",
    "MyGradSubject",
    "NumPySubject",
    "TorchSubject",
    "hips",
    "jax",
    "mygrad",
    "numpy",
    "torch",
]
