import fs from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { readRequest } from "../../cli/explain/request.ts";
import { root } from "../../hack/paths.mjs";
import { FatalError } from "../../runtime/fatal.ts";
import { directoryWith, listener, mapping, nuncio } from "./nuncio.ts";

const host = `apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: { name: any }
spec: { hostname: "*", requestPolicy: { insecure: { action: Route } } }
`;
const directory = directoryWith({
  "gateway.yaml": `${listener}---\n${host}`,
  "orders.yaml": `${mapping("orders", "prefix: /orders/", "service: http://127.0.0.1:9001")}---\n${mapping(
    "beta",
    "prefix: /orders/",
    "service: http://127.0.0.1:9002",
    'headers: { x-beta: "1" }',
  )}`,
});

afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

const explain = (...args: readonly string[]) => nuncio(["explain", ...args], { env: { NO_COLOR: "1" } });
const from = ["--from", directory];

describe("nuncio explain", () => {
  it("tells the Mapping that takes a request, and the one that would if it had the header, and exits with 0", async () => {
    const { code, stdout, stderr } = await explain("GET", "http://api.test/orders/7?x=1", ...from);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^route +Mapping default\/orders$/m);
    expect(stdout).toMatch(
      /^answer +forwarded to http:\/\/127\.0\.0\.1:9001 +spec\.service\n +as +\/7\?x=1 +host api\.test$/m,
    );
    expect(stdout).toContain('it wants header x-beta: 1 (spec.headers["x-beta"]), which the request has not');
  });

  it("takes headers, and a method in any case", async () => {
    const { stdout } = await explain(
      "get",
      "http://api.test/orders/",
      "-H",
      "X-Beta:1",
      "-H",
      "Host: other.test",
      ...from,
    );
    expect(stdout).toMatch(/^request +GET http:\/\/other\.test\/orders\/$/m);
    expect(stdout).toMatch(/^route +Mapping default\/beta$/m);
  });

  it("exits with 1 where no route is taken, and says why", async () => {
    const { code, stdout } = await explain("GET", "http://api.test/nothing", ...from);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^answer +404: no Mapping of the Host matches$/m)]);
  });

  it("prints the same as data, in JSON and in YAML", async () => {
    const [json, yaml] = await Promise.all(
      ["json", "yaml"].map((format) => explain("GET", "http://api.test/orders/7", ...from, "-o", format)),
    );
    const told = JSON.parse(json?.stdout ?? "") as { answer: unknown };
    expect(told).toMatchObject({
      route: { name: "default/orders", object: { kind: "Mapping", namespace: "default", name: "orders" } },
      answer: { kind: "forward", path: "/7", upstream: { endpoints: [{ address: "127.0.0.1", port: 9001 }] } },
      rivals: [{ name: "default/beta", order: "before", kind: "lacks", lack: { kind: "header" } }],
    });
    expect(parse(yaml?.stdout ?? "")).toEqual(told);
  });

  it.each([
    [["GET", "api.test/orders/"], '"api.test/orders/" has no scheme; write http:// or https:// before it'],
    [["GET", "ftp://api.test/"], '"ftp://api.test/": the scheme ftp is not served; write http:// or https://'],
    [["GET", "http:///orders/"], '"http:///orders/" names no host'],
    [["GET", "http://a b/"], '"a b" is no host name, nor one with a port'],
    [["http://api.test/", "GET"], '"http://api.test/" is no method; write nuncio explain GET http://api.test/'],
    [["GE T", "http://api.test/"], '"GE T" is no method; write GET, POST or another one'],
    [["GET", "http://api.test/", "-H", "x-beta"], "\"x-beta\" is no header; write -H 'name: value'"],
    [["GET", "http://api.test/", "--port", "0"], "--port 0: write a number from 1 to 65535"],
    [["GET", "http://api.test/", "--random", "100"], "--random 100: write a number from 0 to 99"],
  ])("refuses %j and says what to write", ([method = "", url = "", flag = "", value = ""], message) => {
    const flags = { header: flag === "-H" ? [value] : [], [flag.slice(2)]: value };
    expect(() => readRequest(method, url, flags)).toThrow(new FatalError(message, 2));
  });

  it("exits with 2 where the request cannot be read", async () => {
    const stderr = 'nuncio: "api.test" has no scheme; write http:// or https:// before it\n';
    expect(await explain("GET", "api.test", ...from)).toEqual({ code: 2, stdout: "", stderr });
  });

  it("takes a URL as it stands, but for what no client would send", () => {
    const read = (url: string, header: readonly string[] = []) => readRequest("GET", url, { header });
    expect(read("HTTPS://User.Test:8443/a/../%41?b=/../#fragment")).toMatchObject({
      ...{ scheme: "https", authority: "User.Test:8443", path: "/a/../%41?b=/../" },
    });
    expect(read("http://api.test")).toMatchObject({ path: "/" });
    expect(read("http://api.test?a=1")).toMatchObject({ path: "/?a=1" });
    expect(read("http://api.test/ä b")).toMatchObject({ path: "/%C3%A4%20b" });
    expect(read("http://[::1]:80/")).toMatchObject({ authority: "[::1]:80" });
    // A client with a Host header of its own asks for the server of the URL.
    expect(read("https://api.test:1/", ["Host: other.test"])).toMatchObject({
      ...{ authority: "other.test", serverName: "api.test", headers: [] },
    });
  });

  it.each([
    [["GET"], "error: missing required argument 'url'"],
    [["GET", "http://api.test/", "--nope"], "error: unknown option '--nope'"],
    [["GET", "http://api.test/", "-o", "xml"], "Write one of table, json, yaml."],
  ])("refuses %j as all commands do", async (args, message) => {
    const { code, stderr } = await explain(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("docs/explain.md", () => {
  const page = path.join(root, "docs/explain.md");
  const text = fs.readFileSync(page, "utf8");
  const samples = [...text.matchAll(/^```console\n\$ nuncio (explain .*)\n([\s\S]*?)^```$/gm)];

  it("has samples", () => expect(samples.length).toBeGreaterThan(1));

  it.each(samples.map(([, command = "", printed = ""]) => ({ command, printed })))(
    "shows what is printed by nuncio $command; UPDATE_GOLDEN=1 writes it",
    async ({ command, printed }) => {
      const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
      const { stdout } = await nuncio(words, { cwd: root, env: { NO_COLOR: "1" } });
      if (process.env["UPDATE_GOLDEN"] === "1")
        fs.writeFileSync(
          page,
          fs.readFileSync(page, "utf8").replace(`${command}\n${printed}`, () => `${command}\n${stdout}`),
        );
      else expect(printed).toBe(stdout);
    },
  );
});
