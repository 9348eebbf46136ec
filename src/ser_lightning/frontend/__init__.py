"""From waveform to the image that a backbone sees."""
