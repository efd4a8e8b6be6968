"""KG Inicis window options as pure rules: plain keywords in, the parameters of `IMP.request_pay` out."""

from .channels import one_channel
from .errors import InvalidOption
from .options import ELSEWHERE, OPTION_NAMES, WindowOptions, unknown_option
from .parameters import Buyer, request_pay_params
from .rules import contradictions

__all__ = [
    "ELSEWHERE",
    "OPTION_NAMES",
    "Buyer",
    "InvalidOption",
    "WindowOptions",
    "contradictions",
    "one_channel",
    "request_pay_params",
    "unknown_option",
]
