"""What the planners' answers look like, as models: the source of the OpenAPI response schemas.

Answers are made without these (validating our own rows would cost more than making them); a test
holds real answers against them. A field that may be missing has a default; null means that there is
no number, never zero.
"""

from muster_collector.api.answers import planning, readiness, targets
from muster_collector.api.answers.base import ERRORS, Answer, Error, of

__all__ = ["ERRORS", "Answer", "Error", "of", "planning", "readiness", "targets"]
