"""devicelog: the flight recorder of a microneedling pen."""

__version__ = "0.5.0"
