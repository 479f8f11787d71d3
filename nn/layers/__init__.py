"""Layers, one small file a subject."""

from ..exports import exported as _exported
from .activation import ELU as ELU
from .activation import Activation as Activation
from .activation import ActivityRegularization as ActivityRegularization
from .activation import LeakyReLU as LeakyReLU
from .activation import ReLU as ReLU
from .activation import Softmax as Softmax
from .augmentation import RandomFlip as RandomFlip
from .augmentation import RandomShift as RandomShift
from .augmentation import RandomTranslation as RandomTranslation
from .base import Input as Input
from .base import Layer as Layer
from .convolution import Conv2D as Conv2D
from .dense import Dense as Dense
from .dense import Maxout as Maxout
from .dropout import Dropout as Dropout
from .dropout import GaussianNoise as GaussianNoise
from .embedding import Embedding as Embedding
from .flatten import Flatten as Flatten
from .flatten import Reshape as Reshape
from .normalization import BatchNormalization as BatchNormalization
from .normalization import LayerNormalization as LayerNormalization
from .pooling import AveragePooling2D as AveragePooling2D
from .pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from .pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from .pooling import MaxPooling2D as MaxPooling2D

__all__ = _exported(__name__)
