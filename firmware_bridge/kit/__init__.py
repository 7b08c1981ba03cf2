"""Pens for tests that have none: on a port or on pins, in the test's own time, with the faults of docs/scenarios.md.

What pytest sees of it is firmware_bridge.pytest_plugin; docs/test-kit.md is its page. Importing this loads neither
gpiozero nor pyserial, and no module that only POSIX has: the pens themselves do, when they are made.
"""
