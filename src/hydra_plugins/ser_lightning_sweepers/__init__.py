"""The sweepers of ser_lightning; `hydra_plugins` itself has no such file, as it is everybody's namespace."""
