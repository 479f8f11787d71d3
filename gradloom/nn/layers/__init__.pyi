"""Written by `python docs/make_stubs.py`; do not edit it."""

from nn.layers import *
