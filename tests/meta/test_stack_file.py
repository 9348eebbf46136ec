import json
import shutil

import pytest

from ser_lightning.errors import UserError
from ser_lightning.meta.stack_file import read_stack


def written(folder, **changes):
    """A stack's directory beside its members' two."""
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
    members = [
        {"name": name, "runs": [{"fold": None, "path": f"../{name}", "absolute": str(folder / name)}]}
        for name in ("a", "b")
    ]
    contents = {"format": 1, "labels": ["happy", "sad"], "sample_rate": 16000, "members": members} | changes
    (folder / "stack").mkdir()
    (folder / "stack" / "stack.json").write_text(json.dumps(contents))
    return folder / "stack"


def places(stack):
    return [run.resolve() for runs in stack.members for run in runs]


def test_members_lie_where_they_were(tmp_path):
    stack = read_stack(written(tmp_path / "x"))
    assert (stack.labels, stack.sample_rate) == (("happy", "sad"), 16000)
    assert places(stack) == [tmp_path / "x" / "a", tmp_path / "x" / "b"]


def test_all_of_it_can_be_moved(tmp_path):
    written(tmp_path / "x")
    (tmp_path / "x").rename(tmp_path / "y")
    assert places(read_stack(tmp_path / "y" / "stack")) == [tmp_path / "y" / "a", tmp_path / "y" / "b"]


def test_the_stack_alone_can_be_moved(tmp_path):
    moved = shutil.move(written(tmp_path / "x"), tmp_path / "alone")
    assert places(read_stack(moved)) == [tmp_path / "x" / "a", tmp_path / "x" / "b"]


def test_members_that_are_gone_are_all_named(tmp_path):
    folder = written(tmp_path / "x")
    for name in ("a", "b"):
        (tmp_path / "x" / name).rmdir()
    with pytest.raises(UserError) as caught:
        read_stack(folder)
    first, second = caught.value.problems
    assert first == (
        f"{folder}/stack.json needs a member that is gone: neither {folder}/../a nor {tmp_path}/x/a is there; put it "
        "back"
    )
    assert second.replace("/b", "/a") == first


def test_a_stack_of_stacks_is_refused(tmp_path):
    folder = written(tmp_path / "x")
    (tmp_path / "x" / "b" / "stack.json").write_text("{}")
    with pytest.raises(UserError, match=r"a member must be runs that are no stacks themselves, got .*x/stack/\.\./b"):
        read_stack(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 2}, "has format 2, this version reads 1"),
        ({"members": [{"name": "a", "runs": []}]}, "must be runs that are no stacks themselves, got none"),
        ({"members": []}, "has no members"),
        ({"members": [{"name": "a"}]}, "KeyError: 'runs'"),
        ({"members": ["a"]}, "cannot be read as a stack"),
        ({"labels": 3}, "cannot be read as a stack"),
        ({"sample_rate": "high"}, "cannot be read as a stack"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, changes, said):
    with pytest.raises(UserError, match=said):
        read_stack(written(tmp_path / "x", **changes))


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_damaged_file_is_told(tmp_path, text):
    (tmp_path / "stack.json").write_text(text)
    with pytest.raises(UserError, match=r"stack\.json cannot be read as a stack"):
        read_stack(tmp_path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match=r"stack\.json cannot be read as a stack \(FileNotFoundError"):
        read_stack(tmp_path)
