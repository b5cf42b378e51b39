#!/usr/bin/env python3
"""What wallets pay at once by `exact`: calls that wait for their result, and deposits.

ENRICH_BINARY names the program; without it, the debug build.
"""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from support.cases import both, main
from support.shop import ACME, NOBODY, OFFICIAL, buy, call, decoded

WEBSEARCH = "/api/v1/enrich/websearch"
DEPOSITS = "/api/v1/agents/deposits"
CATALOGUE = 1_000_000


@both
class Exact:
    def test_a_search_that_waits_is_settled_before_its_answer(self):
        shop, begun = self.shop(self.way), self.chain.block()
        for client in OFFICIAL:
            with self.subTest(client):
                payer, since = self.chain.payer(), self.chain.block()
                shop.demand(ACME, WEBSEARCH)
                (answer,) = buy(client, shop, payer, WEBSEARCH, ACME)
                self.assertEqual((answer.status, answer.body["matched"], answer.body["billed"]), (200, True, True), answer)
                said = decoded(answer.headers["payment-response"])
                self.assertEqual((said["success"], said["network"]), (True, "eip155:31337"))
                self.assertEqual(self.chain.transfers(since, payer), [(payer["address"].lower(), CATALOGUE, said["transaction"])])
        self.balanced(shop, begun)

    def test_a_search_that_finds_nothing_is_not_settled(self):
        shop, begun = self.shop(self.way), self.chain.block()
        for client in OFFICIAL:
            with self.subTest(client):
                payer, since = self.chain.payer(), self.chain.block()
                shop.demand(NOBODY, WEBSEARCH)
                (answer,) = buy(client, shop, payer, WEBSEARCH, NOBODY)
                self.assertEqual((answer.status, answer.body["matched"], answer.body["billed"]), (200, False, False), answer)
                self.assertEqual(self.chain.block(), since, "nothing at all was sent")
        self.balanced(shop, begun)

    def test_one_deposit_for_two_agents_at_once_is_one_credit(self):
        shop, payer, since = self.shop(self.way), self.chain.payer(), self.chain.block()
        agents = [shop.agent(credit=0), shop.agent(credit=0)]
        body = {"amount_usd": 3}
        payment = shop.signed(payer, body, DEPOSITS, bearer=agents[0]["bearer"])
        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(lambda number: shop.post(body, payment, agents[number % 2]["bearer"], DEPOSITS), range(20)))
        again = [shop.post(body, payment, agent["bearer"], DEPOSITS) for agent in agents]
        balances = [call(shop.public, "GET", "/api/v1/agents/balance", agent["bearer"]).body["virtual_balance_usd"] for agent in agents]
        self.assertEqual(sorted(balances), [0, 3], answers)
        self.assertEqual([amount for _, amount, _ in self.chain.transfers(since, payer)], [3_000_000])
        lucky = balances.index(3)
        for number, answer in list(enumerate(answers)) + list(enumerate(again)):
            if number % 2 == lucky:
                self.assertEqual((answer.status, Decimal(str(answer.body["amount_usd"]))), (201, 3), answer)
            else:
                self.assertEqual((answer.status, answer.body["code"]), (409, "PAYMENT_ALREADY_USED"), answer)
        self.balanced(shop, since)

    def test_each_official_client_makes_a_deposit(self):
        shop, begun = self.shop(self.way), self.chain.block()
        for client in OFFICIAL:
            with self.subTest(client):
                payer, since, agent = self.chain.payer(), self.chain.block(), shop.agent(credit=0)
                shop.demand({"amount_usd": 2}, DEPOSITS, bearer=agent["bearer"])
                (answer,) = buy(client, shop, payer, DEPOSITS, {"amount_usd": 2}, Authorization=f"Bearer {agent['bearer']}")
                self.assertEqual((answer.status, answer.body["virtual_balance_usd"]), (201, 2), answer)
                self.assertEqual([amount for _, amount, _ in self.chain.transfers(since, payer)], [2_000_000])
        self.balanced(shop, begun)


if __name__ == "__main__":
    main()
