"""Models as graphs of layers: what a layer gives for a placeholder, and what a model makes of it."""

# layers know placeholders and placeholders know layers; in this order both are found, whichever is asked for
from ..layers import base as _base  # noqa: F401
