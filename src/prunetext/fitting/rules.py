"""What options may be: each function refuses values out of range, or that do not go together, and names the rule."""

from __future__ import annotations

from prunetext.errors import InputError
from prunetext.options import NONE, FitOptions, ModelOptions, PruneOptions, TeachOptions, chosen, refuse_broken


def check_max_drop(max_drop: float | None) -> None:
    """Refuse a drop that is no number of points."""
    if max_drop is not None and not 0 <= max_drop <= 100:
        raise InputError(f"max_drop is {max_drop}: it must be between 0 and 100.")


def check_pruning(options: PruneOptions) -> None:
    """Refuse a budget, a precision or a weight out of range."""
    check_max_drop(options.max_drop)
    if options.precision is not None and not 0 < options.precision < 1:
        raise InputError(f"precision is {options.precision}: it must be a share between 0 and 1, such as 0.95.")
    weight = options.hidden_states
    refuse_broken([("hidden_states", weight, 0 <= (weight or 0) <= 1000, "from 0 to 1000")])


def check_refit(options: FitOptions) -> None:
    """Refuse to learn dev where it has another task."""
    if options.refit and options.class_weights != "none":
        raise InputError("refit would learn dev, which class_weights takes for rare classes. Leave one of the two out.")


def check_options(options: FitOptions, model: ModelOptions) -> None:
    """Refuse values out of range; each message names the rule."""
    check_pruning(options)
    check_refit(options)
    if model.bigrams == 0 and "bigrams" in (options.groups or "").split(","):
        raise InputError("groups has bigrams, but bigrams is 0. Leave one of the two out.")
    rules: list[tuple[str, object, bool, str]] = [
        ("epochs", options.epochs, options.epochs is None or 0 < options.epochs <= 1e6, "more than 0, at most 1e6"),
        ("ranking", options.ranking, 0 <= options.ranking <= 100, "from 0 to 100"),
        ("seed", options.seed, 0 <= options.seed < 2**32, "a whole number from 0 to 4294967295"),
        ("class_weights", options.class_weights, options.class_weights in ("none", "balanced"), "none or balanced"),
        ("dimensions", model.dimensions, 0 <= (model.dimensions or 0) <= 4096, "from 0 to 4096"),
        ("filters", model.filters, 1 <= model.filters <= 4096, "from 1 to 4096"),
        ("pooling", model.pooling, model.pooling in ("max", "max+mean"), "max or max+mean"),
        ("channels", model.channels, model.channels in ("non-static", "static", "both"), "non-static, static or both"),
        ("max_words", model.max_words, model.max_words >= 1, "at least 1"),
        ("bigrams", model.bigrams, 0 <= (model.bigrams or 0) <= 1_000_000, "from 0 to 1000000"),
        ("min_count", model.min_count, model.min_count >= 1, "at least 1"),
    ]
    refuse_broken(rules)


def check_teaching(options: TeachOptions) -> None:
    """Refuse values out of range, and options of a teacher without one."""
    epochs, augment, labels = options.teacher_epochs, options.augment, options.labels_per_class
    for name in ("augment", "teacher_temperature", "teacher_tokens", "teacher_epochs"):
        vain = options.teacher == "auto" and name in ("teacher_tokens", "teacher_epochs")
        if name in chosen(options) and (vain or options.teacher in (None, NONE)):
            raise InputError(f"{name} is given, but no teacher. Give a teacher, or leave {name} out.")
    refuse_broken(
        [
            ("teacher_share", options.teacher_share, 0 <= options.teacher_share <= 1, "from 0 to 1"),
            ("teacher_temperature", t := options.teacher_temperature, 0.01 <= t <= 100, "from 0.01 to 100"),
            ("teacher_tokens", options.teacher_tokens, options.teacher_tokens >= 8, "at least 8"),
            ("teacher_epochs", epochs, epochs is None or 0 < epochs <= 1000, "more than 0, at most 1000"),
            ("augment", augment, augment is None or 0 <= augment <= 1000, "from 0 to 1000"),
            ("labels_per_class", labels, labels is None or labels >= 1, "at least 1"),
        ]
    )
