"""The page to try a model in the browser: what it says of a recording, how it is drawn, and the server."""
