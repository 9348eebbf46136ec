"""The page says what the clips are, asks nobody for anything, and survives the poorest and the largest corpus."""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

from ser_lightning.card import figures
from ser_lightning.card.page import label_use, write_card
from ser_lightning.corpora.base import Origin, Scan, Utterance
from ser_lightning.corpora.columns import columns
from ser_lightning.data.clips import Clips, load_clips
from ser_lightning.emotions import LabelSet, label_set

NASTY = "<b>sp&1</b> \"quoted\" 'name'"
RATE = 16000


class Page(HTMLParser):
    """Tables and lists by the name of their region, all tags, all words."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.items: dict[str, list[str]] = {}
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self._region = self._open = ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append((tag, values))
        self._open = tag
        if values.get("role") == "region":
            self._region = values["aria-label"]
            self.tables[self._region], self.items[self._region] = [], []
        if tag == "h2":
            self._region = ""
        if tag == "tr":
            self.tables[self._region].append([])
        if tag in ("td", "th"):
            self.tables[self._region][-1].append("")
        if tag == "li":
            self.items.setdefault(self._region, []).append("")

    def handle_data(self, data: str) -> None:
        if self._open in ("td", "th"):
            self.tables[self._region][-1][-1] += data.strip()
        if self._open in ("li", "code") and self.items.get(self._region):
            self.items[self._region][-1] += data
        if self._open != "style":
            self.words = " ".join(f"{self.words} {data}".split())

    def handle_endtag(self, tag: str) -> None:
        self._open = "li" if tag == "code" else ""

    def all(self, tag: str) -> list[dict[str, str]]:
        return [values for name, values in self.tags if name == tag]


@dataclasses.dataclass(frozen=True)
class Listed:
    """A corpus of given rows."""

    rows: Sequence[Utterance]
    origins: tuple[Origin, ...] = ()
    bad: tuple[tuple[str, str], ...] = ()
    name: str = "own"

    def scan(self) -> Scan:
        return Scan(clips=columns(self.rows), origins=self.origins, bad=self.bad, notes=("a <note>",))


def write_noise(path: Path, level_db: float, seconds: float, seed: int = 0, rate: int = RATE) -> None:
    """Samples of one size and random sign: their level is known, and no two seeds sound the same."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], round(seconds * rate))
    soundfile.write(path, 10 ** (level_db / 20) * signs, rate)


def utterance(path: Path, emotion: str, speaker: str, sex: str = "", text: str = "") -> Utterance:
    return Utterance(path=path, emotion=emotion, speaker=speaker, corpus="own", sex=sex, text=text)


def load(corpus: Listed, folder: Path) -> Clips:
    return load_clips(corpus, cache_dir=folder / "cache", rate=RATE, skip_bad=True)


def native(clips: Clips) -> LabelSet:
    return LabelSet("native", {emotion: emotion for emotion in clips.table["emotion"].unique().sort()})


def crossed_corpus(folder: Path) -> Listed:
    """2 speakers x 2 emotions x 2 texts, sad 20 dB softer and twice as long; two equal clips of 8 kHz; bad files."""
    rows = []
    for speaker, sex in ((NASTY, "female"), ("ben", "male")):
        for emotion, level_db, seconds in (("angry", -9.0, 0.3), ("sad", -29.0, 0.6)):
            for text in ("one", "two"):
                path = folder / f"{len(rows)}.wav"
                write_noise(path, level_db, seconds, seed=len(rows))
                rows.append(utterance(path, emotion, speaker, sex, text))
    write_noise(folder / "8.wav", -9.0, 0.3, seed=8, rate=8000)
    (folder / "9.wav").write_bytes((folder / "8.wav").read_bytes())
    (folder / "x<y>.wav").touch()
    extra = ("8.wav", "9.wav", "x<y>.wav")
    rows += [utterance(folder / name, "boredom", "ben", "male", "three") for name in extra]
    origin = Origin(corpus="own", title="My <own> corpus", citation="Me & you 2026", url="https://example.org/?a=1&b=2")
    return Listed(rows, origins=(origin,), bad=(("listed.wav", "no <label>"),))


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Page, Clips, Path]:
    folder = tmp_path_factory.mktemp("own")
    clips = load(crossed_corpus(folder), folder)
    labels = label_set({"low": ["sad"], "high": ["angry"]}, clips.table["emotion"])
    path = write_card(clips, labels, folder / "card")
    assert path == folder / "card" / "index.html"
    return Page(path), clips, folder / "card"


