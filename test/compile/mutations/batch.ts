import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findEnvoy, readDescriptors } from "../../../cli/assets.ts";
import type { Snapshot } from "../../../xds/snapshot.ts";
import { envoyRegistry } from "../../../xds/static/registry.ts";
import { staticForm } from "../../../xds/static/static-form.ts";

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
}

const registry = envoyRegistry(readDescriptors());
const envoy = findEnvoy(undefined, process.env);

/** How many configurations one Envoy is asked about at once. */
const batchSize = 60;

/** Several configurations in one: an Envoy takes half a second to say yes to one, and hardly more for sixty. */
class Batch {
  readonly entries: Entry[] = [];
  readonly #shared = new Map<string, string>();
  readonly #runtime: string;

  constructor(runtime: Json) {
    this.#runtime = JSON.stringify(runtime);
  }

  /** False where a name stands for something else already. */
  add(entry: Entry): boolean {
    if (this.entries.length >= batchSize || JSON.stringify(entry.form.layered_runtime) !== this.#runtime) return false;
    const named = sharedOf(entry.form);
    for (const [name, text] of named) if ((this.#shared.get(name) ?? text) !== text) return false;
    for (const [name, text] of named) this.#shared.set(name, text);
    this.entries.push(entry);
    return true;
  }
}

/** Clusters and secrets, which routes call by name. Listeners are told apart by an address of their own. */
function sharedOf({ static_resources: { clusters, secrets = [] } }: Form): readonly (readonly [string, string])[] {
  const named = (kind: string, list: readonly Fields[]) =>
    list.map((each) => [`${kind} ${String(each["name"])}`, JSON.stringify(each)] as const);
  return [...named("cluster", clusters), ...named("secret", secrets)];
}

export interface Verdicts {
  /** @throws where the snapshot names what is not in it */
  ask(label: string, snapshot: Snapshot): void;
  /** What Envoy refuses of all that was asked. */
  finish(): readonly Refusal[];
}

export function envoyVerdicts(): Verdicts {
  const open: Batch[] = [];
  const refusals: Refusal[] = [];
  const seen = new Set<string>();
  const judge = (entries: readonly Entry[]): void => {
    const reason = validate(entries.map(({ form }) => form));
    if (reason === undefined) return;
    const [only, second] = entries;
    if (only !== undefined && second === undefined) {
      // Scripts are Envoy's to judge; its refusal is told at the Module's key, and the last good script stays.
      if (!reason.includes("script load error")) refusals.push({ label: only.label, reason });
      return;
    }
    const half = entries.length >> 1;
    judge(entries.slice(0, half));
    judge(entries.slice(half));
  };
  return {
    ask(label, snapshot) {
      const form = staticForm(snapshot, { registry, throwAway: undefined }) as unknown as Form;
      const text = JSON.stringify(form);
      if (seen.has(text)) return;
      seen.add(text);
      const entry: Entry = { label, form };
      if (open.some((batch) => batch.add(entry))) {
        for (const batch of open.filter(({ entries }) => entries.length >= batchSize)) {
          open.splice(open.indexOf(batch), 1);
          judge(batch.entries);
        }
        return;
      }
      const batch = new Batch(form.layered_runtime);
      batch.add(entry);
      open.push(batch);
      // One that many differ from is not worth waiting for.
      if (open.length > 40) judge(open.shift()?.entries ?? []);
    },
    finish() {
      for (const { entries } of open.splice(0)) judge(entries);
      return refusals;
    },
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
function validate(forms: readonly Form[]): string | undefined {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-mutations-"));
  try {
    const file = path.join(directory, "envoy.json");
    fs.writeFileSync(file, JSON.stringify(merged(forms)));
    const args = ["--mode", "validate", "-c", file, "-l", "error", "--reject-unknown-dynamic-fields"];
    const { status, stdout, stderr } = spawnSync(envoy, args, { encoding: "utf8", maxBuffer: 1 << 26 });
    // Between the first words and the last ones Envoy shows the message that it refuses.
    const text = `${stdout}${stderr}`.replace(/\s+/g, " ");
    return status === 0 ? undefined : text.length < 1000 ? text : `${text.slice(0, 300)} ... ${text.slice(-500)}`;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}
