"""Train, prune and pack the smallest, fastest text classifier that keeps its accuracy, with the proof that it did."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prunetext.benchmarking.api import Bench, bench
    from prunetext.comparison.api import Comparison, compare
    from prunetext.data.api import read
    from prunetext.data.dataset import Data, Examples
    from prunetext.errors import DataError, InputError, MissingExtraError, ModelFileError, PrunetextError, RunError
    from prunetext.fitting.api import cascade, fit, fit_cascade, ladder, prune, sensitivity
    from prunetext.fitting.cascading.making import Cascade
    from prunetext.fitting.estimating.estimator import TextClassifier
    from prunetext.fitting.finishing import Result
    from prunetext.fitting.laddering.rungs import Ladder
    from prunetext.judging.api import evaluate, gate
    from prunetext.judging.damage import DamageReport
    from prunetext.judging.evaluation import Evaluation
    from prunetext.judging.gating import Gate
    from prunetext.modelfiles.api import export, inspect, open_model, predict
    from prunetext.modelfiles.exporting import Exported
    from prunetext.modelfiles.inspection import Inspection
    from prunetext.reporting.api import Page, report
    from prunetext.runtime.api import load
    from prunetext.runtime.classifier import Classifier
    from prunetext.runtime.encoder import Encoder
    from prunetext.runtime.explanations import Explanation
    from prunetext.statistics.answers import Answering, Answers
    from prunetext.statistics.evaluation import Score, Verdict

# Loaded on first use: `import prunetext` costs next to nothing.
_HOMES = {
    "Answering": "prunetext.statistics.answers",
    "Answers": "prunetext.statistics.answers",
    "Bench": "prunetext.benchmarking.api",
    "Cascade": "prunetext.fitting.cascading.making",
    "Classifier": "prunetext.runtime.classifier",
    "Comparison": "prunetext.comparison.api",
    "Data": "prunetext.data.dataset",
    "DamageReport": "prunetext.judging.damage",
    "DataError": "prunetext.errors",
    "Encoder": "prunetext.runtime.encoder",
    "Evaluation": "prunetext.judging.evaluation",
    "Examples": "prunetext.data.dataset",
    "Explanation": "prunetext.runtime.explanations",
    "Exported": "prunetext.modelfiles.exporting",
    "Gate": "prunetext.judging.gating",
    "InputError": "prunetext.errors",
    "Inspection": "prunetext.modelfiles.inspection",
    "Ladder": "prunetext.fitting.laddering.rungs",
    "MissingExtraError": "prunetext.errors",
    "ModelFileError": "prunetext.errors",
    "Page": "prunetext.reporting.api",
    "PrunetextError": "prunetext.errors",
    "Result": "prunetext.fitting.finishing",
    "RunError": "prunetext.errors",
    "Score": "prunetext.statistics.evaluation",
    "TextClassifier": "prunetext.fitting.estimating.estimator",
    "Verdict": "prunetext.statistics.evaluation",
    "bench": "prunetext.benchmarking.api",
    "cascade": "prunetext.fitting.api",
    "compare": "prunetext.comparison.api",
    "evaluate": "prunetext.judging.api",
    "export": "prunetext.modelfiles.api",
    "fit": "prunetext.fitting.api",
    "fit_cascade": "prunetext.fitting.api",
    "gate": "prunetext.judging.api",
    "inspect": "prunetext.modelfiles.api",
    "ladder": "prunetext.fitting.api",
    "load": "prunetext.runtime.api",
    "open_model": "prunetext.modelfiles.api",
    "predict": "prunetext.modelfiles.api",
    "prune": "prunetext.fitting.api",
    "read": "prunetext.data.api",
    "report": "prunetext.reporting.api",
    "sensitivity": "prunetext.fitting.api",
}

__all__ = [  # noqa: RUF022
    "read",
    "fit",
    "prune",
    "ladder",
    "sensitivity",
    "cascade",
    "fit_cascade",
    "compare",
    "load",
    "open_model",
    "predict",
    "evaluate",
    "gate",
    "inspect",
    "export",
    "bench",
    "report",
    "Data",
    "Examples",
    "Result",
    "Ladder",
    "Cascade",
    "Comparison",
    "Evaluation",
    "DamageReport",
    "Gate",
    "Inspection",
    "Exported",
    "Bench",
    "Page",
    "Score",
    "Verdict",
    "TextClassifier",
    "Classifier",
    "Explanation",
    "Answering",
    "Answers",
    "Encoder",
    "PrunetextError",
    "InputError",
    "DataError",
    "ModelFileError",
    "RunError",
    "MissingExtraError",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "__version__":
        return import_module("importlib.metadata").version("prunetext")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("prunetext"):
            raise
        from prunetext.errors import require

        require(error.name, extra="train")
        raise
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
