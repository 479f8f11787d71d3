"""The course's first lab, word for word as one writes it for Keras; only import lines name other packages."""

from pathlib import Path

import numpy as np

from nn import utils
from nn.layers import Dense
from nn.models import Sequential

# load the data: 7 measurements of 532 women, and whether they have diabetes
folder = Path(__file__).parent / ".." / "nn" / "datasets" / "data"
dataset = np.genfromtxt(folder / "pima.csv", delimiter=",", skip_header=1, usecols=range(7))
labels = np.genfromtxt(folder / "pima.csv", delimiter=",", skip_header=1, usecols=7)
utils.set_random_seed(7)

# define the model
model = Sequential()
model.add(Dense(12, input_shape=(7,), activation="relu"))
model.add(Dense(8, activation="relu"))
model.add(Dense(1, activation="sigmoid"))

# compile the model
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])

# fit the model
model.fit(dataset, labels, epochs=150, batch_size=10, verbose=0)

# evaluate the model
_, accuracy = model.evaluate(dataset, labels, verbose=0)
print("Accuracy: %.2f" % (accuracy * 100))

# make class predictions with the model
predictions = (model.predict(dataset, verbose=0) > 0.5).astype(int)
for i in range(5):
    print("%s => %d (expected %d)" % (dataset[i].tolist(), predictions[i, 0], labels[i]))
