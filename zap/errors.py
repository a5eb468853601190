"""The one tree of errors that Zap raises for its users.

An error of this tree is the user's to mend, so the command line prints its message
without a traceback and exits with 2. A message says what was expected, what was
received ("Received: name=value") and the fix. Everything else that is raised is a
defect of Zap.

    ZapError
    |-- MappingError      a mapping file, or a column that it names
    |-- InputError        raw events: missing, empty, unreadable, too many bad rows
    |-- GeneratorError    an example generator: its definition or its own methods
    |-- CheckError        an example generator that cannot be trusted
    |-- EncodingError     a feature, an instance or an encoder
    |-- DatasetError      a directory of examples
    |-- TrainingError     data or settings that no model can be trained on
    |-- BundleError       a directory with one model version
    |-- RegistryError     the versions of an application, and which of them is live
    |-- ServingError      a server: its settings, or what a caller asks of it
    |-- KeysError         the keys by which the API knows its callers
    |-- LogError          the prediction log: it can't be written or read
    |-- StoreError        an event store that cannot be reached, or is too slow
    |-- CollectError      the collector: its settings, its spool, its archive
    |-- BigQueryError     a table of BigQuery: its name, its columns, the service
    `-- MissingExtraError a package that an extra of Zap brings
"""


class ZapError(Exception):
    """Base of all errors that the user can mend."""


class MappingError(ZapError):
    """A mapping file is wrong, or does not fit the data."""


class InputError(ZapError):
    """Raw events are missing, empty, unreadable, or too many of them are bad."""


class GeneratorError(ZapError):
    """An example generator is wrongly defined, unknown, or raised."""


class CheckError(ZapError):
    """An example generator cannot be trusted: it sees past its cutoffs."""


class EncodingError(ZapError):
    """A feature, an instance or an encoder is wrongly defined or does not fit."""


class DatasetError(ZapError):
    """A directory of examples is incomplete, damaged or unsuitable."""


class TrainingError(ZapError):
    """No model can be trained with these examples or settings."""


class BundleError(ZapError):
    """A bundle is incomplete, damaged or made for something else."""


class RegistryError(ZapError):
    """A registry has no such version, or its log does not allow what is asked."""


class ServingError(ZapError):
    """A server's settings are wrong, or what a caller asks of it can't be answered."""


class KeysError(ZapError):
    """A file of keys, or a key to be made, is wrong."""


class LogError(ZapError):
    """The log of predictions can't be written or read, or has no such prediction."""


class StoreError(ZapError):
    """An event store cannot be reached, is too slow, or holds something else."""


class CollectError(ZapError):
    """The collector's settings are wrong, or its spool or archive can't be used."""


class BigQueryError(ZapError):
    """A table of BigQuery is wrongly named or made, or the service refuses."""


class MissingExtraError(ZapError):
    """A package is missing that one of Zap's extras brings.

    Args:
        package: the distribution that could not be imported.
        extra: the extra of ``zap`` that contains it.
    """

    def __init__(self, package: str, extra: str):
        super().__init__(
            f"This needs {package!r}, which is not installed. "
            f"Install it with: pip install 'zap-predictions[{extra}]'"
        )
