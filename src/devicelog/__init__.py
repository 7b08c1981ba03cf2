"""devicelog: the flight recorder of a microneedling pen."""

__version__ = "0.4.0"
