"""What can be wrong with a registry; apart, so that naming it costs no HTTP client."""


class RegistryFailed(Exception):
    """The registry cannot be reached, or gave no usable answer: nobody's record is to blame."""


class NotThere(LookupError):
    """The registry has no such schema."""
