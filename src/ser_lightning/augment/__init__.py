"""Augmentation on batches, on the device, in training only; every draw is counted."""
