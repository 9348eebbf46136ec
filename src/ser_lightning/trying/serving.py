"""The server of the page: on this computer alone, with a folder of its own that is gone when it ends.

Gradio reads its settings from the environment when it is imported: no statistics, no look-ups, no other folder.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import ipaddress
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from ser_lightning.config import AppSettings, config_problems
from ser_lightning.errors import UserError
from ser_lightning.recognition.recognizer import Recognizer
from ser_lightning.terminal import err, out
from ser_lightning.trying.hearing import MEGABYTE, Limits

if TYPE_CHECKING:
    import gradio

PORTS_TRIED = 20
CLOSING_SECONDS = 0.5
"""For answers that are under way when the server ends."""


def serve(config: Mapping[str, Any]) -> None:
    """Serve the page until SIGTERM or Ctrl-C; raises UserError where it cannot be."""
    if problems := config_problems(config, AppSettings):
        raise UserError(problems)
    if importlib.util.find_spec("gradio") is None:
        raise UserError("the page needs the extra: pip install 'ser-lightning[app]'")
    settings = AppSettings(**config)
    with _ended_by_signals(), _private_folder() as folder:
        recognizer = Recognizer.load(settings.run, device=settings.device)
        port = free_port(settings.host, settings.port)
        page = _page(settings, recognizer, folder)
        try:
            _launch(page, settings, port)
            _tell(settings, port)
            threading.Event().wait()
        finally:
            _close(page)


def free_port(host: str, wanted: int) -> int:
    """The port that is wanted, or the next free one; raises UserError where none is, or the host is not ours."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(address)
            return port
        except PermissionError as error:
            raise UserError(f"port={port} is not for us to use ({error.strerror}); choose one from 1024 on") from error
        except socket.gaierror as error:
            raise UserError(f"host={host} is no address of this computer ({error.strerror})") from error
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise UserError(f"host={host} is no address of this computer ({error.strerror})") from error
    raise UserError(f"port={wanted} and the {PORTS_TRIED - 1} after it are in use; choose another")


def _page(settings: AppSettings, recognizer: Recognizer, folder: Path) -> gradio.Blocks:
    os.environ.update(
        GRADIO_TEMP_DIR=str(folder), GRADIO_ANALYTICS_ENABLED="False", GRADIO_ALLOWED_PATHS="", HF_HUB_OFFLINE="1"
    )
    from ser_lightning.trying.about import about
    from ser_lightning.trying.page import Answering, build_page

    limits = Limits(settings.max_megabytes, settings.max_seconds)
    answering = Answering(recognizer, limits=limits, folder=folder)
    return build_page(answering, about=about(recognizer, Path(settings.run)), threshold=settings.threshold)


def _launch(page: gradio.Blocks, settings: AppSettings, port: int) -> None:
    from ser_lightning.trying.page import style, theme

    # Gradio asks the server by its address whether it is there: not through a proxy.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = f"{settings.host},127.0.0.1,localhost"
    page.launch(
        server_name=_in_address(settings.host),
        server_port=port,
        share=False,
        inline=False,
        prevent_thread_lock=True,
        quiet=True,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        max_file_size=int(settings.max_megabytes * MEGABYTE),
        allowed_paths=[],
        theme=theme(),
        css=style(),
    )


def _tell(settings: AppSettings, port: int) -> None:
    if port != settings.port:
        err.print(f"port {settings.port} is in use; this is the next free one", markup=False)
    if not _only_here(settings.host):
        err.print(
            f"host={settings.host}: whoever reaches this computer in the network can use the page; browsers let a page "
            "record only at http://127.0.0.1 or by https",
            style="yellow",
            markup=False,
        )
    shown = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host
    out.print(f"page: http://{_in_address(shown)}:{port}  (Ctrl-C ends it)", markup=False)


def _in_address(host: str) -> str:
    """A host as it stands in an address: IPv6 in brackets.

    >>> _in_address("::1"), _in_address("127.0.0.1")
    ('[::1]', '127.0.0.1')
    """
    return f"[{host}]" if ":" in host else host


def _only_here(host: str) -> bool:
    """Whether an address is this computer's own for itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _EndedError(BaseException):
    """A signal asked for the end."""


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder for all that this process keeps for a while, the libraries' too; it is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="ser_lightning_app_") as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        try:
            yield Path(folder)
        finally:
            tempfile.tempdir = before


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and Ctrl-C end the block and then the process, with exit code 0; clearing away is not disturbed."""

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise _EndedError

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except _EndedError:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # all is cleared away; Python would wait for answers under way, and take seconds to unload torch
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _close(page: gradio.Blocks) -> None:
    """Stop answering: streams first, as the server waits for them."""
    if page.is_running:
        page.is_running = False
        page.app.stop_event.set()
        page.server.should_exit = True
        page.server.thread.join(CLOSING_SECONDS)
