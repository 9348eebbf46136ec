"""An exported folder, uploaded to the Hugging Face Hub, or to whatever HF_ENDPOINT names."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub

from ser_lightning.errors import RunFailedError


def push(folder: Path, repository: str) -> str:
    """Upload the folder as a model `user/name`, made where it is not there; return its address.

    Raises RunFailedError where there is no token, no network, or no permission; the folder stays as it is.
    """
    ready = f"{folder} is ready and stays; repeat the command, or upload the folder by hand"
    if huggingface_hub.get_token() is None:
        raise RunFailedError(f"push={repository} needs a token, and there is none: set HF_TOKEN. {ready}")
    hub = huggingface_hub.HfApi()
    try:
        hub.create_repo(repository, exist_ok=True)
        hub.upload_folder(repo_id=repository, folder_path=folder, commit_message="Model exported by ser_lightning")
    except Exception as error:  # the hub's HTTP client (requests, httpx, httpx2: by its version) raises its own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RunFailedError(f"push={repository} failed ({reason}). {ready}") from error
    return f"{hub.endpoint}/{repository}"
