"""`prunetext.TextClassifier`: train, prune and pack as an estimator of scikit-learn."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from prunetext.data.dataset import Data
from prunetext.data.labels import named
from prunetext.errors import InputError
from prunetext.fitting.estimating.taking import learnt_from, texts_of
from prunetext.options import NONE, DenseOptions, FitOptions, TeachOptions, VectorOptions
from prunetext.runtime.api import load
from prunetext.runtime.classifier import Classifier
from prunetext.runtime.writing import write_whole

if TYPE_CHECKING:
    from prunetext.fitting.effort import Effort
    from prunetext.fitting.finishing import Result
    from prunetext.statistics.evaluation import Verdict

OWN = ("options", "out", "effort", "threads")  # parameters that are no options of `fit`
SPEED_SECONDS_OF_MANY = 0.02  # a search has many fits, and looks at no speed unless min_speed asks for one
NEVER = -100.0  # the logit of a label that no text had in training
LEAST_THRESHOLD = 1e-6
PYTHON_TYPES: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "bool": lambda name: name == "True"}
LEFT_OUT = ("result_", "model_")  # of a pickle: the first needs PyTorch, the second is made of the file's bytes


class TextClassifier(ClassifierMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of texts, trained, pruned and packed, that scikit-learn takes for one of its own.

        clf = prunetext.TextClassifier(max_drop=0.5).fit(texts, labels)
        clf.predict(["great film", "dull"])    # array(['pos', 'neg'], dtype='<U3')
        clf.verdict_.name, len(clf.packed_)    # ('undecided', 4993)
        clf.save("model.safetensors")          # for prunetext.load, without scikit-learn and PyTorch

    X: texts as a list, an array, or a column of pandas, Polars or Arrow; or two columns for pairs of texts. y: labels
    of one type, or a matrix of 0 and 1 with a column for each label, if texts can have several. Parameters are options
    of `prunetext.fit`, with its defaults. options: more of them, by their names. out: a folder for the run, which
    replaces an earlier run there; without it, a temporary one, which goes at once. threads: for predictions. effort: as
    for `fit`; without it and without min_speed, speeds are measured more briefly than there.

    After `fit`: `classes_`, sorted, in the labels' own type, for several labels the numbers or names of the columns;
    `packed_`, the bytes of the packed file; `model_`, the same as `prunetext.load` gives it; `verdict_`; and
    `result_`, all that `prunetext.fit` returns. A pickle holds all but `result_`, and is loaded without PyTorch. A
    tenth of the texts is set aside for the verdict.
    """

    def __init__(
        self,
        *,
        max_drop: float | None = FitOptions.max_drop,
        max_size: str | int | None = FitOptions.max_size,
        min_speed: str | float | None = FitOptions.min_speed,
        max_time: str | float | None = FitOptions.max_time,
        metric: str | None = FitOptions.metric,
        positive: str | None = FitOptions.positive,
        criterion: str | None = FitOptions.criterion,
        schedule: str = FitOptions.schedule,
        groups: str | None = FitOptions.groups,
        refit: bool | None = FitOptions.refit,
        epochs: float | None = FitOptions.epochs,
        class_weights: str = FitOptions.class_weights,
        seed: int = FitOptions.seed,
        teacher: str | None = TeachOptions.teacher,
        unlabelled: str | None = TeachOptions.unlabelled,
        augment: float | None = TeachOptions.augment,
        model: str = DenseOptions.model,
        tokenizer: str = DenseOptions.tokenizer,
        dimensions: int | None = DenseOptions.dimensions,
        widths: str | tuple[int, ...] = DenseOptions.widths,
        filters: int = DenseOptions.filters,
        pooling: str = DenseOptions.pooling,
        channels: str = DenseOptions.channels,
        max_words: int = DenseOptions.max_words,
        min_count: int = DenseOptions.min_count,
        bigrams: int | None = DenseOptions.bigrams,
        vectors: Any = None,
        train_vectors: str | None = VectorOptions.train_vectors,
        options: Mapping[str, Any] | None = None,
        out: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        effort: Effort | None = None,
    ) -> None:
        self.max_drop, self.max_size, self.min_speed, self.max_time = max_drop, max_size, min_speed, max_time
        self.metric, self.positive, self.criterion, self.schedule = metric, positive, criterion, schedule
        self.groups, self.refit, self.epochs, self.class_weights = groups, refit, epochs, class_weights
        self.seed, self.teacher, self.unlabelled, self.augment = seed, teacher, unlabelled, augment
        self.model, self.tokenizer, self.dimensions, self.widths = model, tokenizer, dimensions, widths
        self.filters, self.pooling, self.channels, self.max_words = filters, pooling, channels, max_words
        self.min_count, self.bigrams, self.vectors, self.train_vectors = min_count, bigrams, vectors, train_vectors
        self.options, self.out, self.threads, self.effort = options, out, threads, effort

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train, prune and pack a model of these texts, from scratch; returns the estimator itself.

            clf.fit(["great film", "dull", ...], ["pos", "neg", ...])

        sample_weight: how much each text counts in training, next to the others. Texts of the weight 0 are as if they
        were absent. The automatic teacher has no weights, and stays out if they differ. What the model is judged by
        counts each text once. `InputError`, a ValueError, says what is wrong with X, y, a weight or an option.
        """
        from prunetext.fitting.api import fit  # with PyTorch, which predictions do not need
        from prunetext.fitting.effort import Effort

        learnt = learnt_from(X, y, sample_weight)
        brief = self.effort is None and self.min_speed is None
        effort = Effort(speed_seconds=SPEED_SECONDS_OF_MANY) if brief else self.effort
        data, options = Data(learnt.examples, name="X"), self._options()
        # Not left to the end of Python: processes of joblib end without it.
        with tempfile.TemporaryDirectory(prefix="prunetext-") if self.out is None else nullcontext(self.out) as folder:
            result = fit(data, out=Path(folder), overwrite=self.out is not None, effort=effort, **options)
            assert result.model  # read while its file is there
            self._take(result.path.read_bytes(), learnt.classes, learnt.names)
        self.result_: Result = result
        self.verdict_: Verdict = result.verdict
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The class of each text, in the type of `classes_`; for several labels, a matrix of 0 and 1.

            clf.predict(["great film", "dull"])    # array(['pos', 'neg'], dtype='<U3')

        `InputError`, a ValueError, for an X that holds no texts, and pairs for a model of single texts.
        """
        _, chosen = self._fitted().answers(texts_of(X), self.threads)
        chosen = self._in_order(chosen, absent=False)
        return chosen.astype(int) if self._several else self.classes_[chosen.argmax(1)]

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """The calibrated probability of each class for each text, (texts, classes), in the order of `classes_`.

            clf.predict_proba(["great film"])    # array([[0.02, 0.98]], dtype=float32)

        Rows sum to 1, but for several labels, where each has a probability of its own.
        """
        return self._in_order(self._fitted().predict_proba(texts_of(X), self.threads), absent=0.0)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """How much speaks for each class: logits (texts, classes), or (texts,) for the second one of two.

            clf.decision_function(["great film"])    # array([3.9])

        For several labels it is 0 at the threshold of each, and positive where a text has it.
        """
        logits = self._in_order(self._logits(X), absent=NEVER)
        if len(self.classes_) > 2 or self._several:
            return logits
        between: NDArray[np.float64] = logits[:, 1] - logits[:, 0]
        return between

    def transform(self, X: Any) -> NDArray[np.float64]:
        """The logits of each class, (texts, classes), as features for another model.

            ColumnTransformer([("review", TextClassifier(), "review"), ("price", "passthrough", ["price"])])

        They know the labels of the texts in training. Where another model learns from those very texts,
        `StackingClassifier` gives it answers that have not seen them.
        """
        return self._in_order(self._logits(X), absent=NEVER)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """The names of the columns of `transform`.

            clf.get_feature_names_out()    # array(['textclassifier_neg', 'textclassifier_pos'], dtype=object)

        input_features: not used; scikit-learn passes it.
        """
        check_is_fitted(self)
        return np.array([f"{type(self).__name__.lower()}_{each}" for each in self.classes_], object)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the packed file, which `prunetext.load` and `TextClassifier.load` read.

            clf.save("model.safetensors")

        It is whole at every moment: an earlier file stays until the new one is.
        """
        self._fitted()
        write_whole(path, self.packed_)

    @classmethod
    def load(cls, path: str | os.PathLike[str], **parameters: Any) -> Self:
        """A fitted estimator from a packed file, also from one that `prunetext fit` has written.

            prunetext.TextClassifier.load("model.safetensors").classes_    # array(['neg', 'pos'], dtype='<U3')

        Classes are numbers again if all labels were. parameters: those of the estimator, for another `fit`.
        FileNotFoundError for a missing path, ModelFileError for a file that is no packed model.
        """
        file = Path(path)
        packed = file.read_bytes()
        found = load(packed)
        recipe = json.loads(found.metadata.get("provenance", "{}")).get("recipe", {})
        of_name = PYTHON_TYPES.get(recipe.get("label_type", "str"), str)
        made = cls(**parameters)
        classes = np.unique([of_name(label) for label in found.labels])
        made._take(packed, classes, named(classes.tolist()).names)
        return made

    def _take(self, packed: bytes, classes: NDArray[Any], names: list[str]) -> None:
        """Be fitted: keep a packed file, its classes, and the column that each of them has in the file."""
        found = load(packed)
        column = {label: at for at, label in enumerate(found.labels)}
        self.packed_, self.model_, self.classes_ = packed, found, classes
        self._several = found.task == "labels"
        self._columns = np.array([column.get(name, -1) for name in names])

    def _fitted(self) -> Classifier:
        check_is_fitted(self)
        model: Classifier = self.model_
        return model

    def _logits(self, texts: Any) -> NDArray[np.float64]:
        """The file's logits; for several labels, calibrated ones, less those of their thresholds."""
        model = self._fitted()
        logits = model.logits(texts_of(texts), self.threads)
        if model.thresholds is None:
            return logits
        limits = np.clip(model.thresholds, LEAST_THRESHOLD, 1 - LEAST_THRESHOLD)
        beyond: NDArray[np.float64] = logits / float(model.metadata["temperature"]) - np.log(limits / (1 - limits))
        return beyond

    def _in_order(self, of_file: NDArray[Any], absent: float) -> NDArray[Any]:
        """The columns of the file in the order of `classes_`; absent: for a class that the file has not."""
        found = of_file[:, self._columns]
        found[:, self._columns < 0] = absent
        return found

    def _options(self) -> dict[str, Any]:
        """The options for `prunetext.fit`, each as a value of Python: a grid can hold those of NumPy."""
        own = {name: value for name, value in self.get_params(deep=False).items() if name not in OWN}
        more = dict(self.options or {})
        if both := sorted({*own, *OWN} & {*more}):
            raise InputError(f"options has {both[0]}, which is a parameter of its own. Give it there.")
        own["teacher"] = NONE if self.teacher is None else self.teacher
        return {
            name: value.item() if isinstance(value, np.generic) else value for name, value in {**own, **more}.items()
        }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_label = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name not in LEFT_OUT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "packed_" in state:
            self.model_ = load(self.packed_)
