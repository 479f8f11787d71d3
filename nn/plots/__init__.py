"""Pictures of training and of models, with matplotlib (the extra `plot`), which
is imported when the first is drawn.

Every function takes `path=None`, where to write a PNG, SVG or PDF, `axes=None`, the Axes to draw into (one,
or a sequence where there are several panels; by default a new figure), and `title=None`; and it returns the
Figure. No window is opened and pyplot is not used, so it works without a display and in threads.

>>> from nn import plots
>>> figure = plots.learning_curves({"loss": [0.9, 0.5, 0.4], "val_loss": [0.8, 0.6, 0.7]})
>>> [axes.get_ylabel() for axes in figure.axes]
['loss']
"""

from ..exports import exported as _exported
from .boundary import decision_boundary as decision_boundary
from .confusion import confusion_matrix as confusion_matrix
from .curves import learning_curves as learning_curves
from .curves import learning_rate_range_test as learning_rate_range_test
from .histograms import activation_histograms as activation_histograms
from .histograms import gradient_histograms as gradient_histograms
from .network import network as network

__all__ = _exported(__name__)