def test_emotions_are_counted_and_measured(written):
    page, _, _ = written
    *rows, resampled = page.tables["Emotions"]
    assert rows == [
        ["emotion", "clips", "female", "male", "median s", "median dBFS"],
        ["angry", "4", "2", "2", "0.30", "-9.0"],
        ["sad", "4", "2", "2", "0.60", "-29.0"],
    ]
    assert resampled[:5] == ["boredom", "2", "0", "2", "0.30"]


def test_speakers_are_counted_and_measured(written):
    page, _, _ = written
    head, *rows = page.tables["Speakers"]
    assert head == ["speaker", "sex", "clips", "angry", "sad", "boredom", "s", "dBFS", "before", "after"]
    assert [row[:6] for row in rows] == [[NASTY, "female", "4", "2", "2", "0"], ["ben", "male", "6", "2", "2", "2"]]
    assert rows[0][6:8] == ["0.45", "-19.0"]


def test_formats_and_what_was_left_out_are_listed(written):
    page, clips, _ = written
    assert page.tables["Formats"] == [["rate, Hz", "channels", "clips"], ["16,000", "1", "8"], ["8,000", "1", "2"]]
    assert [" ".join(item.split()) for item in page.items["Left out"]] == [
        f"{path}: {reason}" for path, reason in clips.left_out
    ]
    assert len(clips.left_out) == 2
    assert "2 of 12 files cannot be used" in page.words
    assert "a <note>" in page.items["Notes"][0]
    [twin] = page.items["Recordings"]
    assert " ".join(twin.split()) == "identical: own/ben/8 (boredom), own/ben/9 (boredom)"


def test_the_label_set_says_what_it_merges_and_drops(written):
    page, clips, _ = written
    assert "classes low 4, high 4" in page.words
    assert "merged sad -> low (4 clips), angry -> high (4 clips)" in page.words
    assert "dropped boredom (2 clips)" in page.words
    paper = LabelSet("mine", {"angry": "a", "sad": "b", "boredom": "b"})
    assert label_use(clips, paper).classes == {"a": 4, "b": 6}


def test_the_findings_stand_before_the_pictures(written):
    page, _, _ = written
    found = page.words[: page.words.index("Emotions and texts")]
    assert "1 of 3 texts occurs in one emotion only, in 2 of 10 clips (20%)" in found
    assert "the softest sad (-29.0 dBFS)" in found
    assert "1 recording is there more than once, each under one emotion and one speaker." in found


def test_the_origin_is_told(written):
    page, _, _ = written
    assert "My <own> corpus" in page.words
    assert "Me & you 2026" in page.words
    assert "licence not stated" in page.words
    assert [values["href"] for values in page.all("a")] == ["https://example.org/?a=1&b=2"]


def test_nothing_on_the_page_asks_for_anything(written):
    page, _, _ = written
    addresses = [values[name] for _, values in page.tags for name in ("src", "srcset") if name in values]
    assert len(addresses) == 12
    assert all(address.startswith("data:image/png;base64,") for address in addresses)
    linked = [values["href"] for tag, values in page.tags if "href" in values and tag != "a"]
    assert linked == ["data:,"]
    assert re.findall(r"@import|url\(|<script", page.source) == []
    assert page.source.count("http") == 2 + 1  # the link, its text, and http-equiv
    policy = [values["content"] for values in page.all("meta") if "http-equiv" in values]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_odd_names_are_escaped(written):
    page, _, _ = written
    assert page.all("b") == []
    assert "<b>" not in page.source
    assert "<own>" not in page.source


