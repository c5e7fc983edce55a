"""The APIs of Corefy's that the scenario runs over, and the part of it that can be done over each.

The sandbox speaks all of them. The scenario's first case compares the capabilities here with those that the gateway tells.
"""

import json
import os
import re
from dataclasses import dataclass

# The credentials of the sandbox.
SANDBOX = {
    "COREFY_API_KEY": "sandbox-api-key",
    "COREFY_SECRET_KEY": "sandbox-secret-key-0123456789",
    "COREFY_CLIENT_KEY": "sandbox-client-key",
    "COREFY_WEBHOOK_SECRET": "sandbox-webhook-secret",
}


@dataclass(frozen=True)
class Api:
    """One of them."""

    name: str
    # The capabilities of the gateway over it, as GetGatewayInfo tells them.
    capabilities: tuple[str, ...]
    # Other differences: `bank_page_by_post`, that the payer is sent to the bank by a form and not by a link.
    traits: tuple[str, ...] = ()
    # Settings of the gateway, and those that are the sandbox's address.
    settings: dict[str, str] | None = None
    hosts: tuple[str, ...] = ()


def by_name(*apis):
    return {api.name: api for api in apis}


APIS = by_name(
    Api("intents", capabilities=("raw_cards", "create_payment_method", "external_three_d_secure"), settings={}),
    Api("commerce", capabilities=("raw_cards", "confirm_other", "hosted_page", "save_payment_method",
                                  "stored_credential"),
        traits=("bank_page_by_post",),
        settings={
            "COREFY_ACCOUNT_ID": "coma_sandbox0123456789",
            "COREFY_API_KEY": "sandbox-commerce-api-key",
            "COREFY_SANDBOX_MODE": "true",
            "COREFY_PUBLIC_KEY": "pk_test_sandbox-0123456789",
            "COREFY_WEBHOOK_SECRET": "sk_test_sandbox-0123456789abcdefghijklmnopqrstuvwxyz",
        },
        hosts=("COREFY_CARD_GATE_URL",)),
)


def scenario_for(api, file):
    """The scenario without the steps that need what the API lacks, or that stand in for what it has."""
    there = {*api.capabilities, *api.traits}

    def fits(step):
        return there.issuperset(step.pop("needs", [])) and there.isdisjoint(step.pop("lacks", []))

    text = file.read_text(encoding="utf-8").replace('"{{dialect}}"', json.dumps(api.name))
    cases = json.loads(text.replace('"{{capabilities}}"', json.dumps(api.capabilities)))["cases"]
    named = re.compile(os.environ.get("SCENARIO_CASES", ""))
    cases = [case for case in cases if fits(case) and named.search(case["name"])]
    return {"cases": [{**case, "steps": [step for step in case["steps"] if fits(step)]} for case in cases]}
