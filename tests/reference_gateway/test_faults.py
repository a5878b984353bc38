import json

import pytest

from reference_gateway.web.faults import Fault, anthropic_error_body, error_body

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    409: "invalid_request_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    431: "invalid_request_error",
    500: "api_error",
    502: "api_error",
    503: "overloaded_error",
    504: "api_error",
}


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_both_shapes(fault: Fault) -> None:
    text = fault.value

    assert json.loads(error_body(fault, "model"))["error"] == {
        "message": text.message,
        "type": text.kind,
        "param": "model",
        "code": text.code,
    }
    assert json.loads(anthropic_error_body(fault)) == {
        "type": "error",
        "error": {"type": KINDS[text.status], "message": text.message},
    }


def test_no_two_faults_are_one() -> None:
    assert len(Fault) == len(Fault.__members__)


def test_the_request_id_is_part_of_anthropics_shape_where_it_is_known() -> None:
    assert json.loads(anthropic_error_body(Fault.LIMIT, "req_1"))["request_id"] == "req_1"
