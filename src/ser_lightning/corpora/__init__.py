"""One parser a corpus: from files on disk to a frame of clips."""
