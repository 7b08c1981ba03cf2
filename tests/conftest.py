"""What holds for every test."""

import os

from tests.environment import environment

os.environ.update(environment())
