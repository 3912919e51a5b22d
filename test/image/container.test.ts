import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Container, type ContainerOptions, type ContainerProcess, whyNoContainer } from "../../hack/image/container.ts";
import { imageConfig } from "../../hack/image/image-config.ts";
import { root } from "../../hack/paths.mjs";
import { freePort, request } from "../cluster/loopback.ts";
import { type LocalServer, localServer } from "../support/backends.ts";
import { eventually } from "../support/eventually.ts";
import { makeTree, ownEntries, type Tree, whyNoImage } from "./image.ts";

const why = whyNoImage ?? whyNoContainer();

/** A content that only an Envoy can judge: the control plane has one for it. */
const toBeJudged = `---
apiVersion: getambassador.io/v3alpha1
kind: Module
metadata: { name: ambassador }
spec: { config: { lua_scripts: "x =" } }
`;

(why === undefined ? describe : describe.skip)(`the image as a container${why ? `: ${why}` : ""}`, () => {
  let tree: Tree;
  let backend: LocalServer;
  let manifests: string;
  let port: number;
  let adminPort: number;
  let container: Container | undefined;

  beforeAll(async () => {
    tree = makeTree(ownEntries());
    backend = await localServer((_, response) => response.end("from the backend"));
    manifests = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-image-test-"));
    fs.chmodSync(manifests, 0o755);
    [port, adminPort] = [await freePort(), await freePort()];
    fs.writeFileSync(
      path.join(manifests, "gateway.yaml"),
      `apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: { name: http }
spec: { port: ${port}, protocol: HTTP, securityModel: XFP, hostBinding: { namespace: { from: ALL } } }
---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: { name: any }
spec: { hostname: "*", requestPolicy: { insecure: { action: Route } } }
---
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: { name: backend }
spec: { hostname: "*", prefix: /, service: "http://${backend.address}:${backend.port}" }
${toBeJudged}`,
    );
  }, 300_000);

  afterEach(async () => {
    container?.signal("SIGKILL");
    await container?.exited;
    container = undefined;
  });

  afterAll(async () => {
    await backend?.close();
    tree?.remove();
    fs.rmSync(manifests, { recursive: true, force: true });
  });

  const start = (options: Omit<ContainerOptions, "tree" | "stdio">) => {
    const started = new Container({ tree: tree.directory, stdio: ["ignore", "pipe", "pipe"], ...options });
    let output = "";
    for (const stream of [started.child.stdout, started.child.stderr])
      stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    return { container: started, output: () => output };
  };
  /** One that ends by itself. */
  const run = async (options: Omit<ContainerOptions, "tree" | "stdio">) => {
    const { container: started, output } = start(options);
    return { code: await started.exited, output: output() };
  };
  const gateway = async (entrypoint = imageConfig().entrypoint): Promise<Container> => {
    const args = ["run", "--config", "/config", "--admin-port", String(adminPort)];
    const started = start({ entrypoint, args, volumes: { "/config": manifests } });
    container = started.container;
    await ready().catch((cause: unknown) => {
      throw new Error(started.output(), { cause });
    });
    return started.container;
  };
  const ready = () =>
    eventually("ready", async () => (await request(`http://127.0.0.1:${adminPort}/readyz`)).status === 200, {
      timeoutMs: 60_000,
    });

  const isControlPlane = ({ commandLine }: ContainerProcess) => commandLine.includes("control-plane");
  const zombies = (of: Container) => of.processes.filter(({ state }) => state === "Z");
  /** The control plane and the Envoy that judges for it, its child. */
  const pair = (of: Container) =>
    eventually(
      "a control plane with an Envoy that judges",
      () => {
        const controlPlane = of.processes.find(isControlPlane);
        const validator = of.processes.find(({ commandLine }) =>
          commandLine.some((each) => each.includes("validator")),
        );
        return controlPlane !== undefined && validator !== undefined && { controlPlane, validator };
      },
      { timeoutMs: 60_000 },
    );
  /** Ends the control plane with its Envoy, and waits for the next pair. */
  const killControlPlane = async (of: Container): Promise<void> => {
    const before = await pair(of);
    process.kill(before.controlPlane.pid, "SIGKILL");
    await eventually("another pair", async () => (await pair(of)).validator.pid !== before.validator.pid, {
      timeoutMs: 60_000,
    });
    await ready();
  };

  it("answers a command that is called by name, as kubectl exec calls it", async () => {
    const call =
      "process.exit(require('child_process').spawnSync('nuncio', ['--version'], { stdio: 'inherit' }).status)";
    expect(await run({ entrypoint: ["/usr/bin/node", "-e", call], args: [] })).toEqual({
      code: 0,
      output: expect.stringMatching(/^nuncio \d+\.\d+\.\d+ \(Envoy \d+\.\d+\.\d+\)\n$/),
    });
  });

  it("checks manifests, with the Envoy inside", async () => {
    const volumes = { "/config": manifests };
    const bad = await run({ args: ["check", "/config"], volumes });
    expect(bad.output).toMatch(/the script is refused by Envoy/);
    expect(bad.code).toBe(1);
    const good = await run({ args: ["check", "/config"], volumes: { "/config": path.join(root, "examples") } });
    expect(good.output).toMatch(/no problems/);
    expect(good.code).toBe(0);
  });

  it("has the admission process", async () => {
    const { code, output } = await run({ args: ["admission", "--help"] });
    expect(output).toMatch(/judge changes for the Kubernetes API server/);
    expect(code).toBe(0);
  });

  it("has a root that cannot be written, and a /tmp that can, by a user without rights", async () => {
    const script = `
      const fs = require("fs");
      const tried = ["/x", "/usr/lib/nuncio/x", "/etc/passwd", "/tmp/x"].map((file) => {
        try { fs.writeFileSync(file, "x"); return "written"; } catch (error) { return error.code; }
      });
      const [, capabilities] = /CapEff:\\t(\\w+)/.exec(fs.readFileSync("/proc/self/status", "utf8"));
      console.log(JSON.stringify({ tried, user: process.getuid(), group: process.getgid(), groups: process.getgroups(), capabilities }));`;
    const { output } = await run({ entrypoint: ["/usr/bin/node", "-e", script], args: [] });
    expect(JSON.parse(output)).toEqual({
      tried: ["EROFS", "EROFS", "EROFS", "written"],
      user: 8888,
      group: 8888,
      groups: [8888],
      capabilities: "0000000000000000",
    });
  });

  it("serves, loses no process to death, and ends by SIGTERM with all that it started", async () => {
    const started = await gateway();
    expect(await request(`http://127.0.0.1:${port}/`)).toEqual({ status: 200, body: "from the backend" });
    for (let times = 0; times < 3; times++) await killControlPlane(started);
    await eventually("no zombies", () => zombies(started).length === 0);
    expect(await request(`http://127.0.0.1:${port}/`)).toEqual({ status: 200, body: "from the backend" });
    const { processes } = started;
    expect(processes.map(({ commandLine: [program] }) => path.basename(program ?? "")).sort()).toEqual([
      ...["envoy", "envoy", "node", "node", "tini"],
    ]);
    started.signal("SIGTERM");
    expect(await started.exited).toBe(0);
    expect(processes.filter(({ pid }) => fs.existsSync(`/proc/${pid}`))).toEqual([]);
  }, 180_000);

  it("would keep zombies with Node as process 1", async () => {
    const [nuncio] = imageConfig().entrypoint.slice(-1);
    const started = await gateway([nuncio ?? ""]);
    for (let times = 0; times < 2; times++) await killControlPlane(started);
    expect(zombies(started).length).toBeGreaterThanOrEqual(2);
  }, 180_000);
});
