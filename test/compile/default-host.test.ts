import { describe, expect, it } from "@jest/globals";
import { compile } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { mapping } from "../support/gateway.ts";

const listener = `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: { name: http }
spec: { port: 8080, protocol: HTTP, securityModel: XFP, hostBinding: { namespace: { from: ALL } } }
`;

function served(hosts: string): readonly string[] {
  const text = `${listener}---\n${hosts}\n${mapping("all", { prefix: "/", service: "10.0.0.1" })}`;
  const { resources } = manifestReader()(new Map([["test.yaml", { kind: "text", text }]]));
  const settings = { ambassadorId: "default", ownNamespace: "default", bindAddress: "127.0.0.1", inCluster: false };
  const { ir } = compile(resources, settings);
  return [...ir.tables.values()].flatMap(({ virtualHosts }) =>
    virtualHosts.flatMap(({ routes }) => routes.map(({ name }) => name)),
  );
}

const host = (spec: object) =>
  JSON.stringify({ apiVersion: "getambassador.io/v3alpha1", kind: "Host", metadata: { name: "one" }, spec });

describe("the Host that stands in", () => {
  it("serves every host name in cleartext where there is no Host", () => {
    expect(served("")).toEqual(["default/all"]);
  });

  it("does not stand in for a Host that cannot be used: an error must not open what was closed", () => {
    expect(served(host({ hostname: "*", requestPolicy: { insecure: { action: "Open" } } }))).toEqual([]);
  });

  it("does not stand in beside a Host of another name", () => {
    expect(served(host({ hostname: "a.example.com", requestPolicy: { insecure: { action: "Reject" } } }))).toEqual([]);
  });
});
