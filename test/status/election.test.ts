import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { systemClock } from "../../runtime/clock.ts";
import { type Api, createApi } from "../../runtime/informers/api.ts";
import { loadKubeConfig } from "../../runtime/kubernetes.ts";
import { silentLog } from "../../runtime/log.ts";
import { type Election, startElection } from "../../runtime/status/election.ts";
import { requester } from "../../runtime/status/request.ts";
import { eventually } from "../support/eventually.ts";

const timing = { leaseMs: 2000, renewWithinMs: 1200, retryMs: 100 };

let cluster: Cluster;
let api: Api;
let names = 0;
const ends: (() => void)[] = [];

interface Candidate {
  readonly identity: string;
  readonly election: Election;
  /** As SIGKILL: nothing is said to anybody. */
  kill(): void;
  /** Its requests get no answer any more. */
  cutOff(): void;
}

/** Candidates for one Lease, and how many were elected at once at most. */
function field(name: string) {
  const candidates: Candidate[] = [];
  let most = 0;
  return {
    candidates,
    most: () => most,
    elected: () => candidates.filter(({ election }) => election.elected()),
    add(identity: string): Candidate {
      const ended = new AbortController();
      let isCutOff = false;
      const asked = requester(api, ended.signal);
      const never = new Promise<never>(() => undefined);
      const election = startElection({
        requester: {
          get: (path) => (isCutOff ? never : asked.get(path)),
          send: (request) => (isCutOff ? never : asked.send(request)),
        },
        namespace: "default",
        name,
        labels: {},
        identity,
        clock: systemClock,
        today: () => new Date(),
        random: Math.random,
        log: silentLog,
        signal: ended.signal,
        timing,
      });
      const candidate = {
        identity,
        election,
        kill: () => {
          ended.abort();
          candidates.splice(candidates.indexOf(candidate), 1);
        },
        cutOff: () => (isCutOff = true),
      };
      candidates.push(candidate);
      election.onChange(() => (most = Math.max(most, candidates.filter((each) => each.election.elected()).length)));
      return candidate;
    },
  };
}

(clusterAvailable ? describe : describe.skip)("the election of the replica that writes", () => {
  beforeAll(async () => {
    cluster = await startCluster();
    api = createApi(loadKubeConfig({ kubeconfigPath: cluster.kubeconfig }).kubeConfig);
  }, 120_000);

  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  afterAll(async () => {
    api?.close();
    await cluster?.stop();
  }, 30_000);

  const lease = async (name: string) =>
    (
      JSON.parse((await cluster.kubectl(["get", "lease", name, "-n", "default", "-o", "json"])).stdout) as {
        readonly spec: { readonly holderIdentity?: string; readonly leaseTransitions: number };
      }
    ).spec;

  function start(count: number) {
    const name = `election-${++names}`;
    const all = field(name);
    for (let i = 0; i < count; i++) all.add(`replica-${i}`);
    const one = () => eventually("one is elected", () => all.elected()[0]);
    ends.push(() => [...all.candidates].forEach(({ kill }) => kill()));
    return { ...all, name, one };
  }

  it("elects one of three, and names it in the Lease", async () => {
    const { one, elected, most, name } = start(3);
    const { identity } = await one();
    expect((await lease(name)).holderIdentity).toBe(identity);
    expect(elected()).toHaveLength(1);
    expect(most()).toBe(1);
  });

  it("elects another one when the elected one is killed", async () => {
    const { one, most, name } = start(3);
    const first = await one();
    first.kill();
    const second = await one();
    expect(second.identity).not.toBe(first.identity);
    expect((await lease(name)).leaseTransitions).toBe(1);
    expect(most()).toBe(1);
  });

  it("elects another one at once when the elected one steps down", async () => {
    const { one, most, name, candidates } = start(2);
    const first = await one();
    await first.election.release();
    expect(first.election.elected()).toBe(false);
    expect((await lease(name)).holderIdentity ?? "").not.toBe(first.identity);
    const second = await one();
    expect(second.identity).not.toBe(first.identity);
    expect([most(), candidates.length]).toEqual([1, 2]);
  });

  it("has one that cannot renew stop by itself before another begins", async () => {
    const { one, candidates, most } = start(3);
    const first = await one();
    const changes: string[] = [];
    for (const { identity, election } of candidates)
      election.onChange((elected) => changes.push(`${identity === first.identity ? "first" : "other"} ${elected}`));
    first.cutOff();
    await eventually("another is elected", () => candidates.find((each) => each !== first && each.election.elected()));
    expect(changes).toEqual(["first false", "other true"]);
    expect(most()).toBe(1);
  });
});
