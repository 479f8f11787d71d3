"""From raw CSV text, with words and gaps in it, to a model in one file that answers single rows in another process.

Who keeps a subscription? The table is written here: age, income, city, plan and whether somebody pays by card; some
values are missing. `nn.TableFeatures` learns what to make of each column and is the first layer of the model.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import nn

CITIES = ("Bern", "Genf", "Chur", "Basel")
PLANS = ("small", "large", "family")
READER = """
import json, sys, time
import nn
model = nn.load(sys.argv[1])
rows = json.loads(sys.argv[2])
answers = [round(float(model.predict(row)[0, 0]), 4) for row in rows]
start = time.perf_counter()
for _ in range(200):
    model.predict(rows[0])
print(json.dumps([answers, (time.perf_counter() - start) / 200]))
"""


def write(path: Path, rows: int = 2000) -> None:
    """A table as one gets it: texts, numbers, and nothing where nobody knows."""
    draw = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["age", "income", "city", "plan", "card", "keeps"])
        for _ in range(rows):
            age, income = int(draw.integers(18, 80)), round(float(draw.lognormal(8.5, 0.4)))
            city, plan, card = draw.choice(CITIES), draw.choice(PLANS), bool(draw.random() < 0.6)
            score = (
                (plan == "family") * 2.0 - (city == "Chur") * 1.5 + card - abs(age - 45) / 12 + income / 6000
            )
            keeps = int(score + draw.logistic(scale=0.3) > 0.5)
            known = [value if draw.random() > 0.08 else "" for value in (age, income, city, plan)]
            table.writerow([*known, "yes" if card else "no", keeps])


def read(path: Path) -> tuple[dict[str, list[object]], np.ndarray]:
    """Columns by name, numbers as numbers and gaps as None; and the targets. A frame of pandas would do, too."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))

    def value(name: str, text: str) -> object:
        if not text:
            return None
        return float(text) if name in ("age", "income") else text

    columns = {name: [value(name, row[name]) for row in rows] for name in rows[0] if name != "keeps"}
    return columns, np.array([float(row["keeps"]) for row in rows])


def part(columns: dict[str, list[object]], rows: slice) -> dict[str, list[object]]:
    """Some rows of a table."""
    return {name: values[rows] for name, values in columns.items()}


def train(columns: dict[str, list[object]], y: np.ndarray) -> nn.Model:
    """A model of the table, with what it has learnt of the columns as its first layer."""
    nn.utils.set_random_seed(1)
    features = nn.TableFeatures(columns)
    features.summary()
    model = nn.Sequential([features, nn.Dense(16, "relu"), nn.Dense(1, "sigmoid")])
    model.compile(nn.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    model.fit(columns, y, epochs=20, batch_size=32, verbose=0)
    return model


def beside_scikit_learn(
    columns: dict[str, list[object]], y: np.ndarray, test: dict[str, list[object]], y_test: np.ndarray
) -> None:
    """The same with a pipeline of scikit-learn, where that is installed."""
    try:
        from sklearn.compose import ColumnTransformer
        from sklearn.impute import SimpleImputer
        from sklearn.neural_network import MLPClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler
    except ImportError:
        print("scikit-learn is not installed")
        return
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore")
    prepared = ColumnTransformer([("numbers", numbers, [0, 1]), ("words", words, [2, 3, 4])])
    network = MLPClassifier((16,), learning_rate_init=0.01, batch_size=32, max_iter=20, tol=0, random_state=1)
    pipeline = make_pipeline(prepared, network)

    def rows(table: dict[str, list[object]]) -> np.ndarray:
        given = [
            [np.nan if value is None and i < 2 else value for value in table[n]] for i, n in enumerate(table)
        ]
        return np.array(given, object).T

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that 20 epochs are not many
        pipeline.fit(rows(columns), y)
    x_test = rows(test)
    start = time.perf_counter()
    for _ in range(50):
        pipeline.predict_proba(x_test[:1])
    each = (time.perf_counter() - start) / 50
    print(f"scikit-learn  accuracy {pipeline.score(x_test, y_test):.3f}, {each * 1e3:.2f} ms a row")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        table, file = Path(folder) / "customers.csv", Path(folder) / "customers.model"
        write(table)
        columns, y = read(table)
        train_rows, test_rows = slice(None, 1600), slice(1600, None)
        model = train(part(columns, train_rows), y[train_rows])
        test = part(columns, test_rows)
        _, accuracy = model.evaluate(test, y[test_rows], verbose=0)
        model.save(file)

        people = [
            {"age": 44, "income": 7000, "city": "Bern", "plan": "family", "card": "yes"},
            {"age": 22, "income": None, "city": "Lugano", "plan": "small", "card": "no"},
        ]
        here = [round(float(model.predict(person)[0, 0]), 4) for person in people]
        surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        done = subprocess.run(
            [sys.executable, "-c", READER, str(file), json.dumps(people)],
            env=surroundings, capture_output=True, text=True, check=True,
        )  # fmt: skip
        there, each = json.loads(done.stdout)
        print(f"gradloom      accuracy {accuracy:.3f}, {each * 1e3:.2f} ms a row")
        beside_scikit_learn(part(columns, train_rows), y[train_rows], test, y[test_rows])
        for person, answer in zip(people, there, strict=True):
            print(f"{person['city']}, {person['plan']}: keeps it with probability {answer:.2f}")
        close = all(abs(one - other) <= 1e-3 for one, other in zip(here, there, strict=True))
        print(f"the file in another process answers the same: {close}")


if __name__ == "__main__":
    main()
