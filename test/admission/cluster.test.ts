import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseAllDocuments, stringify } from "yaml";
import { admissionCertificate } from "../../cli/admission-certificate.ts";
import { clusterAvailable } from "../cluster/available.ts";
import { type Cluster, type KubectlResult, startCluster } from "../cluster/cluster.ts";
import { applyWebhook, installed } from "../cluster/install.ts";
import { installedTemplate } from "../cluster/template.ts";
import { wafManifestTests } from "../integrations/waf-manifests.ts";
import { selfSigned } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { base, checked, host, listener, manifest, mapping } from "./manifests.ts";
import { type AdmissionProcess, startAdmission } from "./process.ts";

interface SecretManifest {
  readonly data?: Readonly<Record<string, string>>;
}

(clusterAvailable ? describe : describe.skip)("admission in a cluster", () => {
  let cluster: Cluster;
  let admission: AdmissionProcess;
  let kubeconfig: string;
  let port: number;

  const apply = (text: string, ...args: string[]): Promise<KubectlResult> =>
    cluster.kubectl(["apply", ...args, "-f", "-"], { input: text, allowFail: true });
  const remove = (text: string): Promise<KubectlResult> =>
    cluster.kubectl(["delete", "--ignore-not-found", "-f", "-"], { input: text });

  /** The API server asks the process of this moment. */
  const hook = (): Promise<void> =>
    applyWebhook(cluster, { url: admission.url, certificatePem: admission.certificate.certificatePem });

  /** Whether the API server asks us is known by its answer alone. */
  async function judged(expected: boolean): Promise<void> {
    await eventually(`objects are ${expected ? "" : "not "}judged`, async () => {
      const { code, stderr } = await apply(mapping("probe", { resolver: "nope" }), "--dry-run=server");
      return expected ? stderr.includes("denied the request") : code === 0;
    });
  }

  beforeAll(async () => {
    cluster = await startCluster({ from: await installedTemplate() });
    kubeconfig = await cluster.kubeconfigFor({ namespace: "nuncio", serviceAccount: "nuncio-admission" });
    admission = await startAdmission({ kubeconfig });
    port = Number(new URL(admission.url).port);
    await admission.ready();
    await hook();
    await judged(true);
    await cluster.apply(base.join("---\n"));
  }, 300_000);

  afterAll(async () => {
    await admission?.stop();
    await cluster?.stop();
  });

  describe("the shipped manifests", () => {
    it("give the account what it watches, and nothing else", async () => {
      const can = async (verb: string, resource: string): Promise<boolean> =>
        (await cluster.kubectl(["auth", "can-i", verb, resource, "-A"], { kubeconfig, allowFail: true })).code === 0;
      for (const resource of ["mappings.getambassador.io", "services", "secrets"]) {
        expect([resource, await can("list", resource), await can("watch", resource)]).toEqual([resource, true, true]);
        for (const verb of ["create", "update", "patch", "delete"]) expect(await can(verb, resource)).toBe(false);
      }
      expect(await can("get", "secrets")).toBe(false);
      expect(await can("list", "endpointslices.discovery.k8s.io")).toBe(false);
      expect(await can("list", "pods")).toBe(false);
    });

    it("give the gateway what it watches, status, Events and Leases of its own, and no right to write anything else", async () => {
      const own = await cluster.kubeconfigFor({ namespace: "nuncio", serviceAccount: "nuncio" });
      const can = async (verb: string, resource: string, ...more: string[]): Promise<boolean> =>
        (await cluster.kubectl(["auth", "can-i", verb, resource, ...more, "-A"], { kubeconfig: own, allowFail: true }))
          .code === 0;
      const watched = [
        "ingresses.networking.k8s.io",
        "endpointslices.discovery.k8s.io",
        "authservices.getambassador.io",
      ];
      for (const resource of ["secrets", ...watched]) {
        for (const verb of ["get", "list", "watch"])
          expect([resource, verb, await can(verb, resource)]).toEqual([resource, verb, true]);
        for (const verb of ["create", "patch", "delete"])
          expect([resource, verb, await can(verb, resource)]).toEqual([resource, verb, false]);
      }
      for (const resource of ["ingresses.networking.k8s.io", "mappings.getambassador.io", "modules.getambassador.io"])
        expect(await can("patch", resource, "--subresource=status")).toBe(true);
      expect(await can("patch", "services", "--subresource=status")).toBe(false);
      expect(await can("create", "events.events.k8s.io")).toBe(true);
      for (const verb of ["list", "patch", "delete"]) expect(await can(verb, "events.events.k8s.io")).toBe(false);
      const ofOwn = ["auth", "can-i", "patch", "leases.coordination.k8s.io", "-n", "nuncio"];
      expect((await cluster.kubectl(ofOwn, { kubeconfig: own, allowFail: true })).code).toBe(0);
      for (const resource of ["customresourcedefinitions.apiextensions.k8s.io", "leases.coordination.k8s.io", "pods"])
        for (const verb of ["list", "create", "patch"]) expect(await can(verb, resource)).toBe(false);
    });

    it("ask for nothing that a restricted namespace refuses", async () => {
      for (const { kind, metadata, spec } of installed()) {
        if (kind !== "Deployment" || spec?.template === undefined) continue;
        const { metadata: of, spec: pod } = spec.template;
        const text = stringify({
          apiVersion: "v1",
          kind: "Pod",
          metadata: { ...of, name: metadata.name, namespace: "nuncio" },
          spec: pod,
        });
        expect(await apply(text, "--dry-run=server")).toMatchObject({ code: 0, stderr: "" });
      }
    });

    wafManifestTests(() => cluster);
  });

  describe("kubectl apply", () => {
    const shared = { prefix: "/canary/" };
    it.each([
      ["a Listener on a port that another one has", listener("wrong", 8080), []],
      ["a Mapping whose resolver does not exist", mapping("wrong", { resolver: "nope" }), []],
      ["a Mapping with an unknown TLSContext", mapping("wrong", { tls: "nope" }), []],
      ["a Mapping whose service is none", mapping("wrong", { service: "ftp://quote" }), []],
      ["a Mapping with a regex that Envoy refuses", mapping("wrong", { prefix: "/(", prefix_regex: true }), []],
      [
        "a Host with an unknown TLSContext",
        host("wrong", { hostname: "a.example", tlsContext: { name: "nope" }, tlsSecret: { name: "s" } }),
        [],
      ],
      ["two errors at once", mapping("wrong", { prefix: "/(", prefix_regex: true, tls: "nope" }), []],
      ["weights over 100", mapping("wrong", { ...shared, weight: 60 }), [mapping("a", { ...shared, weight: 50 })]],
    ])("is refused for %s, in the words of nuncio check", async (_, wrong, others) => {
      for (const each of others) await apply(each);
      // What only waits for a Secret is accepted.
      const told = checked("wrong", [...base, ...others, wrong]).filter((line) => !line.includes("there is no Secret"));
      expect(told).not.toEqual([]);
      for (const way of [[], ["--server-side"]]) {
        const { code, stderr } = await apply(wrong, ...way);
        expect(stderr).toContain(`denied the request: ${told.join("\n")}`);
        expect(code).toBe(1);
      }
      expect((await cluster.kubectl(["get", "-f", "-"], { input: wrong, allowFail: true })).code).toBe(1);
      for (const each of others) await remove(each);
    });

    it("is told of what is odd by a warning, and accepted", async () => {
      const odd = mapping("odd", { service: "nowhere" });
      const { code, stderr, stdout } = await apply(odd);
      expect(stderr).toMatch(/^Warning: Mapping default\/odd: spec\.service: there is no Service default\/nowhere; /);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining("created") });
      await remove(odd);
    });

    it("is told what an accepted change does to others, in a dry run too, and what a deletion does", async () => {
      const warning = (text: string) => `Warning: ${text}\n`;
      const taken = mapping("taken");
      expect(await apply(taken)).toMatchObject({ code: 0, stderr: "" });
      const thief = mapping("thief", { prefix: "/", precedence: 1 });
      const stolen = warning(
        "Mapping default/taken gets no request at all: Mapping default/thief is tried first and takes GET http://example.org/taken/7",
      );
      // The watch may tell us of what was applied before a moment after kubectl knows.
      await eventually("the effect is told", async () => (await apply(thief, "--dry-run=server")).stderr === stolen);
      expect(await apply(thief)).toMatchObject({ code: 0, stderr: stolen });
      await remove(thief);
      const open = host("all", { hostname: "*", requestPolicy: { insecure: { action: "Route" } } });
      const cleartext = "GET http://example.org/taken/7 is served in cleartext, and was sent to https";
      await eventually("less security is told", async () =>
        (await apply(open, "--dry-run=server")).stderr.includes(warning(`${cleartext} (Mapping default/taken)`)),
      );
      const lost = warning("GET http://example.org/taken/7 becomes 404; Mapping default/taken had it");
      await eventually("what a deletion does is told", async () => {
        const { code, stderr } = await cluster.kubectl(["delete", "mapping", "taken", "--dry-run=server"]);
        return code === 0 && stderr === lost;
      });
      expect((await remove(taken)).code).toBe(0);
    });

    it("refuses an update as it does a creation, and keeps what was there", async () => {
      await apply(mapping("kept"));
      const { code, stderr } = await apply(mapping("kept", { resolver: "nope" }));
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('there is no resolver "nope"') });
      const { stdout } = await cluster.kubectl(["get", "mapping", "kept", "-o", "jsonpath={.spec.resolver}"]);
      expect(stdout).toBe("");
      await remove(mapping("kept"));
    });

    it("refuses a Service for what stands in its annotation, and asks about no other Service", async () => {
      const annotated = (spec: object): string => {
        const config = stringify({
          apiVersion: "getambassador.io/v2",
          kind: "Mapping",
          name: "noted",
          prefix: "/n/",
          ...spec,
        });
        const metadata = { name: "noted", namespace: "default", annotations: { "getambassador.io/config": config } };
        return stringify({ apiVersion: "v1", kind: "Service", metadata, spec: { ports: [{ port: 80 }] } });
      };
      const { code, stderr } = await apply(annotated({ service: "ftp://quote" }));
      expect(stderr).toContain(
        'denied the request: Service default/noted: metadata.annotations["getambassador.io/config"][0].service: ',
      );
      expect(code).toBe(1);
      expect(await apply(annotated({ service: "quote" }))).toMatchObject({ code: 0, stderr: "" });
      const reviews = async () =>
        (await admission.admin("/metrics")).body.split("\n").filter((line) => line.includes('kind="Service"'));
      const before = await reviews();
      expect(before).not.toEqual([]);
      await remove(annotated({}));
      for (const label of ["note=seen", "note-"]) await cluster.kubectl(["label", "service", "quote", label]);
      expect(await reviews()).toEqual(before);
    });

    it("refuses an Ingress of this gateway's class in its own words, and no other", async () => {
      const ingress = (annotation: string): string => {
        const metadata = {
          name: "wrong",
          namespace: "default",
          annotations: { "kubernetes.io/ingress.class": annotation },
        };
        const backend = { service: { name: "quote", port: { name: "nope" } } };
        return stringify({
          apiVersion: "networking.k8s.io/v1",
          kind: "Ingress",
          metadata,
          spec: { defaultBackend: backend },
        });
      };
      const { code, stderr } = await apply(ingress("ambassador"));
      expect(stderr).toContain("denied the request: Ingress default/wrong: spec.defaultBackend.service.port.name: ");
      expect(code).toBe(1);
      expect((await apply(ingress("nginx"))).code).toBe(0);
      await remove(ingress("nginx"));
    });

    it("takes a Mapping right after the resolver that it names, again and again", async () => {
      for (let i = 0; i < 10; i++) {
        const resolver = manifest("KubernetesEndpointResolver", `fresh-${i}`, {});
        const both = [resolver, mapping(`user-${i}`, { resolver: `fresh-${i}` })].join("---\n");
        expect(await apply(both)).toMatchObject({ code: 0, stderr: "" });
        await remove(both);
      }
    });
  });

  it("serves a renewed certificate to the API server, once that trusts it, without a restart", async () => {
    const renewed = await selfSigned({ hosts: ["127.0.0.1"] });
    admission.writeCertificate(renewed);
    await eventually("the new serial", async () => (await admission.servedSerial()) === renewed.serial);
    admission = { ...admission, certificate: renewed };
    await hook();
    await judged(true);
  });

  it("works as installed, with the certificate that nuncio admission-certificate makes", async () => {
    const [secret, trust] = parseAllDocuments(await admissionCertificate("1", new Date())).map(
      (each) => each.toJS() as SecretManifest,
    );
    const { "tls.crt": cert = "", "tls.key": key = "" } = secret?.data ?? {};
    const pem = (data: string): string => Buffer.from(data, "base64").toString();
    admission.writeCertificate({ certificatePem: pem(cert), keyPem: pem(key) });
    // Nothing here leads from a ClusterIP to a Pod: this Service leads to the process, at a port of its own.
    await cluster.kubectl(["delete", "service", "nuncio-admission", "-n", "nuncio"]);
    const metadata = { name: "nuncio-admission", namespace: "nuncio" };
    await cluster.apply(
      stringify({
        apiVersion: "v1",
        kind: "Service",
        metadata,
        spec: { type: "ExternalName", externalName: "localhost" },
      }),
    );
    const shipped = stringify(installed().find(({ kind }) => kind === "ValidatingWebhookConfiguration")).replace(
      "port: 443",
      `port: ${port}`,
    );
    await cluster.kubectl(["delete", "validatingwebhookconfiguration", "nuncio-admission"]);
    await apply(shipped);
    await judged(false);
    const { code } = await apply(
      [secret, trust].map((each) => stringify(each)).join("---\n"),
      "--server-side",
      "--field-manager=nuncio-certificate",
    );
    expect(code).toBe(0);
    await judged(true);
    // To apply the manifests again takes nothing away.
    expect((await apply(shipped.replace("failurePolicy: Ignore", "failurePolicy: Fail"))).stdout).toContain(
      "configured",
    );
    await judged(true);
    await cluster.kubectl(["delete", "validatingwebhookconfiguration", "nuncio-admission"]);
    admission.writeCertificate(admission.certificate);
    await eventually("the old serial", async () => (await admission.servedSerial()) === admission.certificate.serial);
    await hook();
    await judged(true);
  });

  it("harms nobody when it is stopped: the same object is accepted, and refused again when it is back", async () => {
    const wrong = mapping("wrong", { resolver: "nope" });
    expect((await apply(wrong)).code).toBe(1);
    expect(await admission.stop()).toBe(0);
    expect(await apply(wrong)).toMatchObject({ code: 0, stderr: "" });
    admission = await startAdmission({ kubeconfig, port });
    await admission.ready();
    await hook();
    await judged(true);
    // It stands: to touch it is allowed, to change it is not, to remove it always is.
    const told = expect.stringContaining('Warning: Mapping default/wrong: spec.resolver: there is no resolver "nope"');
    const touched = await cluster.kubectl(["annotate", "mapping", "wrong", "note=seen"], { allowFail: true });
    expect(touched).toMatchObject({ code: 0, stderr: told });
    const changed = await cluster.kubectl(["label", "mapping", "wrong", "note=seen"], { allowFail: true });
    expect(changed).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no resolver "nope"') });
    const finalized = await cluster.kubectl(
      ["patch", "mapping", "wrong", "--type=merge", "-p", '{"metadata":{"finalizers":["example.com/a"]}}'],
      { allowFail: true },
    );
    expect(finalized).toMatchObject({ code: 0, stderr: told });
    await cluster.kubectl(["delete", "mapping", "wrong", "--wait=false"]);
    await cluster.kubectl(["patch", "mapping", "wrong", "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
    expect((await cluster.kubectl(["get", "mapping", "wrong"], { allowFail: true })).stderr).toContain("NotFound");
    expect((await apply(wrong)).code).toBe(1);
  });
});
