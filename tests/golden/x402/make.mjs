// Makes typescript.json: what the official TypeScript client of x402 signs, and the digests that viem makes of it.
//
//   npm install @x402/core@2.27.0 @x402/evm@2.27.0 @x402/extensions@2.27.0 viem@2.57.20 siwe@3.0.0 ethers@6.17.0 && node make.mjs > typescript.json
//
// The client takes its own time and nonces, so each run makes other payments; the tests read the times from them.

import { x402Client } from "@x402/core/client";
import { encodePaymentSignatureHeader } from "@x402/core/http";
import { ExactEvmScheme, UptoEvmScheme, authorizationTypes, uptoPermit2WitnessTypes } from "@x402/evm";
import { bazaarResourceServerExtension, declareDiscoveryExtension, declarePaymentIdentifierExtension } from "@x402/extensions";
import { SiweMessage } from "siwe";
import { hashTypedData, numberToHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
const terms = {
  network: "eip155:8453",
  asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
  payTo: "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
};
const upto = {
  ...terms,
  scheme: "upto",
  amount: "500000",
  maxTimeoutSeconds: 1200,
  extra: {
    name: "USD Coin",
    version: "2",
    assetTransferMethod: "permit2",
    facilitatorAddress: "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
  },
};
const exact = {
  ...terms,
  scheme: "exact",
  amount: "1000000",
  maxTimeoutSeconds: 300,
  extra: { name: "USD Coin", version: "2", assetTransferMethod: "eip3009" },
};

const key = (number) => numberToHex(number, { size: 32 });

async function pay(name, number, requirements, extensions) {
  const account = privateKeyToAccount(key(number));
  const client = new x402Client().register("eip155:*", new UptoEvmScheme(account)).register("eip155:*", new ExactEvmScheme(account));
  const required = {
    x402Version: 2,
    resource: { url: "https://jobs.example/api/v1/enrich/jobs", description: "A job", mimeType: "application/json" },
    accepts: [requirements],
    ...(extensions && { extensions }),
  };
  const payload = await client.createPaymentPayload(required);
  const { permit2Authorization, authorization, signature } = payload.payload;
  const digest = permit2Authorization
    ? hashTypedData({
        domain: { name: "Permit2", chainId: 8453, verifyingContract: PERMIT2 },
        types: uptoPermit2WitnessTypes,
        primaryType: "PermitWitnessTransferFrom",
        message: permit2Authorization,
      })
    : hashTypedData({
        domain: { name: "USD Coin", version: "2", chainId: 8453, verifyingContract: terms.asset },
        types: authorizationTypes,
        primaryType: "TransferWithAuthorization",
        message: authorization,
      });
  return {
    name,
    scheme: requirements.scheme,
    payer: account.address,
    header: encodePaymentSignatureHeader(payload),
    digest,
    deadline: Number((permit2Authorization ?? { deadline: authorization?.validBefore }).deadline),
    nonce: permit2Authorization ? numberToHex(BigInt(permit2Authorization.nonce)) : authorization.nonce,
    signature,
  };
}

async function signIn(number) {
  const account = privateKeyToAccount(key(number));
  const message = new SiweMessage({
    domain: "jobs.example",
    address: account.address,
    uri: "https://jobs.example/api/v1/agents/wallet-register",
    version: "1",
    chainId: 8453,
    nonce: "8mB2xQ7fWk3nZp5T",
    issuedAt: "2026-11-24T02:09:16.120Z",
  }).prepareMessage();
  return { address: account.address, message, signature: await account.signMessage({ message }) };
}

const discovery = {
  ...declareDiscoveryExtension({
    bodyType: "json",
    input: { route: "enrich/websearch", payload: { business_name: "Acme" } },
    inputSchema: { properties: { route: { type: "string" } }, required: ["route"] },
    output: { example: { job_id: "ej_…" } },
  }),
  "payment-identifier": declarePaymentIdentifierExtension(false),
};
for (const [name, declared] of Object.entries(discovery)) {
  if (name === bazaarResourceServerExtension.key) {
    discovery[name] = bazaarResourceServerExtension.enrichDeclaration(declared, { method: "POST", adapter: { getPath: () => "/" } });
  }
}

const answer = {
  payments: [
    await pay("typescript upto", 11, upto),
    await pay("typescript upto that echoes extensions", 12, upto, discovery),
    await pay("typescript exact", 13, exact),
  ],
  sign_in: await signIn(14),
  discovery,
};
console.log(JSON.stringify(answer, null, 1));
