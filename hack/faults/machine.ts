/** The machine below: its clock, its disk, its memory. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Manifest, mapping } from "../../test/e2e/support/manifests.ts";
import type { Fault } from "./fault.ts";
import type { Ground } from "./ground.ts";

const dayMs = 86_400_000;

/** A folder of a fault's own, made when its gateway is about to start. */
function folder(prepare: (path: string) => void, tidy: (path: string) => void = () => undefined) {
  let path = "";
  return {
    make(): string {
      path = mkdtempSync(join(tmpdir(), "nf-"));
      prepare(path);
      return path;
    },
    path: () => path,
    remove(): void {
      tidy(path);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

const clockFolder = folder((path) => writeFileSync(join(path, "offset"), "0"));

/** When the gateway last renewed a Lease, by its own clock. */
async function renewedMs({ world }: Ground): Promise<number> {
  const { stdout } = await world.cluster.kubectl(["get", "leases", "-n", "nuncio", "-o", "json"]);
  const { items } = JSON.parse(stdout) as {
    readonly items: readonly { readonly spec: { readonly renewTime: string } }[];
  };
  return Math.max(...items.map(({ spec }) => Date.parse(spec.renewTime)));
}

/** Of the supervisor and the control plane. Envoy's time-outs are measured on a clock that does not jump. */
export const clockJumped: Fault = {
  name: "clock-jumped",
  inTests: false,
  alone: {
    options: () => ({
      env: {
        NODE_OPTIONS: `--import=${fileURLToPath(new URL("jumping-clock.mjs", import.meta.url))}`,
        CLOCK_FILE: join(clockFolder.make(), "offset"),
      },
    }),
    tidy: clockFolder.remove,
  },
  async run(ground, { load }) {
    const { gateway } = ground;
    const jump = async (offsetMs: number): Promise<string> => {
      writeFileSync(join(clockFolder.path(), "offset"), String(offsetMs));
      const isThere = async () => Math.abs((await renewedMs(ground)) - Date.now() - offsetMs) < dayMs / 2;
      await gateway.until("a Lease renewed at the time of the other clock", isThere, {
        timeoutMs: 90_000,
        everyMs: 500,
      });
      await load.more(1000);
      return `${await ground.land()} ms`;
    };
    await gateway.until("a Lease", async () => Number.isFinite(await renewedMs(ground)), { timeoutMs: 30_000 });
    const forwards = await jump(2 * dayMs);
    await gateway.ready();
    const back = await jump(-2 * dayMs);
    return { proof: `two days forwards, then four back, as its Leases say; changes landed in ${forwards} and ${back}` };
  },
};

const diskFolder = folder(
  (path) => {
    const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "none", path], { encoding: "utf8" });
    if (status !== 0) throw new Error(`needs the right to mount: ${stderr.trim()}`);
    mkdirSync(join(path, "tmp"));
  },
  (path) => void spawnSync("umount", ["-l", path]),
);

/** The disk of the run directory and of temporary files. */
export const diskFull: Fault = {
  name: "disk-full",
  inTests: false,
  alone: {
    options: () => {
      const path = diskFolder.make();
      mkdirSync(join(path, "run"));
      return { dir: join(path, "run"), env: { TMPDIR: join(path, "tmp") } };
    },
    tidy: diskFolder.remove,
  },
  async run(ground, { load }) {
    const { gateway } = ground;
    const filler = join(diskFolder.path(), "filler");
    try {
      writeFileSync(filler, Buffer.alloc(4 << 20));
    } catch {
      // as it must be
    }
    // What is left of the last page.
    for (let index = 0; index < 64; index++) {
      try {
        writeFileSync(join(diskFolder.path(), `filler-${index}`), "x");
      } catch {
        break;
      }
    }
    const { bavail } = statfsSync(diskFolder.path());
    if (bavail !== 0) throw new Error(`${bavail} blocks are free`);
    const landed = await ground.land();
    const mark = gateway.mark();
    process.kill(gateway.pidOf("control-plane") as number, "SIGKILL");
    await gateway.logged(/supervisor: the control plane is ready/, mark, { timeoutMs: 60_000 });
    await load.more(1000);
    return { proof: `no block free; a change landed in ${landed} ms, then the control plane was killed and came back` };
  },
};

const heapMb = 64;

/** The control plane's heap ends before its objects do: it dies again and again, until they are fewer. */
export const memoryShort: Fault = {
  name: "memory-short",
  inTests: false,
  alone: { options: () => ({ env: { NODE_OPTIONS: `--max-old-space-size=${heapMb}` } }), tidy: () => undefined },
  async run(ground, { load }) {
    const { gateway, writes } = ground;
    const made: Manifest[] = [];
    const deaths = () => [...gateway.log.matchAll(/control plane (was killed|exited)/g)].length;
    while (deaths() < 3 && made.length < 10_000) {
      const more = Array.from({ length: 500 }, (_, index) => {
        const name = `heavy-${made.length + index}`;
        return mapping(name, {
          prefix: `/${name}/`,
          service: "one",
          add_request_headers: { "x-heavy": { value: "x".repeat(20_000) } },
        });
      });
      await writes.create(more);
      made.push(...more);
      await load.more(50);
    }
    const died = deaths();
    if (died < 3) throw new Error(`the control plane died ${died} times of ${made.length} Mappings`);
    await writes.remove(made);
    await gateway.ready({ timeoutMs: 60_000 });
    return {
      proof: `with a heap of ${heapMb} MB it died ${died} times of ${made.length} Mappings, which were then deleted`,
    };
  },
};
