"""Models as graphs of layers: what a layer gives for a placeholder, and what a model makes of it."""
