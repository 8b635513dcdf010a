"""The step `start`: fetches the model that a training starts from."""
