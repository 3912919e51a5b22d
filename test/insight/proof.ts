/** A plan, and the proof of it: its requests and others are sent through Envoy before and after the change. */
import { expect } from "@jest/globals";
import { createCompiler } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import type { Resources } from "../../crds/resources.ts";
import type { Request } from "../../insight/match/match.ts";
import { answerTo } from "../../insight/plan/answer.ts";
import { differencesOf } from "../../insight/plan/difference.ts";
import { overlay } from "../../insight/plan/overlay.ts";
import { type Plan, planOf } from "../../insight/plan/plan.ts";
import { answerText, requestText } from "../../insight/plan/tell.ts";
import { anyRequests, witnessesOf } from "../../insight/plan/witness.ts";
import type { Ir } from "../../ir/types.ts";
import { eventually } from "../support/eventually.ts";
import { observationsOf, observe } from "./observations.ts";
import type { ObservedEnvoy } from "./observed-envoy.ts";
import { type Manifest, object } from "./random-worlds.ts";

const settings = { ambassadorId: "default", ownNamespace: "default", bindAddress: "127.0.0.1", inCluster: false };

function read(manifests: readonly Manifest[]): Resources {
  const text = manifests.map((each) => JSON.stringify(each)).join("\n---\n");
  return manifestReader()(new Map([["world.yaml", { kind: "text", text }]])).resources;
}

export interface Told {
  readonly plan: Plan;
  readonly before: Ir;
  readonly after: Ir;
}

/** What a plan tells of one world that becomes another. */
export function tell(before: readonly Manifest[], after: readonly Manifest[]): Told {
  const was = read(before);
  const { resources, changes } = overlay(was, read(after), { prune: true, deleted: [] });
  const compile = createCompiler();
  const [earlier, now] = [compile(was, settings), compile(resources, settings)];
  const changed = changes.map(({ object: each }) => each);
  return { plan: planOf(earlier, now, { changed, removed: [], limit: 10_000 }), before: earlier.ir, after: now.ir };
}

/** A real Envoy, and by which address each backend is known. */
export interface Front {
  readonly envoy: ObservedEnvoy;
  readonly backendAt: (name: string) => string;
}

let served = 0;

/** Serves a world, with a name of its own by which it is known to be live on every listener. */
async function serve({ envoy, backendAt }: Front, world: readonly Manifest[]): Promise<void> {
  const server = `world-${++served}`;
  const { ir } = await envoy.serve([...world, object("Module", "ambassador", { config: { server_name: server } })]);
  for (const listener of ir.listeners) {
    const probes = listener.chains.flatMap((chain) => {
      const [virtualHost] = chain.kind === "http" ? (ir.tables.get(chain.table)?.virtualHosts ?? []) : [];
      const isOpen = chain.tls?.validationSecret === undefined;
      return chain.kind === "http" && isOpen && virtualHost !== undefined ? [{ listener, chain, virtualHost }] : [];
    });
    const [place] = probes;
    const [request] = place === undefined ? [] : anyRequests(place);
    if (request === undefined) throw new Error("no chain of the listener can be asked whether it is live");
    await eventually("the new listener", async () => (await observe(request, backendAt)).server === server);
  }
}

/** Of each route that any request comes to, the plainest one. */
function someOfEach(ir: Ir): readonly Request[] {
  return ir.listeners.flatMap((listener) =>
    listener.chains.flatMap((chain) => {
      if (chain.kind !== "http") return [];
      const hosts = ir.tables.get(chain.table)?.virtualHosts ?? [];
      return hosts.flatMap((virtualHost) =>
        virtualHost.routes.flatMap((route) => {
          const comesTo = (request: Request) => answerTo(ir, request).shares.some((share) => share.route === route);
          return witnessesOf({ place: { listener, chain, virtualHost }, route }).find(comesTo) ?? [];
        }),
      );
    }),
  );
}

export interface Counts {
  readonly listed: number;
  readonly unlisted: number;
}

/** Sends what the plan lists, and what it does not, before and after the change. */
export async function prove(
  front: Front,
  { plan, before, after }: Told,
  was: readonly Manifest[],
  is: readonly Manifest[],
  told: object,
): Promise<Counts> {
  const listed = new Set(plan.requests.map(({ request }) => JSON.stringify(request)));
  const unlisted = [...someOfEach(before), ...someOfEach(after)].filter(
    (request) => !listed.has(JSON.stringify(request)),
  );
  const ask = (requests: readonly Request[]) =>
    Promise.all(requests.map((request) => observe(request, front.backendAt)));
  const all = [...plan.requests.map(({ request }) => request), ...unlisted];
  await serve(front, was);
  const earlier = await ask(all);
  await serve(front, is);
  const now = await ask(all);
  plan.requests.forEach((change, index) => {
    const [seenBefore, seenAfter] = [earlier[index], now[index]];
    const text = requestText(change.request);
    const words = { ...told, text, respects: change.respects };
    expect({ ...words, before: observationsOf(change.before) }).toEqual({
      ...words,
      before: expect.arrayContaining([seenBefore?.text]),
    });
    expect({ ...words, after: observationsOf(change.after) }).toEqual({
      ...words,
      after: expect.arrayContaining([seenAfter?.text]),
    });
    const isDrawn = [change.before, change.after].some(
      ({ shares, lostPercent }) => shares.length > 1 || lostPercent % 100 > 0,
    );
    // What differs can be seen, but for the shares of weights.
    if (!isDrawn)
      expect({ ...words, before: seenBefore }).not.toEqual({
        ...words,
        before: { ...seenAfter, server: seenBefore?.server },
      });
  });
  unlisted.forEach((request, index) => {
    const missed = differencesOf(answerTo(before, request), answerTo(after, request));
    expect({ ...told, request: requestText(request), missed }).toMatchObject({ missed: [] });
    if ([before, after].some((ir) => answerTo(ir, request).shares.length > 1)) return;
    const at = plan.requests.length + index;
    const [{ text, detail }, later] = [earlier[at], now[at]] as [
      NonNullable<(typeof now)[0]>,
      NonNullable<(typeof now)[0]>,
    ];
    const words = { ...told, request: requestText(request) };
    expect({ ...words, text: later.text, detail: later.detail }).toEqual({ ...words, text, detail });
  });
  return { listed: plan.requests.length, unlisted: unlisted.length };
}

/** What the plan says of requests. */
export function linesOf({ plan }: Told): readonly string[] {
  return plan.requests.map(
    ({ request, before, after, respects }) =>
      `${requestText(request)}: ${answerText(before)} -> ${answerText(after)} (${respects.join(", ")})`,
  );
}
