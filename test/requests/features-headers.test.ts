import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { headerCommands } from "../../features/header-value.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { moduleOf, serviceWith } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway(), echoBackend("one")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

function apply(spec: Readonly<Record<string, unknown>>, module: Readonly<Record<string, unknown>> = {}) {
  return gateway.apply(moduleOf(module) + mapping("m", { prefix: "/", service: backend.service, ...spec }));
}

describe("headers", () => {
  // shows: Mapping.add_request_headers Mapping.remove_request_headers
  it("adds request headers beside the client's unless append is false, and removes others", async () => {
    const problems = await apply({
      add_request_headers: {
        "x-both": { value: "gateway" },
        "x-only": { value: "gateway", append: false },
        "x-client": { value: "from %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%, 100%% sure" },
      },
      remove_request_headers: ["X-Secret"],
    });
    expect(problems).toEqual([]);
    const sent = { "x-both": "client", "x-only": "client", "x-secret": "s", "x-kept": "k" };
    const { headers } = (await gateway.request("/", { headers: sent })).echo();
    expect(headers).toMatchObject({
      "x-both": "client, gateway",
      "x-only": "gateway",
      "x-client": "from 127.0.0.1, 100% sure",
      "x-kept": "k",
    });
    expect(headers).not.toHaveProperty("x-secret");
  });

  // shows: Mapping.add_response_headers Mapping.remove_response_headers
  it("adds and removes response headers, on redirects too", async () => {
    const problems = await apply({
      add_response_headers: { "x-added": { value: "yes" }, "content-type": { value: "text/plain", append: false } },
      remove_response_headers: ["date"],
    });
    expect(problems).toEqual([]);
    const { headers } = await gateway.request("/");
    expect(headers).toMatchObject({ "x-added": "yes", "content-type": "text/plain" });
    await apply({ host_redirect: true, service: "example.org", add_response_headers: { "x-added": { value: "yes" } } });
    expect((await gateway.request("/")).headers).toMatchObject({ "x-added": "yes", location: "http://example.org/" });
  });

  // shows: Module.defaults
  it("takes the Module's defaults for Mappings, then its general ones; an empty map switches them off", async () => {
    const module = {
      defaults: {
        add_request_headers: { "x-general": "g" },
        remove_request_headers: ["x-secret"],
        httpmapping: { add_request_headers: { "x-mappings": "m" } },
      },
    };
    const headers = { "x-secret": "s" };
    expect(await apply({}, module)).toEqual([]);
    const byDefault = (await gateway.request("/", { headers })).echo().headers;
    expect(byDefault).toHaveProperty("x-mappings", "m");
    expect(byDefault).not.toHaveProperty("x-general");
    expect(byDefault).not.toHaveProperty("x-secret");
    await apply({ add_request_headers: {}, remove_request_headers: [] }, module);
    const switchedOff = (await gateway.request("/", { headers })).echo().headers;
    expect(switchedOff).not.toHaveProperty("x-mappings");
    expect(switchedOff).toHaveProperty("x-secret", "s");
  });

  // shows: Mapping.add_linkerd_headers Module.add_linkerd_headers
  it("tells Linkerd the service in place of what the client claims", async () => {
    const headers = { "l5d-dst-override": "forged:1" };
    const override = async () => (await gateway.request("/", { headers })).echo().headers["l5d-dst-override"];
    const service = backend.service.replace("http://", "");
    await apply({ add_linkerd_headers: true });
    expect(await override()).toBe(service);
    await apply({}, { add_linkerd_headers: true });
    expect(await override()).toBe(service);
    await apply({ add_linkerd_headers: false }, { add_linkerd_headers: true });
    expect(await override()).toBe("forged:1");
  });

  it("tells Linkerd each service of a canary group by its own name and port", async () => {
    const other = await echoBackend("other");
    const port = (of: EchoBackend) => Number(new URL(of.service).port);
    const member = (name: string, of: EchoBackend, spec: object) =>
      serviceWith(name, port(of), ["127.0.0.1"]) +
      mapping(name, { prefix: "/", service: `${name}:${port(of)}`, add_linkerd_headers: true, ...spec });
    await gateway.apply(member("stable", backend, {}) + member("canary", other, { weight: 50 }));
    const seen = new Map<string, unknown>();
    while (seen.size < 2) {
      const { backend: name, headers } = (await gateway.request("/")).echo();
      seen.set(name, headers["l5d-dst-override"]);
    }
    expect(seen.get(backend.name)).toBe(`stable:${port(backend)}`);
    expect(seen.get("other")).toBe(`canary:${port(other)}`);
    await other.close();
  });

  it("puts the added headers of a canary group together", async () => {
    const member = (name: string, spec: object) => mapping(name, { prefix: "/", service: backend.service, ...spec });
    const problems = await gateway.apply(
      member("a", {
        add_request_headers: { "x-a": { value: "a" }, "x-both": { value: "a" } },
        remove_request_headers: ["x-old"],
      }) + member("b", { add_request_headers: { "x-b": { value: "b" }, "x-both": { value: "b" } }, weight: 50 }),
    );
    expect(problems).toEqual([]);
    for (let i = 0; i < 20; i++) {
      const { headers } = (await gateway.request("/", { headers: { "x-old": "o" } })).echo();
      expect(headers).toMatchObject({ "x-a": "a", "x-b": "b", "x-both": "b" });
      expect(headers).not.toHaveProperty("x-old");
    }
  });

  it("lets Envoy judge every command that it takes for one of Envoy's", async () => {
    const { withoutArguments, withOrWithoutArguments, withArguments } = headerCommands;
    const example: Readonly<Record<string, string>> = {
      COMMON_DURATION: "DS_RX_BEG:DS_RX_END:ms",
      CEL: "request.path",
      METADATA: "ROUTE:a",
    };
    const values = [
      ...[...withoutArguments, ...withOrWithoutArguments].map((command) => `%${command}%`),
      ...[...withArguments].map((command) => `%${command}(${example[command] ?? "x"})%`),
      "%REQ(x-a?x-b):5%",
      "%START_TIME(%Y-%m-%d %H)%",
      "a%%b",
    ];
    const headers = values.map((value, index) => [`x-${index}`, { value }]);
    expect(await apply({ add_request_headers: Object.fromEntries(headers) })).toEqual([]);
  });

  it("refuses what would make Envoy refuse all routes", async () => {
    const problems = await apply({
      add_request_headers: { host: { value: "x" }, "x-a": { value: "100%" }, "x-b": { value: "%NOPE%" } },
      remove_response_headers: [":status"],
    });
    expect(problems.map(({ code, path }) => [code, path.slice(1)])).toEqual([
      ["InvalidField", ["add_request_headers", "host"]],
      ["InvalidField", ["add_request_headers", "x-a", "value"]],
      ["InvalidField", ["add_request_headers", "x-b", "value"]],
      ["InvalidField", ["remove_response_headers", 0]],
    ]);
  });

  it("tells a wrong default once, on the Module", async () => {
    const problems = await apply(
      { add_response_headers: {} },
      { defaults: { add_request_headers: { "x-a": "50% off" } } },
    );
    expect(problems.map(({ object, path }) => [object.kind, path])).toEqual([
      ["Module", ["spec", "config", "defaults", "add_request_headers", "x-a", "value"]],
    ]);
  });
});
