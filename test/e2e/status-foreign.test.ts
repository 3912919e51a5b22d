import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { customKinds } from "../../capabilities/kinds.ts";
import { crdOf } from "../../crds/structural.ts";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import { ambassador, cleartextHost, listener, type Manifest, mapping } from "./support/manifests.ts";
import { statusReader } from "./support/status.ts";

let world: World;
let gateway: Gateway;

interface Crd extends Manifest {
  readonly spec: { readonly versions: readonly [Version] };
}

interface Version {
  readonly subresources?: object;
  readonly schema: {
    readonly openAPIV3Schema: {
      readonly properties: { readonly status: { readonly properties: Readonly<Record<string, unknown>> } };
    };
  };
}

/** As Emissary's: only Mapping and Host have a status subresource, and conditions are in none. */
function emissaryCrds(): readonly Manifest[] {
  return customKinds.map((kind) => {
    const crd = structuredClone(crdOf(kind)) as unknown as Crd;
    const [version] = crd.spec.versions;
    const { conditions: _none, ...words } = version.schema.openAPIV3Schema.properties.status.properties;
    const status = { ...version.schema.openAPIV3Schema.properties.status, properties: words };
    const openAPIV3Schema = {
      ...version.schema.openAPIV3Schema,
      properties: { ...version.schema.openAPIV3Schema.properties, status },
    };
    const hasStatus = kind.kind === "Mapping" || kind.kind === "Host";
    const served = { ...version, schema: { openAPIV3Schema }, subresources: hasStatus ? { status: {} } : undefined };
    return { ...crd, spec: { ...crd.spec, versions: [served] } };
  });
}

const mappings = ["one", "two", "three"].map((name) =>
  mapping(name, { prefix: `/${name}/`, service: "http://127.0.0.1:1" }),
);

(clusterAvailable ? describe : describe.skip)("status with CRDs and rights of others", () => {
  beforeAll(async () => {
    world = await startWorld({ crds: false });
    await world.apply(...emissaryCrds());
    gateway = await world.gateway({ env: { AMBASSADOR_NAMESPACE: "nuncio", POD_NAME: "gateway-a" } });
    await gateway.until("the CRDs are served", () =>
      world.apply(listener("http", 8080), cleartextHost("any", "*"), ...mappings).then(
        () => true,
        () => false,
      ),
    );
  }, 120_000);

  afterAll(async () => {
    await world?.stop();
  }, 30_000);

  it("writes what the CRDs have room for, and says once what they have not", async () => {
    await world.apply(listener("http", await freePort()), ambassador("TLSContext", "tls", { secret: "none" }));
    await gateway.ready();
    const read = statusReader(world.cluster);
    for (const name of ["mappings/one", "mappings/three"])
      await gateway.until(`the status of ${name}`, async () => (await read(name)).status["state"] === "Running");
    await gateway.until("the status of the Host", async () => (await read("hosts/any")).status["state"] === "Ready");
    await gateway.logged(
      /the status of listeners\.getambassador\.io is not written: its CRD has no status subresource/,
    );
    await gateway.logged(/the status of tlscontexts\.getambassador\.io is not written/);
    await gateway.logged(/the status of mappings\.getambassador\.io has no conditions/);
    for (const resource of ["listeners", "mappings", "hosts"])
      expect(gateway.log.split(`the status of ${resource}.getambassador.io`)).toHaveLength(2);
    // Nothing is written over and over.
    const written = await gateway.metric("nuncio_status_writes_total");
    await world.apply(mapping("four", { prefix: "/four/", service: "http://127.0.0.1:1" }));
    await gateway.until(
      "the status of the next",
      async () => (await read("mappings/four")).status["state"] === "Running",
    );
    expect(await gateway.metric("nuncio_status_writes_total")).toBe(written + 1);
  });

  it("says once which right lacks, and serves all the same", async () => {
    const without = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole" };
    const { stdout } = await world.cluster.kubectl(["get", "clusterrole", "nuncio", "-o", "json"]);
    const { rules } = JSON.parse(stdout) as { readonly rules: readonly { readonly verbs: readonly string[] }[] };
    const reading = rules.filter(({ verbs }) => !verbs.includes("patch"));
    await world.apply({ ...without, metadata: { name: "nuncio" }, rules: reading });
    const mark = gateway.mark();
    await gateway.until("the right is taken away", async () => {
      const asked = ["auth", "can-i", "patch", "mappings/status", "--as=system:serviceaccount:nuncio:nuncio"];
      return (await world.cluster.kubectl(asked, { allowFail: true })).code !== 0;
    });
    await world.apply(mapping("five", { prefix: "/five/", service: "http://127.0.0.1:1" }));
    await gateway.logged(/the right to patch mappings\/status of the API group getambassador\.io is missing/, mark);
    expect((await gateway.readyz())?.status).toBe(200);
  });
});
