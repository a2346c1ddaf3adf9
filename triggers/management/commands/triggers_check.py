"""An alarm for monitoring: one line for each problem, and the exit code that Nagios and its heirs understand."""

from __future__ import annotations

from math import inf
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.utils import DatabaseError, InterfaceError

from triggers.analytics.alarms import DEFAULTS, Level, Limit, find_problems
from triggers.analytics.status import status
from triggers.engine.shards import read_clock

# Nagios: the check itself could not be made.
UNKNOWN = 3


class Command(BaseCommand):
    help = (
        "Exit code 0: all is well, 1: warning, 2: critical, 3: wrong options. "
        "Each limit is WARNING[,CRITICAL]; a dash switches one off."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        for name, (meaning, limit) in DEFAULTS.items():
            default = f"{limit.warning:g},{limit.critical:g}"
            parser.add_argument(
                f"--{name}", default=default, metavar="W[,C]", help=f"{meaning} (default: {default})"
            )

    def handle(self, *args: Any, **options: Any) -> None:
        limits = {name: read_limit(name, options[name]) for name in DEFAULTS}
        try:
            problems = find_problems(status(read_clock()), limits)
        except (DatabaseError, InterfaceError) as error:
            text = f"CRITICAL: the database does not answer: {type(error).__name__}"
            raise CommandError(text, returncode=Level.CRITICAL) from error
        if not problems:
            self.stdout.write("OK: somebody is working, nothing is late, nothing failed")
            return
        self.stdout.write("\n".join(map(str, problems)))
        raise SystemExit(int(problems[0].level))


def read_limit(name: str, text: str) -> Limit:
    """A limit as it is written in the command. Raises CommandError for what is none."""
    parts = str(text).split(",")
    try:
        numbers = [inf if part.strip() == "-" else float(part) for part in parts]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 2 or not all(number > 0 for number in numbers):
        raise CommandError(f"--{name} {text}: write a number, or two: WARNING,CRITICAL", returncode=UNKNOWN)
    limit = Limit(numbers[0], numbers[1] if len(numbers) == 2 else inf)
    if len(numbers) == 2 and limit.warning > limit.critical and limit.warning < inf:
        raise CommandError(f"--{name} {text}: the warning must not come after the alarm", returncode=UNKNOWN)
    return limit
