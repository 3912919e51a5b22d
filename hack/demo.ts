// `npm run demo`: the examples, live, on this machine: two sample services and the gateway in front of them; with --cluster the same in
// a Kubernetes API server of its own. Nothing is left at its end.
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { type Demo, DemoError, step } from "./demo/demo.ts";
import { program } from "./demo/process.ts";
import { envoyPath, root } from "./paths.mjs";

const usage = `usage: npm run demo [-- --cluster]

Runs the gateway with the manifests of examples/ and sample services, and prints three things to try. Ctrl-C ends it and leaves nothing.

  --cluster    in a Kubernetes API server of its own, with the admission webhook, to be tried with kubectl. It is built from source the
               first time, which takes Go and about 4 minutes. No cluster of yours is touched.
  -h, --help   prints this
`;

/** Ctrl-C, kill, and a terminal that is closed. A second one hurries the end. */
function stopSignal(onAgain: () => void): Promise<"stop"> {
  return new Promise((resolve) => {
    let isFirst = true;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (!isFirst) onAgain();
        isFirst = false;
        resolve("stop");
      });
    }
  });
}

class UsageError extends DemoError {}

function readFlags(): { readonly cluster: boolean; readonly help: boolean } {
  try {
    const { values } = parseArgs({
      options: { cluster: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
    return { cluster: values.cluster === true, help: values.help === true };
  } catch (error) {
    const [first] = (error as Error).message.split(/\. (?=[A-Z])/);
    throw new UsageError(`${first}\n\n${usage.trimEnd()}`);
  }
}

async function makeDemo(cluster: boolean): Promise<Demo> {
  for (const needed of [program, envoyPath]) {
    if (!fs.existsSync(needed)) throw new DemoError(`${path.relative(root, needed)} is missing; run \`npm run setup\``);
  }
  // Only now: they need packages that set-up installs.
  if (cluster) return new (await import("./demo/cluster.ts")).ClusterDemo();
  return new (await import("./demo/standalone.ts")).StandaloneDemo();
}

async function main(): Promise<void> {
  const { cluster, help } = readFlags();
  if (help) return void process.stdout.write(usage);
  // A reader that went away (`npm run demo | head`) must not keep us from tidying up.
  process.stdout.on("error", () => undefined);
  const demo = await makeDemo(cluster);
  process.on("exit", () => demo.removeDirectory());
  const stopped = stopSignal(() => demo.hurry());
  try {
    // Only this machine may call, unless told otherwise.
    const started = demo.start(process.env["AMBASSADOR_ENVOY_BIND_ADDRESS"] ?? "127.0.0.1");
    started.catch(() => undefined); // a signal that comes first ends the gateway, and with it the start
    if ((await Promise.race([started, stopped])) !== "stop") {
      const ended = await Promise.race([demo.ended, stopped]);
      if (ended !== "stop") throw new DemoError(`${ended}; what it said stands above`);
    }
    step("stopping ...");
  } finally {
    await demo.stop();
  }
  step("stopped; nothing is left");
}

try {
  await main();
} catch (error) {
  if (!(error instanceof DemoError)) throw error;
  process.stderr.write(`demo: ${error.message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
