"""The course's first neural network: will a patient show diabetes? 532 real records, seven measurements each.

Define, compile, fit, evaluate, predict; then the learning curves as a picture. Run with `--help` for the options.
"""

from __future__ import annotations

from pictures import INPUTS, options, pima

import nn


def main() -> None:
    chosen = options(__doc__, "first_network", epochs=100, seed=7)
    x_train, y_train, x_test, y_test = pima()
    nn.set_random_seed(chosen.seed)

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
        x_train, y_train, epochs=chosen.epochs, validation_data=(x_test, y_test), batch_size=32
    )
    loss, accuracy = model.evaluate(x_test, y_test)
    majority = max(y_test.mean(), 1 - y_test.mean())
    print(f"test loss {loss:.3f}, test accuracy {accuracy:.1%} (guessing the majority: {majority:.1%})")

    for measurements, probability in zip(x_test[:3], model.predict(x_test[:3])[:, 0], strict=True):
        glucose = measurements[INPUTS.index("glu")]
        print(f"glucose {glucose:+.1f} standard deviations: {probability:.0%} chance of diabetes")
    history.plot(chosen.picture, title="First network: Pima diabetes")
    print("picture:", chosen.picture)


if __name__ == "__main__":
    main()
