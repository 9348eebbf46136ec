"""A search for hyperparameters by Optuna: its space, its objectives, its trials, and what was found."""
