"""CREMA-D's labels by its listeners, against the published summary of the same votes."""

import csv
from collections import Counter

import pytest

from ser_lightning.corpora.columns import COLUMNS
from ser_lightning.corpora.cremad import CremaD
from ser_lightning.corpora.cremad_votes import find_votes, leaders, read_votes
from ser_lightning.data.manifest import to_table
from ser_lightning.errors import UserError
from ser_lightning.prepare import prepare

LETTERS = {"A": "angry", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}
TABLE = """"","A","D","F","H","N","S","fileName","numResponses"
"100001",1,0,0,0,3,0,"1001_DFA_ANG_XX",4
"100002",2,0,0,0,2,0,"1001_TIE_ANG_XX",4
"100003",0,1,1,0,0,0,"1001_TIE_SAD_XX",2
"100004",0,0,0,0,1,4,"1040_ITH_SAD_X",5
"200001",9,0,0,0,0,0,"1001_DFA_ANG_XX",9
"300001",5,0,0,0,1,0,"1001_DFA_ANG_XX",6
"300002",0,3,0,0,1,0,"1001_TIE_ANG_XX",4
"300003",0,0,0,0,0,2,"1001_TIE_SAD_XX",2
"300004",0,0,2,0,0,3,"1040_ITH_SAD_XX",5
"""
CLIPS = ["1001_DFA_ANG_XX.wav", "1001_TIE_ANG_XX.wav", "1001_TIE_SAD_XX.wav", "1040_ITH_SAD_X.wav"]
WHERE_FROM = "take the folder processedResults of github.com/CheyneyComputerScience/CREMA-D and say corpus.votes=DIR"


@pytest.fixture
def repository(tmp_path, plant):
    """The layout of the repository, with four clips and their votes."""
    plant(tmp_path / "AudioWAV", CLIPS)
    (tmp_path / "processedResults").mkdir()
    (tmp_path / "processedResults/tabulatedVotes.csv").write_text(TABLE)
    return tmp_path


def scan(root, **options):
    return CremaD(data_dir="nowhere", root=str(root), **options).scan()


def labels(found):
    return dict(found.clips.select("name", "emotion").iter_rows())


def test_voice_votes_ties_left_out(repository):
    found = scan(repository, labels="voice")
    assert labels(found) == {"1001_DFA_ANG_XX": "neutral", "1040_ITH_SAD_XX": "sad"}
    assert found.notes == ("2 clips have a tie of voice votes: 2 are left out",)
    assert [origin.labels for origin in found.origins] == ["plurality of voice votes"]
    assert found.clips.columns == list(COLUMNS)


def test_voice_votes_as_shares_keep_a_tie_with_the_acted_emotion(repository):
    found = scan(repository, labels="voice", soft=True)
    assert labels(found) == {"1001_DFA_ANG_XX": "neutral", "1001_TIE_ANG_XX": "angry", "1040_ITH_SAD_XX": "sad"}
    assert found.clips.drop(list(COLUMNS)).rows(named=True) == [
        {"vote_angry": 0.25, "vote_neutral": 0.75, "vote_sad": 0.0},
        {"vote_angry": 0.5, "vote_neutral": 0.5, "vote_sad": 0.0},
        {"vote_angry": 0.0, "vote_neutral": 0.2, "vote_sad": 0.8},
    ]
    kept = "1 of them keep the acted emotion, which is among the tied, 1 are left out"
    assert found.notes == (f"2 clips have a tie of voice votes: {kept}",)
    assert [origin.labels for origin in found.origins] == ["plurality of voice votes, distribution as target"]


@pytest.mark.parametrize("soft", [False, True])
def test_audiovisual_votes(repository, soft):
    found = scan(repository, labels="audiovisual", soft=soft)
    assert list(labels(found).values()) == ["angry", "disgust", "sad", "sad"]
    assert found.notes == ()
    target = ", distribution as target" if soft else ""
    assert [origin.labels for origin in found.origins] == [f"plurality of audio-visual votes{target}"]


def test_copies_of_a_clip_that_is_left_out_are_left_out(repository, plant):
    plant(repository / "again", CLIPS)
    found = scan(repository, labels="voice")
    assert [kept.name for kept, _ in found.copies] == ["1001_DFA_ANG_XX.wav", "1040_ITH_SAD_X.wav"]


@pytest.mark.parametrize("root", ["", "AudioWAV"])
def test_votes_are_found_in_and_beside_the_clips(repository, root):
    assert len(scan(repository / root, labels="voice").clips) == 2


@pytest.mark.parametrize("place", ["", "processedResults", "data/InfoAndStats/processedResults"])
@pytest.mark.parametrize("whole", [True, False], ids=["folder", "file"])
def test_votes_may_be_anywhere(tmp_path, plant, place, whole):
    plant(tmp_path / "clips", CLIPS)
    (tmp_path / "votes" / place).mkdir(parents=True)
    table = tmp_path / "votes" / place / "tabulatedVotes.csv"
    table.write_text(TABLE)
    assert len(scan(tmp_path / "clips", labels="voice", votes=str(tmp_path / "votes" if whole else table)).origins) == 1
    assert find_votes(tmp_path / "clips", str(tmp_path / "votes")) == table


