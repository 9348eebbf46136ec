"""Every splitter cuts into parts that share neither clips nor audio, the same for a seed, whatever the rows' order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, product

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ser_lightning.data.parts import PARTS
from ser_lightning.data.speakers import speaker_units, tied
from ser_lightning.data.splits.base import Splitter
from ser_lightning.data.splits.random import Random
from ser_lightning.data.splits.speaker import Speaker
from ser_lightning.errors import UserError

SPLITTERS = (Random(), Random(stratify=False), Speaker())
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
Rows = Sequence[tuple[str, str, str, str, str]]


def table(rows: Rows, corpus: str = "c") -> pl.DataFrame:
    """A row a clip from its speaker, sex, text, label and hash; an empty hash is one of its own."""
    columns = {
        "clip": [f"{corpus}/{row[0]}/{number:04}" for number, row in enumerate(rows)],
        "corpus": [corpus] * len(rows),
        **{name: [row[at] for row in rows] for at, name in enumerate(("speaker", "sex", "text", "label"))},
        "recording": [row[4] or f"{corpus}{number}" for number, row in enumerate(rows)],
    }
    return pl.DataFrame(columns, schema_overrides=dict.fromkeys(columns, pl.String))


def tess() -> pl.DataFrame:
    """2,800 clips: 2 speakers, 200 words, 7 emotions."""
    cells = product(("OAF", "YAF"), range(200), EMOTIONS)
    return table([(speaker, "female", f"word {word}", emotion, "") for speaker, word, emotion in cells], "tess")


def ravdess() -> pl.DataFrame:
    """1,440 clips: 24 actors, odd male and even female, 8 emotions, neutral in half as many."""
    rows = []
    for actor in range(1, 25):
        labels = [*EMOTIONS[:-1], "calm"] * 8 + ["neutral"] * 4
        sex = ("female", "male")[actor % 2]
        rows += [(f"actor{actor:02}", sex, f"text {n % 2}", label, "") for n, label in enumerate(labels)]
    return table(rows, "ravdess")


@st.composite
def tables(draw: st.DrawFn, min_speakers: int = 2, max_speakers: int = 9) -> pl.DataFrame:
    """Uneven speakers, texts and labels; up to a few clips are the same audio as another, of one label."""
    speakers = draw(st.integers(min_speakers, max_speakers))
    size = draw(st.integers(30, 80))
    cells = st.tuples(st.integers(0, speakers - 1), st.integers(0, 5), st.integers(0, 2))
    rows = [
        (f"s{s}", "mf"[s % 2], f"t{t}", EMOTIONS[e], "")
        for s, t, e in draw(st.lists(cells, min_size=size, max_size=size))
    ]
    for one, other in draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=3)):
        audio = rows[one][4] or rows[other][4] or f"same{one}"
        rows[one] = (*rows[one][:4], audio)
        rows[other] = (*rows[other][:3], rows[one][3], audio)
    made = table(rows)
    labels = made.group_by("recording").agg(pl.col("label").n_unique())
    assume(labels["label"].max() == 1)
    return made


def cut(splitter: Splitter, clips: pl.DataFrame) -> pl.DataFrame:
    """The clips with their part; draws that the splitter refuses are passed over."""
    try:
        parts = splitter.split(clips).parts
    except UserError:
        assume(False)
        raise
    return clips.with_columns(part=parts)


def part_of(splitter: Splitter, clips: pl.DataFrame) -> dict[str, str]:
    return dict(cut(splitter, clips).select("clip", "part").iter_rows())


def speakers_of(made: pl.DataFrame, part: str) -> set[str]:
    return set(made.filter(part=part)["speaker"])


def counts(made: pl.DataFrame) -> Counter[str]:
    return Counter(made["part"].to_list())


@pytest.mark.parametrize("splitter", SPLITTERS, ids=["random", "not stratified", "speaker"])
class TestEverySplitter:
    @given(clips=tables())
    def test_each_clip_has_one_part_and_each_part_a_clip(self, splitter: Splitter, clips: pl.DataFrame):
        made = cut(splitter, clips)
        assert set(made["part"]) == set(PARTS)
        assert made.drop("part").equals(clips)

    @given(clips=tables(), order=st.randoms(use_true_random=False))
    def test_the_order_of_the_rows_is_no_matter(self, splitter: Splitter, clips: pl.DataFrame, order: object):
        mixed = clips.sample(fraction=1, shuffle=True, seed=order.randrange(1 << 30))  # type: ignore[attr-defined]
        assert part_of(splitter, mixed) == part_of(splitter, clips)

    @given(clips=tables())
    def test_identical_audio_lies_in_one_part(self, splitter: Splitter, clips: pl.DataFrame):
        parts = cut(splitter, clips).group_by("recording").agg(pl.col("part").n_unique())
        assert parts["part"].to_list() == [1] * len(parts)

    def test_a_seed_is_one_split_and_another_seed_another(self, splitter: Splitter):
        clips = ravdess()
        made = [part_of(type(splitter)(seed=seed), clips) for seed in (0, 0, 1, 2)]  # type: ignore[call-arg]
        assert made[0] == made[1]
        assert len({tuple(sorted(parts.items())) for parts in made}) == 3


@given(clips=tables(min_speakers=3), seed=st.integers(0, 5))
def test_three_speakers_or_more_are_in_one_part_each(clips: pl.DataFrame, seed: int):
    made = cut(Speaker(seed=seed), clips)
    shared = [speakers_of(made, one) & speakers_of(made, other) for one, other in combinations(PARTS, 2)]
    # Two speakers of one recording may leave two units, of which one is split by text: only the test part is apart.
    if len(set(speaker_units(clips))) > 2:
        assert shared == [set(), set(), set()]
    assert shared[1:] == [set(), set()]


@given(clips=tables(min_speakers=2, max_speakers=2), seed=st.integers(0, 5))
def test_of_two_speakers_one_is_tested_and_val_has_texts_of_its_own_where_there_are_two(clips: pl.DataFrame, seed: int):
    assume(len(set(speaker_units(clips))) == 2)
    made = cut(Speaker(seed=seed), clips)
    assert len(speakers_of(made, "test")) == 1
    assert speakers_of(made, "train") == speakers_of(made, "val") != speakers_of(made, "test")
    train, val = (set(made.filter(part=part)["text"]) for part in ("train", "val"))
    assert not train & val or len(train | val) == 1


class TestRandom:
    @pytest.mark.parametrize("stratify", [True, False])
    @pytest.mark.parametrize(("size", "test", "val"), [(10, 2, 1), (11, 3, 1), (99, 20, 8), (2800, 560, 224)])
    def test_sizes_are_rounded_up_and_val_is_cut_from_what_test_leaves(
        self, size: int, test: int, val: int, stratify: bool
    ):
        clips = table([("s", "", "", EMOTIONS[number % 2], "") for number in range(size)])
        made = cut(Random(stratify=stratify), clips)
        assert (test, val) == (math.ceil(size * 0.2), math.ceil((size - test) * 0.1))
        assert counts(made) == {"test": test, "val": val, "train": size - test - val}

    def test_tess_is_2016_train_224_val_560_test_and_80_of_each_emotion(self):
        made = cut(Random(), tess())
        assert counts(made) == {"train": 2016, "val": 224, "test": 560}
        assert Counter(made.filter(part="test")["label"]) == dict.fromkeys(EMOTIONS, 80)
        assert Counter(made.filter(part="val")["label"]) == dict.fromkeys(EMOTIONS, 32)
        assert speakers_of(made, "train") == speakers_of(made, "test") == {"OAF", "YAF"}

    @given(
        sizes=st.lists(st.integers(1, 60), min_size=2, max_size=5).filter(lambda sizes: sum(sizes) >= 20),
        seed=st.integers(0, 9),
        fraction=st.sampled_from([0.1, 0.2, 0.25, 0.3]),
    )
    def test_each_label_has_its_share_within_one_clip(self, sizes: list[int], seed: int, fraction: float):
        rows = [("s", "", "", EMOTIONS[label], "") for label, size in enumerate(sizes) for _ in range(size)]
        made = cut(Random(seed=seed, test_fraction=fraction), table(rows))
        tested = Counter(made.filter(part="test")["label"])
        assert tested.total() == math.ceil(round(sum(sizes) * fraction, 6))
        for label, size in enumerate(sizes):
            assert abs(tested[EMOTIONS[label]] - fraction * size) < 1

    def test_without_strata_the_shares_are_left_to_chance(self):
        shares = {
            Counter(cut(Random(seed=seed, stratify=False), tess()).filter(part="test")["label"])["sad"]
            for seed in range(5)
        }
        assert len(shares) > 1
        assert all(50 < share < 110 for share in shares)

    def test_many_copies_of_one_recording_go_together_and_leave_the_size_of_the_part(self):
        rows = [("s", "", "", "sad", "same" if number < 10 else "") for number in range(100)]
        sizes = [counts(cut(Random(seed=seed), table(rows))) for seed in range(20)]
        assert {size["test"] for size in sizes} == {20}

    def test_the_note_says_how_it_was_drawn(self):
        assert [Random(stratify=stratify).split(tess()).notes for stratify in (True, False)] == [
            ("stratified by label",),
            ("not stratified",),
        ]

    @pytest.mark.parametrize(("size", "empty"), [(1, "train and val"), (2, "train")])
    def test_too_few_clips_are_refused(self, size: int, empty: str):
        with pytest.raises(UserError, match=f"the split leaves no clip for {empty} \\({size} in all\\)"):
            Random().split(table([("s", "", "", "sad", "")] * size))


class TestSpeaker:
    @pytest.mark.parametrize("seed", range(6))
    def test_24_actors_are_15_4_and_5_with_both_sexes_in_each_and_labels_in_proportion(self, seed: int):
        made = cut(Speaker(seed=seed), ravdess())
        assert {part: len(speakers_of(made, part)) for part in PARTS} == {"train": 15, "val": 4, "test": 5}
        assert counts(made) == {"train": 900, "val": 240, "test": 300}
        for part, females in (("train", (7, 8)), ("val", (2,)), ("test", (2, 3))):
            sexes = made.filter(part=part).group_by("sex").agg(pl.col("speaker").n_unique())
            assert dict(sexes.iter_rows())["female"] in females
        assert Counter(made.filter(part="test")["label"]) == dict.fromkeys([*EMOTIONS[:-1], "calm"], 40) | {
            "neutral": 20
        }

    def test_uneven_speakers_are_chosen_so_that_labels_stay_in_proportion(self):
        """Of ten speakers five are never sad: a part of two holds one of them."""
        rows = [
            (f"s{speaker}", "", "", label, "")
            for speaker in range(10)
            for label in ["happy"] * 6 + (["sad"] * 6 if speaker < 5 else ["happy"] * 6)
        ]
        for seed in range(6):
            made = cut(Speaker(seed=seed), table(rows))
            assert Counter(made.filter(part="test")["label"]) == {"happy": 18, "sad": 6}
            assert Counter(made.filter(part="val")["label"]) == {"happy": 18, "sad": 6}

    @pytest.mark.parametrize(("speakers", "test", "val"), [(3, 1, 1), (4, 1, 1), (10, 2, 2), (91, 18, 14)])
    def test_how_many_speakers_go_where(self, speakers: int, test: int, val: int):
        made = cut(
            Speaker(), table([(f"s{speaker}", "", "", "sad", "") for speaker in range(speakers) for _ in range(3)])
        )
        assert [len(speakers_of(made, part)) for part in PARTS] == [speakers - test - val, val, test]

    @pytest.mark.parametrize("name", ["YAF", "tess/YAF"])
    def test_tess_tests_the_speaker_that_is_named(self, name: str):
        clips = tess()
        split = Speaker(test_speakers=[name]).split(clips)
        parts, notes = split.parts, split.notes
        made = clips.with_columns(part=parts)
        assert counts(made) == {"test": 1400, "val": 210, "train": 1190}
        assert speakers_of(made, "test") == {"YAF"}
        texts = {part: set(made.filter(part=part)["text"]) for part in PARTS}
        assert [len(texts[part]) for part in PARTS] == [170, 30, 200]
        assert texts["train"] & texts["val"] == set()
        assert notes == ("2 speakers: tess/YAF is tested; val is cut from tess/OAF, who is trained on, by text",)

    def test_of_two_speakers_the_seed_draws_the_tested_one(self):
        tested = {tuple(speakers_of(cut(Speaker(seed=seed), tess()), "test")) for seed in range(8)}
        assert tested == {("OAF",), ("YAF",)}

    def test_of_two_speakers_without_texts_val_is_cut_by_clip(self):
        clips = table([(speaker, "", "", "sad", "") for speaker in "ab" for _ in range(20)])
        split = Speaker(test_speakers=["a"]).split(clips)
        parts, notes = split.parts, split.notes
        assert Counter(parts) == {"test": 20, "val": 3, "train": 17}
        assert notes[0].endswith("val is cut from c/b, who is trained on, by clip, as there are no texts to tell apart")

    def test_of_two_speakers_texts_that_share_audio_go_together(self):
        rows = [("b", "", "t", "sad", "")] + [
            ("a", "", f"t{number}", "sad", f"pair{number // 2}") for number in range(12)
        ]
        for seed in range(12):
            made = cut(Speaker(seed=seed, test_speakers=["b"], val_fraction=0.4), table(rows))
            assert made.group_by("recording").agg(pl.col("part").n_unique())["part"].max() == 1
            assert set(made["part"]) == set(PARTS)

    def test_speakers_are_fixed_by_name(self):
        for seed in range(4):
            splitter = Speaker(seed=seed, test_speakers=["actor07", "ravdess/actor20"], val_speakers=["actor01"])
            made = cut(splitter, ravdess())
            assert speakers_of(made, "test") == {"actor07", "actor20"}
            assert speakers_of(made, "val") == {"actor01"}
            assert len(speakers_of(made, "train")) == 21

    def test_val_alone_may_be_fixed(self):
        made = cut(Speaker(val_speakers=["actor01", "actor02"]), ravdess())
        assert speakers_of(made, "val") == {"actor01", "actor02"}
        assert len(speakers_of(made, "test")) == 5

    def test_speakers_that_share_a_recording_stay_together(self):
        rows = [(f"s{speaker}", "", "", "sad", "") for speaker in range(6) for _ in range(5)]
        rows += [("s1", "", "", "sad", "shared"), ("s4", "", "", "sad", "shared")]
        for seed in range(10):
            made = cut(Speaker(seed=seed), table(rows))
            assert made.filter(pl.col("speaker").is_in(["s1", "s4"]))["part"].n_unique() == 1
        assert speakers_of(cut(Speaker(test_speakers=["s4"]), table(rows)), "test") == {"s1", "s4"}

    @pytest.mark.parametrize(
        ("splitter", "told"),
        [
            (Speaker(test_speakers=["yaf"]), "split.test_speakers: no clip is of speaker 'yaf'; did you mean 'YAF'"),
            (Speaker(test_speakers=["crema/YAF"]), "no clip is of speaker 'crema/YAF'; choose from OAF, YAF"),
            (Speaker(val_speakers=["OA"]), "split.val_speakers: no clip is of speaker 'OA'; did you mean 'OAF'?"),
            (Speaker(test_speakers=["YAF", "OAF"]), "with 2 speakers name one in split.test_speakers"),
            (Speaker(val_speakers=["OAF"]), "val is cut from the other by text"),
            (Speaker(test_speakers=["YAF"], val_speakers=["tess/YAF"]), "split.val_speakers share tess/YAF"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_the_names_cannot_mean_is_told(self, splitter: Speaker, told: str):
        with pytest.raises(UserError) as caught:
            splitter.split(tess())
        assert told in str(caught.value)

    def test_every_unknown_speaker_is_told_at_once(self):
        with pytest.raises(UserError) as caught:
            Speaker(test_speakers=["a", "YAF", "b"]).split(tess())
        assert [problem.split("'")[1] for problem in caught.value.problems] == ["a", "b"]

    def test_a_name_in_two_corpora_must_be_told_apart(self):
        rows = [(f"s{speaker}", "", "", "sad", "") for speaker in range(4) for _ in range(3)]
        clips = pl.concat([table(rows, "one"), table(rows, "two")])
        with pytest.raises(UserError, match="'s1' is a speaker of several corpora; name one/s1 or two/s1"):
            Speaker(test_speakers=["s1"]).split(clips)
        made = cut(Speaker(test_speakers=["two/s1"]), clips)
        assert set(made.filter(part="test").select("corpus", "speaker").rows()) == {("two", "s1")}

    def test_fewer_than_two_speakers_are_refused(self):
        with pytest.raises(UserError, match=r"needs at least 2 speakers, the data has 1 \(c/a\); use split=random"):
            Speaker().split(table([("a", "", "", "sad", "")] * 9))
        with pytest.raises(UserError, match=r"the data has 0 \(none\)"):
            Speaker().split(table([]))

    def test_a_clip_without_speaker_is_refused_by_name(self):
        clips = table([("a", "", "", "sad", ""), ("b", "", "", "sad", ""), ("", "", "", "sad", "")])
        with pytest.raises(UserError, match=r"1 have none, such as c//0002; add a speaker column, or use split=random"):
            Speaker().split(clips)

    @pytest.mark.parametrize(
        "splitter",
        [Speaker(test_fraction=0.9), Speaker(test_speakers=["s0", "s1"]), Speaker(test_fraction=0.4, val_fraction=0.6)],
        ids=lambda made: f"{made.test_fraction} {made.val_fraction}",
    )
    def test_someone_must_be_left_for_training(self, splitter: Speaker):
        clips = table([(f"s{speaker}", "", "", "sad", "") for speaker in range(3)])
        with pytest.raises(UserError, match="speakers leave none of 3 for training; ask for fewer"):
            splitter.split(clips)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40))
def test_ties_are_the_connected_components_by_a_slow_and_plain_search(pairs: list[tuple[int, int]]):
    """Against repeated merging of whole sets."""
    names, digests = [f"n{name:02}" for name, _ in pairs], [f"d{digest}" for _, digest in pairs]
    groups = [{name, digest} for name, digest in zip(names, digests, strict=True)]
    for group in list(groups):
        touching = [other for other in groups if other & group]
        groups = [other for other in groups if not other & group] + [set().union(*touching)]
    for _ in groups:
        for group in list(groups):
            touching = [other for other in groups if other & group]
            groups = [other for other in groups if not other & group] + [set().union(*touching)]
    least = {name: min(member for member in group if member[0] == "n") for group in groups for name in group}
    assert tied(names, digests) == [least[name] for name in names]
