"""A model as files and arrays: its methods that save, load, resume, get and set."""

from __future__ import annotations

from .checkpoint import files, restore, saving, serializing
from .checkpoint.files import Place
from .keras_model import KerasMethods


class Storable(KerasMethods):
    """Base of models: files, and weights as arrays."""

    def save(self, filepath: Place, overwrite: bool = True) -> None:
        """Write architecture, weights, optimizer and random state to one file
        (safetensors with JSON inside; no code).

        `filepath` may also be a file object opened for writing bytes. During `fit` (in a callback)
        the place in the run is saved too. The file appears complete or not at all; an OSError
        names it. Read it with `nn.load(path)`. Whatever the name ends in ("model.keras", "model.h5"), it
        is this format, which Keras does not read. `overwrite=False` refuses a file that is there.

        Arguments of layers are written as JSON: numbers of NumPy become those of Python, and tuples come
        back as lists, as in Keras.

        Raises:
            ArgumentError: a layer or other object has an argument that is no JSON value and no object with a
                `get_config`, such as an array or a set; it names both. No file is written then.
        """
        files.may_write("save", filepath, overwrite)
        saving.save(self, filepath)  # type: ignore[arg-type]

    def export(self, filepath: Place, format: str = "onnx", opset: int = 18, overwrite: bool = True) -> None:
        """Write what `predict` computes to a file of ONNX, for any number of rows.

        The file has the weights by the names of `state_dict`, inputs and outputs by those of the model, and
        was checked by onnx. Layers that only act in training (dropout, noise, augmentation) are not in it.
        Needs onnx, the extra `onnx`.

        Args:
            filepath: a path, or a file object opened for writing bytes. A file is there whole or not at all.
            format: "onnx".
            opset: the set of operators, 18 to 22.
            overwrite: False refuses a file that is there.

        Raises:
            ArgumentError: the model is not built; or a layer has no form in ONNX, such as one that takes
                texts: the message names it and says why. No file is written then.
            MissingExtraError: without onnx.

        >>> import io, nn
        >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(2, name="scores")])
        >>> file = io.BytesIO()
        >>> model.export(file)
        >>> b"gradloom" in file.getvalue(), b"layers.0.kernel" in file.getvalue()
        (True, True)
        """
        # late: most programs write none
        from .checkpoint.onnx_file import export

        export(self, filepath, format, opset, overwrite)  # type: ignore[arg-type]

    def save_weights(self, filepath: Place, overwrite: bool = True) -> None:
        """Write the weights alone, as a safetensors file whatever its name is; `load_weights` reads it."""
        files.may_write("save_weights", filepath, overwrite)
        saving.save_weights(self, filepath)  # type: ignore[arg-type]

    def load_weights(self, filepath: Place, verify: bool = True, skip_mismatch: bool = False) -> None:
        """Set the weights from a file of `save_weights` or `save`, or any safetensors
        file with the names of `state_dict`; or from a file of Keras, of the same layers.

        `filepath` may also be a file object opened for reading bytes; `verify`
        compares the checksum, where there is one. `skip_mismatch` is False: every weight has to fit.

        Raises:
            FileError: it is damaged, or lists what is missing, unexpected or of
                another shape. Nothing has changed then.
        """
        files.nothing_skipped(skip_mismatch)
        restore.load_weights(self, filepath, verify)

    def to_json(self) -> str:
        """The architecture as JSON, without weights; `nn.models.model_from_json` reads it."""
        return serializing.as_json_text(self)

    def resume_from(self, path: Place) -> None:
        """Take up a file that `save` wrote during `fit` of this same model: the
        next `fit` goes on there, bit for bit.
        """
        restore.resume_from(self, path)  # type: ignore[arg-type]

    go_on_from = restore.go_on_from
