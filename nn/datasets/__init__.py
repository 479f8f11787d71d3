"""Datasets: `load_data()` gives ((x_train, y_train), (x_test, y_test)) as NumPy arrays.

Shipped: digits, iris, pima. Drawn: blobs, moons, circles, spirals, xor, waves, mnist1d (by its recipe).
Keras's (mnist, fashion_mnist,
cifar10, cifar100, imdb, reuters, boston_housing, california_housing) are read from Keras's cache where they
are; this library downloads nothing.

>>> import nn
>>> (x_train, y_train), (x_test, y_test) = nn.datasets.iris.load_data()
>>> x_train.shape
(120, 4)
"""

from ..exports import exported as _exported
from .cached import boston_housing as boston_housing
from .cached import california_housing as california_housing
from .cached import cifar10 as cifar10
from .cached import cifar100 as cifar100
from .cached import fashion_mnist as fashion_mnist
from .cached import imdb as imdb
from .cached import mnist as mnist
from .cached import reuters as reuters
from .made import blobs as blobs
from .made import circles as circles
from .made import moons as moons
from .made import spirals as spirals
from .made import waves as waves
from .made import xor as xor
from .sequences import mnist1d as mnist1d
from .shipped import digits as digits
from .shipped import iris as iris
from .shipped import pima as pima

__all__ = _exported(__name__)
