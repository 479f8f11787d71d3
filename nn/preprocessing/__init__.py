"""Old places of what `nn.utils` has, as public scripts import them."""

from ..utils import timeseries_dataset_from_array as timeseries_dataset_from_array
from . import image as image
from . import sequence as sequence

__all__ = ["image", "sequence", "timeseries_dataset_from_array"]
