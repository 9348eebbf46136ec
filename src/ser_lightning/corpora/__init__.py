"""One parser a corpus: from files on disk to rows of Utterance."""
