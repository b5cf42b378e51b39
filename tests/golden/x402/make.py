"""Makes python.json: what the official Python client of x402 (2.25.0) and eth-account (0.13.7) sign.

    pip install 'x402[evm,extensions]==2.25.0' && python3 make.py > python.json

The client takes its own time and nonces, so each run makes other payments; the tests read the times from them.
"""

import json

from eth_account import Account
from eth_account._utils.encode_typed_data.encoding_and_hashing import hash_domain, hash_eip712_message
from eth_account.messages import encode_defunct
from eth_utils import keccak
from x402.extensions.eip2612_gas_sponsoring import declare_eip2612_gas_sponsoring_extension
from x402.extensions.payment_identifier import append_payment_identifier_to_extensions, declare_payment_identifier_extension
from x402.http.utils import encode_payment_signature_header
from x402.mechanisms.evm.exact.client import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSigner
from x402.mechanisms.evm.upto.client import UptoEvmScheme
from x402.schemas import PaymentPayload, PaymentRequirements, ResourceInfo

PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3"
TERMS = {
    "network": "eip155:8453",
    "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    "payTo": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
}
UPTO = TERMS | {
    "scheme": "upto",
    "amount": "500000",
    "maxTimeoutSeconds": 1200,
    "extra": {
        "name": "USD Coin",
        "version": "2",
        "assetTransferMethod": "permit2",
        "facilitatorAddress": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    },
}
EXACT = TERMS | {
    "scheme": "exact",
    "amount": "1000000",
    "maxTimeoutSeconds": 300,
    "extra": {"name": "USD Coin", "version": "2", "assetTransferMethod": "eip3009"},
}


class Reader(EthAccountSigner):
    """A wallet whose chain says: no allowance yet, and the eighth permit is next."""

    def read_contract(self, _address, _abi, function, *_arguments):
        return {"allowance": 0, "nonces": 7}[function]


def digest(domain, types, message):
    return "0x" + keccak(b"\x19\x01" + hash_domain(domain) + hash_eip712_message(types, message)).hex()


def fields(**members):
    return [{"name": name, "type": kind} for name, kind in members.items()]


def upto(name, key, extensions):
    account = Account.from_key(key)
    requirements = PaymentRequirements.model_validate(UPTO)
    payload = UptoEvmScheme(Reader(account)).create_payment_payload(requirements, extensions)
    extensions = (extensions or {}) | payload.pop("__extensions", {})
    sent = PaymentPayload(
        payload=payload, accepted=requirements, resource=ResourceInfo(url="https://jobs.example/api"), extensions=extensions or None
    )
    signed = payload["permit2Authorization"]
    whole = {
        "PermitWitnessTransferFrom": fields(
            permitted="TokenPermissions", spender="address", nonce="uint256", deadline="uint256", witness="Witness"
        ),
        "TokenPermissions": fields(token="address", amount="uint256"),
        "Witness": fields(to="address", facilitator="address", validAfter="uint256"),
    }
    message = {
        "permitted": {"token": signed["permitted"]["token"], "amount": int(signed["permitted"]["amount"])},
        "spender": signed["spender"],
        "nonce": int(signed["nonce"]),
        "deadline": int(signed["deadline"]),
        "witness": signed["witness"] | {"validAfter": int(signed["witness"]["validAfter"])},
    }
    domain = {"name": "Permit2", "chainId": 8453, "verifyingContract": PERMIT2}
    return {
        "name": name,
        "scheme": "upto",
        "payer": account.address,
        "header": encode_payment_signature_header(sent),
        "digest": digest(domain, whole, message),
        "deadline": int(signed["deadline"]),
        "nonce": hex(int(signed["nonce"])),
        "signature": payload["signature"],
    }


def exact(name, key):
    account = Account.from_key(key)
    requirements = PaymentRequirements.model_validate(EXACT)
    payload = ExactEvmScheme(account).create_payment_payload(requirements)
    sent = PaymentPayload(payload=payload, accepted=requirements)
    signed = payload["authorization"]
    types = {
        "TransferWithAuthorization": fields(
            **{"from": "address"}, to="address", value="uint256", validAfter="uint256", validBefore="uint256", nonce="bytes32"
        )
    }
    message = signed | {member: int(signed[member]) for member in ("value", "validAfter", "validBefore")}
    message["nonce"] = bytes.fromhex(signed["nonce"][2:])
    domain = {"name": "USD Coin", "version": "2", "chainId": 8453, "verifyingContract": TERMS["asset"]}
    return {
        "name": name,
        "scheme": "exact",
        "payer": account.address,
        "header": encode_payment_signature_header(sent),
        "digest": digest(domain, types, message),
        "deadline": int(signed["validBefore"]),
        "nonce": signed["nonce"],
        "signature": payload["signature"],
    }


def sign_in(key):
    account = Account.from_key(key)
    message = f"""jobs.example wants you to sign in with your Ethereum account:
{account.address}

Open an account for enrichment jobs.

URI: https://jobs.example/api/v1/agents/wallet-register
Version: 1
Chain ID: 8453
Nonce: 8mB2xQ7fWk3nZp5T
Issued At: 2026-11-24T02:09:16.120Z
Expiration Time: 2026-11-24T02:19:16.120Z
Not Before: 2026-11-24T02:09:00Z
Request ID: a-request
Resources:
- https://jobs.example/docs
- https://jobs.example/terms"""
    signature = Account.sign_message(encode_defunct(text=message), key).signature.hex()
    return {"address": account.address, "message": message, "signature": "0x" + signature.removeprefix("0x")}


def key(number):
    return "0x" + number.to_bytes(32).hex()


identified = append_payment_identifier_to_extensions(
    {"payment-identifier": declare_payment_identifier_extension(required=False)}, "pay_7d5d747be160e280504c099d984bcfe0"
)
print(
    json.dumps(
        {
            "payments": [
                upto("python upto", key(1), None),
                upto("python upto with an identifier", key(2), identified),
                upto("python upto with a sponsored approval", key(3), declare_eip2612_gas_sponsoring_extension()),
                exact("python exact", key(4)),
            ],
            "sign_in": sign_in(key(5)),
        },
        indent=1,
    )
)
