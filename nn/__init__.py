"""Models: layers, losses, optimisers, and the pipeline define, compile,
fit, evaluate, predict. Keras's names.

>>> import nn
>>> model = nn.MLP(hidden=(8,), outputs=1, dropout=0)
>>> model.compile(optimizer="adam", loss="mse")
"""

import autograd as _autograd

from . import _conflict as _conflict
from . import activations as activations
from . import callbacks as callbacks
from . import constraints as constraints
from . import initializers as initializers
from . import layers as layers
from . import losses as losses
from . import metrics as metrics
from . import models as models
from . import optimizers as optimizers
from . import plots as plots
from . import regularizers as regularizers
from . import tuning as tuning
from . import utils as utils
from .callbacks import BackupAndRestore as BackupAndRestore
from .callbacks import Callback as Callback
from .callbacks import CSVLogger as CSVLogger
from .callbacks import EarlyStopping as EarlyStopping
from .callbacks import EpochLines as EpochLines
from .callbacks import History as History
from .callbacks import LambdaCallback as LambdaCallback
from .callbacks import LearningRateScheduler as LearningRateScheduler
from .callbacks import ModelCheckpoint as ModelCheckpoint
from .callbacks import ProgressBar as ProgressBar
from .callbacks import ReduceLROnPlateau as ReduceLROnPlateau
from .callbacks import TensorBoard as TensorBoard
from .callbacks import TerminateOnNaN as TerminateOnNaN
from .checkpoint.loading import load as load
from .constraints import MaxNorm as MaxNorm
from .constraints import NonNeg as NonNeg
from .constraints import UnitNorm as UnitNorm
from .errors import ArgumentError as ArgumentError
from .errors import DataError as DataError
from .errors import FileError as FileError
from .errors import MissingExtraError as MissingExtraError
from .errors import NotCompiledError as NotCompiledError
from .errors import TuningError as TuningError
from .exports import exported as _exported
from .initializers import Constant as Constant
from .initializers import GlorotNormal as GlorotNormal
from .initializers import GlorotUniform as GlorotUniform
from .initializers import HeNormal as HeNormal
from .initializers import HeUniform as HeUniform
from .initializers import Identity as Identity
from .initializers import LecunNormal as LecunNormal
from .initializers import LecunUniform as LecunUniform
from .initializers import Ones as Ones
from .initializers import Orthogonal as Orthogonal
from .initializers import RandomNormal as RandomNormal
from .initializers import RandomUniform as RandomUniform
from .initializers import TruncatedNormal as TruncatedNormal
from .initializers import VarianceScaling as VarianceScaling
from .initializers import Zeros as Zeros
from .layers import ELU as ELU
from .layers import Activation as Activation
from .layers import AveragePooling2D as AveragePooling2D
from .layers import BatchNormalization as BatchNormalization
from .layers import Conv2D as Conv2D
from .layers import Dense as Dense
from .layers import Dropout as Dropout
from .layers import Embedding as Embedding
from .layers import Flatten as Flatten
from .layers import GaussianNoise as GaussianNoise
from .layers import GlobalAveragePooling2D as GlobalAveragePooling2D
from .layers import GlobalMaxPooling2D as GlobalMaxPooling2D
from .layers import Input as Input
from .layers import Layer as Layer
from .layers import LayerNormalization as LayerNormalization
from .layers import LeakyReLU as LeakyReLU
from .layers import Maxout as Maxout
from .layers import MaxPooling2D as MaxPooling2D
from .layers import RandomFlip as RandomFlip
from .layers import RandomShift as RandomShift
from .layers import RandomTranslation as RandomTranslation
from .layers import ReLU as ReLU
from .layers import Reshape as Reshape
from .layers import Softmax as Softmax
from .losses import BinaryCrossentropy as BinaryCrossentropy
from .losses import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from .losses import CategoricalCrossentropy as CategoricalCrossentropy
from .losses import CategoricalHinge as CategoricalHinge
from .losses import CosineSimilarity as CosineSimilarity
from .losses import Hinge as Hinge
from .losses import Huber as Huber
from .losses import KLDivergence as KLDivergence
from .losses import LogCosh as LogCosh
from .losses import Loss as Loss
from .losses import MeanAbsoluteError as MeanAbsoluteError
from .losses import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .losses import MeanSquaredError as MeanSquaredError
from .losses import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .losses import Poisson as Poisson
from .losses import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .losses import SquaredHinge as SquaredHinge
from .metrics import AUC as AUC
from .metrics import Accuracy as Accuracy
from .metrics import BinaryAccuracy as BinaryAccuracy
from .metrics import CategoricalAccuracy as CategoricalAccuracy
from .metrics import ConfusionMatrix as ConfusionMatrix
from .metrics import F1Score as F1Score
from .metrics import Metric as Metric
from .metrics import Precision as Precision
from .metrics import R2Score as R2Score
from .metrics import Recall as Recall
from .metrics import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from .metrics import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from .metrics import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from .model import Model as Model
from .module import Module as Module
from .optimizers import SGD as SGD
from .optimizers import Adadelta as Adadelta
from .optimizers import Adagrad as Adagrad
from .optimizers import Adam as Adam
from .optimizers import Adamax as Adamax
from .optimizers import AdamW as AdamW
from .optimizers import Lion as Lion
from .optimizers import Nadam as Nadam
from .optimizers import Optimizer as Optimizer
from .optimizers import RMSprop as RMSprop
from .optimizers.schedules import CosineDecay as CosineDecay
from .optimizers.schedules import CosineDecayRestarts as CosineDecayRestarts
from .optimizers.schedules import ExponentialDecay as ExponentialDecay
from .optimizers.schedules import InverseTimeDecay as InverseTimeDecay
from .optimizers.schedules import LearningRateSchedule as LearningRateSchedule
from .optimizers.schedules import PiecewiseConstantDecay as PiecewiseConstantDecay
from .optimizers.schedules import PolynomialDecay as PolynomialDecay
from .parameter import Buffer as Buffer
from .parameter import Parameter as Parameter
from .precision import LossScale as LossScale
from .range_test import RangeTest as RangeTest
from .range_test import learning_rate_range_test as learning_rate_range_test
from .regularizers import L1 as L1
from .regularizers import L1L2 as L1L2
from .regularizers import L2 as L2
from .regularizers import OrthogonalRegularizer as OrthogonalRegularizer
from .seed import set_random_seed as set_random_seed
from .sequential import MLP as MLP
from .sequential import Sequential as Sequential
from .step import capture_train_step as capture_train_step
from .tuning import add_layers_until as add_layers_until
from .tuning import tune as tune

__version__ = _autograd.__version__

__all__ = _exported(
    __name__,
    "MissingExtraError",
    "activations",
    "callbacks",
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plots",
    "regularizers",
    "tuning",
    "utils",
)
