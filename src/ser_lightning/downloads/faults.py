"""What can go wrong on the way, as one message each: the network, the server, the disk, the user's Ctrl-C."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests

from ser_lightning.downloads.reasons import reason
from ser_lightning.errors import RunFailedError, UserError

FULL = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
GOES_ON = "what has come is kept, the same command goes on from there"


@contextmanager
def told(data_dir: Path, needed: int, page: str) -> Iterator[None]:
    """Turn what the block raises into a RunFailedError; `needed` is the disk space it takes in all, in bytes."""
    try:
        yield
    except KeyboardInterrupt:
        raise RunFailedError(f"stopped; {GOES_ON}") from None
    except requests.HTTPError as error:
        raise RunFailedError(_answered(error, page)) from error
    except requests.RequestException as error:
        address = error.request.url if error.request is not None else None
        host = urlsplit(str(address)).netloc if address else "the server"
        raise RunFailedError(f"{host} cannot be reached or does not go on: {reason(error)}; {GOES_ON}") from error
    except OSError as error:
        if error.errno not in FULL:
            raise RunFailedError(f"{data_dir}: {error.strerror or error}: {error.filename or ''}; {GOES_ON}") from error
        raise RunFailedError(
            f"the disk of {data_dir} is full (or its quota, or the limit on a file's size): the corpus needs "
            f"{size(needed)} there while it is fetched, {size(free_bytes(data_dir))} are free; {GOES_ON}"
        ) from error


@contextmanager
def usable(data_dir: Path) -> Iterator[None]:
    """Turn the disk's refusal, before anything was begun, into a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"data_dir must be a folder that can be read and written: {data_dir} cannot be used "
            f"({error.strerror or error}: {error.filename}); choose another with data_dir=DIR"
        ) from error


def free_bytes(folder: Path) -> int:
    """Free space of the disk that `folder` is, or will be, on."""
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    return shutil.disk_usage(there).free


def size(num_bytes: int) -> str:
    """For people, in decimal units, as the pages of the corpora state it.

    >>> size(208468073), size(39981818), size(900)
    ('208 MB', '40 MB', '900 bytes')
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if num_bytes >= factor:
            return f"{num_bytes / factor:.3g} {unit}"
    return f"{num_bytes} bytes"


def _answered(error: requests.HTTPError, page: str) -> str:
    status = error.response.status_code
    url = error.request.url if error.request is not None else error.response.url
    if status in (401, 403):
        what = "the server refuses it; it may ask for an account, or be at its limit for today"
    elif status in (404, 410):
        what = "the file is not there any more"
    elif status == 429 or status >= 500:
        what = f"the server is overloaded or out of order, try again later; {GOES_ON}"
    else:
        what = "the server does not give the file"
    return f"{url}: {reason(error)}: {what}; the corpus's page is {page}"
