"""A trained model as a file that needs nothing of ours: from raw waves to calibrated probabilities."""
