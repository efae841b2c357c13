"""A diff reads like that of `diff -u`, and what came from hosts stays harmless in it."""

from __future__ import annotations

from typing import Any

import pytest

from raftfleet.report.diffs import diff_lines


def text(diff: Any, **more: Any) -> list[str]:
    return [line for line, _ in diff_lines({"diff": diff, **more})]


def test_a_changed_file_is_shown_with_its_path() -> None:
    lines = list(diff_lines({"diff": {"before": "a\nb\n", "after": "a\nc\n"}, "dest": "/etc/x"}))
    assert lines == [
        ("--- before: /etc/x", "bold"),
        ("+++ after: /etc/x", "bold"),
        ("@@ -1,2 +1,2 @@", "cyan"),
        (" a", ""),
        ("-b", "red"),
        ("+c", "green"),
    ]


def test_headers_of_the_diffs_own_win() -> None:
    diff = {"before": "", "after": "x\n", "before_header": "/a", "after_header": "/b (content)"}
    assert text(diff, path="/c")[:2] == ["--- before: /a", "+++ after: /b (content)"]


def test_a_last_line_without_an_end_is_told() -> None:
    assert text({"before": "a", "after": "a\n"})[3:] == [
        *("-a", "\\ No newline at end of file", "+a")
    ]


def test_values_that_are_no_text_are_compared_as_json() -> None:
    lines = text({"before": {"mode": "0644"}, "after": {"mode": "0600"}})
    assert '-    "mode": "0644"' in lines
    assert '+    "mode": "0600"' in lines


def test_what_differs_only_in_a_secret_says_so() -> None:
    assert text({"before": "********", "after": "********"})[2] == " (what differs is masked)"


def test_several_diffs_are_shown_one_after_the_other() -> None:
    one = {"before": "", "after": "x\n"}
    assert len(text([one, one])) == 2 * len(text(one)) > 0


@pytest.mark.parametrize("diff", [None, "text", [], {}, {"prepared": "x"}, 3])
def test_what_is_no_diff_shows_nothing(diff: Any) -> None:
    assert text(diff) == []
