"""`download` as a process: killed in the middle, stopped by Ctrl-C, on a disk that is full."""

import errno
import os
import resource
import signal
import subprocess
import sys
import threading

import pytest

from ser_lightning.downloads.faults import FULL


def process(words, data_dir, *more, **options):
    """The command as a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [sys.executable, "-W", "error", "-m", "ser_lightning.download", *words, *more]
    return subprocess.Popen(
        command,
        cwd=data_dir.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def ended(how, words, case, server, data_dir, meanwhile):
    """The exit code and the messages of a process that was signalled in the middle of a file."""
    reached, go_on = threading.Event(), threading.Event()
    server.cuts[case.victim] = [60_000]
    server.stalls[case.victim] = reached, go_on
    with process(words, data_dir) as child:
        try:
            assert reached.wait(60)
            meanwhile()
            child.send_signal(how)
        finally:
            server.stalls.clear()
            go_on.set()
        _, err = child.communicate(timeout=60)
    return child.returncode, err


def test_a_killed_download_is_completed_by_the_next(case, called, data_dir, server, final, completes, small):
    def another():
        second = called(case)
        assert second.code == 2
        assert "another download works in" in second.err

    code, _ = ended(signal.SIGKILL, small.arguments(case), case, server, data_dir, another)
    assert code == -signal.SIGKILL
    assert final() == {}
    completes(case)


def test_ctrl_c_is_told_and_what_has_come_is_kept(data_dir, server, final, completes, small):
    case = small.tess()
    server.files |= case.serve
    code, err = ended(signal.SIGINT, small.arguments(case), case, server, data_dir, lambda: None)
    assert code == 1
    assert "Traceback" not in err
    assert "stopped; what has come is kept, the same command goes on from there" in err
    assert final() == {}
    completes(case)


def test_a_limit_on_file_size_counts_as_a_full_disk(data_dir, server, final, completes, small):
    case = small.ravdess()
    server.files |= case.serve

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    with process(small.arguments(case), data_dir, preexec_fn=limit) as child:
        _, err = child.communicate(timeout=60)
    assert child.returncode == 1, err
    assert "Traceback" not in err
    assert "the disk of data is full (or its quota, or the limit on a file's size): the corpus needs" in err
    assert final() == {}
    [part] = data_dir.glob(".*/*.part")
    assert part.stat().st_size == 150_000
    completes(case)
    assert server.asked_ranges(case.victim) == [None, "bytes=150000-"]


def test_a_full_disk(data_dir, server, small):
    """On a real file system of 700 kB, of our own: in it, the files are gone with the process, so it calls twice."""
    case = small.tess()
    server.files |= case.serve
    script = f"""
import subprocess, sys
words = {small.arguments(case)!r}
def call(*more):
    command = [sys.executable, "-m", "ser_lightning.download", *words, *more]
    return subprocess.run(command, capture_output=True, text=True)
first = call("places.tess.num_bytes=1000")
import pathlib
print([path.name for path in pathlib.Path("data").iterdir()], first.returncode, first.stderr)
subprocess.run(["mount", "-o", "remount,size=2m", "data"], check=True)
second = call()
print(second.returncode, len(list(pathlib.Path("data/TESS").glob("*.wav"))), second.stderr)
"""
    mounted = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs -o size=700k t data"]
    if subprocess.run(mounted, cwd=data_dir.parent, capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody but root mount a file system")
    (data_dir.parent / "twice.py").write_text(script)
    mounted[-1] += f" && exec {sys.executable} twice.py"
    done = subprocess.run(mounted, cwd=data_dir.parent, capture_output=True, text=True, check=True)
    first, _, second = done.stdout.rpartition("\n0 ")
    assert first.startswith("['.TESS.part'] 1 "), done.stdout + done.stderr
    assert "the disk of data is full" in first
    assert "Traceback" not in first
    assert second.startswith("8 ")
    assert sum(server.sent.values()) < 2 * 800_000


def test_errors_of_the_disk_that_mean_full():
    assert {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} == FULL
