"""Whether one model may take the place of another: the checks, and what they come to."""

from __future__ import annotations

from typing import Any, NamedTuple

from prunetext.errors import CANNOT_TELL, DONE, MISSED
from prunetext.judging.checks import Check, checks_of
from prunetext.judging.evaluation import Evaluation
from prunetext.judging.gate_files import junit_of, markdown_of

UNDECIDED = {"pass": DONE, "fail": MISSED}  # what an exit code can be made
_CODES = {"kept": DONE, "lost": MISSED, "undecided": CANNOT_TELL}


class Gate(NamedTuple):
    """The result of `gate`. name: kept, lost or undecided; code: what the command ends with, 0, 3 or 4.

    a, b: the names of the models. checks: all that must hold, the verdict first. evaluation: of model b against a.
    """

    name: str
    code: int
    a: str
    b: str
    max_drop: float
    max_churn: float
    checks: list[Check]
    evaluation: Evaluation

    @classmethod
    def of(
        cls, found: Evaluation, a: str, b: str, max_drop: float, max_churn: float, undecided: str | None = None
    ) -> Gate:
        """Put the checks together: one that is lost decides, then one that is undecided."""
        checks = checks_of(found, max_drop, max_churn)
        outcomes = {each.outcome for each in checks}
        name = next((each for each in ("lost", "undecided") if each in outcomes), "kept")
        code = UNDECIDED[undecided] if name == "undecided" and undecided is not None else _CODES[name]
        return cls(name, code, a, b, max_drop, max_churn, checks, found)

    @property
    def reasons(self) -> list[str]:
        """Why it is not kept: what each check says that is not; empty if all are."""
        return [f"{each.name}: {each.said}" for each in self.checks if each.outcome != "kept"]

    def sentence(self) -> str:
        """Say in a few words whether b may replace a."""
        may = {"kept": "may replace", "lost": "must not replace"}.get(self.name, "cannot be told to be as good as")
        return f"{self.name}: {self.b} {may} {self.a}."

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON: those of the checks, and below them the whole evaluation."""
        own = {"name": self.name, "code": self.code, "a": self.a, "b": self.b, "max_drop": self.max_drop}
        own |= {"max_churn": self.max_churn, "reasons": self.reasons}
        return {**own, "checks": [each._asdict() for each in self.checks], "evaluation": self.evaluation.fields()}

    def junit(self) -> str:
        """The checks as a JUnit file, which servers that build and test show: a test for each check."""
        return junit_of(self.checks, passing=self.code == DONE)

    def markdown(self) -> str:
        """The checks, the worst slices and some lost texts in Markdown, for the page of a change."""
        return markdown_of(f"{self.name}: {self.b} beside {self.a}", self.checks, self.evaluation)
