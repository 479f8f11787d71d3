"""The course's first neural network: will a patient show diabetes? 532 real records, seven measurements each.

Define, compile, fit, evaluate, predict; then the learning curves as a picture. Run with `--help` for the options.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

import nn

HERE = Path(__file__).parent
INPUTS = ("npreg", "glu", "bp", "skin", "bmi", "ped", "age")


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(train inputs, train targets, test inputs, test targets), inputs standardised with the training rows."""
    with open(HERE / "data" / "pima.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    x = np.array([[float(row[name]) for name in INPUTS] for row in rows])
    y = np.array([float(row["type"]) for row in rows])
    train = np.array([row["split"] == "train" for row in rows])
    mean, deviation = x[train].mean(axis=0), x[train].std(axis=0)
    x = (x - mean) / deviation
    return x[train], y[train], x[~train], y[~train]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--picture", type=Path, default=HERE / "out" / "first_network.png")
    options = parser.parse_args()

    x_train, y_train, x_test, y_test = load()
    nn.set_random_seed(options.seed)

    model = nn.Sequential(
        [
            nn.Input((len(INPUTS),)),
            nn.Dense(12, activation="relu"),
            nn.Dropout(0.2),
            nn.Dense(8, activation="relu"),
            nn.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.summary()

    history = model.fit(
        x_train, y_train, epochs=options.epochs, validation_data=(x_test, y_test), batch_size=32
    )
    loss, accuracy = model.evaluate(x_test, y_test)
    majority = max(y_test.mean(), 1 - y_test.mean())
    print(
        f"test loss {loss:.3f}, test accuracy {accuracy:.1%} (guessing the majority: {majority:.1%})"
    )

    for measurements, probability in zip(x_test[:3], model.predict(x_test[:3])[:, 0], strict=True):
        glucose = measurements[INPUTS.index("glu")]
        print(f"glucose {glucose:+.1f} standard deviations: {probability:.0%} chance of diabetes")
    history.plot(options.picture, title="First network: Pima diabetes")
    print("picture:", options.picture)


if __name__ == "__main__":
    main()
