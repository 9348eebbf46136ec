"""Which clip goes to which part: one splitter a file, each a pure function of a table and its settings."""
