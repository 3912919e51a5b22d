import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EchoBackend, echoBackend, type Gateway, startGateway } from "../support/gateway.ts";
import { hostOf, mappingWith } from "../support/manifests.ts";

let strict: Gateway;
let loose: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [strict, loose, backend] = await Promise.all([
    startGateway(),
    startGateway({ settings: { looseLabelSelectors: true } }),
    echoBackend("one"),
  ]);
});

afterAll(async () => {
  await Promise.all([strict.stop(), loose.stop(), backend.close()]);
});

type Row = readonly [
  what: string,
  labels: Record<string, string>,
  hostname: string | undefined,
  strictly: boolean,
  loosely: boolean,
];

// By hand, from what Emissary says of DISABLE_STRICT_LABEL_SELECTORS. The Host selects two labels.
const rows: readonly Row[] = [
  ["both labels and the hostname", { team: "blue", tier: "web" }, "a.example.com", true, true],
  ["both labels alone", { team: "blue", tier: "web" }, undefined, true, true],
  ["one label and the hostname", { team: "blue" }, "a.example.com", false, true],
  ["one label alone", { team: "blue" }, undefined, false, true],
  ["the hostname alone", {}, "a.example.com", false, true],
  ["a wrong label alone", { team: "red" }, undefined, false, false],
  ["neither", {}, undefined, false, false],
];

describe("a Host with a selector takes a Mapping", () => {
  it.each(rows)("with %s", async (_, labels, hostname, strictly, loosely) => {
    const spec = { prefix: "/", service: backend.service, ...(hostname === undefined ? {} : { hostname }) };
    const manifests =
      hostOf("a", {
        hostname: "a.example.com",
        mappingSelector: { matchLabels: { team: "blue", tier: "web" } },
        requestPolicy: { insecure: { action: "Route" } },
      }) + mappingWith({ name: "m", labels }, spec);
    const served = async (gateway: Gateway): Promise<boolean> => {
      await gateway.apply(manifests);
      return (await gateway.request("/", { host: "a.example.com" })).status === 200;
    };
    expect([await served(strict), await served(loose)]).toEqual([strictly, loosely]);
  });
});
