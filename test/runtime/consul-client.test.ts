import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { consulClient } from "../../runtime/consul-client.ts";
import { readSettings } from "../../runtime/settings.ts";
import { selfSigned, signedBy } from "../support/certificates.ts";

let directory: string;
const closers: (() => void)[] = [];

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-consul-"));
});

afterEach(() => {
  for (const close of closers.splice(0)) close();
  fs.rmSync(directory, { recursive: true, force: true });
});

function write(name: string, text: string): string {
  const file = path.join(directory, name);
  fs.writeFileSync(file, text);
  return file;
}

const requests: http.IncomingMessage[] = [];
const answer: http.RequestListener = (request, response) => {
  requests.push(request);
  response.setHeader("x-consul-index", "7");
  response.end("[]");
};

async function listening(server: http.Server | https.Server, at: number | string = 0): Promise<number> {
  await new Promise<void>((done) =>
    typeof at === "number" ? server.listen(at, "127.0.0.1", done) : server.listen(at, done),
  );
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return typeof address === "string" ? 0 : (address as AddressInfo).port;
}

function ask(env: Readonly<Record<string, string>>, address?: string, index = 0) {
  const { settings, problems } = readSettings({}, env);
  expect(problems).toEqual([]);
  const service = { kind: "consul", address, datacenter: "dc2", service: "web" } as const;
  return consulClient(settings.consul, env).health(service, index, new AbortController().signal);
}

const last = () => {
  const request = requests.at(-1);
  return { url: new URL(request?.url ?? "", "http://consul"), headers: request?.headers ?? {} };
};

describe("a query of Consul", () => {
  it("goes where the environment says, as Consul's own client would send it", async () => {
    const port = await listening(http.createServer(answer));
    const env = {
      CONSUL_HTTP_ADDR: `127.0.0.1:${port}`,
      CONSUL_HTTP_TOKEN: "from-variable",
      CONSUL_HTTP_AUTH: "user:pass",
      CONSUL_NAMESPACE: "team",
      CONSUL_PARTITION: "part",
    };
    expect(await ask(env)).toEqual({ index: "7", body: [] });
    expect(last().url.pathname).toBe("/v1/health/service/web");
    expect(Object.fromEntries(last().url.searchParams)).toEqual({
      passing: "1",
      dc: "dc2",
      ns: "team",
      partition: "part",
    });
    expect(last().headers).toMatchObject({
      "x-consul-token": "from-variable",
      authorization: `Basic ${Buffer.from("user:pass").toString("base64")}`,
    });
    await ask(env, undefined, 9);
    expect(last().url.searchParams.get("index")).toBe("9");
    expect(last().url.searchParams.get("wait")).toMatch(/^\d+s$/);
  });

  it("has the token that the file has now", async () => {
    const port = await listening(http.createServer(answer));
    const env = { CONSUL_HTTP_TOKEN: "other", CONSUL_HTTP_TOKEN_FILE: write("token", "first\n") };
    await ask(env, `127.0.0.1:${port}`);
    expect(last().headers["x-consul-token"]).toBe("first");
    write("token", "second\n");
    await ask(env, `127.0.0.1:${port}`);
    expect(last().headers["x-consul-token"]).toBe("second");
  });

  it("goes by TLS, verified, with a certificate of the gateway's", async () => {
    const authority = await selfSigned({ hosts: ["authority"], isAuthority: true });
    const server = await signedBy(authority, { hosts: ["consul.internal"] });
    const client = await signedBy(authority, { hosts: ["gateway"] });
    const tls = {
      cert: server.certificatePem,
      key: server.keyPem,
      ca: authority.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
    };
    const port = await listening(https.createServer(tls, answer));
    const env = {
      CONSUL_HTTP_SSL: "true",
      CONSUL_CACERT: write("ca.pem", authority.certificatePem),
      CONSUL_TLS_SERVER_NAME: "consul.internal",
      CONSUL_CLIENT_CERT: write("client.pem", client.certificatePem),
      CONSUL_CLIENT_KEY: write("client.key", client.keyPem),
    };
    expect(await ask(env, `127.0.0.1:${port}`)).toEqual({ index: "7", body: [] });
    await expect(ask({ ...env, CONSUL_TLS_SERVER_NAME: "other" }, `127.0.0.1:${port}`)).rejects.toThrow(/other/);
    const unverified = { ...env, CONSUL_TLS_SERVER_NAME: "other", CONSUL_HTTP_SSL_VERIFY: "false" };
    expect(await ask(unverified, `127.0.0.1:${port}`)).toEqual({ index: "7", body: [] });
    expect(await ask({ ...env, CONSUL_HTTP_SSL: "" }, `https://127.0.0.1:${port}`)).toEqual({ index: "7", body: [] });
  });

  it("goes to a Unix socket", async () => {
    const socket = path.join(directory, "consul.sock");
    await listening(http.createServer(answer), socket);
    expect(await ask({}, `unix://${socket}`)).toEqual({ index: "7", body: [] });
  });

  it("says what is wrong", async () => {
    const refuse = http.createServer((_request, response) => {
      response.statusCode = 403;
      response.end("Permission denied\nmore");
    });
    const port = await listening(refuse);
    await expect(ask({}, `127.0.0.1:${port}`)).rejects.toThrow("it answered 403: Permission denied");
    await expect(ask({}, "$NOWHERE:8500")).rejects.toThrow(/variables that are not set: NOWHERE/);
    await expect(ask({ TWO: "a:b:c" }, "$TWO")).rejects.toThrow('"a:b:c" is not an address');
    await expect(ask({ CONSUL_CACERT: "/nowhere.pem" }, "https://127.0.0.1:1")).rejects.toThrow(/nowhere\.pem/);
  });
});
