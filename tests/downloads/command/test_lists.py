"""A Dataverse list that is not the whole corpus, or not to be trusted; and other corpora that lose a file."""

import pytest

from ser_lightning.corpora.emodb import EmoDB


def failed(done, *words):
    """One message, no traceback."""
    assert done.code == 1, done.err
    assert "Traceback" not in done.err
    assert done.message.count("\n") == 0
    for word in words:
        assert word in done.message


@pytest.fixture
def tess(server, small):
    case = small.tess()
    server.files |= case.serve
    return case


def renamed(number, name):
    return lambda files: files[number].update(label=name)


def restricted(*numbers):
    return lambda files: [files[number].update(restricted=True) for number in numbers]


def fetched(server):
    return [path for path, _ in server.asked if "datafile/" in path]


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"data": {"latestVersion": {"files": []}}}'])
def test_a_list_that_is_none(answer, called, data_dir, server, completes, small):
    case = small.tess()
    server.files |= {**case.serve, small.TESS_LIST: answer}
    failed(called(case), "gives no list" if b"files" not in answer else "lists no file")
    server.files |= case.serve
    completes(case)


def test_a_list_with_a_path_that_leads_outside(called, data_dir, server, final, small):
    case = small.tess()
    server.files |= {**case.serve, **small.tess_list(renamed(0, f"../{small.TESS[0]}"))}
    failed(called(case), "outside its folder")
    assert final() == {}


def test_restricted_files_are_named_and_nothing_is_fetched(tess, called, data_dir, server, completes, small):
    server.files |= small.tess_list(restricted(2, 5))
    failed(
        called(tess),
        f"2 files ({small.TESS[2]}, {small.TESS[5]}) restricted, ask for access",
        "the page is https://doi.org/10.5683/SP2/E8H2MF",
    )
    assert fetched(server) == []
    assert list(data_dir.iterdir()) == []
    server.files |= tess.serve
    completes(tess)


def test_of_many_files_the_first_are_named(tess, called, data_dir, server, small):
    server.files |= small.tess_list(restricted(*range(8)), lambda files: files.extend(more(files, 4)))
    failed(called(tess, "places.tess.num_files=12"), "12 files (", "more1.wav and 2 more) restricted")


def more(files, count):
    return [{**files[0], "label": f"more{number}.wav"} for number in range(count)]


def test_a_restricted_file_that_is_there_is_no_obstacle(tess, called, data_dir, server, completes, small):
    called(tess)
    (data_dir / "TESS" / small.TESS[0]).unlink()
    server.files |= small.tess_list(restricted(2))
    completes(tess)


def test_a_missing_file_that_is_not_listed_any_more_is_named(tess, called, data_dir, server, final, completes, small):
    called(tess)
    (data_dir / "TESS" / small.TESS[3]).unlink()
    server.files |= small.tess_list(renamed(3, "another.wav"))
    for _ in range(2):  # it is not forgotten
        failed(called(tess), f"it does not list 1 file ({small.TESS[3]}) any more")
        assert f"TESS/{small.TESS[3]}" not in final()
    server.files |= tess.serve
    completes(tess)


def test_a_list_that_is_shorter_tells_both_numbers_and_what_is_lost(tess, called, data_dir, server, small):
    called(tess)
    (data_dir / "TESS" / small.TESS[3]).unlink()
    server.files |= small.tess_list(lambda files: files.pop(3))
    failed(called(tess), "it lists 7 files, the corpus has 8", f"1 file ({small.TESS[3]})")


def test_the_number_of_files_is_that_of_the_corpus(tess, called, data_dir, server, final):
    tess.overrides.remove("places.tess.num_files=8")
    failed(called(tess), "it lists 8 files, the corpus has 2800")
    assert fetched(server) == []
    assert final() == {}


@pytest.mark.parametrize("again", ["{}", "./{}"])
def test_two_entries_of_one_path_are_refused(again, tess, called, data_dir, server, small):
    server.files |= small.tess_list(renamed(1, again.format(small.TESS[0])))
    failed(called(tess), f"lists 1 file ({small.TESS[0]}) more than once")
    assert fetched(server) == []


def test_a_file_that_an_archive_has_no_more_is_named(called, data_dir, server, final, small):
    whole = small.emodb()
    server.files |= whole.serve
    called(whole)
    (data_dir / "EmoDB/emodb" / small.EMODB[0]).unlink()
    shorter = small.zenodo("emodb", "EmoDB", {"speech": ("emodb.zip", small.EMODB[1:])}, EmoDB)
    server.files |= shorter.serve
    for _ in range(2):
        failed(called(shorter), f"data/EmoDB/emodb lacks 1 file ({small.EMODB[0]})")
    assert final() == shorter.placed
