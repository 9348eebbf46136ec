import io

from rich.console import Console

from ser_lightning.meta.tables import comparison_table, speakers_table
from ser_lightning.terminal import print_table


def minus(value, around=None, **speakers):
    return {"value": value, "interval": around, "reason": "", "speakers": speakers}


def row(name, kind, val, test, difference, best=False, around=None):
    return {
        "name": name,
        "kind": kind,
        "best_on_val": best,
        "val": val,
        "test": test,
        "test_interval": around,
        "stack_minus_it": difference,
    }


def lines(table):
    console = Console(file=io.StringIO(), width=20, soft_wrap=True)  # narrower than any table
    print_table(console, table)
    return [line.split() for line in console.file.getvalue().splitlines() if line.strip() and "─" not in line]


def test_the_table_shows_scores_intervals_and_the_best_on_val():
    rows = [
        row("[a]", "member", 0.5, 0.4, minus(0.1, (0.05, 0.15)), best=True, around=(0.3, 0.5)),
        row("average", "average", None, 0.45, minus(0.05)),
        row("stack", "stack", 0.6, 0.5, None),
    ]
    assert lines(comparison_table(rows))[-4:] == [
        ["val", "test", "stack", "minus", "it"],
        ["[a]", "*", "0.500", "0.400", "[0.300,", "0.500]", "+0.100", "[+0.050,", "+0.150]"],
        ["average", "-", "0.450", "+0.050"],
        ["stack", "0.600", "0.500"],
    ]


def test_each_speaker_has_a_line():
    rows = [row("a", "member", 0.5, 0.4, minus(0.1, **{"toy/y": 0.2, "toy/x": 0.0}))]
    assert lines(speakers_table(rows))[-3:] == [["a"], ["toy/x", "+0.000"], ["toy/y", "+0.200"]]
