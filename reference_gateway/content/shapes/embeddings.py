"""`POST embeddings`."""

from typing import Final

from reference_gateway.config import Model
from reference_gateway.content.billable import within
from reference_gateway.content.fields import flag, refuse_storing
from reference_gateway.content.form import Demand, Json
from reference_gateway.content.shapes.chunks import Chunked
from reference_gateway.content.shapes.prompts import number_of_texts
from reference_gateway.web.faults import Fault, RefusalError

_BODY: Final = frozenset({"model", "input", "dimensions", "encoding_format", "user", "stream", "store"})


def read(body: Json, _model: Model, *, limited: bool) -> Demand:
    """Checks an embeddings request. Raises RefusalError.

    Two tokens that some models add around each text are covered by its quotes or brackets and comma.
    """
    number_of_texts(body.get("input"), "input")
    refuse_storing(body)
    if flag(body, "stream"):
        raise RefusalError(Fault.BAD_VALUE, param="stream")
    if limited:
        within(body, _BODY)
    return Demand(body=body, stream=False, completion=0, form=Chunked(completes=False))
