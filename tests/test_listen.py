"""Listening to a file ends with its answer; what is missing for a microphone is told; blocks are lost only by count."""

from __future__ import annotations

import io
from itertools import islice

import numpy as np
import pytest
import soundfile
from rich.console import Console

from ser_lightning import Recognizer
from ser_lightning.listen import listen
from ser_lightning.listening import Source, in_chunks, watch
from ser_lightning.listening_view import Moment, bars, line
from ser_lightning.microphone import Blocks

RATE = 48000


@pytest.fixture
def talk(tmp_path):
    """Two seconds at 48 kHz whose pitch rises."""
    time = np.arange(2 * RATE) / RATE
    path = tmp_path / "talk.wav"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * (400 + 300 * time) * time), RATE)
    return path


def test_a_file_is_heard_to_its_end_and_the_answer_is_the_recognizers(run_job, tiny_run, talk):
    done = run_job(listen, "listen", [f"run={tiny_run}", f"source={talk}", "pace=fast", "hop_seconds=0.2"])
    assert done.code == 0, done.err
    answer = Recognizer.load(tiny_run, device="cpu")(talk)
    lines = done.out.splitlines()
    assert lines[-1].startswith(f"in all, 2.0 s: {answer.label} ({answer.label} {answer.confidence:.3f}, ")
    assert len(lines) == 9 + 1
    assert lines[0].startswith("   0.4 s  ")
    assert "protocol: table, label set native" in done.err
    assert "at 48,000 Hz" in done.err


def test_a_file_in_real_time_is_the_same(run_job, tiny_run, talk):
    """With the hop of a window, the longest there is; a longer one is cut to it."""
    said = [
        run_job(listen, "listen", [f"run={tiny_run}", f"source={talk}", f"pace={pace}", "hop_seconds=9.0"]).out
        for pace in ("real", "fast")
    ]
    assert said[0] == said[1]
    assert len(said[0].splitlines()) == 5 + 1


def test_a_microphone_is_a_source_like_any_other(tiny_run, talk, capsys):
    """Blocks go in as PortAudio's thread would put them, and the one that is not given room is counted."""
    recognizer = Recognizer.load(tiny_run, device="cpu")
    wave, _ = soundfile.read(talk, dtype="float32", always_2d=True)
    blocks = Blocks(most=20)
    for block in in_chunks([wave], 4800):
        blocks.put(block, overflowed=False)
    assert (blocks.lost, blocks.waiting.qsize()) == (0, 20)
    blocks.put(wave[:4800], overflowed=False)
    blocks.put(wave[:4800], overflowed=True)
    assert blocks.lost == 3
    stream = recognizer.stream(RATE)
    watch(Source("mic", RATE, islice(blocks, 20), blocks), stream, None)
    assert stream.answer.probabilities == pytest.approx(recognizer(talk).probabilities, abs=1e-6)
    assert "(3 blocks lost)" in capsys.readouterr().out


def test_ctrl_c_ends_with_what_was_heard(tiny_run, talk):
    recognizer = Recognizer.load(tiny_run, device="cpu")
    wave, _ = soundfile.read(talk, dtype="float32", always_2d=True)

    def chunks():
        yield from in_chunks([wave[: RATE // 2]], 480)
        raise KeyboardInterrupt

    stream = recognizer.stream(RATE)
    watch(Source("mic", RATE, chunks()), stream, None)
    assert stream.answer.seconds == pytest.approx(0.5)
    assert stream.answer.probabilities == pytest.approx(
        recognizer(wave[: RATE // 2], rate=RATE).probabilities, abs=1e-6
    )


def test_what_is_missing_for_a_microphone_is_told(run_job, tiny_run):
    try:
        import sounddevice

        sounddevice.query_devices(None, "input")
    except (ImportError, OSError, ValueError):
        pass
    else:
        pytest.skip("there is a microphone")
    done = run_job(listen, "listen", [f"run={tiny_run}"])
    assert done.code == 2
    assert "1 thing to mend" in done.err
    assert "source=FILE" in done.err or "ser-lightning[listen]" in done.err


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "is empty"), (b"hello", "no audio that libsndfile reads: it is text")]
)
def test_a_source_that_is_no_sound_is_refused(run_job, tiny_run, tmp_path, content, reason):
    (tmp_path / "x.wav").write_bytes(content)
    done = run_job(listen, "listen", [f"run={tiny_run}", f"source={tmp_path / 'x.wav'}"])
    assert done.code == 2
    assert reason in done.err


def test_the_bars_show_every_emotion_and_what_is_wrong():
    moment = Moment(12.0, "unsure", {"angry": 0.55, "sad": 0.45}, -70.0, lost=1, behind=3.2)
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    console.print(bars(moment))
    said = console.file.getvalue()
    for part in ("unsure", "12.0 s", "angry", "0.55", "sad", "0.45", "-70 dB", "quiet; 1 blocks lost; 3 s behind"):
        assert part in said
    assert line(moment).endswith("(quiet)  (1 blocks lost)  (3 s behind: this machine is slower than the sound)")