def test_missing_votes_say_where_to_get_them(tmp_path, plant):
    plant(tmp_path / "clips", CLIPS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as caught:
        CremaD(data_dir="nowhere", root=str(tmp_path / "clips"), labels="voice")
    assert str(caught.value) == f"corpus.labels: no tabulatedVotes.csv below {tmp_path / 'clips'}; {WHERE_FROM}"
    for votes in ("empty", "none"):
        with pytest.raises(UserError, match=r"corpus.votes: no tabulatedVotes.csv below .*processedResults of github"):
            CremaD(data_dir="nowhere", root=str(tmp_path / "clips"), labels="voice", votes=str(tmp_path / votes))


def test_options_without_effect_are_refused(repository):
    with pytest.raises(UserError) as caught:
        CremaD(data_dir="nowhere", root=str(repository), soft=True, votes="x")
    assert caught.value.problems == [
        "corpus.soft needs votes: set corpus.labels=voice or audiovisual, or leave soft out",
        "corpus.votes needs votes: set corpus.labels=voice or audiovisual, or leave votes out",
    ]


@pytest.mark.parametrize(
    "text",
    ["", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", TABLE.replace('"A"', '"B"'), "a,b\n1\n2,3,4\n"],
    ids=["empty", "git-lfs pointer", "other columns", "ragged"],
)
def test_another_file_of_that_name_is_told(repository, text):
    (repository / "processedResults/tabulatedVotes.csv").write_text(text)
    with pytest.raises(UserError, match=r"tabulatedVotes.csv is not CREMA-D's table of votes \(.*git-LFS pointer\?"):
        scan(repository, labels="voice")


def test_a_clip_without_votes_is_told(repository, plant):
    plant(repository / "AudioWAV", ["1002_DFA_ANG_XX.wav", "1003_DFA_ANG_XX.wav"])
    told = "corpus.labels=voice: tabulatedVotes.csv has no votes on 2 clips, such as 1002_DFA_ANG_XX"
    with pytest.raises(UserError, match=told):
        scan(repository, labels="voice")


def test_the_command_line_refuses_and_accepts(repository, run_job, write_noise):
    for seed, name in enumerate(CLIPS):
        write_noise(repository / "AudioWAV" / name, seed=seed)
    base = ["corpus=cremad", f"corpus.root={repository}", f"cache_dir={repository / 'cache'}"]
    refused = run_job(prepare, "prepare", [*base, "corpus.soft=true"])
    assert (refused.code, "corpus.soft needs votes" in refused.err) == (2, True)
    done = run_job(prepare, "prepare", [*base, "corpus.soft=true", "corpus.labels=voice"])
    assert done.code == 0, done.err
    assert "3 clips, 2 speakers" in done.out


@pytest.fixture(scope="module")
def published(shared_corpora):
    folder = shared_corpora("CREMA-D") / "processedResults"
    with (folder / "summaryTable.csv").open() as file:
        return folder, {row["FileName"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def clips(published, plant, tmp_path_factory):
    """A tree of all official names."""
    root = tmp_path_factory.mktemp("cremad")
    plant(root, list(published[1]), lambda name: [f"AudioWAV/{name}.wav"])
    return root


@pytest.mark.parametrize(("rated", "column"), [("voice", "VoiceVote"), ("audiovisual", "MultiModalVote")])
def test_published_votes_lead_to_the_published_summary(published, rated, column):
    folder, summary = published
    votes = read_votes(folder / "tabulatedVotes.csv", rated)
    assert len(votes) == 7442
    assert {name: set(leaders(votes[name])) for name in votes} == {
        name: {LETTERS[letter] for letter in row[column].split(":")} for name, row in summary.items()
    }


@pytest.mark.parametrize(("rated", "count"), [("voice", 68568), ("audiovisual", 71778)])
def test_published_number_of_votes(published, rated, count):
    votes = read_votes(published[0] / "tabulatedVotes.csv", rated)
    assert sum(sum(row.values()) for row in votes.values()) == count


@pytest.mark.parametrize(
    ("rated", "agreed", "tied", "counts"),
    [
        ("voice", 3099, 644, (986, 547, 645, 353, 3897, 370)),
        ("audiovisual", 5374, 420, (1019, 1139, 1084, 1219, 1972, 589)),
    ],
)
def test_published_pluralities(published, clips, rated, agreed, tied, counts):
    found = scan(clips, labels=rated, votes=str(published[0]))
    acted = labels(scan(clips))
    assert Counter(labels(found).values()) == dict(zip(LETTERS.values(), counts, strict=True))
    assert sum(acted[name] == emotion for name, emotion in labels(found).items()) == agreed
    assert (len(acted), len(acted) - len(found.clips)) == (7442, tied)
    who = {"voice": "voice", "audiovisual": "audio-visual"}[rated]
    assert found.notes[-1] == f"{tied} clips have a tie of {who} votes: {tied} are left out"


@pytest.mark.parametrize(("rated", "kept", "out"), [("voice", 464, 180), ("audiovisual", 332, 88)])
def test_published_shares(published, clips, rated, kept, out):
    found = scan(clips, labels=rated, soft=True, votes=str(published[0].parent))
    assert len(found.clips) == 7442 - out
    assert f"{kept} of them keep the acted emotion, which is among the tied, {out} are left out" in found.notes[-1]
    table = to_table(found.clips)
    shares = table.select([f"vote_{emotion}" for emotion in LETTERS.values()])
    assert shares.sum_horizontal().to_list() == pytest.approx([1.0] * len(table))
    most = shares.max_horizontal()
    own = [table[f"vote_{emotion}"][row] for row, emotion in enumerate(table["emotion"])]
    assert own == most.to_list()
