/** Changes, each of which is seen to be in force and then taken back. */
import net from "node:net";
import { once } from "node:events";
import { send, type SendOptions } from "../../test/e2e/support/client.ts";
import { ambassador, host, listener, mapping, tlsSecret } from "../../test/e2e/support/manifests.ts";
import { selfSigned } from "../../test/support/certificates.ts";
import { eventually } from "../../test/support/eventually.ts";
import { at, baseMappings, mended, newSecret, secureHosts, slice, type World } from "./world.ts";

export interface StepContext extends World {
  /** Counts from 0. */
  readonly cycle: number;
  readonly quarantined: () => Promise<number>;
  readonly authorization: { readonly port: number; readonly count: () => number };
}

export interface Step {
  readonly title: string;
  run(context: StepContext): Promise<void>;
}

const liveWithin = { timeoutMs: 60_000, everyMs: 10 };

async function until(what: string, probe: () => Promise<boolean>): Promise<void> {
  await eventually(what, probe, liveWithin);
}

/** Status, headers and body; undefined where there is no answer. */
async function ask(port: number, path: string, options: SendOptions = {}) {
  return await send(port, path, { host: "any.test", ...options }).catch(() => undefined);
}

const serialOf = async (port: number, servername: string) =>
  (await ask(port, "/base-0/", { host: servername, tls: { servername } }))?.serial;

const module = (config: Readonly<Record<string, unknown>>) => ambassador("Module", "ambassador", { config });

