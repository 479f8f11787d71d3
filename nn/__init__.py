"""Models: layers, losses, optimisers, and the pipeline define, compile,
fit, evaluate, predict. Keras's names.

>>> import nn
>>> model = nn.MLP(hidden=(8,), outputs=1, dropout=0)
>>> model.compile(optimizer="adam", loss="mse")
"""

from __future__ import annotations

import autograd as _autograd

from . import _conflict as _conflict
from .lazily import attach as _attach

__version__ = _autograd.__version__

# What is imported when it is first asked for, by the module that it is in (SPEC 1 of Scientific Python);
# `__init__.pyi` tells editors and type checkers the same.
_MODULES = (
    "activations backend callbacks config constraints datasets initializers layers losses metrics "
    "models ops optimizers plots preprocessing random regularizers saving tuning utils"
)
# Modules that need an extra: attributes like the others, but no part of `from nn import *`, which would fail
# without it, and hide the package of that name.
_EXTRAS = "sklearn"
_NAMES = {
    "callbacks": (
        "BackupAndRestore CSVLogger Callback EarlyStopping EpochLines History LambdaCallback "
        "LearningRateScheduler ModelCheckpoint OptunaPruning ProgressBar ReduceLROnPlateau TensorBoard "
        "TerminateOnNaN"
    ),
    "checkpoint.loading": "load",
    "checkpoint.torch_weights": "from_torch to_torch",
    "constraints": "MaxNorm NonNeg UnitNorm",
    "errors": "ArgumentError DataError FileError MissingExtraError NotCompiledError TuningError",
    "initializers": (
        "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity Initializer LecunNormal "
        "LecunUniform Ones Orthogonal RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros"
    ),
    "layers": (
        "Activation ActivityRegularization Add AlphaDropout Average AveragePooling1D AveragePooling2D "
        "AvgPool1D AvgPool2D BatchNormalization CategoryEncoding CenterCrop Concatenate Conv1D "
        "Conv1DTranspose Conv2D Conv2DTranspose Convolution1D Convolution1DTranspose Convolution2D "
        "Convolution2DTranspose "
        "Cropping1D Cropping2D Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU "
        "Embedding Flatten GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D "
        "GlobalAvgPool1D GlobalAvgPool2D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPooling1D "
        "GlobalMaxPooling2D GroupNormalization Hashing Input InputLayer IntegerLookup Lambda Layer "
        "LayerNormalization LeakyReLU MaxPool1D MaxPool2D MaxPooling1D MaxPooling2D Maximum Maxout "
        "Minimum Multiply Normalization PReLU Permute RandomBrightness RandomContrast RandomFlip "
        "RandomRotation RandomShift RandomTranslation RandomZoom ReLU "
        "RepeatVector Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SeparableConvolution1D "
        "SeparableConvolution2D Softmax SpatialDropout1D SpatialDropout2D StringLookup Subtract "
        "TableFeatures UnitNormalization UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D"
    ),
    "losses": (
        "BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalHinge "
        "CosineSimilarity Hinge Huber KLDivergence LogCosh Loss MeanAbsoluteError "
        "MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson "
        "SparseCategoricalCrossentropy SquaredHinge"
    ),
    "metrics": (
        "AUC Accuracy BinaryAccuracy CategoricalAccuracy ConfusionMatrix F1Score Metric Precision R2Score "
        "Recall SparseCategoricalAccuracy SparseTopKCategoricalAccuracy TopKCategoricalAccuracy"
    ),
    "model": "Model",
    "module": "Module",
    "optimizers": "Adadelta Adagrad Adam AdamW Adamax Ftrl Lamb Lion Nadam Optimizer RMSprop SGD",
    "optimizers.schedules": (
        "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay LearningRateSchedule "
        "PiecewiseConstantDecay PolynomialDecay"
    ),
    "parameter": "Buffer Parameter Variable",
    "precision": "LossScale",
    "range_test": "RangeTest learning_rate_range_test",
    "regularizers": "L1 L1L2 L2 OrthogonalRegularizer Regularizer",
    "seed": "set_random_seed",
    "sequential": "MLP Sequential",
    "step": "capture_train_step",
    "tuning": "add_layers_until tune",
}

__getattr__, __dir__, __all__ = _attach(__name__, _MODULES, _NAMES)
