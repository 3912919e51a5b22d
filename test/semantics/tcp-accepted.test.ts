import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, it } from "@jest/globals";
import { findEnvoy, readDescriptors } from "../../cli/assets.ts";
import { compile } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { envoyRegistry } from "../../xds/static/registry.ts";
import { staticForm } from "../../xds/static/static-form.ts";
import { selfSigned } from "../support/certificates.ts";
import { goldenSettings } from "../support/golden.ts";
import { hostOf, listenerOf, secretOf, tcpMappingOf, tlsContextOf } from "../support/manifests.ts";
import { type Random, seeded, seedOfRun } from "../support/random.ts";

const RUNS = Number(process.env["RUNS"] ?? 20);
const protocols = ["HTTP", "HTTPS", "HTTPSPROXY", "TCP", "TLS"];
const names = [
  "*",
  "*.example.com",
  "db.example.com",
  "DB.example.com",
  "web.example.com",
  "db.example.com:9000",
  "a.*",
];
const addresses = ["127.0.0.1", "0.0.0.0", "::1", "0:0::1"];

/** Few names and ports, so that much of it is in each other's way. */
function manifestsOf(random: Random): string {
  const some = (chance: number, spec: object) => (random.chance(chance) ? spec : {});
  const listeners = Array.from({ length: 1 + random.integer(2) }, (_, index) =>
    listenerOf(`l${index}`, {
      port: 9000 + index,
      protocol: random.pick(protocols),
      securityModel: "XFP",
      hostBinding: { namespace: { from: "ALL" } },
    }),
  );
  const hosts = names.map((hostname, index) =>
    hostOf(`h${index}`, {
      hostname: random.chance(0.6) ? hostname : `${index}.example.org`,
      ...some(0.7, { tlsSecret: { name: random.pick(["one", "two", "missing"]) } }),
    }),
  );
  const mappings = Array.from({ length: 8 }, (_, index) =>
    tcpMappingOf(`t${index}`, {
      port: 9000 + random.integer(3),
      service: "10.0.0.1:5432",
      ...some(0.7, { host: random.pick(names) }),
      ...some(0.3, { tls_passthrough: true }),
      ...some(0.3, { weight: random.pick([0, 30, 80]) }),
      ...some(0.2, { address: random.pick(addresses) }),
      ...some(0.2, { idle_timeout_ms: random.pick([0, "1000", "soon"]) }),
    }),
  );
  return [...listeners, ...hosts, ...mappings, tlsContextOf("c", { hosts: names, secret: "one" })].join("");
}

it("whatever comes of Listeners, Hosts and TCPMappings, Envoy accepts it", async () => {
  const seed = seedOfRun();
  const random = seeded(seed);
  const { certificatePem, keyPem } = await selfSigned({ hosts: ["any"] });
  const secrets = ["one", "two"]
    .map((name) => secretOf(name, { "tls.crt": certificatePem, "tls.key": keyPem }))
    .join("");
  const registry = envoyRegistry(readDescriptors());
  const envoy = findEnvoy(undefined, process.env);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-tcp-"));
  const file = path.join(directory, "envoy.json");
  try {
    for (let run = 0; run < RUNS; run++) {
      const manifests = manifestsOf(random);
      const { resources } = manifestReader()(new Map([["test.yaml", { kind: "text", text: secrets + manifests }]]));
      const snapshot = { ...compile(resources, goldenSettings).snapshot, endpoint: new Map() };
      expect(snapshot.listener.size).toBeGreaterThan(0);
      fs.writeFileSync(file, JSON.stringify(staticForm(snapshot, { registry, throwAway: undefined })));
      const verdict = spawnSync(envoy, ["--mode", "validate", "-c", file, "-l", "error"], { encoding: "utf8" });
      const said = `${verdict.stdout}${verdict.stderr}`;
      if (!said.includes(" OK")) expect({ seed, run, manifests, said }).toBe("accepted");
    }
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
});
