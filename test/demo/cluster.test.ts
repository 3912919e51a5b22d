import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { hostAddress } from "../cluster/host-address.ts";
import { eventually } from "../support/eventually.ts";
import { DemoProcess, hold, paste } from "./demo-process.ts";

// Ready after 8 s on an idle machine; a busy one must not fail the tests.
const readyMs = 120_000;
const started: DemoProcess[] = [];

function startDemo(): DemoProcess {
  const demo = new DemoProcess({ args: ["--cluster"] });
  started.push(demo);
  return demo;
}

function expectNothingLeft(demo: DemoProcess): void {
  expect(demo.directory).not.toBe("");
  expect(demo.processes()).toEqual([]);
  expect(fs.existsSync(demo.directory)).toBe(false);
}

afterEach(async () => {
  for (const demo of started.splice(0)) await demo.end();
}, 60_000);

(clusterAvailable ? describe : describe.skip)("npm run demo -- --cluster", () => {
  it(
    "serves the objects of a cluster, and everything it tells to try works as it says",
    async () => {
      const cacheOfHome = path.join(os.homedir(), ".kube/cache");
      const hadCache = fs.existsSync(cacheOfHome);
      const demo = startDemo();
      await demo.ready(readyMs);
      expect(demo.output).not.toMatch(/^(warn|error|Warning|admission: (warn|error)): /m);
      const [request, list, patch, requestPatched, show, applyBad, source, ...more] = demo.commands();
      expect(more).toEqual([]);

      expect(JSON.parse(await paste(request ?? ""))).toMatchObject({ server: "quote" });
      const listed = await paste(list ?? "");
      expect(listed).toMatch(/^mapping\.getambassador\.io\/quote +\* +\/quote\/ +quote\b/m);
      expect(listed).toMatch(/^endpointslice\.discovery\.k8s\.io\/quote-1 +IPv4 +\d+ +[\d.]+ /m);
      await demo.printed(/^access: GET \/quote\/ -> 200 in \d+ ms from [\d.]+:\d+$/m);

      await expect(paste(requestPatched ?? "")).rejects.toThrow("404");
      expect(await paste(patch ?? "")).toBe("mapping.getambassador.io/hello patched\n");
      const answer = await eventually("the patched route answers", () => paste(requestPatched ?? ""));
      expect(JSON.parse(answer)).toMatchObject({ server: "hello", path: "/" });
      await demo.printed(/^nuncio: live [\d.]+ ms after the change was seen$/m);

      expect(await paste(show ?? "")).toContain("prefix: /users/(?!admin).*\n");
      const denial = "denied the request: Mapping default/bad: spec.prefix: ";
      await expect(paste(applyBad ?? "")).rejects.toThrow(denial);
      await demo.printed(/^admission: denied: Mapping default\/bad: spec\.prefix: .*\(\?!admin\).*RE2/m);
      expect(await paste(`${list} -o name`)).not.toContain("/bad\n");
      expect(JSON.parse(await paste(request ?? ""))).toMatchObject({ server: "quote" });

      // For a shell of one's own: the same cluster, as its administrator, with both commands.
      expect(await paste(`${source} && kubectl get mapping hello -o name && nuncio --version`)).toMatch(
        /^mapping\.getambassador\.io\/hello\nnuncio \d/,
      );
      const kubeconfig = (await paste(`${source} && echo $KUBECONFIG`)).trim();
      const { users, clusters } = JSON.parse(fs.readFileSync(kubeconfig, "utf8"));
      expect([users[0].name, clusters[0].cluster.server]).toEqual([
        "admin",
        expect.stringMatching(/^https:\/\/127\.0\.0\.1:/),
      ]);
      // Whatever KUBECONFIG says where the commands are pasted.
      const elsewhere = (list ?? "").replace(
        "mappings,hosts,listeners,services,endpointslices",
        "mapping hello -o name",
      );
      expect(await paste(`KUBECONFIG=/nowhere ${elsewhere}`)).toBe("mapping.getambassador.io/hello\n");

      // Its Deployment would start it again.
      expect(JSON.parse(await paste(`${source} && curl -sS --fail $GATEWAY/quote/`))).toMatchObject({
        server: "quote",
      });
      await paste(`${source} && kill -9 $(cat $DEMO/gateway.pid)`);
      await demo.printed(/^demo: gateway: it was killed by SIGKILL, and is started again/m);
      await eventually("the gateway serves again", () => paste(request ?? ""), { timeoutMs: 30_000 });

      // etcd, kube-apiserver, admission, the gateway, its control plane, Envoy.
      expect(demo.processes()).toHaveLength(6);
      demo.signal("SIGINT");
      expect(await demo.exited).toBe(0);
      expectNothingLeft(demo);
      expect(demo.output).toMatch(/demo: stopped; nothing is left\n$/);
      expect(fs.existsSync(cacheOfHome)).toBe(hadCache);
    },
    readyMs + 60_000,
  );

  it(
    "takes other ports when its own are taken, says so, and works",
    async () => {
      const address = hostAddress();
      const own = [8080, 8877, 8878, 9443].map((port) => hold(port));
      const held = await Promise.all([...own, hold(9001, address)]);
      const demo = startDemo();
      try {
        await demo.ready(readyMs);
      } finally {
        for (const server of held) server.close();
      }
      const [, port] = await demo.printed(
        /^demo: 8080 is taken on this machine: the Listener's port in quote\.yaml is now (\d+)$/m,
      );
      const [request = ""] = demo.commands();
      expect(request).toBe(`curl http://127.0.0.1:${port}/quote/`);
      expect(JSON.parse(await paste(request))).toMatchObject({ server: "quote" });
      expect(demo.output).not.toMatch(/127\.0\.0\.1:8877|port 9443|:9001\b/);
      demo.signal("SIGHUP");
      expect(await demo.exited).toBe(0);
      expectNothingLeft(demo);
    },
    2 * readyMs + 60_000,
  );

  it.each([
    ["the cluster", /^demo: cluster: starting/m],
    ["the webhook", /^demo: admission: starting/m],
    ["the gateway", /^demo: gateway: starting/m],
  ])(
    "ends without a trace when it is told to while it starts %s",
    async (_, stage) => {
      const demo = startDemo();
      await demo.printed(stage, readyMs);
      demo.signal("SIGTERM");
      expect(await demo.exited).toBe(0);
      expectNothingLeft(demo);
      expect(demo.output).toMatch(/demo: stopped; nothing is left\n$/);
    },
    readyMs + 60_000,
  );
});
