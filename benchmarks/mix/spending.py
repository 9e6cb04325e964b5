"""Simulated media plans: who spends how much when. Shares no code with what it judges.

Arrays are (territories, weeks, channels); a national panel has one territory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: How a channel is bought, with the share of channels bought so.
PATTERNS = {"always_on": 0.40, "flights": 0.35, "seasonal": 0.25}

NAMES = [
    "tv",
    "search",
    "social",
    "video",
    "display",
    "radio",
    "outdoor",
    "print",
    "audio",
    "affiliates",
    "email",
    "influencers",
    "cinema",
    "direct_mail",
    "sponsorship",
    "podcasts",
    "marketplaces",
    "retargeting",
    "shopping",
    "leaflets",
    "magazines",
    "streaming",
    "gaming",
    "events",
    "comparison",
    "newsletters",
    "apps",
    "maps",
    "loyalty",
    "telephone",
]


@dataclass(frozen=True)
class Plan:
    """What each channel is: pattern, the channel it moves with (or -1), whether it follows demand,
    whether its flights differ by territory."""

    patterns: tuple[str, ...]
    partner: tuple[int, ...]
    follows_demand: tuple[bool, ...]
    own_flights: tuple[bool, ...]


def fading(rng: np.random.Generator, shape: tuple[int, int], memory: float) -> np.ndarray:
    """AR(1) series of standard deviation 1 along the second axis, started in its own law."""
    steps = rng.standard_normal(shape)
    series = np.empty(shape)
    series[:, 0] = steps[:, 0]
    for t in range(1, shape[1]):
        series[:, t] = memory * series[:, t - 1] + np.sqrt(1 - memory**2) * steps[:, t]
    return series


def flights(rng: np.random.Generator, weeks: int) -> np.ndarray:
    """Height while a burst runs (log sd 0.3), else 0: bursts of 3 to 8 weeks, pauses of 4 to 12."""
    on = np.zeros(weeks)
    t = -int(rng.integers(0, 12))
    while t < weeks:
        length = int(rng.integers(3, 9))
        on[max(t, 0) : max(t + length, 0)] = np.exp(0.3 * rng.standard_normal())
        t += length + int(rng.integers(4, 13))
    return on


def plan(rng: np.random.Generator, channels: int, demand_led: bool) -> Plan:
    """Draw patterns in their fixed shares, one correlated pair for every four channels, and with
    `demand_led` three channels of eight whose budget follows demand (never those in flights).
    A pair shares 0.7 of its movement; two in flights run together but for a week or two."""
    edges = np.cumsum([round(share * channels) for share in PATTERNS.values()])
    kinds = [
        next((name for name, edge in zip(PATTERNS, edges, strict=True) if c < edge), "always_on")
        for c in range(channels)
    ]
    patterns = tuple(kinds[i] for i in rng.permutation(channels))
    order = rng.permutation(channels)
    partner = [-1] * channels
    for pair in range(channels // 4):
        partner[order[2 * pair + 1]] = int(order[2 * pair])
    steady = [c for c in rng.permutation(channels) if patterns[c] != "flights"]
    led = set(steady[: round(channels * 3 / 8)] if demand_led else [])
    return Plan(
        patterns,
        tuple(partner),
        tuple(c in led for c in range(channels)),
        tuple(bool(rng.random() < 0.5) for _ in range(channels)),
    )


def spend_pattern(
    rng: np.random.Generator, chosen: Plan, demand: np.ndarray, territories: int
) -> np.ndarray:
    """Relative spend per head (territories, weeks, channels), without a unit.

    Args:
        demand: expected demand relative to its mean (territories, weeks).
    """
    weeks, channels = demand.shape[1], len(chosen.patterns)
    angle = 2 * np.pi * np.arange(weeks) / 52.18
    log_noise = {c: fading(rng, (1, weeks), rng.uniform(0.5, 0.85))[0] for c in range(channels)}
    schedule = {c: flights(rng, weeks) for c in range(channels)}
    for c, other in enumerate(chosen.partner):
        if other >= 0:
            log_noise[c] = 0.7 * log_noise[other] + np.sqrt(1 - 0.7**2) * log_noise[c]
            schedule[c] = np.roll(schedule[other], int(rng.integers(1, 3)))
    spend = np.empty((territories, weeks, channels))
    for c, pattern in enumerate(chosen.patterns):
        width = {"always_on": 0.35, "flights": 0.20, "seasonal": 0.25}[pattern]
        national = width * log_noise[c]
        if pattern == "seasonal":
            peak = rng.uniform(0, 2 * np.pi)
            national = national + rng.uniform(0.4, 0.9) * np.cos(angle - peak)
        log_spend = np.repeat(national[None], territories, axis=0)
        if territories > 1:
            log_spend = log_spend + 0.3 * fading(rng, (territories, weeks), 0.7)
            log_spend = log_spend + 0.3 * rng.standard_normal((territories, 1))
        if chosen.follows_demand[c]:
            log_spend = log_spend + rng.uniform(1.5, 3.0) * np.log(demand)
        spend[:, :, c] = np.exp(log_spend)
        if pattern == "flights":
            if territories > 1 and chosen.own_flights[c]:
                on = np.stack([flights(rng, weeks) for _ in range(territories)])
            else:
                on = np.repeat(schedule[c][None], territories, axis=0)
            spend[:, :, c] *= on
    return spend
