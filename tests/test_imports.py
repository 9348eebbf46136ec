"""Which way imports point, read from the source itself; the rule is that of docs/architecture.md."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "ser_lightning"
FILES = sorted(PACKAGE.rglob("*.py"))
ENTRY = {
    *("cli", "composition", "train", "run", "prepare", "preparation", "describe", "description", "download"),
    *("evaluate", "evaluating", "evaluated_data", "run_corpus", "summarize", "summarizing", "stack", "stacking"),
    *("sweep_end", "local_jobs", "resuming", "follow", "predict", "predicting"),
    *("listen", "listening"),
    *("export", "exporting", "tested_clips"),
    *("sweep_end", "local_jobs", "resuming", "follow", "predict", "predicting", "app"),
}
TRAINING = {
    *("build", "announce", "results", "run_files", "wandb_log", "loggers", "trainer"),
    *("callbacks", "checkpoints", "compiling", "task", "progress_bar", "sharding", "run", "pruning"),
}
HYDRA = {
    "cli",
    "composition",
    "train",
    "prepare",
    "describe",
    "download",
    "evaluate",
    "summarize",
    "stack",
    "sweep_end",
    "local_jobs",
    "export",
    "predict",
    "listen",
    "app",
}
NETWORK = {"frontend", "augment", "models", "losses", "schedules", "optimizers", "counted", "clip_average", "metrics"}
NETWORK |= {"collectives"}

# Who may import what of ours; a room that is not named here may be imported by anybody.
FORBIDDEN = {
    "emotions": {"corpora", "data", "evaluation", "task", "build", *NETWORK},
    "corpora": {"data", "evaluation", "task", "build", *NETWORK},
    "data": {"evaluation", "task", "build", "models", "losses", "optimizers", "schedules", "metrics"},
    "frontend": {"corpora", "evaluation", "task", "build", "models"},
    "augment": {"corpora", "evaluation", "task", "build", "models"},
    "models": {"corpora", "data", "evaluation", "task", "build", "frontend"},
    "losses": {"corpora", "data", "evaluation", "task", "build"},
    "schedules": {"corpora", "data", "evaluation", "task", "build"},
    "metrics": {"corpora", "data", "task", "build"},
    "evaluation": {"corpora", "data", "task", "build", *NETWORK},
    "meta": {"corpora", "task", "build", *NETWORK},
    "task": {"build", "corpora", "evaluation"},
    "recognition": {"corpora", "task", "build", "augment", "losses", "optimizers", "schedules", "metrics"},
    "exported": {"corpora", "task", "build", "augment", "losses", "optimizers", "schedules", "metrics"},
    "trying": {"corpora", "task", "build", "augment", "losses", "optimizers", "schedules", "metrics"},
    "downloads": {"corpora", "data", "evaluation", "task", "build", *NETWORK},
    "card": {"evaluation", "task", "build", "models", "augment", "losses", "optimizers", "schedules", "metrics"},
}
LIBRARIES = {
    "hydra": {"build", *HYDRA},
    "omegaconf": {"config", "build", *HYDRA},
    "pytorch_lightning": {"task", "data", *TRAINING},
    "timm": {"models"},
    "captum": {"models"},
    "wandb": {"wandb_log", "wandb_workspace"},
    "wandb_workspaces": {"wandb_workspace"},
    "soundfile": {"data", "corpora", "evaluation"},
    "gradio": {"trying"},
    "pooch": {"downloads"},
    "requests": {"downloads"},
    "sklearn": {"meta"},
    "skops": {"meta"},
    "optuna": {"search"},
    "sounddevice": {"microphone"},
    "onnx": {"exported"},
    "onnxscript": {"exported"},
    "onnxruntime": {"exported"},
}
BY_TARGET_ONLY = {"ravdess", "tess", "savee", "cremad", "emodb", "table", "synthetic", "several", "wave", "spectrum"}


def _room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_there_are_files_to_look_at():
    assert len(FILES) > 45


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_the_right_way(path):
    room = _room(path)
    wrong = []
    for name in _imports(path):
        package, _, rest = name.partition(".")
        if package == "ser_lightning":
            target = rest.split(".")[0]
            concrete = rest.split(".")[-1] in BY_TARGET_ONLY and target in ("corpora", "augment")
            if target in (FORBIDDEN.get(room, set()) | ENTRY | {"card"}) - {room} and room not in ENTRY:
                wrong.append(name)
            if concrete:
                wrong.append(f"{name} (reached by _target_ only)")
        elif package in LIBRARIES and room not in LIBRARIES[package]:
            wrong.append(name)
    assert not wrong


def test_entry_points_import_nothing_heavy():
    light = {
        "__future__",
        "typing",
        "rich",
        "ser_lightning",
        "os",
        "sys",
        "collections",
        "pathlib",
        "hydra",
        "omegaconf",
    }
    for name in sorted(HYDRA - {"composition"}):
        tree = ast.parse((PACKAGE / f"{name}.py").read_text())
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] in light
