"""One clear error when `autograd` is the other distribution of that name: `autograd` itself raises it where
both are installed side by side, this module where the other one hides it. `backends`, which `autograd` needs,
may be hidden by a module of someone else, too.
"""

from __future__ import annotations

from ._alias import check

check("backends")

import autograd  # noqa: E402

if not hasattr(autograd, "capture"):
    raise ImportError(
        f"'autograd' is another distribution here ({autograd.__file__}), not the part of gradloom. Keep the "
        "two in separate environments: pip uninstall autograd, then reinstall gradloom."
    )

__version__: str = autograd.__version__
