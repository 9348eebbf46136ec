"""The ids of git, against git's own."""

import subprocess

from ser_lightning.downloads.lfs import git_id


def git(folder, *arguments):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_ids_are_those_of_git(tmp_path):
    folder = tmp_path / "b"
    folder.mkdir()
    for name in ("Z.wav", "a.wav", "a-b.wav", "é.wav", "10.wav", "9.wav"):
        (folder / name).write_text(f"content of {name}\n")
    (tmp_path / "empty.csv").touch()
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    for path in ("b", "b/a.wav", "empty.csv"):
        assert git_id(tmp_path / path) == git(tmp_path, "rev-parse", f"HEAD:{path}")
    assert git_id(tmp_path / "absent") == ""
