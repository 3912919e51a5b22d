import http from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { eventually } from "../support/eventually.ts";
import { moduleOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway(), echoBackend("one")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const own = (spec: object = {}) => mapping("own", { prefix: "/own/", service: backend.service, ...spec });
const plain = (spec: object = {}) => mapping("plain", { prefix: "/plain/", service: backend.service, ...spec });
const on = (status: number, text_format: string) => ({ on_status_code: status, body: { text_format } });
const answering = (status: number) => ({ headers: { "x-answer-status": String(status) } });

describe("bodies of error responses", () => {
  // shows: Mapping.error_response_overrides
  it("stand in for those of a service and for Envoy's own, and leave other statuses alone", async () => {
    const overrides = [
      on(404, "nothing under %REQ(:PATH)%\nstatus %RESPONSE_CODE%"),
      { on_status_code: 500, body: { json_format: { error: "no luck", status: "%RESPONSE_CODE%" } } },
      { on_status_code: 503, body: { text_format: "<p>gone</p>", content_type: "text/html" } },
    ];
    const problems = await gateway.apply(
      own({ error_response_overrides: overrides, rewrite: "" }) +
        mapping("down", { prefix: "/down/", service: "127.0.0.1:1", error_response_overrides: overrides }),
    );
    expect(problems).toEqual([]);
    const missing = await gateway.request("/own/x", answering(404));
    expect(missing).toMatchObject({ status: 404, body: "nothing under /own/x\nstatus 404" });
    expect(missing.headers["content-type"]).toBe("text/plain");
    const failed = await gateway.request("/own/x", answering(500));
    expect(failed.status).toBe(500);
    expect(failed.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(failed.body)).toEqual({ error: "no luck", status: 500 });
    const down = await gateway.request("/down/");
    expect(down).toMatchObject({ status: 503, body: "<p>gone</p>" });
    expect(down.headers["content-type"]).toBe("text/html");
    expect((await gateway.request("/own/x", answering(502))).echo().backend).toBe("one");
    expect((await gateway.request("/own/x")).echo().backend).toBe("one");
  });

  // shows: Module.error_response_overrides Mapping.bypass_error_response_overrides
  it("are the Module's, for requests without a route too, unless a Mapping has its own or does without", async () => {
    const module = moduleOf({ error_response_overrides: [on(404, "of the Module"), on(418, "tea")] });
    const problems = await gateway.apply(
      module +
        plain() +
        own({ error_response_overrides: [on(404, "own")] }) +
        mapping("bare", { prefix: "/bare/", service: backend.service, bypass_error_response_overrides: true }),
    );
    expect(problems).toEqual([]);
    expect(await gateway.request("/nowhere")).toMatchObject({ status: 404, body: "of the Module" });
    expect(await gateway.request("/plain/", answering(404))).toMatchObject({ status: 404, body: "of the Module" });
    expect(await gateway.request("/own/", answering(404))).toMatchObject({ status: 404, body: "own" });
    // What the Mapping has stands in place of all that the Module has.
    expect((await gateway.request("/own/", answering(418))).echo().backend).toBe("one");
    expect((await gateway.request("/bare/", answering(404))).echo().backend).toBe("one");
  });

  it("come and go on a held connection", async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const ask = () =>
      new Promise<string>((done, fail) => {
        http
          .get({ port: gateway.port, path: "/nowhere", agent }, (response) => {
            let body = "";
            response.on("data", (chunk) => (body += chunk)).on("end", () => done(body));
          })
          .on("error", fail);
      });
    try {
      await gateway.apply(plain());
      const drained = await gateway.envoy.stat("listener_manager.total_filter_chains_draining");
      const connections = await gateway.envoy.stat("http.ingress_http.downstream_cx_total");
      expect(await ask()).toBe("");
      await gateway.apply(moduleOf({ error_response_overrides: [on(404, "there")] }) + plain());
      await eventually("the body", async () => (await ask()) === "there");
      await gateway.apply(plain());
      await eventually("no body", async () => (await ask()) === "");
      expect(await gateway.envoy.stat("listener_manager.total_filter_chains_draining")).toBe(drained);
      expect(await gateway.envoy.stat("http.ingress_http.downstream_cx_total")).toBe(connections + 1);
    } finally {
      agent.destroy();
    }
  });

  it.each([
    ["an unknown command", on(404, "%NO_SUCH%"), '"%NO_SUCH%" in it is not a command of Envoy\'s', "error"],
    ["a lone %", on(404, "100%"), '"100%" has a % that starts no command of Envoy\'s', "error"],
    ["no body", { on_status_code: 404, body: {} }, "it names no body, so that the response stays as it is", "warning"],
    [
      "two bodies",
      { on_status_code: 404, body: { text_format: "a", json_format: { a: "b" } } },
      "it names more than one body, so that the response stays as it is",
      "warning",
    ],
    [
      "a file",
      { on_status_code: 404, body: { text_format_source: { filename: "/etc/404.html" } } },
      "bodies are not read from files, so that the response stays as it is",
      "warning",
    ],
  ])("tells what is wrong with %s, in a Mapping and in the Module", async (_, override, message, severity) => {
    const ofMapping = await gateway.apply(own({ error_response_overrides: [override] }));
    expect(ofMapping).toMatchObject([{ object: { kind: "Mapping" }, message, severity }]);
    const ofModule = await gateway.apply(moduleOf({ error_response_overrides: [override] }) + own());
    expect(ofModule).toMatchObject([{ object: { kind: "Module" }, message, severity }]);
    expect(ofModule[0]?.path.slice(0, 4)).toEqual(["spec", "config", "error_response_overrides", 0]);
  });
});
