"""Layers, one small file a subject."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from ..exports import absent as _absent
from ..exports import exported as _exported
from ..graph.symbols import Input as Input
from ..graph.symbols import InputLayer as InputLayer
from .activation import ELU as ELU
from .activation import Activation as Activation
from .activation import ActivityRegularization as ActivityRegularization
from .activation import LeakyReLU as LeakyReLU
from .activation import PReLU as PReLU
from .activation import ReLU as ReLU
from .activation import Softmax as Softmax
from .augmentation import RandomBrightness as RandomBrightness
from .augmentation import RandomContrast as RandomContrast
from .augmentation import RandomFlip as RandomFlip
from .augmentation import RandomShift as RandomShift
from .augmentation import RandomTranslation as RandomTranslation
from .base import Layer as Layer
from .convolution import Conv1D as Conv1D
from .convolution import Conv2D as Conv2D
from .convolution import Convolution1D as Convolution1D
from .convolution import Convolution2D as Convolution2D
from .dense import Dense as Dense
from .dense import Maxout as Maxout
from .depthwise import DepthwiseConv1D as DepthwiseConv1D
from .depthwise import DepthwiseConv2D as DepthwiseConv2D
from .depthwise import SeparableConv1D as SeparableConv1D
from .depthwise import SeparableConv2D as SeparableConv2D
from .depthwise import SeparableConvolution1D as SeparableConvolution1D
from .depthwise import SeparableConvolution2D as SeparableConvolution2D
from .dropout import AlphaDropout as AlphaDropout
from .dropout import Dropout as Dropout
from .dropout import GaussianDropout as GaussianDropout
from .dropout import GaussianNoise as GaussianNoise
from .dropout import SpatialDropout1D as SpatialDropout1D
from .dropout import SpatialDropout2D as SpatialDropout2D
from .embedding import Embedding as Embedding
from .flatten import Flatten as Flatten
from .flatten import Permute as Permute
from .flatten import RepeatVector as RepeatVector
from .flatten import Reshape as Reshape
from .functions import Identity as Identity
from .functions import Lambda as Lambda
from .functions import Rescaling as Rescaling
from .merging import Add as Add
from .merging import Average as Average
from .merging import Concatenate as Concatenate
from .merging import Dot as Dot
from .merging import Maximum as Maximum
from .merging import Minimum as Minimum
from .merging import Multiply as Multiply
from .merging import Subtract as Subtract
from .merging import add as add
from .merging import average as average
from .merging import concatenate as concatenate
from .merging import dot as dot
from .merging import maximum as maximum
from .merging import minimum as minimum
from .merging import multiply as multiply
from .merging import subtract as subtract
from .normalization import BatchNormalization as BatchNormalization
from .normalization import GroupNormalization as GroupNormalization
from .normalization import LayerNormalization as LayerNormalization
from .normalization import UnitNormalization as UnitNormalization
from .pooling import AveragePooling1D as AveragePooling1D
from .pooling import AveragePooling2D as AveragePooling2D
from .pooling import AvgPool1D as AvgPool1D
from .pooling import AvgPool2D as AvgPool2D
from .pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from .pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from .pooling import GlobalAvgPool1D as GlobalAvgPool1D
from .pooling import GlobalAvgPool2D as GlobalAvgPool2D
from .pooling import GlobalMaxPool1D as GlobalMaxPool1D
from .pooling import GlobalMaxPool2D as GlobalMaxPool2D
from .pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from .pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from .pooling import MaxPool1D as MaxPool1D
from .pooling import MaxPool2D as MaxPool2D
from .pooling import MaxPooling1D as MaxPooling1D
from .pooling import MaxPooling2D as MaxPooling2D
from .preprocessing import CategoryEncoding as CategoryEncoding
from .preprocessing import Discretization as Discretization
from .preprocessing import Normalization as Normalization
from .preprocessing_hashing import Hashing as Hashing
from .preprocessing_lookup import IntegerLookup as IntegerLookup
from .preprocessing_lookup import StringLookup as StringLookup
from .preprocessing_table import TableFeatures as TableFeatures
from .resampling import RandomRotation as RandomRotation
from .resampling import RandomZoom as RandomZoom
from .resizing import CenterCrop as CenterCrop
from .resizing import Cropping1D as Cropping1D
from .resizing import Cropping2D as Cropping2D
from .resizing import Resizing as Resizing
from .resizing import UpSampling1D as UpSampling1D
from .resizing import UpSampling2D as UpSampling2D
from .resizing import ZeroPadding1D as ZeroPadding1D
from .resizing import ZeroPadding2D as ZeroPadding2D
from .transposed import Conv1DTranspose as Conv1DTranspose
from .transposed import Conv2DTranspose as Conv2DTranspose
from .transposed import Convolution1DTranspose as Convolution1DTranspose
from .transposed import Convolution2DTranspose as Convolution2DTranspose

__all__ = _exported(__name__, "Input", "InputLayer")

if not _TYPE_CHECKING:
    # what makes layers from descriptions knows models, which know layers
    __getattr__ = _absent(
        __name__,
        serialize="nn.saving.serialize_keras_object",
        deserialize="nn.saving.deserialize_keras_object",
    )
