# SPDX-License-Identifier: BSD-2-Clause
"""The rows of guests.ini."""
import configparser
import dataclasses
import pathlib
import re
import shlex

HERE = pathlib.Path(__file__).resolve().parent.parent
ARCHES = ("arm64", "amd64")
LAYOUTS = ("v2", "hybrid", "v1")
SETS = ("short", "full")


class LabError(Exception):
    """One line for the user: what was wrong, where, what to do."""


@dataclasses.dataclass(frozen=True)
class Guest:
    name: str
    arch: str
    kernel: str
    layout: str
    topics: tuple
    set: str
    append: str
    modules: tuple
    devices: tuple
    memory_mib: int
    cpus: int
    timeout_s: int
    allow_log: str
    leave_out: str


def _choice(section, key, choices):
    value = section.get(key, "")
    if value not in choices:
        raise LabError(f"guests.ini: [{section.name}] {key} = '{value}' is none of {', '.join(choices)}")
    return value


def _number(section, key):
    try:
        value = int(section[key])
    except ValueError:
        value = 0
    if value < 1:
        raise LabError(f"guests.ini: [{section.name}] {key} = '{section[key]}' is no number above 0")
    return value


def _topics(section):
    topics = tuple(section.get("topics", "").split())
    for topic in topics:
        if not (HERE / "topics" / f"{topic}.sh").is_file():
            raise LabError(f"guests.ini: [{section.name}] there is no topics/{topic}.sh")
    if not topics:
        raise LabError(f"guests.ini: [{section.name}] has no topics")
    return topics


def _guest(section):
    if not re.fullmatch(r"[a-z0-9.-]+", section.name):
        raise LabError(f"guests.ini: [{section.name}] may hold a-z, 0-9, '.' and '-' only")
    return Guest(
        name=section.name, arch=_choice(section, "arch", ARCHES), kernel=section.get("kernel", ""),
        layout=_choice(section, "layout", LAYOUTS), topics=_topics(section), set=_choice(section, "set", SETS),
        append=section["append"], modules=tuple(section["modules"].split()),
        devices=tuple(shlex.split(section["devices"])), memory_mib=_number(section, "memory_mib"),
        cpus=_number(section, "cpus"), timeout_s=_number(section, "timeout_s"), allow_log=section["allow_log"],
        leave_out=section["leave_out"])


def read(path=HERE / "guests.ini"):
    """All guests by name, in the order of the file."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except (OSError, configparser.Error) as error:
        raise LabError(f"{path}: {' '.join(str(error).split())}") from error
    return {name: _guest(parser[name]) for name in parser.sections()}


def find(name):
    guests = read()
    if name not in guests:
        raise LabError(f"no guest '{name}' in guests.ini, which has {' '.join(guests)}")
    return guests[name]
