"""Looks the installation over and says what is missing and what to do."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from warehouse.lake import Lake
from warehouse.settings import PROJECT

_PACKAGES = (
    "apache-airflow", "dbt-core", "dbt-duckdb", "duckdb", "statsmodels", "prophet", "pandas",
    "pandera", "altair", "xlsxwriter", "mlforecast", "lightgbm", "statsforecast",
)  # fmt: skip
_PROGRAMS = {
    "chromium": "tests that look at the page in a browser; Debian: apt-get install chromium",
    "soffice": "tests that open the workbook; Debian: apt-get install libreoffice-calc-nogui",
}


@dataclass(frozen=True)
class Finding:
    """One line of the examination; `state` is ok, optional (tests only) or missing."""

    what: str
    state: str
    found: str
    remedy: str = ""


def examine(lake: Lake) -> list[Finding]:
    """Python, packages, the project's folders, the lake, and programs only tests need."""
    findings = [_python()]
    findings += [_package(name) for name in _PACKAGES]
    findings.append(_openmp())
    findings += [_folder(name) for name in ("dags", "dbt_project", "sources")]
    findings.append(_lake(lake))
    findings += [_program(name, use) for name, use in _PROGRAMS.items()]
    return findings


def _python() -> Finding:
    return Finding("python", "ok", ".".join(map(str, sys.version_info[:3])))


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "missing", "not installed", "Run `make install`")


def _openmp() -> Finding:
    """LightGBM's wheel does not bring the GNU OpenMP library it is linked to."""
    found = ctypes.util.find_library("gomp") or ctypes.util.find_library("omp")
    if found:
        return Finding("OpenMP", "ok", found)
    if not sys.platform.startswith("linux"):
        return Finding("OpenMP", "optional", "not found", "If LightGBM does not load: libomp")
    return Finding("OpenMP", "missing", "no libgomp", "Debian: apt-get install libgomp1")


def _folder(name: str) -> Finding:
    folder = PROJECT / name
    if folder.is_dir():
        return Finding(f"{name}/", "ok", str(folder))
    return Finding(f"{name}/", "missing", str(folder), "Run from a clone: pip install -e .")


def _lake(lake: Lake) -> Finding:
    # The examination makes nothing: an absent lake is judged by the folder it would be made in.
    standing = next(p for p in (lake.root, *lake.root.parents) if p.exists())
    if not os.access(standing, os.W_OK):
        return Finding("lake", "missing", str(standing), "Give a folder you may write: --lake DIR")
    free = shutil.disk_usage(standing).free / 1e9
    if free < 1:
        return Finding("lake", "missing", f"{free:.1f} GB free", "Free at least 1 GB of disk")
    return Finding("lake", "ok", f"{lake.root}, {free:.0f} GB free")


def _program(name: str, use: str) -> Finding:
    found = shutil.which(name)
    return Finding(name, "ok", found) if found else Finding(name, "optional", "not found", use)
