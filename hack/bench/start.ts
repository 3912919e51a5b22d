/** From the start of the process to the first request that it serves. */
import fs from "node:fs";
import path from "node:path";
import { defaultForm, type Form } from "./forms.ts";
import { type Gateway, type GatewayOptions, startGateway } from "./gateway.ts";
import { loadAverage } from "./machine.ts";
import type { Manifest, Shape } from "./objects.ts";
import { probeOf } from "./propagation.ts";
import type { Session } from "./session.ts";
import { type Distribution, distribution } from "./statistics.ts";

export interface StartRow {
  readonly from: "cluster" | "directory";
  readonly form: Form;
  readonly scheme: Shape["scheme"];
  readonly hosts: number;
  readonly mappings: number;
  readonly loadAverage: readonly number[];
  /** Milliseconds until /readyz said 200. */
  readonly ready: Distribution;
  /** Milliseconds until a request was routed, asked for only after /readyz. */
  readonly firstRequest: Distribution;
}

export interface Started {
  readonly shape: Shape;
  readonly mappings: number;
  readonly listenerPort: number;
  readonly options: GatewayOptions;
  readonly repetitions: number;
}

/** A path of a route that is there and answers. */
export const answeringPath = "/answering/";

export async function measureStart(session: Session, started: Started): Promise<StartRow> {
  const { shape, mappings, listenerPort, options, repetitions } = started;
  const load = loadAverage();
  const ready: number[] = [];
  const first: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    await session.scope(async (scope) => {
      const gateway: Gateway = await startGateway(scope, options);
      const probe = probeOf(shape, listenerPort);
      const answeredMs = await probe.until(answeringPath, ({ status }) => status === 200);
      probe.close();
      ready.push(gateway.readyMs);
      first.push(answeredMs - gateway.startedMs);
    });
  }
  return {
    from: "config" in options.source ? "directory" : "cluster",
    form: defaultForm(shape, mappings),
    scheme: shape.scheme,
    hosts: shape.hosts,
    mappings,
    loadAverage: load,
    ready: distribution(ready),
    firstRequest: distribution(first),
  };
}

const perFile = 100;

/** Writes manifests as a person would keep them: some to a file. */
export function writeManifests(directory: string, manifests: readonly Manifest[]): void {
  fs.mkdirSync(directory, { recursive: true });
  for (let from = 0; from < manifests.length; from += perFile) {
    const text = manifests.slice(from, from + perFile).map((each) => yaml(each));
    fs.writeFileSync(path.join(directory, `${String(from / perFile).padStart(5, "0")}.yaml`), text.join("---\n"));
  }
}

/** Block style, since that is what a YAML parser mostly meets. */
function yaml(value: unknown, indent = ""): string {
  if (typeof value !== "object" || value === null) return `${JSON.stringify(value)}\n`;
  return Object.entries(value)
    .map(([key, each]) =>
      typeof each === "object" && each !== null
        ? `${indent}${key}:\n${yaml(each, `${indent}  `)}`
        : `${indent}${key}: ${yaml(each)}`,
    )
    .join("");
}