export const steps: readonly Step[] = [
  {
    title: "Mappings come, change and go",
    async run(context) {
      const { place, cycle, ports } = context;
      const made = (rewrite: string) =>
        Array.from({ length: 20 }, (_, index) =>
          mapping(`extra-${index}`, {
            prefix: `/extra-${cycle}-${index}/`,
            service: at(context, index % 2 === 0 ? "one" : "two"),
            rewrite,
            // Each has a cluster of its own.
            connect_timeout_ms: 1000 + index,
          }),
        );
      const path = `/extra-${cycle}-19/`;
      const bodyIs = (body: string) => async () => (await ask(ports.http, path))?.body === body;
      await place.put("extra", ...made("/made/"));
      await until("new Mappings", bodyIs("two /made/"));
      await place.put("extra", ...made("/changed/"));
      await until("changed Mappings", bodyIs("two /changed/"));
      await place.remove("extra");
      await until("Mappings that are gone", async () => (await ask(ports.http, path))?.status === 404);
    },
  },
  {
    title: "Mappings under load get another service, and back",
    async run(context) {
      for (const name of ["two", "one"] as const) {
        await context.place.put("mappings", ...baseMappings(context, name));
        await until(`service ${name}`, async () => {
          return (await ask(context.ports.http, "/base-190/"))?.body.startsWith(`${name} `) === true;
        });
      }
    },
  },
  {
    title: "a Service's endpoints are replaced, and back",
    async run(context) {
      for (const name of ["two", "one"] as const) {
        await context.place.put("slice", slice(context, name));
        await until(`endpoint ${name}`, async () => {
          return (await ask(context.ports.http, "/rolling/"))?.body.startsWith(`${name} `) === true;
        });
      }
    },
  },
  {
    title: "certificates under load are rotated",
    async run({ place, ports }) {
      for (const hostname of secureHosts) {
        const before = await serialOf(ports.https, hostname);
        await place.put(`secret-${hostname}`, await newSecret(hostname));
        await until(`another certificate for ${hostname}`, async () => {
          const serial = await serialOf(ports.https, hostname);
          return serial !== undefined && serial !== before;
        });
      }
    },
  },
  {
    title: "a TLS Host comes, gets requests and another certificate, and goes",
    async run({ place, ports, traffic, cycle }) {
      const hostname = `host-${cycle}.test`;
      const put = async () => {
        const certificate = await selfSigned({ hosts: [hostname] });
        await place.put(
          "host",
          host("extra", { hostname, tlsSecret: { name: "extra" } }),
          tlsSecret("extra", certificate),
        );
        await until(`the certificate of ${hostname}`, async () => {
          return (await serialOf(ports.https, hostname)) === certificate.serial;
        });
      };
      await put();
      const target = { port: ports.https, servername: hostname, authority: hostname, paths: ["/base-1/"] };
      await traffic.call("start", { name: "extra Host", ...target, protocol: "http/1.1", anew: true, pauseMs: 20 });
      await put();
      await traffic.call("stop", "extra Host");
      await place.remove("host");
      await until(`no ${hostname}`, async () => (await serialOf(ports.https, hostname)) === undefined);
    },
  },
  {
    title: "filters of the Module, a script that Envoy judges among them, come and go",
    async run(context) {
      const { place, ports, cycle } = context;
      const header = async () => (await ask(ports.http, "/base-2/"))?.headers["x-soak"];
      const script = `function envoy_on_response(handle) handle:headers():add("x-soak", "${cycle}") end`;
      await place.put("module", module({ lua_scripts: script, gzip: { min_content_length: 1000 } }));
      await until("the script's header", async () => (await header()) === String(cycle));
      // A script that is refused changes nothing: the last good one serves on.
      await place.put("module", module({ lua_scripts: `error("refused ${cycle}")` }));
      await place.put("sign", mapping("sign", { prefix: `/sign-${cycle}/`, service: at(context, "one") }));
      await until("what comes after the refused script", async () => {
        return (await ask(ports.http, `/sign-${cycle}/`))?.status === 200;
      });
      await until("the last good script", async () => (await header()) === String(cycle));
      await place.remove("sign");
      await place.remove("module");
      await until("no header of the script", async () => (await header()) === undefined);
    },
  },
  {
    title: "an AuthService comes and goes",
    async run({ place, ports, authorization }) {
      await place.put("auth", ambassador("AuthService", "auth", { auth_service: `127.0.0.1:${authorization.port}` }));
      const isAsked = async () => {
        const before = authorization.count();
        await ask(ports.http, "/base-3/");
        return authorization.count() > before;
      };
      await until("questions to the AuthService", isAsked);
      await place.remove("auth");
      await until("no more questions", async () => {
        const before = authorization.count();
        const statuses = [await ask(ports.http, "/base-3/"), await ask(ports.http, "/base-4/")];
        return statuses.every((answer) => answer?.status === 200) && authorization.count() === before;
      });
    },
  },
  {
    title: "a Listener and a TCPMapping come, get requests and go",
    async run({ place, ports, traffic, cycle, backends }) {
      const port = ports.extra[cycle % ports.extra.length] ?? 0;
      const tcp = ambassador("TCPMapping", "tcp", {
        port: ports.tcp,
        service: `${place.backendAddress}:${backends.two}`,
      });
      await place.put("listener", listener("extra", port), tcp);
      for (const each of [port, ports.tcp])
        await until(`port ${each}`, async () => (await ask(each, "/base-5/"))?.status === 200);
      const target = { authority: "any.test", paths: ["/base-6/"], protocol: "http/1.1", pauseMs: 10 } as const;
      await traffic.call("start", { name: "extra Listener", ...target, port, anew: false });
      await traffic.call("start", { name: "TCPMapping", ...target, port: ports.tcp, anew: true });
      await until(
        "some requests",
        async () => (await traffic.call("progress", undefined)).requests["TCPMapping"] !== 0,
      );
      await Promise.all(["extra Listener", "TCPMapping"].map((name) => traffic.call("stop", name)));
      await place.remove("listener");
      for (const each of [port, ports.tcp]) await until(`port ${each} is closed`, () => isClosed(each));
    },
  },
  {
    title: "bad objects are refused and mended",
    async run(context) {
      const { place, cycle, quarantined, ports } = context;
      await place.put("mended", mapping("mended", { prefix: "[", prefix_regex: true, service: at(context, "two") }));
      await place.putUnreadable("unreadable", `kind: Mapping\nspec: { prefix: "/${cycle}\n`);
      await until("an object in quarantine", async () => (await quarantined()) > 0);
      await place.put("mended", mended(context));
      await place.remove("unreadable");
      await until("no object in quarantine", async () => (await quarantined()) === 0);
      await until("the mended Mapping", async () => (await ask(ports.http, "/mended/"))?.status === 200);
    },
  },
];

/** Files that a step which failed may have left. */
export const passing: readonly string[] = ["extra", "host", "module", "sign", "auth", "listener", "unreadable"];

async function isClosed(port: number): Promise<boolean> {
  const socket = net.connect({ host: "127.0.0.1", port });
  try {
    await once(socket, "connect");
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}
