import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { parseAllDocuments, stringify } from "yaml";
import { manifestFiles } from "../../hack/manifests/files.ts";
import { type AdmissionProcess, peerCertificate, startAdmission } from "../admission/process.ts";
import { clusterAvailable } from "../cluster/available.ts";
import { type Cluster, type KubectlResult, startCluster } from "../cluster/cluster.ts";
import { freePort } from "../cluster/loopback.ts";
import { eventually as within } from "../support/eventually.ts";

/** Several processes at once, on a machine that may have others to run. */
const eventually = <T>(what: string, probe: () => T | Promise<T>) =>
  within(what, probe, { timeoutMs: 120_000, everyMs: 100 });

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly webhooks?: readonly object[];
}

interface Crd {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly versions: readonly { readonly name: string; readonly subresources?: object }[];
    readonly conversion?: {
      readonly strategy: string;
      readonly webhook?: { readonly clientConfig: { readonly url?: string; readonly caBundle?: string } };
    };
  };
  readonly status: { readonly storedVersions: readonly string[] };
}

const documentsOf = (file: string): Manifest[] =>
  parseAllDocuments(manifestFiles().get(`manifests/${file}`) ?? "").map((each) => each.toJS() as Manifest);
const isWebhook = ({ kind }: Manifest): boolean => kind.endsWith("WebhookConfiguration");
const isCrd = ({ kind }: Manifest): boolean => kind === "CustomResourceDefinition";
const isLogService = ({ metadata }: Manifest): boolean => metadata.name === "logservices.getambassador.io";
const yaml = (objects: readonly unknown[]): string => objects.map((each) => stringify(each)).join("---\n");

jest.setTimeout(300_000);

