import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { readDescriptors } from "../../../cli/assets.ts";
import type { FreeUse } from "../../../ir/free-content.ts";
import { silentLog } from "../../../runtime/log.ts";
import { temporaryValidator } from "../../../runtime/validator/temporary.ts";
import { type Snapshot, xdsTypes } from "../../../xds/snapshot.ts";
import { envoyRegistry } from "../../../xds/static/registry.ts";
import { staticForm } from "../../../xds/static/static-form.ts";
import { ENVOY_BINARY } from "../../support/envoy.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Fields = { readonly [key: string]: Json };

interface Form {
  readonly layered_runtime: Json;
  readonly static_resources: {
    readonly listeners: readonly Fields[];
    readonly clusters: readonly Fields[];
    readonly secrets?: readonly Fields[];
  };
}

export interface Refusal {
  readonly label: string;
  readonly reason: string;
}

interface Entry {
  readonly label: string;
  readonly form: Form;
  readonly uses: readonly FreeUse[];
}

const registry = envoyRegistry(readDescriptors());

/** How many configurations one Envoy is asked about at once: it takes 0.1 s to start, and hardly more for many than for one. */
const batchSize = 120;
/** Beside the compiler, which has one core of two. */
const mostAtOnce = 2;

export interface Verdicts {
  /** @throws where the snapshot names what is not in it */
  ask(label: string, snapshot: Snapshot, uses: readonly FreeUse[]): void;
  /** Resolves when Envoy has caught up. */
  caughtUp(): Promise<void>;
  /** What Envoy refuses of all that was asked, but for what its validator would have held back. */
  finish(): Promise<readonly Refusal[]>;
}

export function envoyVerdicts(): Verdicts {
  /** By runtime layer, of which an Envoy has one. */
  const open = new Map<string, Entry[]>();
  const running = new Set<Promise<void>>();
  const refused: { readonly entry: Entry; readonly reason: string }[] = [];
  const seen = new Set<string>();

  const judge = async (entries: readonly Entry[]): Promise<void> => {
    const reason = await validate(entries.map(({ form }) => form));
    if (reason === undefined) return;
    const [entry, second] = entries;
    if (entry !== undefined && second === undefined) return void refused.push({ entry, reason });
    const half = entries.length >> 1;
    await judge(entries.slice(0, half));
    await judge(entries.slice(half));
  };
  const start = (entries: readonly Entry[]): void => {
    const run: Promise<void> = judge(entries).finally(() => running.delete(run));
    running.add(run);
  };

  return {
    ask(label, snapshot, uses) {
      const key = versionsOf(snapshot);
      if (seen.has(key)) return;
      seen.add(key);
      const form = namedApart(staticForm(snapshot, { registry, throwAway: undefined }) as unknown as Form);
      const layer = JSON.stringify(form.layered_runtime);
      const batch = open.get(layer) ?? [];
      open.set(layer, batch);
      batch.push({ label, form, uses });
      if (batch.length < batchSize) return;
      open.delete(layer);
      start(batch);
    },
    async caughtUp() {
      while (running.size >= mostAtOnce) await Promise.race(running);
    },
    async finish() {
      for (const batch of open.values()) {
        start(batch);
        await this.caughtUp();
      }
      await Promise.all(running);
      return unexplained(refused);
    },
  };
}

/** What is refused for a content that the gateway's validator refuses would not have been served. */
async function unexplained(
  refused: readonly { readonly entry: Entry; readonly reason: string }[],
): Promise<readonly Refusal[]> {
  const validator = temporaryValidator(ENVOY_BINARY, silentLog);
  try {
    const found: Refusal[] = [];
    for (const { entry, reason } of refused) {
      const answers = await validator.judge(entry.uses.map(({ content }) => content));
      if (!answers.some(({ kind }) => kind === "refused")) found.push({ label: entry.label, reason });
    }
    return found;
  } finally {
    await validator.close();
  }
}

function versionsOf(snapshot: Snapshot): string {
  return xdsTypes
    .flatMap((type) => [...snapshot[type].values()].map(({ name, version }) => `${type} ${name} ${version}`))
    .sort()
    .join("\n");
}

/** Names of clusters and secrets with a hash of what they stand for, so that many configurations may share one Envoy. */
function namedApart(form: Form): Form {
  const { listeners, clusters, secrets = [] } = form.static_resources;
  const names = new Map<string, string>();
  for (const each of [...clusters, ...secrets]) {
    const hash = createHash("sha256").update(JSON.stringify(each)).digest("base64url").slice(0, 12);
    names.set(String(each["name"]), `${String(each["name"])}~${hash}`);
  }
  const renamed = (value: Json): Json => {
    if (typeof value === "string") return names.get(value) ?? value;
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(renamed);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, renamed(each)]));
  };
  const all = (list: readonly Fields[]) => list.map((each) => renamed(each) as Fields);
  return {
    layered_runtime: form.layered_runtime,
    static_resources: { listeners: all(listeners), clusters: all(clusters), secrets: all(secrets) },
  };
}

function merged(forms: readonly Form[]): Json {
  const clusters = new Map<string, Fields>();
  const secrets = new Map<string, Fields>();
  const listeners: Fields[] = [];
  forms.forEach((form, index) => {
    const { static_resources: some } = form;
    for (const each of some.clusters) clusters.set(String(each["name"]), each);
    for (const each of some.secrets ?? []) secrets.set(String(each["name"]), each);
    for (const each of some.listeners) listeners.push(apart(each, index));
  });
  const static_resources = { listeners, clusters: [...clusters.values()], secrets: [...secrets.values()] };
  return { layered_runtime: forms[0]?.layered_runtime ?? null, static_resources };
}

/** The same listener under a name and an address that no other configuration of the batch has. */
function apart(listener: Fields, index: number): Fields {
  const socket = ((listener["address"] as Fields)["socket_address"] ?? {}) as Fields;
  const address = String(socket["address"]);
  const own = address.includes(":") ? `fd00::${index + 1}:${address.length}` : `127.${index >> 8}.${index & 255}.1`;
  const isOdd = address !== "127.0.0.1" && !address.includes(":");
  const place = { socket_address: { ...socket, address: isOdd ? address : own } };
  return { ...listener, name: `${index} ${String(listener["name"])}`, address: place };
}

/** @returns what Envoy has against it */
async function validate(forms: readonly Form[]): Promise<string | undefined> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-mutations-"));
  try {
    const file = path.join(directory, "envoy.json");
    fs.writeFileSync(file, JSON.stringify(merged(forms)));
    const args = ["--mode", "validate", "-c", file, "-l", "error", "--reject-unknown-dynamic-fields"];
    const { status, output } = await finished(args);
    // Between the first words and the last ones Envoy shows the message that it refuses.
    const text = output.replace(/\s+/g, " ");
    return status === 0 ? undefined : text.length < 1000 ? text : `${text.slice(0, 300)} ... ${text.slice(-500)}`;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

function finished(args: readonly string[]): Promise<{ readonly status: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(ENVOY_BINARY, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, output }));
  });
}
