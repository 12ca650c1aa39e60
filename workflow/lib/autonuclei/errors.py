"""The one error type for what a user can mend."""


class InputError(Exception):
    """A problem with an input file, the sample sheet or the configuration.

    The message is one line that names the file, says what is wrong and what to do.
    Scripts print it without a traceback; any other exception is a bug and shows one.
    """
