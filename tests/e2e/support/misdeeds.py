"""What a wallet can do so that the payment that it signed is worth nothing any more. Each returns the transaction's hash."""

from .chain import word
from .shop import decoded

# Above what a settlement pays, so that a misdeed that waits for a block with it goes first. Not above what a server would pay:
# it takes its fees from what others paid.
TIP = 5 * 10**9


def nonce_of(payment):
    return int(decoded(payment)["payload"]["permit2Authorization"]["nonce"])


def spend(chain, payer, _payment, tip):
    data = "0xa9059cbb" + word(chain.place["stranger"]["address"]) + word(chain.balance(payer))
    return chain.submit(payer["address"], chain.place["token"], data, tip)


def revoke(chain, payer, _payment, tip):
    return chain.submit(payer["address"], chain.place["token"], "0x095ea7b3" + word(chain.place["permit2"]) + word(0), tip)


def cancel(chain, payer, payment, tip):
    nonce = nonce_of(payment)
    return chain.submit(payer["address"], chain.place["permit2"], "0x3ff9dcb1" + word(nonce >> 8) + word(1 << (nonce & 255)), tip)


def use_elsewhere(chain, payer, payment, tip):
    asked = {"key": payer["key"], "token": chain.place["token"], "nonce": str(nonce_of(payment)), "spender": chain.place["stranger"]["key"]}
    return chain.wallet("burn", tip=str(tip), **asked)


def delegate(chain, payer, _payment, tip):
    return delegate_to(chain, payer, chain.delegate, tip)


def explode(chain, payer, _payment, tip):
    """Whoever asks this wallet for its signature from now on gets no answer, and loses all the gas that it gave."""
    return delegate_to(chain, payer, chain.gas_bomb, tip)


def delegate_to(chain, payer, code, tip):
    return chain.wallet("delegate", key=payer["key"], sponsor=chain.place["stranger"]["key"], code=code, tip=str(tip))


ALL = {
    "the balance is spent": spend,
    "the allowance is revoked": revoke,
    "the nonce is cancelled": cancel,
    "the nonce is used for another spender": use_elsewhere,
    "the account is delegated": delegate,
}
