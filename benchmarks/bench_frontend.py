"""Log-mel of three-second clips: ours in batches, librosa clip by clip, torchaudio clip by clip and as one batch.

    python benchmarks/bench_frontend.py

All give the same 64 mel bands in decibels, cut 80 dB under the maximum; that they agree is checked first. Ratios are
clips per second over librosa's, within each turn. Where there is a GPU, ours there is a row too (256 clips).
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import partial

import librosa
import numpy as np
import torch
import torchaudio

from measuring import in_turn, machine, print_table, ratios, spread
from ser_lightning.frontend.frontend import Frontend

RATE = 16000
NUM = 32
NUM_ON_GPU = 256
N_FFT, HOP, N_MELS = 1024, 160, 64


def librosas(waves: np.ndarray) -> list[np.ndarray]:
    """Clip by clip, as a Dataset does it."""
    mel = partial(librosa.feature.melspectrogram, sr=RATE, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS, fmin=50.0)
    return [librosa.power_to_db(mel(y=wave), amin=1e-10, top_db=80.0) for wave in waves]


def torchaudios() -> Callable[[torch.Tensor], torch.Tensor]:
    """Torchaudio's two transforms; takes one wave or a batch."""
    mel = torchaudio.transforms.MelSpectrogram(
        RATE, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS, f_min=50.0, norm="slaney", mel_scale="slaney"
    )
    decibels = torchaudio.transforms.AmplitudeToDB(top_db=80.0)
    return lambda wave: decibels(mel(wave))


def check_agreement(waves: torch.Tensor, frontend: Frontend) -> None:
    """All three give the same decibels, to a hundredth."""
    ours, theirs = frontend.decibels(waves), torchaudios()
    one_by_one = torch.stack([theirs(wave) for wave in waves])
    assert float((ours - one_by_one).abs().max()) < 0.01, "ours and torchaudio's differ"
    by_librosa = torch.from_numpy(np.stack(librosas(waves.numpy())))
    # librosa pads with zeros where the others mirror: the first and last frames differ.
    assert float((ours - by_librosa)[:, :, 4:-4].abs().max()) < 0.05, "ours and librosa's differ"


def on_cpu(waves: torch.Tensor, turns: int) -> list[list[str]]:
    """Rows of the table for each number of threads."""
    frontend, theirs, rows = Frontend(sample_rate=RATE), torchaudios(), []
    functions: dict[str, Callable[[], object]] = {
        "librosa, clip by clip": lambda: librosas(waves.numpy()),
        "torchaudio, clip by clip": lambda: [theirs(wave) for wave in waves],
        f"torchaudio, a batch of {NUM}": lambda: theirs(waves),
        f"ours, a batch of {NUM}": lambda: frontend.decibels(waves),
    }
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        taken = in_turn(functions, turns)
        for name, values in taken.items():
            faster = spread(ratios(taken["librosa, clip by clip"], values), digits=2)
            rate = f"{NUM / statistics.median(values):.0f}"
            rows.append([name, str(threads), spread([1000 * value / NUM for value in values], digits=2), rate, faster])
    return rows


def on_gpu(turns: int) -> list[str]:
    """The row of ours on a GPU, in milliseconds a batch."""
    frontend = Frontend(sample_rate=RATE).cuda()
    waves = torch.randn(NUM_ON_GPU, 3 * RATE, device="cuda")

    def batch() -> None:
        frontend.decibels(waves)
        torch.cuda.synchronize()

    values = in_turn({"ours": batch}, turns)["ours"]
    median = statistics.median(values)
    rate, name = f"{NUM_ON_GPU / median:.0f}", f"ours, {NUM_ON_GPU} on the GPU in {1000 * median:.3f} ms"
    return [name, "-", spread([1000 * value / NUM_ON_GPU for value in values], digits=4), rate, "-"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=15)
    arguments = parser.parse_args()
    waves = 0.1 * torch.randn(NUM, 3 * RATE, generator=torch.Generator().manual_seed(0))
    check_agreement(waves, Frontend(sample_rate=RATE))
    print(f"{machine('torch', 'torchaudio', 'librosa')}\n")
    rows = on_cpu(waves, arguments.turns)
    if torch.cuda.is_available():
        rows.append(on_gpu(arguments.turns))
    print_table(["log-mel", "threads", "ms / clip", "clips/s", "x librosa"], rows)


if __name__ == "__main__":
    main()
