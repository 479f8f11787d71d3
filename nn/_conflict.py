"""One clear error when `autograd` is the other distribution of that name, which
hides the one that this package needs.
"""

from __future__ import annotations

import autograd

if not hasattr(autograd, "capture"):
    raise ImportError(
        f"'autograd' is another distribution here ({autograd.__file__}), not the part of gradloom that nn "
        "needs. Keep the two in separate environments: pip uninstall autograd, then reinstall gradloom."
    )
