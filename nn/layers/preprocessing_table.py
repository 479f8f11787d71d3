"""TableFeatures: from a table of numbers, words and gaps to what a network takes, saved with the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from autograd.errors import nearest

from ..arguments import COUNT, TEXT, choice, form
from ..errors import ArgumentError, DataError
from ..frames import Table, is_numeric
from ..table_columns import Categorical, Column, Numeric, column_of, side_by_side
from .base import Layer
from .host import HostLayer

FILL = choice("median", "mean")


@form("is a list of names of columns")
def NAMES(value: Any) -> list[str]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise TypeError
    return [TEXT.keep(name) for name in value]


class TableFeatures(HostLayer):
    """Rows of a table as rows of numbers, by what it has learnt of each column.

    A column of numbers is filled where one is missing, and gets mean 0 and standard deviation 1; where some
    were missing, a second number tells which. A column of texts, truth values or categories becomes an
    indicator for each category, for all others together, and, where some were missing, for missing ones.

    As the first layer of a model it lets `fit`, `evaluate` and `predict` take tables, and single rows as a
    dict; the model with it is one file. By itself it makes a tensor of float32.

    Args:
        frame: what to learn from: a frame of pandas or polars, a dict of columns, a list of rows as dicts,
            or a structured array.
        target: the column that is no input; y is given to `fit` as always.
        numeric, categorical: columns that are so whatever they hold, such as numbers that are names.
        drop: columns that are no inputs.
        max_categories: the most categories of a column; rarer ones count to the others.
        fill: "median" or "mean", of the numbers that are there.
        name: as in `Layer`.

    Later tables may have their columns in any order; those that are not known are ignored.

    Raises:
        DataError: a column is missing, or holds what it cannot; the message names it.

    >>> import nn
    >>> features = nn.TableFeatures({"age": [20.0, 40.0, None], "city": ["Bern", "Genf", "Bern"]})
    >>> features.names
    ['age', 'age=<missing>', 'city=Bern', 'city=Genf', 'city=<other>']
    >>> features({"age": 30, "city": "Chur"}).tolist()
    [[0.0, 0.0, 0.0, 0.0, 1.0]]
    """

    not_settings = Layer.not_settings.union(("columns", "target"))

    def __init__(
        self,
        frame: Any,
        target: str | None = None,
        numeric: Iterable[str] = (),
        categorical: Iterable[str] = (),
        drop: Iterable[str] = (),
        max_categories: int = 50,
        fill: str = "median",
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.target: str | None = TEXT.or_none().checked(self.title, "target", target)
        most = COUNT.checked(self.title, "max_categories", max_categories)
        filled = FILL.checked(self.title, "fill", fill)
        table = Table(frame, self.title)
        if target is not None:
            self._known(table, "target", [target])
        chosen: dict[str, str] = {}
        for kind, given in (("numeric", numeric), ("categorical", categorical), ("drop", drop)):
            for column in self._known(table, kind, NAMES.checked(self.title, kind, given)):
                if chosen.setdefault(column, kind) != kind:
                    raise ArgumentError(f"{self.title}: column {column!r} is in {chosen[column]} and {kind}")
        columns: list[Column] = []
        for column in table:
            if column == target or chosen.get(column) == "drop":
                continue
            values, what = table[column], f"{self.title}: column {column!r}"
            if not len(values):
                raise DataError(f"{self.title}: the frame has no rows")
            numbers = is_numeric(values) and not table.is_category(column)
            if chosen.get(column, "numeric" if numbers else "categorical") == "numeric":
                columns.append(Numeric.learnt(column, values, what, filled))
            else:
                columns.append(Categorical.learnt(column, values, what, most))
        self._take(columns)

    def _known(self, table: Table, argument: str, names: list[str]) -> list[str]:
        for name in names:
            if name not in table.names:
                raise ArgumentError(
                    f"{self.title}: {argument}: no column {name!r}. {nearest(name, table.names)}"
                )
        return names

    def _take(self, columns: list[Column]) -> None:
        if not columns:
            raise ArgumentError(f"{self.title}: no column is left for the inputs")
        self.columns = tuple(columns)
        self.input_shape = (len(self.names),)

    @property
    def names(self) -> list[str]:
        """What each of the numbers of a row stands for: "age", "age=<missing>", "city=Bern"."""
        return [name for column in self.columns for name in column.names]

    def encoded(self, value: Any) -> Any:
        table = Table(value, self.title)
        missing = [column.name for column in self.columns if column.name not in table.names]
        if missing:
            hints = "" if len(missing) > 1 else f" {nearest(missing[0], table.names)}"
            raise DataError(
                f"{self.title}: the table has no column {', '.join(map(repr, missing))}; it has "
                f"{', '.join(map(repr, list(table)[:12]))}{', ...' if len(table) > 12 else ''}.{hints}"
            )
        return side_by_side(
            [each.encoded(table[each.name], f"{self.title}: column {each.name!r}") for each in self.columns]
        )

    def __call__(self, *inputs: Any, training: bool | None = None, **named: Any) -> Any:
        return super().__call__(*inputs, training=training, **named).to("float32")

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Print a table of the columns: what each is taken for, and how many numbers it becomes.

        >>> import nn
        >>> nn.TableFeatures({"age": [20, 40], "city": ["Bern", "Genf"]}, name="people").summary()
        column  kind         numbers  learnt
        age     numeric            1  mean 30, standard deviation 10
        city    categorical        3  2: Bern, Genf
        """
        width = max(6, *(len(column.name) for column in self.columns))
        lines = [f"{'column':<{width}}  kind         numbers  learnt"]
        for column in self.columns:
            count = len(column.names)
            lines.append(f"{column.name:<{width}}  {column.kind:<11}  {count:>7}  {column.said()}")
        print_fn("\n".join(lines))

    def get_config(self) -> dict[str, Any]:
        """What was learnt, which makes it again without the table."""
        return {
            "columns": [column.config() for column in self.columns],
            "target": self.target,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        layer = cls.__new__(cls)
        Layer.__init__(layer, config.get("name"))
        layer.target = TEXT.or_none().checked(cls.__name__, "target", config.get("target"))
        if not isinstance(config["columns"], (list, tuple)):
            raise ArgumentError(f"{cls.__name__}: columns are a list, got {config['columns']!r}")
        layer._take([column_of(each) for each in config["columns"]])
        return layer
