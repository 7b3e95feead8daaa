"""What is read from Dockerfiles, and what is replaced in them."""

from __future__ import annotations

import textwrap

import pytest

from pytest_terminalbench.environments.dockerfile import base_images, with_bases_replaced

BASES = {
    "one": ("FROM debian:bookworm-slim\nRUN true\n", ["debian:bookworm-slim"]),
    "indented, in small letters": ("  from debian:12 as base\n", ["debian:12"]),
    "of a platform": ("FROM --platform=linux/amd64 debian:12\n", ["debian:12"]),
    "by digest": ("FROM registry:5000/team/base@sha256:0123\n", ["registry:5000/team/base@sha256:0123"]),
    "two stages, two bases": ("FROM golang:1.22 AS build\nFROM debian:12\n", ["golang:1.22", "debian:12"]),
    "the same twice": ("FROM debian:12 AS one\nFROM debian:12\n", ["debian:12"]),
    "a stage on a stage": ("FROM debian:12 AS build\nFROM build AS test\nFROM test\n", ["debian:12"]),
    "a stage by other letters": ("FROM debian:12 AS Build\nFROM build\n", ["debian:12"]),
    "nothing": ("FROM scratch\nCOPY x /\n", []),
    "an argument": ("ARG BASE=debian:12\nFROM $BASE\n", ["debian:12"]),
    "an argument in quotes and braces": ('ARG TAG="12"\nFROM debian:${TAG}-slim\n', ["debian:12-slim"]),
    "a default on the spot": ("ARG TAG\nFROM debian:${TAG:-12}\n", ["debian:12"]),
    "an argument over a default on the spot": ("ARG TAG=13\nFROM debian:${TAG:-12}\n", ["debian:13"]),
    "an argument without value": ("ARG BASE\nFROM $BASE\n", ["$BASE"]),
    "an argument of a stage": ("FROM debian:12\nARG BASE=x\nFROM ${BASE}\n", ["debian:12", "${BASE}"]),
    "line ends of Windows": ("FROM debian:12\r\nRUN true\r\n", ["debian:12"]),
    "a comment": ("# FROM debian:11\nFROM debian:12\n", ["debian:12"]),
    "another instruction's words": (
        'FROM debian:12\nRUN sqlite3 db "SELECT name \\\n  FROM users"\nRUN echo FROM debian:11\n',
        ["debian:12"],
    ),
}


@pytest.mark.parametrize(("dockerfile", "names"), BASES.values(), ids=BASES)
def test_bases_are_found(dockerfile: str, names: list[str]) -> None:
    assert base_images(dockerfile) == names


def test_bases_are_replaced_and_nothing_else() -> None:
    dockerfile = textwrap.dedent("""
        ARG TAG=12
        FROM --platform=linux/amd64 debian:${TAG} AS build
        RUN echo FROM debian:12 && cat /etc/debian:12
        FROM other:1
        FROM build
        """)

    assert with_bases_replaced(
        dockerfile, lambda name: {"debian:12": "mirror/debian:12"}.get(name, name)
    ) == textwrap.dedent("""
        ARG TAG=12
        FROM --platform=linux/amd64 mirror/debian:12 AS build
        RUN echo FROM debian:12 && cat /etc/debian:12
        FROM other:1
        FROM build
        """)
