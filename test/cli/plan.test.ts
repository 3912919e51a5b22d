import fs from "node:fs";
import { afterEach, describe, expect, it } from "@jest/globals";
import { directoryWith, listener, mapping, nuncio } from "./nuncio.ts";

const made: string[] = [];

function directory(files: Readonly<Record<string, string>>): string {
  const path = directoryWith(files);
  made.push(path);
  return path;
}

afterEach(() => {
  for (const path of made.splice(0)) fs.rmSync(path, { recursive: true, force: true });
});

const host = `apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: { name: any }
spec: { hostname: "*", requestPolicy: { insecure: { action: Route } } }
`;
const at = (port: number) => `service: http://127.0.0.1:${port}`;
const orders = mapping("orders", "prefix: /orders/", at(9001));
const root = mapping("root", "prefix: /", at(9000));
const secret = (key: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { tls.crt: "public", tls.key: "${key}" }\n`;

function world(files: Readonly<Record<string, string>>): string {
  return directory({ "live/listener.yaml": listener, "live/host.yaml": host, ...files });
}

describe("nuncio plan", () => {
  it("tells what changes, in objects, requests and Envoy, and what to look at", async () => {
    const cwd = world({
      "live/a.yaml": `${orders}---\n${root}`,
      "next/a.yaml": `${mapping("orders", "prefix: /order/", at(9002))}---\n${mapping("first", "prefix: /", "precedence: 1", at(9003))}`,
    });
    const { code, stdout, stderr } = await nuncio(["plan", "--from", "live", "next"], { cwd });
    expect(stdout.split("\n")).toEqual([
      "~ Mapping default/orders   prefix /orders/ -> /order/, service http://127.0.0.1:9001 -> http://127.0.0.1:9002",
      "+ Mapping default/first",
      "",
      "Requests that are answered otherwise:",
      "  GET http://example.org/order/7: Mapping default/root -> Mapping default/first (and 1 more)",
      "  GET http://example.org/orders/7: Mapping default/orders -> Mapping default/first",
      "",
      "To look at:",
      "  warning: Mapping default/orders gets no request at all: Mapping default/first is tried first and takes GET http://example.org/order/7 [RouteUnreachable]",
      "  warning: Mapping default/root gets no request at all: Mapping default/first is tried first and takes GET http://example.org/ [RouteUnreachable]",
      "",
      "Envoy: virtual hosts ~1, routes +1 ~1, clusters +2 -1; no connection is drained",
      "0 errors, 2 warnings",
      "",
    ]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  });

  it("ends with 0 where there is nothing to object to, and says so where nothing changes", async () => {
    const cwd = world({ "live/a.yaml": orders, "next/a.yaml": mapping("other", "prefix: /other/", at(9001)) });
    const other = await nuncio(["plan", "--from", "live", "next"], { cwd });
    expect(other.stdout).toContain("  GET http://example.org/other/7: 404 -> Mapping default/other\n");
    expect(other.stdout).toMatch(/\nnothing to object to\n$/);
    expect(other.code).toBe(0);
    expect(await nuncio(["plan", "--from", "live", "live/a.yaml"], { cwd })).toEqual({
      code: 0,
      stdout: "nothing changes: live says the same already\n",
      stderr: "",
    });
  });

  it("adds to what is there; with --prune nothing else is left, and --delete takes one away", async () => {
    const cwd = world({
      "live/a.yaml": `${orders}---\n${root}`,
      "next/a.yaml": `${orders}---\n${listener}---\n${host}`,
    });
    expect((await nuncio(["plan", "--from", "live", "next"], { cwd })).code).toBe(0);
    const lost = "GET http://example.org/: Mapping default/root -> 404";
    const pruned = await nuncio(["plan", "--from", "live", "--prune", "next"], { cwd });
    expect(pruned.stdout.split("\n").slice(0, 1)).toEqual(["- Mapping default/root"]);
    expect(pruned.stdout).toContain(lost);
    expect(pruned.stdout).toContain("[RequestsLost]");
    const deleted = await nuncio(["plan", "--from", "live", "--delete", "mapping/default/root"], { cwd });
    expect([deleted.stdout, deleted.code]).toEqual([pruned.stdout, 1]);
  });

  it("names the problems that are added, with their place, and no others", async () => {
    const cwd = world({
      "live/a.yaml": mapping("old", "prefix: /old/", "service: ftp://nowhere"),
      "next/a.yaml": mapping("late", "prefix: /late/", at(9001), "timeout_ms: 5s"),
    });
    const { stdout, code } = await nuncio(["plan", "--from", "live", "next"], { cwd });
    expect(stdout).toContain("Problems that it adds:\n  next/a.yaml:8: error: Mapping default/late: spec.timeout_ms: ");
    expect(stdout).not.toContain("ftp");
    expect(stdout).toContain("\n1 error, 0 warnings\n");
    expect(code).toBe(1);
  });

  it("tells of an object that cannot be read what is wrong with it, and not that all of its fields go", async () => {
    const bad = mapping("orders", "prefix: /orders/", at(9001), "timeout_ms: 5s");
    const cwd = world({ "live/a.yaml": orders, "next/a.yaml": bad });
    const { stdout } = await nuncio(["plan", "--from", "live", "next"], { cwd });
    expect(stdout).toMatch(/^~ Mapping default\/orders\n/);
    expect(stdout).toContain(
      "Problems that it adds:\n  next/a.yaml:8: error: Mapping default/orders: spec.timeout_ms: ",
    );
  });

  it("prints no secret, in whatever form, and sees that it has changed", async () => {
    const cwd = world({ "live/s.yaml": secret("hidden-one"), "next/s.yaml": secret("hidden-two") });
    for (const output of ["table", "json", "yaml"]) {
      const { stdout } = await nuncio(["plan", "--from", "live", "next", "-o", output], { cwd });
      expect(stdout).toMatch(/data\[\\?"tls\.key\\?"\]/);
      expect(stdout).not.toMatch(/hidden|aGlkZGVu/);
    }
  });

  it("has all of it for programs", async () => {
    const cwd = world({ "live/a.yaml": orders, "next/a.yaml": mapping("orders", "prefix: /orders/", at(9002)) });
    const { stdout, code } = await nuncio(["plan", "--from", "live", "next", "-o", "json"], { cwd });
    const plan = JSON.parse(stdout) as Record<string, unknown>;
    expect(plan).toMatchObject({
      from: "live",
      objects: [{ change: "changed", object: { kind: "Mapping", namespace: "default", name: "orders" } }],
      envoy: { listeners: { added: [], changed: [], removed: [] }, drains: [] },
      requests: [
        {
          text: "GET http://example.org/orders/7",
          respects: ["target"],
          before: { text: "Mapping default/orders", shares: [{ percent: 100, target: "127.0.0.1:9001" }] },
          after: { shares: [{ target: "127.0.0.1:9002" }] },
        },
      ],
      findings: [],
      problems: [],
    });
    expect(code).toBe(0);
  });

  it("is coloured for terminals alone, or when it is told so", async () => {
    const cwd = world({ "live/a.yaml": orders, "next/a.yaml": root });
    const plain = await nuncio(["plan", "--from", "live", "next"], { cwd });
    const forced = await nuncio(["plan", "--from", "live", "next"], { cwd, env: { FORCE_COLOR: "1" } });
    expect(plain.stdout).not.toContain("\u001b[");
    expect(forced.stdout).toContain("\u001b[32m+ Mapping default/root\u001b[39m");
  });

  it.each([
    [["plan"], "name the manifests that are to be applied, or objects that are to go with --delete"],
    [["plan", "--delete", "x"], "--delete x: write KIND/NAMESPACE/NAME, for example Mapping/default/quote"],
    [
      ["plan", "--from", "live", "--delete", "Mapping/default/none"],
      "--delete Mapping/default/none: there is no such object in live",
    ],
    [["plan", "--from", "live", "nowhere"], "there is no file or directory nowhere"],
    [["plan", "--from", "live", "--requests", "many", "live"], "--requests many: write a whole number"],
  ])("says what is wrong with %p, and ends with 2", async (args, message) => {
    expect(await nuncio(args, { cwd: world({}) })).toEqual({ code: 2, stdout: "", stderr: `nuncio: ${message}\n` });
  });
});
