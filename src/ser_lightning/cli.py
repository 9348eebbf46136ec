"""What every command shares: Hydra around a job, exit codes, and errors told as messages.

Exit codes: 0 done; 2 the user must mend something and nothing was started, no run directory is left; 1 the run failed.
Inside a multirun a rejected job raises, the others go on, and the command ends with 1. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.markup import escape

from ser_lightning.errors import NothingStartedError, RunFailedError, UserError
from ser_lightning.launchers import cores_each, gpus_each, jobs_at_once, num_gpus
from ser_lightning.terminal import err, out

Job = Callable[[DictConfig], object]
"""What a command does with its config; in a multirun Hydra hands what it returns to the sweeper."""

OmegaConf.register_new_resolver("first_given", lambda *values: next(v for v in values if v is not None), replace=True)
for function in (jobs_at_once, cores_each, gpus_each, num_gpus):
    OmegaConf.register_new_resolver(function.__name__, function, replace=True)
# torchmetrics imports onnxruntime where it is installed, and that looks up a telemetry host unless told not to.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def run_command(job: Job, config_name: str) -> None:
    """Compose the config from the command line, run the job (or each job of a multirun), and exit with the code."""
    _refuse_corpus_list(sys.argv[1:])
    sys.argv = _with_launcher(sys.argv)
    kept = _existing_folders(sys.argv[1:])
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come here whole; without it Hydra prints and exits by itself

    def guarded(config: DictConfig) -> object:
        return _run_job(job, config, kept)

    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=config_name)(guarded)()
    except NothingStartedError as error:
        _print_problems(error.problems)
        sys.exit(2)
    except (UserError, RunFailedError) as error:
        err.print(f"\n{error}", style="red", markup=False)
        sys.exit(1)
    except (HydraException, OmegaConfBaseException) as error:
        from ser_lightning.composition import composition_problems

        _print_problems(composition_problems(sys.argv[1:], config_name, error))
        sys.exit(2)


def conf_dir() -> Path:
    """The folder of the configs: inside the installed package, or beside src/ in a checkout."""
    package = Path(__file__).parent
    shipped, checkout = package / "conf", package.parent.parent / "conf"
    return shipped if shipped.is_dir() else checkout


def _run_job(job: Job, config: DictConfig, kept: set[Path]) -> object:
    state = HydraConfig.get()
    multirun = state.mode is RunMode.MULTIRUN
    if multirun:
        number = Path(state.runtime.output_dir).name
        out.print(f"\n=== job {number}: {' '.join(state.overrides.task) or 'as configured'}", markup=False)
    try:
        return job(config)
    except UserError as error:
        _print_problems(error.problems)
        _remove_if_empty(Path(state.runtime.output_dir), kept)
        if multirun:
            raise
        sys.exit(2)
    except RunFailedError as error:
        err.print("[red]the run failed:[/red]", escape(str(error)))
        if multirun:
            raise
        sys.exit(1)
    except Exception:
        if multirun:  # Hydra shows the first failed job's only
            traceback.print_exc()
        raise


def _print_problems(problems: list[str]) -> None:
    """One line a problem; all of them."""
    head = "1 thing to mend" if len(problems) == 1 else f"{len(problems)} things to mend"
    err.print(f"[red bold]{head}; nothing was started:[/red bold]")
    for problem in problems:
        err.print(f"- {problem}", markup=False)


def _existing_folders(arguments: list[str]) -> set[Path]:
    """The working directory, and a run directory on the command line that is there already: Hydra did not make them."""
    keys = ("hydra.run.dir=", "resume=")
    given = [Path(argument.partition("=")[2]) for argument in arguments if argument.startswith(keys)]
    return {folder.resolve() for folder in (Path(), *given) if folder.is_dir()}


def _remove_if_empty(folder: Path, kept: set[Path]) -> None:
    """Remove the run directory that Hydra made, and its parents below here while they are empty; never a file."""
    here = Path.cwd().resolve()
    if folder.resolve() in kept:
        return
    with contextlib.suppress(OSError):  # not empty, or not ours to remove
        folder.rmdir()
        while here in folder.parent.resolve().parents:
            folder = folder.parent
            folder.rmdir()


def _with_launcher(arguments: list[str]) -> list[str]:
    """The same, with our defaults for the launcher; a file of its own name in our configs would be refused by Hydra."""
    words = []
    for argument in arguments:
        words.append(argument)
        key, _, name = argument.partition("=")
        if key == "hydra/launcher" and (conf_dir() / "hydra" / "launchers" / f"{name}.yaml").is_file():
            words.append(f"+hydra/launchers={name}")
    return words


def _refuse_corpus_list(arguments: list[str]) -> None:
    """Hydra would merge the files of `corpus=[a,b]` in silence."""
    for argument in arguments:
        if argument.startswith("corpus=["):
            names = argument.removeprefix("corpus=")
            err.print(
                f"- {argument}: one corpus only; several at once are corpus=several corpus.names={names}", markup=False
            )
            sys.exit(2)
