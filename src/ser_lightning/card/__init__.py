"""The data card: what a corpus holds, measured on its clips, as one page."""
