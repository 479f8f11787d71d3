"""Hyperparameters: keep adding layers until the validation error stops improving; then search the rest.

First the course's advice as a ready recipe, `nn.add_layers_until`; then `nn.tune` over units, dropout, learning rate
and batch size, where trials that do badly are ended early.
"""

from __future__ import annotations

from pictures import digits, options

import nn


def main() -> None:
    chosen = options(__doc__, "hyperparameters", epochs=12, trials=12)
    x, y, x_test, y_test = digits(600)
    depth = nn.add_layers_until(None, x, y, epochs=chosen.epochs, units=32, max_layers=6, seed=0, verbose=0)
    print(depth.table())
    print(f"hidden layers: {depth.best_layers}")

    found = nn.tune(
        None,
        x,
        y,
        space={
            "units": [16, 32, 64],
            "dropout": nn.tuning.Float(0.0, 0.5),
            "learning_rate": nn.tuning.Float(1e-3, 3e-2, log=True),
            "batch_size": [16, 32, 64],
        },
        trials=chosen.trials,
        layers=depth.best_layers,
        epochs=chosen.epochs,
        seed=0,
        verbose=0,
    )
    print(found.table())
    ended = sum(trial.state == "pruned" for trial in found.trials)
    print(f"best of {len(found.trials)} trials ({ended} ended early): {found.best_params}")
    accuracy = (found.best_model.predict(x_test).argmax(axis=1) == y_test).mean()
    print(f"accuracy on digits that no trial has seen: {accuracy:.1%}")
    found.plot(chosen.picture)
    print("picture:", chosen.picture)


if __name__ == "__main__":
    main()
