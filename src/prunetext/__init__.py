"""Train, prune and pack the smallest, fastest text classifier that keeps its accuracy, with the proof that it did."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prunetext.assessment import Evaluation, evaluate
    from prunetext.benchmarking.api import Bench, bench
    from prunetext.comparison.api import Comparison, compare
    from prunetext.data.dataset import Data, Examples
    from prunetext.data.reading import read
    from prunetext.errors import DataError, InputError, MissingExtraError, ModelFileError, PrunetextError, RunError
    from prunetext.exporting import Exported, export
    from prunetext.finishing import Result
    from prunetext.inspection import Inspection, inspect
    from prunetext.pipeline import fit, prune, sensitivity
    from prunetext.prediction import predict
    from prunetext.runtime.classifier import Classifier, load
    from prunetext.runtime.ids import Encoder
    from prunetext.training.evaluation import Score, Verdict

# Loaded on first use, so that `import prunetext` costs next to nothing.
_HOMES = {
    "Bench": "prunetext.benchmarking.api",
    "Classifier": "prunetext.runtime.classifier",
    "Comparison": "prunetext.comparison.api",
    "Data": "prunetext.data.dataset",
    "DataError": "prunetext.errors",
    "Encoder": "prunetext.runtime.ids",
    "Evaluation": "prunetext.assessment",
    "Examples": "prunetext.data.dataset",
    "Exported": "prunetext.exporting",
    "InputError": "prunetext.errors",
    "Inspection": "prunetext.inspection",
    "MissingExtraError": "prunetext.errors",
    "ModelFileError": "prunetext.errors",
    "PrunetextError": "prunetext.errors",
    "Result": "prunetext.finishing",
    "RunError": "prunetext.errors",
    "Score": "prunetext.training.evaluation",
    "Verdict": "prunetext.training.evaluation",
    "bench": "prunetext.benchmarking.api",
    "compare": "prunetext.comparison.api",
    "evaluate": "prunetext.assessment",
    "export": "prunetext.exporting",
    "fit": "prunetext.pipeline",
    "inspect": "prunetext.inspection",
    "load": "prunetext.runtime.classifier",
    "predict": "prunetext.prediction",
    "prune": "prunetext.pipeline",
    "read": "prunetext.data.reading",
    "sensitivity": "prunetext.pipeline",
}

__all__ = [  # noqa: RUF022
    "read",
    "fit",
    "prune",
    "sensitivity",
    "compare",
    "load",
    "predict",
    "evaluate",
    "inspect",
    "export",
    "bench",
    "Data",
    "Examples",
    "Result",
    "Comparison",
    "Evaluation",
    "Inspection",
    "Exported",
    "Bench",
    "Score",
    "Verdict",
    "Classifier",
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
