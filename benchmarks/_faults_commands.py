"""Command lines with options that make no sense, and functions of users that do not what they should."""

from __future__ import annotations

import random
from dataclasses import dataclass

from _faults_users import OBJECTS
from _faults_verdicts import ANY, DONE, REFUSED

HUGE = ("99999999999999999999", "1" + "0" * 30, "9" * 5000)
WORDS = ("", "x", "nan", "inf", "-inf", "1.5", "0x10", "١", "1e3", "-1", "0", "\udcff", "é" * 300)
NOT_COUNTS = ("", "x", "nan", "inf", "1.5", "-1", "0", "\udcff", *HUGE)
NOT_POSITIVE = ("", "x", "nan", "inf", "-1", "0", "1e400", "-0.0", "\udcff")
OUTPUTS = (
    "",
    ".",
    "/",
    "new.txt",
    "nowhere/new.csv",
    "data.csv",
    "ready",
    "\udcff.csv",
    "n" * 300 + ".csv",
)
TARGETS = (
    "",
    ":",
    "x",
    "x:",
    ":x",
    "os:system",
    "nowhere:f",
    "users:nothing",
    "users",
    "users:a:b",
    "..:f",
    "\udcff:f",
)


@dataclass(frozen=True)
class Verb:
    """A command that works, what it writes, and values of its options that must be refused or may be."""

    words: tuple[str, ...]
    writes: tuple[str, ...]
    refused: dict[str, tuple[str, ...]]
    allowed: dict[str, tuple[str, ...]]


