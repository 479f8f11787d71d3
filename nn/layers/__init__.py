"""Layers, one small file a subject."""

from .activation import ELU, Activation, LeakyReLU, ReLU, Softmax
from .augmentation import RandomFlip, RandomShift, RandomTranslation
from .base import Layer
from .convolution import Conv2D
from .dense import Dense
from .dropout import Dropout, GaussianNoise
from .embedding import Embedding
from .flatten import Flatten, Reshape
from .input import Input
from .maxout import Maxout
from .normalization import BatchNormalization, LayerNormalization
from .pooling import (
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
)

__all__ = [
    "ELU",
    "Activation",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "Input",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling2D",
    "Maxout",
    "RandomFlip",
    "RandomShift",
    "RandomTranslation",
    "ReLU",
    "Reshape",
    "Softmax",
]
