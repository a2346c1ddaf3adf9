"""What a benchmark gives back, and how it is shown."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import django


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to do: `is_quick` ends within 60 s; a `scale` below 1 is for trying the benchmark itself: fewer rows, once."""

    is_quick: bool = False
    scale: float = 1.0

    def pick(self, full: int, quick: int, least: int = 1) -> int:
        """Rows, letters or actions for this plan."""
        return max(least, round((quick if self.is_quick else full) * self.scale))

    def repeats(self, usual: int) -> int:
        """How often to measure: the median stands."""
        return usual if self.scale >= 1 else 1


@dataclass(frozen=True, slots=True)
class Result:
    """One figure with its rivals. A ratio says how many times better we are than that rival: below 1 is behind it."""

    name: str
    figure: float
    unit: str
    conditions: Mapping[str, Any]
    rivals: Mapping[str, float] = field(default_factory=dict)
    ratios: Mapping[str, float] = field(default_factory=dict)
    aims: Mapping[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Every aim is met."""
        return all(self.ratios[rival] >= aim for rival, aim in self.aims.items())

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ok": self.ok}

    def as_text(self) -> str:
        lines = [f"{self.name}: {self.figure:g} {self.unit}"]
        for rival, figure in self.rivals.items():
            aim = f", aim {self.aims[rival]:g}" if rival in self.aims else ""
            lines.append(f"  {rival}: {figure:g} {self.unit}; we are at {self.ratios[rival]:.3g} of it{aim}")
        lines += [f"  {name}: {value}" for name, value in self.conditions.items()]
        lines.append("  every aim is met" if self.ok else "  AN AIM IS MISSED")
        return "\n".join(lines)


def machine() -> dict[str, Any]:
    """Conditions of every benchmark."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "django": django.get_version(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