VERBS = {
    "fit": Verb(
        ("fit", "data.csv", "-o", "m", "--steps", "2", "--batch-size", "16", "--device", "cpu"),
        ("m", ".m"),
        {
            "--steps": NOT_COUNTS[:-3],
            "--batch-size": NOT_COUNTS,
            "--learning-rate": NOT_POSITIVE,
            "--precision": ("", "float16", "FLOAT32", "x"),
            "--device": ("", "gpu", "cuda:99", "meta", "x", "cpu:-1", "\udcff"),
            "--seed": ("-1", "x", "1.5", "", *HUGE),
            "--time": ("", "0", "-5m", "nan", "inf", "1e400", "5mm", "x", "s", "10y"),
            "--column": (
                "",
                "=",
                "age",
                "age=",
                "=real",
                "zzz=real",
                "age=x",
                "age,age=latlon",
                "pet=latlon",
                "\udcff=real",
            ),
            "--condition": (",", "zzz", "pet,pet", "height,age,pet", "pet,", "\udcff"),
            "--labels": ("nowhere.csv", "data.csv", "short.csv", "images", "", "\udcff.csv"),
            "-o": ("", "/", "data.csv", "data.csv/m", "images", "/dev/null", "/dev/null/m", "/proc/m"),
            "data.csv": (
                "",
                "nowhere.csv",
                "users.py",
                ".",
                "/",
                "\udcff.csv",
                "n" * 300 + ".csv",
                "/dev/zero",
                "ready",
            ),
            "--trust": ("\udcff:x",),
            "--resume": (None,),  # type: ignore[arg-type]  # no training to resume
            "--nonsense": ("1",),
        },
        {"--trust": ("os", ""), "--seed": ("18446744073709551615", "9223372036854775808"), "--condition": ("", "pet")},
    ),
    "sample": Verb(
        ("sample", "ready", "-n", "3", "-o", "new.csv", "--device", "cpu"),
        ("new.csv", ".new.csv"),
        {
            "-n": NOT_COUNTS,
            "--given": (
                "",
                "=",
                "pet",
                "pet=",
                "=cat",
                "zzz=1",
                "pet=horse",
                "height=1",
                "pet,pet=cat",
                "\udcff=cat",
                "pet=\udcff",
            ),
            "--sampler": ("", "x", "Heun", "tau-leaping", "first-hitting", "\udcff"),
            "--sampling-steps": NOT_COUNTS,
            "-o": OUTPUTS,
            "ready": ("", "nowhere", "data.csv", ".", "images", "/", "\udcff", "/dev/null", "n" * 300),
            "--seed": ("-1", "x", "", *HUGE),
            "--device": ("gpu", "cuda:99", ""),
        },
        {
            "--sampler": ("heun", "ancestral", "ddim", "euler", "adaptive"),
            "--sampling-steps": ("1", "2"),
            "--seed": ("18446744073709551615",),
        },
    ),
    "score": Verb(
        ("score", "ready", "data.csv", "-o", "new.csv", "--device", "cpu"),
        ("new.csv", ".new.csv"),
        {
            "--dequantisations": NOT_COUNTS,
            "--likelihood": ("", "x", "Exact"),
            "-o": OUTPUTS,
            "data.csv": ("", "nowhere.csv", "short.csv", "others.csv", "images", "\udcff.csv", "ready", "huge.csv"),
            "--labels": ("nowhere.csv", "data.csv", "short.csv"),
            "--seed": ("-1", "x", "", *HUGE),
        },
        {
            "--likelihood": ("exact", "bound"),
            "data.csv": ("more.csv", "reordered.csv"),
            "--seed": ("18446744073709551615",),
        },
    ),
    "evaluate": Verb(
        ("evaluate", "ready", "data.csv", "--max-rows", "10", "--device", "cpu"),
        ("new.html", ".new.html"),
        {
            "--max-rows": NOT_COUNTS[:-3],
            "--report": ("", "new.txt", "nowhere/new.html", "\udcff.html", "data.csv"),
            "--train": ("nowhere.csv", "short.csv", "others.csv", "images", ""),
            "--train-labels": ("nowhere.csv", "data.csv"),
            "data.csv": ("nowhere.csv", "short.csv", "others.csv", "images"),
            "--seed": ("-1", "x", *HUGE),
        },
        {"--seed": ("18446744073709551615", "4294967296"), "--max-rows": HUGE[:1]},
    ),
    "walk": Verb(
        ("walk", "users:bell", "--dimension", "2", "-n", "4", "--chain", "mala", "--steps", "4", "-o", "new.csv"),
        ("new.csv", ".new.csv"),
        {
            "-n": ("1", *NOT_COUNTS),
            "--steps": ("1", *NOT_COUNTS),
            "--dimension": NOT_COUNTS,
            "--step-size": NOT_POSITIVE,
            "--scale": NOT_POSITIVE,
            "--sigma": ("1", *NOT_POSITIVE),
            "--chain": ("", "x", "MALA", "\udcff"),
            "--plot": ("", "new.txt", "nowhere/a.png", "data.csv"),
            "-o": OUTPUTS,
            "users:bell": TARGETS,
            "--seed": ("-1", "x", *HUGE),
        },
        {"--seed": ("18446744073709551615",), "--chain": ("mala", "sequential"), "--scale": ("1e300", "1e-300")},
    ),
    "check": Verb(
        ("check", "users:space", "--draws", "200"),
        (),
        {
            "--draws": NOT_COUNTS[:-3],
            "--order": ("nan", "-1", "inf", "x", "", "0"),
            "users:space": (
                *(t for t in TARGETS if t != "os:system"),
                "users:number",
                "users:text",
                "users:nothing_inside",
                "users:empty",
            ),
            "--seed": ("-1", "x", *HUGE),
        },
        {"--seed": ("18446744073709551615",)},
    ),
    "demo": Verb(
        ("demo", "-o", "m", "--steps", "1"),
        ("m", ".m"),
        {
            "--steps": NOT_COUNTS[:-3],
            "--time": ("", "0", "nan", "-1s", "x"),
            "-o": ("", "data.csv", "data.csv/m", "/dev/null"),
            "--seed": ("-1", "x", *HUGE),
            "--device": ("gpu", "cuda:99"),
        },
        {},
    ),
}


def line(rng: random.Random) -> tuple[list[str], set[str], str]:
    """A command line of which one or two options make no sense, what it may write, and what is expected."""
    verb = VERBS[rng.choice(list(VERBS))]
    if verb.words[0] in ("walk", "check") and rng.random() < 0.3:
        words = [f"users:{rng.choice(OBJECTS)}" if word.startswith("users:") else word for word in verb.words]
        return words, set(verb.writes), ANY
    words, expected, changed = list(verb.words), DONE, set[str]()
    for _ in range(rng.choice((1, 1, 1, 2))):
        wrong = rng.random() < 0.85 or not verb.allowed
        option, values = rng.choice(list((verb.refused if wrong else verb.allowed).items()))
        if option in changed:
            continue
        changed.add(option)
        words = replaced(words, option, rng.choice(values))
        expected = REFUSED if wrong or expected == REFUSED else ANY
    if expected != REFUSED and rng.random() < 0.2:
        words += words[-2:]  # the same option twice
        expected = ANY
    return words, set(verb.writes), expected


def replaced(words: list[str], option: str, value: str | None) -> list[str]:
    """The words with another value of an option, or of an argument named by its usual value."""
    if value is None:
        return [*words, option]
    if not option.startswith("-"):
        return [value if word == option else word for word in words]
    if option in words:
        place = words.index(option) + 1
        return [*words[:place], value, *words[place + 1 :]]
    return [*words, option, value]