(clusterAvailable ? describe : describe.skip)("old versions in a cluster", () => {
  let cluster: Cluster;
  let admission: AdmissionProcess;
  let replica: AdmissionProcess;
  let url: string;

  const kubectl = (args: readonly string[], input?: string): Promise<KubectlResult> =>
    cluster.kubectl(args, { allowFail: true, ...(input === undefined ? {} : { input }) });
  const apply = (object: unknown): Promise<KubectlResult> => kubectl(["apply", "-f", "-"], stringify(object));
  const get = async <T>(...args: readonly string[]): Promise<T> =>
    JSON.parse((await cluster.kubectl(["get", ...args, "-o", "json"])).stdout) as T;
  const crd = (plural: string): Promise<Crd> => get<Crd>("crd", `${plural}.getambassador.io`);
  const bundleOf = async (): Promise<string> =>
    (await get<{ data: Record<string, string> }>("secret", "nuncio-admission-ca", "-n", "nuncio")).data["ca.crt"] ?? "";
  const clientConfig = (path: string): object => ({ url: url + path });

  /** The shipped configuration, but for where the webhook is. */
  async function applyWebhook(file: string, path: string): Promise<void> {
    const hook = documentsOf(file).find(isWebhook);
    await cluster.apply(
      stringify({ ...hook, webhooks: hook?.webhooks?.map((each) => ({ ...each, clientConfig: clientConfig(path) })) }),
    );
  }

  const mapping = (version: string, name: string, spec: object): object => ({
    apiVersion: `getambassador.io/${version}`,
    kind: "Mapping",
    metadata: { name, namespace: "default" },
    spec,
  });

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.apply(yaml(documentsOf("crds-legacy.yaml")));
    await cluster.apply(yaml(documentsOf("install.yaml").filter((each) => !isWebhook(each) && !isCrd(each))));
    await cluster.apply(yaml(documentsOf("mutate.yaml").filter((each) => !isWebhook(each))));
    const kubeconfig = await cluster.kubeconfigFor({ namespace: "nuncio", serviceAccount: "nuncio-admission" });
    const [port, second] = [await freePort(), await freePort()];
    url = `https://127.0.0.1:${port}`;
    const env = { AMBASSADOR_NAMESPACE: "nuncio" };
    const own = ["--certificates", "own", "--url"];
    [admission, replica] = await Promise.all([
      startAdmission({ kubeconfig, env, port, args: [...own, url, "--convert", "--mutate"] }),
      startAdmission({ kubeconfig, env, port: second, args: [...own, `https://127.0.0.1:${second}`] }),
    ]);
    await eventually(
      "the CRDs lead here",
      async () => (await crd("mappings")).spec.conversion?.webhook?.clientConfig.caBundle !== undefined,
    );
    await Promise.all([admission.ready(), replica.ready()]);
    await applyWebhook("install.yaml", "/validate");
    await cluster.apply("apiVersion: v1\nkind: Service\nmetadata: { name: quote }\nspec: { ports: [{ port: 80 }] }\n");
  }, 300_000);

  afterAll(async () => {
    await admission?.stop();
    await replica?.stop();
    await cluster?.stop();
  });

  it("has one authority, in the Secret of the process's namespace, that all replicas serve by", async () => {
    const authority = new X509Certificate(Buffer.from(await bundleOf(), "base64"));
    for (const { url: of } of [admission, replica]) {
      const { raw } = await peerCertificate(Number(new URL(of).port));
      expect(new X509Certificate(raw).verify(authority.publicKey)).toBe(true);
    }
    expect((admission.log() + replica.log()).match(/made a new certificate authority/g)).toHaveLength(1);
    for (const plural of ["mappings", "hosts", "tracingservices"]) {
      expect((await crd(plural)).spec.conversion).toEqual({
        strategy: "Webhook",
        webhook: {
          clientConfig: { url: `${url}/webhooks/crd-convert`, caBundle: await bundleOf() },
          conversionReviewVersions: ["v1"],
        },
      });
    }
    // A kind of one version has nothing to convert.
    expect((await crd("listeners")).spec.conversion).toEqual({ strategy: "None" });
  });

  it("takes a v2 object, serves it as v3alpha1, and gives it back as it was", async () => {
    const spec = {
      prefix: "/old/",
      service: "http://quote",
      tls: true,
      host: "a.example",
      headers: { a: true, b: false, c: "d" },
      ambassador_id: "default",
      cors: { origins: "http://a,http://b" },
      labels: { ambassador: [{ group: ["remote_address", { "x-user": { header: "x-user" } }] }] },
    };
    for (const version of ["v2", "v1"]) {
      const applied = await apply(mapping(version, `from-${version}`, spec));
      expect(applied).toMatchObject({ code: 0 });
      const today = await get<{ spec: object }>("mappings.v3alpha1.getambassador.io", `from-${version}`);
      expect(today.spec).toMatchObject({
        hostname: "a.example",
        service: "https://quote",
        regex_headers: { a: ".*" },
        ambassador_id: ["default"],
      });
      for (const again of ["v2", "v1"]) {
        expect((await get<{ spec: object }>(`mappings.${again}.getambassador.io`, `from-${version}`)).spec).toEqual(
          spec,
        );
      }
      // What kubectl applies again is what is there.
      expect((await apply(mapping(version, `from-${version}`, spec))).stdout).toContain("unchanged");
    }
    expect((await crd("mappings")).status.storedVersions).toEqual(["v3alpha1"]);
  });

  it("lists what was written in all versions, in each", async () => {
    await apply(mapping("v3alpha1", "from-v3", { hostname: "*", prefix: "/new/", service: "quote" }));
    for (const version of ["v1", "v2", "v3alpha1"]) {
      const { items } = await get<{ items: { metadata: { name: string }; apiVersion: string }[] }>(
        `mappings.${version}.getambassador.io`,
      );
      expect(items.map(({ metadata, apiVersion }) => `${apiVersion} ${metadata.name}`)).toEqual(
        ["from-v1", "from-v2", "from-v3"].map((name) => `getambassador.io/${version} ${name}`),
      );
    }
    const { spec } = await get<{ spec: object }>("mappings.v2.getambassador.io", "from-v3");
    expect(spec).toEqual({ prefix: "/new/", service: "quote", ambassador_id: ["--apiVersion-v3alpha1-only--default"] });
  });

  it("judges objects of v2 too, once the API server trusts it, which it sees to", async () => {
    let attempt = 0;
    await eventually("a wrong Mapping is refused", async () => {
      // One that came before the trust is stored, and kubectl sends nothing where nothing has changed.
      const spec = { prefix: `/${attempt++}/`, service: "quote", resolver: "nope" };
      const { stderr } = await apply(mapping("v2", "wrong", spec));
      return stderr.includes('Mapping default/wrong: spec.resolver: there is no resolver "nope"');
    });
  });

  it("rewrites deprecated spellings when that is asked for, and only then", async () => {
    const old = mapping("v3alpha1", "spelled", {
      host: "a.example",
      prefix: "/s/",
      service: "quote",
      use_websocket: true,
    });
    await apply(old);
    const specOf = async () => (await get<{ spec: object }>("mappings.v3alpha1.getambassador.io", "spelled")).spec;
    expect(await specOf()).toMatchObject({ host: "a.example", use_websocket: true });
    await applyWebhook("mutate.yaml", "/mutate");
    await eventually("it is rewritten", async () => {
      await kubectl(["annotate", "--overwrite", "mapping", "spelled", `at=${Date.now()}`]);
      return !("host" in (await specOf()));
    });
    expect(await specOf()).toEqual({
      hostname: "a.example",
      prefix: "/s/",
      service: "quote",
      allow_upgrade: ["websocket"],
    });
    await kubectl(["delete", "mutatingwebhookconfiguration", "nuncio-admission"]);
  });

  it("puts a CRD right that somebody has changed", async () => {
    await cluster.kubectl([
      "patch",
      "crd",
      "hosts.getambassador.io",
      "--type=json",
      "-p",
      '[{"op":"replace","path":"/spec/conversion","value":{"strategy":"None"}}]',
    ]);
    await eventually("it is converted again", async () => (await crd("hosts")).spec.conversion?.strategy === "Webhook");
    expect((await crd("hosts")).spec.conversion?.webhook?.clientConfig.caBundle).toBe(await bundleOf());
  });

  it.each([
    ["spoilt", ["patch", "secret", "nuncio-admission-ca", "-n", "nuncio", "-p", '{"data":{"tls.crt":"","ca.crt":""}}']],
    ["gone", ["delete", "secret", "nuncio-admission-ca", "-n", "nuncio"]],
  ])("makes a new authority when the Secret is %s, has it trusted, and fails no call meanwhile", async (_, change) => {
    const before = await bundleOf();
    const issuer = async () => (await peerCertificate(Number(new URL(url).port))).issuer.CN;
    const servedBefore = await issuer();
    const failed: string[] = [];
    let calls = 0;
    await cluster.kubectl(change);
    await eventually("what is served is of another authority, which the CRDs trust", async () => {
      const asked = await kubectl(["get", "mappings.v2.getambassador.io", "from-v3"]);
      const judged = await kubectl(
        ["apply", "--dry-run=server", "-f", "-"],
        stringify(mapping("v3alpha1", "tried", { hostname: "*", prefix: "/tried/", service: "quote" })),
      );
      calls++;
      failed.push(...[asked, judged].flatMap(({ code, stderr }) => (code === 0 ? [] : [stderr])));
      const now = await bundleOf().catch(() => "");
      const { caBundle } = (await crd("mappings")).spec.conversion?.webhook?.clientConfig ?? {};
      return now !== "" && now !== before && caBundle === now && (await issuer()) !== servedBefore;
    });
    expect(failed).toEqual([]);
    expect(calls).toBeGreaterThan(0);
    const trusted = Buffer.from(await bundleOf(), "base64")
      .toString()
      .match(/BEGIN CERTIFICATE/g);
    expect(trusted).toHaveLength(2);
  });

  describe("where Emissary's CRDs are, with objects stored in v2", () => {
    /** As Emissary ships it: v2 is stored, there is no status, and its own webhook converts. */
    async function applyEmissarys(): Promise<void> {
      const ours = documentsOf("crds-legacy.yaml").find(isLogService) as unknown as Crd;
      const versions = ours.spec.versions.map(({ subresources: _none, ...version }) => ({
        ...version,
        storage: version.name === "v2",
      }));
      const place = { name: "emissary-apiext", namespace: "emissary-system" };
      const service = { ...place, path: "/webhooks/crd-convert", port: 443 };
      const conversion = {
        strategy: "Webhook",
        webhook: { clientConfig: { service }, conversionReviewVersions: ["v1"] },
      };
      const metadata = { ...ours.metadata, labels: { "app.kubernetes.io/part-of": "emissary-ingress" } };
      await cluster.kubectl(["delete", "crd", "logservices.getambassador.io"]);
      await cluster.apply(stringify({ ...ours, metadata, spec: { ...ours.spec, versions, conversion } }));
      const isThere = "wait --for=condition=Established --timeout=30s crd logservices.getambassador.io";
      await cluster.kubectl(isThere.split(" "));
    }
    const logs = {
      apiVersion: "getambassador.io/v2",
      kind: "LogService",
      metadata: { name: "logs" },
      spec: { service: "logs", driver: "tcp", v3StatsName: "x" },
    };

    it("leaves them to who converts them, and says what would hand them over", async () => {
      await applyEmissarys();
      // The webhooks of admission would need a conversion that nobody makes.
      await kubectl(["delete", "validatingwebhookconfiguration", "nuncio-admission"]);
      await eventually("the object is there", async () => (await apply(logs)).code === 0);
      await eventually("it is said", () =>
        Promise.resolve(
          admission
            .log()
            .includes(
              "logservices.getambassador.io is converted by emissary-apiext; to hand it over, end that one and apply crds-legacy.yaml",
            ),
        ),
      );
      // The API server ends watches of what was a CRD half a minute later: this way at once.
      await cluster.killApiServer();
      await cluster.startApiServer();
      await eventually("what is missing is said", () =>
        Promise.resolve(admission.log().includes("are stored in an old version, and nobody converts them")),
      );
      expect((await crd("logservices")).status.storedVersions).toEqual(["v2"]);
    });

    it("refuses the CRDs of v3alpha1 alone, so that nothing is lost", async () => {
      const { code, stderr } = await kubectl(
        ["apply", "--server-side", "--force-conflicts", "-f", "-"],
        manifestFiles().get("manifests/crds.yaml"),
      );
      expect(code).toBe(1);
      expect(stderr).toContain('status.storedVersions[0]: Invalid value: "v2"');
      expect((await get<{ spec: object }>("logservices.v2.getambassador.io", "logs")).spec).toEqual(logs.spec);
    });

    it("takes them over with crds-legacy.yaml: the same objects, as v3alpha1", async () => {
      await cluster.apply(yaml(documentsOf("crds-legacy.yaml").filter(isLogService)));
      await eventually(
        "it converts",
        async () => (await kubectl(["get", "logservices.v3alpha1.getambassador.io", "logs"])).code === 0,
      );
      const { spec } = await get<{ spec: object }>("logservices.v3alpha1.getambassador.io", "logs");
      expect(spec).toEqual({ service: "logs", driver: "tcp", stats_name: "x" });
      // Written again, it is stored as v3alpha1; v2 may then be taken out of storedVersions.
      const all = await cluster.kubectl(["get", "logservices.v3alpha1.getambassador.io", "-o", "yaml"]);
      expect(await kubectl(["replace", "-f", "-"], all.stdout)).toMatchObject({ code: 0 });
      await cluster.kubectl([
        "patch",
        "crd",
        "logservices.getambassador.io",
        "--subresource=status",
        "--type=merge",
        "-p",
        '{"status":{"storedVersions":["v3alpha1"]}}',
      ]);
      const only = documentsOf("crds.yaml").find(isLogService);
      // Not by apply, which leaves what the process has set: the strategy would go, and caBundle stay.
      await cluster.kubectl(["replace", "-f", "-"], { input: stringify(only) });
      expect((await crd("logservices")).spec.conversion).toEqual({ strategy: "None" });
      expect((await get<{ spec: object }>("logservices.v3alpha1.getambassador.io", "logs")).spec).toEqual(spec);
    });
  });
});
