"""What times may be: the model's ranges and the measured ones, each with its source.

Paragraphs are those of robustmq.md. Upper ends that only load can move are wider than what was
measured (three clusters on two cores there, fifteen nodes here); lower ends are not.
"""

from __future__ import annotations

from .rows import Range

__all__ = [
    "ASK_AGAIN",
    "BACK_IN_LIST",
    "BOOTSTRAP",
    "CUT_OFF",
    "DEPOSED",
    "EXITS",
    "FAILOVER",
    "GONE_FROM_LIST",
    "JOIN",
    "LEADERLESS",
    "LISTENERS",
    "RECOVER",
    "STEP_DOWN",
    "TAKE_OVER",
]

FAILOVER = Range(29.3, 41.75, "4.2: lease 20 + draw 10..20 + tick, contact up to 0.5 before")
STEP_DOWN = Range(0.0, 2.0, "1.3: 0.03..0.83, n=12")
TAKE_OVER = Range(0.0, 21.5, "4.4: at its next candidacy, every 10..20 s")
DEPOSED = {
    "nft-flush": Range(29.0, 32.5, "4.4: 30.1 and 30.2, when the old connection recovers"),
    "sigcont": Range(0.0, 2.0, "4.4: 0.5"),
}
LEADERLESS = Range(9.5, 22.0, "4.4: 10.7..18.1, a new draw of 10..20 + tick")
ASK_AGAIN = Range(
    29.3, 41.75, "4.4: first candidacy of a node cut off, the same draw as a failover"
)

EXITS = {
    "graceful": Range(0.1, 0.7, "1.1: 0.136..0.285, n=115"),
    "late": Range(0.3, 5.5, "1.1: 0.668..3.879, the rest of the start"),
    "watchdog": Range(20.0, 20.7, "1.1: 20.044..20.117, n=8"),
    "killed early": Range(0.0, 0.2, "1.1: 0.001..0.015, n=10"),
    "killed": Range(0.0, 0.3, "1.1: 0.019..0.060, n=22"),
    "none": Range(5.9, 26.0, "5.4: SIGINT ignored at exec"),
}
BOOTSTRAP = Range(0.15, 8.0, "1.3: 0.22..1.86, n=41")
JOIN = Range(0.15, 6.0, "1.3: 0.19..1.08, n=78")
RECOVER = Range(0.2, 6.0, "1.3: 0.25..1.52, n=99")
CUT_OFF = Range(3.0, 20.0, "recording isolated-start: 5.4..11.4")
LISTENERS = Range(3.1, 12.0, "1.3: 3.39..5.89")
GONE_FROM_LIST = Range(
    27.5, 44.0, "4.9: 28.6..30.2 (follower), 33..41 (leader), 31..43 (black hole)"
)
BACK_IN_LIST = Range(0.0, 5.0, "4.9: 0.4..0.8 after the start")
