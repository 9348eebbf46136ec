"""Archives that mean harm, and those that are broken."""

import io
import stat
import struct
import zipfile

import pytest

from ser_lightning.downloads.unpack import BadArchiveError, is_inside, unpack


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def link(name="link", target="/etc/passwd"):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


def refused(archive, folder, match, most_bytes=10**6):
    with pytest.raises(BadArchiveError, match=match):
        unpack(archive, folder, most_bytes=most_bytes)


def test_what_is_unpacked_is_listed_with_size_and_sha256(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"b/x.wav": b"abc", "a.txt": b"", "b/": b""})
    files = unpack(archive, tmp_path / "out", most_bytes=3)
    assert [(file.path, file.num_bytes) for file in files] == [("a.txt", 0), ("b/x.wav", 3)]
    assert files[1].checksum == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (tmp_path / "out/b/x.wav").read_bytes() == b"abc"


def test_only_what_is_picked_is_unpacked_and_counted(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"top/x": b"abc", "top/huge": b"0" * 10**6})
    pick = {"top/x": "x"}.get
    assert [file.path for file in unpack(archive, tmp_path / "out", most_bytes=3, pick=pick)] == ["x"]


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "C:/evil", "C:evil", "a\\..\\..\\evil", "//host/evil"]
)
def test_a_name_that_leads_outside_is_refused(tmp_path, name):
    assert not is_inside(name)
    archive = zipped(tmp_path / "a.zip", {"fine": b"1", name: b"2"})
    refused(archive, tmp_path / "deep/out", "outside its folder")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip"]


def test_a_name_that_is_cut_at_a_zero_byte_is_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"fine_..": b"1"})
    archive.write_bytes(archive.read_bytes().replace(b"fine_..", b"fine\0.."))
    refused(archive, tmp_path / "out", "outside its folder|no whole zip")


def test_a_link_is_refused(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(*link())
        opened.writestr("link/file", "through it")
    refused(archive, tmp_path / "out", "a link or a special file: 'link'")
    assert not (tmp_path / "out").exists()


def test_two_members_of_one_name_are_refused(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            opened.writestr("a", "2")
    refused(archive, tmp_path / "out", "two files of one name")


def test_more_than_the_corpus_has_is_refused_before_anything_is_written(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"bomb": b"0" * 10**6})
    refused(archive, tmp_path / "out", "would unpack to 1000000 bytes, more than the 1000 ", most_bytes=1000)
    assert not (tmp_path / "out").exists()


def test_a_member_that_lies_about_its_size_ends_there(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"bomb": b"0" * 10**6})
    honest, lie = struct.pack("<I", 10**6), struct.pack("<I", 100)
    archive.write_bytes(archive.read_bytes().replace(honest, lie))
    refused(archive, tmp_path / "out", "no whole zip archive", most_bytes=1000)
    assert (tmp_path / "out/bomb").stat().st_size <= 100


@pytest.mark.parametrize("damage", ["truncated", "flipped", "no zip"])
def test_a_broken_archive_is_refused(tmp_path, damage):
    content = io.BytesIO()
    zipped(content, {"a": bytes(range(256)) * 100})
    whole = content.getvalue()
    middle = len(whole) // 4
    broken = {
        "truncated": whole[: len(whole) // 2],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
        "no zip": b"<html></html>",
    }[damage]
    (tmp_path / "a.zip").write_bytes(broken)
    refused(tmp_path / "a.zip", tmp_path / "out", "a.zip is no whole zip archive")
