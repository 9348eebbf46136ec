"""What a trained model says of a file, an array or a stream: it needs neither Lightning nor Hydra."""
