"""The market's: bars that are missing, too few or wrong."""

from __future__ import annotations

from ktrdr.errors.problem import Problem, did_you_mean, guess_and_list
from ktrdr.errors.root import KtrdrError, Unknown


class DataError(KtrdrError):
    """The market's: bars that are missing, too few or wrong."""

    kind = "data"


class UnknownSymbol(Unknown, DataError):
    """No bars are stored for that symbol and timeframe."""

    noun, plural = "Symbol", "series"

    def __init__(self, name: str, known: tuple[str, ...] = (), path: str = "symbols") -> None:
        super().__init__(name, known)
        self.args = (name, known, path)
        self.path = path
        self.symbol = name.partition(" ")[0]
        self._own = sorted(series for series in known if series.partition(" ")[0] == self.symbol)

    def __str__(self) -> str:
        return f"{self.name} is not stored" if self._own else super().__str__()

    @property
    def suggestion(self) -> str | None:
        names = sorted(self.known)
        if self._own or not names:
            return f"Stored of {self.symbol}: {', '.join(self._own)}." if names else super().suggestion
        # the timeframe says nothing about which symbol was meant
        guess = did_you_mean(self.symbol, dict.fromkeys(series.partition(" ")[0] for series in names))
        return guess_and_list(guess, names, self.plural)


class OnlySlowerBars(DataError):
    """A series that is not stored and cannot be made: what is stored of its symbol is slower."""

    path = "timeframes"

    def __init__(self, symbol: str, timeframe: str, stored: tuple[str, ...]) -> None:
        super().__init__(symbol, timeframe, stored)
        self.symbol, self.timeframe, self.stored = symbol, timeframe, stored

    def __str__(self) -> str:
        slower = ", ".join(self.stored)
        return f"{self.symbol} {self.timeframe} is not stored, and cannot be made of slower bars ({slower})."

    @property
    def suggestion(self) -> str | None:
        return f"Import {self.symbol} in {self.timeframe}, or in a faster timeframe, with `ktrdr data import`."


class NoBars(DataError):
    """The date range holds no bars."""

    path = "start_date"

    def __init__(self, series: str, asked: str, stored: str) -> None:
        super().__init__(series, asked, stored)
        self.series, self.asked, self.stored = series, asked, stored

    def __str__(self) -> str:
        return f"{self.series} has no bars in {self.asked}."

    @property
    def suggestion(self) -> str | None:
        return f"Stored bars run from {self.stored}. Choose dates inside that range."


class NotEnoughBars(DataError):
    """Some step needs more bars than there are."""

    def __init__(self, needed: int, got: int, by: str, path: str = "", advice: str | None = None) -> None:
        super().__init__(needed, got, by, path, advice)
        self.needed, self.got, self.by, self.advice = needed, got, by, advice
        self.path = path

    def __str__(self) -> str:
        return f"{self.by} needs {self.needed} bars and got {self.got}."

    @property
    def suggestion(self) -> str | None:
        return self.advice or "Widen the date range or shorten the lookback."


class NoRows(DataError):
    """Bars that give no row to train on, or none for one of the parts: not for their number alone."""

    def __init__(self, of: str, reason: str, path: str, advice: str) -> None:
        super().__init__(of, reason, path, advice)
        self.of, self.reason, self.advice = of, reason, advice
        self.path = path

    def __str__(self) -> str:
        return f"{self.of} has no rows: {self.reason}."


class BadBars(DataError):
    """Bars that cannot be believed; says which and why."""

    def __init__(self, series: str, reason: str, advice: str) -> None:
        super().__init__(series, reason, advice)
        self.series, self.reason, self.advice = series, reason, advice

    def __str__(self) -> str:
        return f"{self.series}: {self.reason}"


class NotFinite(DataError):
    """A feature that is infinite on a bar."""

    path = "nn_inputs"
    advice = "Use an indicator that has a finite value on every bar, or leave the bar out of the date range."

    def __init__(self, feature: str, series: str, bar: str) -> None:
        super().__init__(feature, series, bar)
        self.feature, self.series, self.bar = feature, series, bar

    def __str__(self) -> str:
        return f"The feature {self.feature} is infinite on bar {self.bar} of {self.series}."


class BadFile(DataError):
    """A file that cannot be imported, with the problems found in it; a column is a field's number in its line."""

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(file, problems)
        self.file, self._problems = file, problems

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._problems

    def __str__(self) -> str:
        return f"{self.file} cannot be imported:\n" + "\n".join(f"  {p}" for p in self._problems)


class EqualQuantiles(DataError):
    """A fuzzy set that cannot be fitted: `centres` says which of its terms would have the same centre, and where."""

    advice = "Use fewer terms or another indicator, or give each term's parameters."

    def __init__(self, of: str, centres: tuple[str, ...], path: str = "") -> None:
        super().__init__(of, centres, path)
        self.of, self.centres = of, centres
        self.path = path

    def __str__(self) -> str:
        return f"{self.of} cannot be fitted on the training rows: terms have equal centres, {'; '.join(self.centres)}."

    def of_set(self, name: str, path: str) -> EqualQuantiles:
        """Return the error with the set's name, which the set itself does not know."""
        return EqualQuantiles(f"The fuzzy set {name}", self.centres, path)


class OneClassLabels(DataError):
    """A training part whose labels are all of one class teaches nothing."""

    path = "training.labels"

    def __init__(self, part: str, class_name: str, n_rows: int, labeler: str) -> None:
        super().__init__(part, class_name, n_rows, labeler)
        self.part, self.class_name, self.n_rows, self.labeler = part, class_name, n_rows, labeler

    def __str__(self) -> str:
        return f"All {self.n_rows} {self.part} labels of {self.labeler} are {self.class_name}: nothing can be learned."

    @property
    def suggestion(self) -> str | None:
        return "Change the labeler's thresholds or barriers, or widen the date range: two classes must occur at least."
