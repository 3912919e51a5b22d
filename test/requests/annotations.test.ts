import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";

let gateway: Gateway;
let backend: EchoBackend;
let other: EchoBackend;

beforeAll(async () => {
  [gateway, backend, other] = await Promise.all([startGateway(), echoBackend("one"), echoBackend("two")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close(), other.close()]);
});

/** A Service with these documents in its annotation. */
function annotated(name: string, ...documents: readonly object[]): string {
  const config = documents.map((each) => `---\n${JSON.stringify(each)}\n`).join("");
  const metadata = { name, annotations: { "getambassador.io/config": config } };
  return `---\n${JSON.stringify({ apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ port: 80 }] } })}\n`;
}

const inside = (name: string, fields: object) => ({
  apiVersion: "getambassador.io/v3alpha1",
  kind: "Mapping",
  name,
  hostname: "*",
  service: backend.service,
  ...fields,
});

const backendOf = async (path: string): Promise<string> => {
  const answer = await gateway.request(path);
  return answer.status === 200 ? answer.echo().backend : String(answer.status);
};

describe("a Mapping in a Service's annotation", () => {
  it("is served like any other, follows changes and goes with the Service", async () => {
    expect(await gateway.apply(annotated("web", inside("a", { prefix: "/a/" })))).toEqual([]);
    expect((await gateway.request("/a/b")).echo().url).toBe("/b");
    await gateway.apply(annotated("web", inside("a", { prefix: "/a/", rewrite: "/x/" })));
    expect((await gateway.request("/a/b")).echo().url).toBe("/x/b");
    await gateway.apply("");
    expect(await backendOf("/a/b")).toBe("404");
  });

  it("forms a canary group with a Mapping of the same match", async () => {
    const full = mapping("b", { prefix: "/a/", service: other.service, weight: 100 });
    await gateway.apply(annotated("web", inside("a", { prefix: "/a/" })) + full);
    expect(await backendOf("/a/")).toBe("two");
  });

  it("yields to a Mapping of its name", async () => {
    const problems = await gateway.apply(
      annotated("web", inside("a", { prefix: "/a/" })) + mapping("a", { prefix: "/a/", service: other.service }),
    );
    expect(problems.map(({ code, object }) => [code, object.kind, object.name])).toEqual([
      ["DuplicateObject", "Service", "web"],
    ]);
    expect(await backendOf("/a/")).toBe("two");
  });

  it("serves on in its last good version when it turns bad, and harms nothing else", async () => {
    const rest = (prefix: string) => inside("rest", { prefix });
    await gateway.apply(annotated("web", inside("a", { prefix: "/a/" }), rest("/r1/")));
    const problems = await gateway.apply(
      annotated("web", inside("a", { prefix: "/a2/", weight: "ten" }), rest("/r2/")),
    );
    expect(problems.map(({ code, object, path }) => [code, object.kind, path.slice(2)])).toEqual([
      ["InvalidField", "Service", ["getambassador.io/config", 0, "weight"]],
    ]);
    expect([await backendOf("/a/"), await backendOf("/a2/")]).toEqual(["one", "404"]);
    expect([await backendOf("/r1/"), await backendOf("/r2/")]).toEqual(["404", "one"]);
  });

  it("can bring its Host, which takes the place of the one that stands in", async () => {
    const host = {
      apiVersion: "ambassador/v3alpha1",
      kind: "Host",
      name: "h",
      hostname: "h.example.com",
      requestPolicy: { insecure: { action: "Reject" } },
    };
    await gateway.apply(annotated("web", inside("a", { prefix: "/a/" }), host));
    expect(await backendOf("/a/")).toBe("one");
    expect((await gateway.request("/a/", { host: "h.example.com" })).status).toBe(404);
  });
});
