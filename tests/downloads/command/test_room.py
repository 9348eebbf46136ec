"""Where a corpus goes: how much room it needs, and folders that cannot be used."""

import pytest


def test_too_little_space_is_told_beforehand(called, data_dir, server, small):
    case = small.tess()
    done = called(case, f"places.tess.num_bytes={10**17}")
    assert done.code == 2
    assert "needs 1e+08 GB of disk space" in done.err
    assert list(data_dir.iterdir()) == []
    assert server.asked == []


def test_a_repair_asks_for_the_room_of_what_is_missing(case, called, data_dir, server, completes, monkeypatch):
    """Each file has 100 kB; CREMA-D's archive of 5 kB is fetched and unpacked again, RAVDESS's is fetched."""
    needed = {"tess": 100_000, "cremad": 110_000, "ravdess": 100_000 + len(case.serve[case.victim])}[case.corpus]
    assert called(case).code == 0
    next(data_dir.rglob("*.wav")).unlink()
    asked = len(server.asked)
    monkeypatch.setattr("ser_lightning.downloads.command.free_bytes", lambda folder: needed - 1)
    done = called(case)
    assert done.code == 2
    assert "of disk space while it is fetched" in done.err
    assert len(server.asked) == asked
    monkeypatch.setattr("ser_lightning.downloads.command.free_bytes", lambda folder: needed)
    completes(case)


@pytest.mark.parametrize("chosen", ["file", "file/below", "/proc"])
def test_a_data_dir_that_cannot_be_used_is_told_and_nothing_begun(chosen, commanded, data_dir, server, small):
    """In /proc nobody, not even root, may make a folder."""
    (data_dir.parent / "file").write_text("mine")
    case = small.tess()
    server.files |= case.serve
    done = commanded(case, f"data_dir={chosen}")
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("1 thing to mend; nothing was started:\n- data_dir must be a folder that can be")
    assert f"{chosen} cannot be used (" in done.err
    assert server.asked == []
    assert (data_dir.parent / "file").read_text() == "mine"