def test_every_picture_has_a_text_and_a_caption_and_is_a_file_beside_the_page(written):
    page, _, folder = written
    images = page.all("img")
    assert len(images) == len(page.all("figure")) == len(page.all("figcaption")) == 12
    assert all(len(values["alt"]) > 20 for values in images)
    inline = [base64.b64decode(values["src"].partition("base64,")[2]) for values in images]
    files = [path.read_bytes() for path in folder.iterdir() if path.suffix == ".png"]
    assert sorted(inline) == sorted(files)


def test_one_clip_without_speaker_sex_or_text(tmp_path):
    write_noise(tmp_path / "a.wav", -9.0, 0.2)
    clips = load(Listed([utterance(tmp_path / "a.wav", "sad", "")]), tmp_path)
    page = Page(write_card(clips, native(clips), tmp_path / "card"))
    assert page.tables["Speakers"][1][:3] == ["unknown", "unknown", "1"]
    assert page.tables["Emotions"][1] == ["sad", "1", "1", "0.20", "-9.0"]
    assert "Loudness cannot be compared" in page.words
    assert "no texts are known" in page.words
    assert not (tmp_path / "card" / "log_mel_difference.png").exists()
    assert "labels not stated" in page.words


def test_identical_audio_under_two_labels_is_left_out_of_the_label_set(tmp_path):
    rows = []
    for name, emotion in (("a", "sad"), ("b", "happy"), ("c", "sad")):
        write_noise(tmp_path / f"{name}.wav", -9.0, 0.2, seed=int(name == "c"))
        rows.append(utterance(tmp_path / f"{name}.wav", emotion, "ann"))
    clips = load(Listed(rows), tmp_path)
    use = label_use(clips, native(clips))
    assert (use.classes, use.torn) == ({"happy": 0, "sad": 1}, 2)


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> tuple[Page, Clips]:
    """CREMA-D's size in speakers: 91, of three clips each, and more texts than a picture has columns."""
    folder = tmp_path_factory.mktemp("many")
    rows = []
    for index in range(273):
        path = folder / f"{index}.wav"
        write_noise(path, -20.0 - index / 20, 0.1, seed=index)
        emotion = ("angry", "sad", "neutral")[index % 3]
        rows.append(utterance(path, emotion, f"{1001 + index // 3}", "female", f"t{index}"))
    clips = load(Listed(rows), folder)
    return Page(write_card(clips, native(clips), folder / "card")), clips


def test_ninety_one_speakers_are_columns_on_the_picture_and_rows_of_the_table(many):
    page, _ = many
    assert len(page.tables["Speakers"]) == 92
    assert page.tables["Speakers"][91][:6] == ["1091", "female", "3", "1", "1", "1"]
    assert "a column is a speaker" in page.words
    assert "273 of 273 texts occur in one emotion only (273 texts of them spoken only once)" in page.words


def test_pictures_do_not_grow_with_the_corpus():
    emotions = ["angry", "sad"]
    few = figures.crossed_figure(np.ones((30, 2), int), [str(n) for n in range(30)], emotions, "speakers")
    wide = figures.crossed_figure(np.eye(2000, 2, dtype=int), [str(n) for n in range(2000)], emotions, "speakers")
    assert len(few.axes[0].texts) == 60
    shown = wide.axes[0].images[0].get_array()
    assert shown.shape == (2, figures.MOST_COLUMNS)
    assert shown[0, 0] == 1
    assert shown[1].mask.all() or shown[1].count() <= 1
    assert wide.axes[0].get_xlabel() == "240 of 2,000 speakers"
    rows = pl.DataFrame({"name": ["x"] * 500} | {q: np.arange(500.0) for q in ("p5", "p25", "median", "p75", "p95")})
    for height, count in ((9, 30), (3.4, 500)):
        figure = figures.spread_figure(rows.head(count), "dB", "speakers", [figures.BLUE] * count)
        assert figure.get_size_inches()[1] == pytest.approx(height, abs=0.01)


def test_sexes_of_any_name_have_a_colour_each():
    colours = figures.sex_colours(["diverse", "female", "other", "unknown"])
    assert len(set(colours.values())) == 4
    assert colours["female"] == figures.SEXES["female"]
