"""From a corpus's table to batches on the device: manifest, store, splits, batches, DataModule."""
