"""Gradloom under its own name: `nn`, `autograd` and `backends` as parts of one package.

They are the same modules under both names, and `nn` is imported when it is first asked for.

>>> import gradloom as gl
>>> import nn
>>> gl.nn is nn
True
>>> from gradloom.nn.layers import Dense
>>> Dense is nn.Dense
True
"""

import autograd as autograd
import backends as backends
import nn as nn

__version__: str
