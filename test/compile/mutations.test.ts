import { describe, expect, it } from "@jest/globals";
import { formatProblem } from "../../ir/problem.ts";
import { selfSigned } from "../support/certificates.ts";
import { seeded, seedOfRun } from "../support/random.ts";
import { envoyVerdicts } from "./mutations/batch.ts";
import { corpus, type Raw } from "./mutations/corpus.ts";
import { mutate } from "./mutations/mutate.ts";
import { worldOf } from "./mutations/world.ts";

// MUTATIONS=10000 SEED=1 npm test -- test/compile/mutations: as CI has them, 35 s on one core and Envoy's part on the other.
const count = Number(process.env["MUTATIONS"] ?? (process.env["CI"] === "true" ? 10_000 : 600));
const seed = seedOfRun();
const shown = 20;

describe(`${count} random mutations of manifests, from the seed ${seed}`, () => {
  it("are told by name, disturb nobody else, throw nothing, and give what Envoy takes", async () => {
    const cases = corpus(await selfSigned({ hosts: ["a.example.com"] }));
    const random = seeded(seed);
    const verdicts = envoyVerdicts();
    const faults: string[] = [];
    for (const [index, each] of cases.entries()) {
      const world = worldOf(each);
      verdicts.ask(each.name, world.snapshot(world.base), world.base.freeUses);
      const share = Math.floor(((index + 1) * count) / cases.length) - Math.floor((index * count) / cases.length);
      for (let i = 0; i < share; i++) {
        const mutation = mutate(random, each);
        const { kind, metadata } = mutation.before ?? each.objects[0] ?? { kind: "", metadata: { name: "" } };
        const label = `${each.name}: ${kind} ${metadata.name}: ${mutation.what}`;
        try {
          const wrong = world.try(mutation, (now) => {
            const problems = now.problems.map(formatProblem).join("\n  ");
            verdicts.ask(`${label}\n  ${problems}`, world.snapshot(now), now.freeUses);
          });
          faults.push(...wrong.map((fault) => `${label}: ${fault}`));
        } catch (error) {
          faults.push(`${label}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
          break;
        }
      }
      await verdicts.caughtUp();
    }
    const refusals = await verdicts.finish();
    faults.push(...refusals.map(({ label, reason }) => `${label}: Envoy refuses it: ${reason}`));
    expect({ seed, faults: faults.slice(0, shown) }).toEqual({ seed, faults: [] });
  }, 3_600_000);
});

describe("a rename onto the name of another Mapping", () => {
  it("is that one's end, which its canary group may notice", () => {
    const object = (kind: string, name: string, spec: Readonly<Record<string, unknown>>): Raw => ({
      apiVersion: "getambassador.io/v3alpha1",
      kind,
      metadata: { name },
      spec,
    });
    const mapping = (name: string, prefix: string, spec = {}) =>
      object("Mapping", name, { hostname: "*", prefix, service: "http://127.0.0.1:9001", ...spec });
    const binding = { hostBinding: { namespace: { from: "ALL" } } };
    const renamed = mapping("c", "/y/");
    const world = worldOf({
      name: "a group",
      objects: [
        object("Listener", "http", { port: 8080, protocol: "HTTP", securityModel: "XFP", ...binding }),
        object("Host", "any", { hostname: "*", requestPolicy: { insecure: { action: "Route" } } }),
        ...[mapping("a", "/x/"), mapping("b", "/x/", { weight: 30 }), renamed],
      ],
    });
    const after = { ...renamed, metadata: { name: "a" } };
    expect(world.try({ what: "a rename", before: renamed, after, wrong: undefined }, () => undefined)).toEqual([]);
  });
});
