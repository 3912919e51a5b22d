/** Judges with what Envoy has said of contents that only Envoy can judge: whoever asks it keeps the answers here. */
import type { SecretRefusals } from "../crds/core.ts";
import type { AnyResource, ModuleResource, Resources, SecretResource } from "../crds/resources.ts";
import type { FreeContent, FreeUse, Verdict } from "../ir/free-content.ts";
import { memoLast } from "../ir/memo.ts";
import { formatObject, formatPath, type ObjectRef, type Problem, toldOf } from "../ir/problem.ts";
import { keyOf } from "../ir/resource.ts";
import { isSensitive } from "../ir/sensitive.ts";
import type { CompileSettings } from "../ir/settings.ts";
import { harnessOf } from "../xds/resources/harness.ts";
import type { Compiled, SteppedCompiler } from "./compile.ts";
import { judge, type Judged } from "./last-good.ts";
import { contentOf, type Refusal } from "./refusal.ts";
import { fields, findResource } from "./store.ts";

/** Verdicts by content. What is in use is never forgotten; of the rest, the oldest are. */
export interface VerdictMemory {
  of(content: FreeContent): Verdict | undefined;
  put(content: FreeContent, verdict: Verdict): void;
}

const MAX_VERDICTS = 10_000;

export function verdictMemory(max = MAX_VERDICTS): VerdictMemory {
  const ofObjects = new WeakMap<FreeContent, Verdict>();
  const byHash = new Map<string, Verdict>();
  return {
    of(content) {
      const known = ofObjects.get(content);
      if (known !== undefined) return known;
      const verdict = byHash.get(harnessOf(content).resource.name);
      if (verdict !== undefined) ofObjects.set(content, verdict);
      return verdict;
    },
    put(content, verdict) {
      ofObjects.set(content, verdict);
      const { name } = harnessOf(content).resource;
      byHash.delete(name);
      byHash.set(name, verdict);
      for (const oldest of byHash.keys()) {
        if (byHash.size <= max) return;
        byHash.delete(oldest);
      }
    },
  };
}

export interface FreelyJudged {
  readonly judged: Judged;
  /** What nobody has been asked about yet, and would be served. */
  readonly unjudged: readonly FreeUse[];
  /** The same of fields whose objects serve on in their last good forms, because it is not waited for. */
  readonly late: readonly FreeUse[];
  /** What Envoy did not get over. */
  readonly undecided: readonly FreeUse[];
}

/**
 * As `judge`. It remembers which objects Envoy's answers concern, so that one which stands refused costs no second compile.
 * @param isImpatient what is not known yet of a field counts as refused, and for this once
 */
export type FreeJudge = (
  compile: SteppedCompiler,
  resources: Resources,
  settings: CompileSettings,
  inForce: Resources | undefined,
  refusals?: readonly Refusal[],
  isImpatient?: boolean,
) => FreelyJudged;

/** In place of a refused content the last good one is compiled, which has been accepted: a third round is one too many. */
const MAX_ROUNDS = 3;

const noRefusals: readonly Refusal[] = [];

export function freeJudge(verdictOf: (content: FreeContent) => Verdict | undefined): FreeJudge {
  let own: readonly Refusal[] = [];
  const secrets = secretMarks();
  return (compile, resources, settings, inForce, refusals = noRefusals, isImpatient = false) => {
    const late: FreeUse[] = [];
    const undecided: FreeUse[] = [...secrets.review(resources, verdictOf)];
    const passing = new Set<Refusal>();
    for (let round = 1; ; round++) {
      const all = own.length === 0 ? refusals : [...refusals, ...own.filter((each) => !isAmong(refusals, each))];
      const judged = judge(compile, secrets.marked(resources), settings, inForce, all);
      const { freeUses, expansion } = judged.compiled;
      const unjudged: FreeUse[] = [];
      const found: RefusedUse[] = [];
      const heldHere: RefusedUse[] = [];
      let isMarked = false;
      for (const use of freeUses) {
        const verdict = verdictOf(use.content);
        if (verdict === undefined && isImpatient && use.kind === "field") {
          late.push(use);
          heldHere.push({ problem: use.problem, said: "is not served before Envoy has judged it, which takes long" });
        } else if (verdict === undefined) unjudged.push(use);
        else if (verdict.kind !== "accepted") {
          if (verdict.kind === "undecided") undecided.push(use);
          if (use.kind === "secret") isMarked = secrets.mark(use.content, verdict, expansion.resources) || isMarked;
          else {
            const isHeld = verdict.kind === "undecided";
            (isHeld ? heldHere : found).push({ problem: use.problem, said: inWords(verdict, use.problem) });
          }
        }
      }
      const speaking = new Set(judged.quarantined.flatMap((each) => each.refusals));
      const held = refusalsOf(heldHere, expansion.resources).map((refusal) => ({ ...refusal, isHeld: true }));
      for (const refusal of held) passing.add(refusal);
      own = [...own.filter((refusal) => speaking.has(refusal)), ...refusalsOf(found, expansion.resources), ...held];
      if ((found.length + held.length === 0 && !isMarked) || round === MAX_ROUNDS) {
        own = own.filter((refusal) => !passing.has(refusal));
        return { judged, unjudged, late, undecided };
      }
    }
  };
}

/** Of what is served, what an object brings in: by its fields, or as the Secrets that it names. */
export function usesBy(
  { kind, namespace, name }: ObjectRef,
  uses: readonly FreeUse[],
  { certificates }: Compiled,
): readonly FreeUse[] {
  const isIt = (object: ObjectRef) => object.kind === kind && object.namespace === namespace && object.name === name;
  const secrets = new Set(certificates.flatMap((use) => (isIt(use.object) ? [use.secret] : [])));
  return uses.filter((use) =>
    use.kind === "field" ? isIt(toldOf(use.problem).object) : secrets.has(use.content.name),
  );
}

/** Envoy quotes what it does not know. */
function inWords(verdict: NotAccepted, problem?: Problem): string {
  const isTold = problem === undefined || !isSensitive(problem.path);
  if (verdict.kind === "refused") return `is refused by Envoy${isTold ? `: ${verdict.message}` : ""}`;
  const reason = isTold ? ` (${verdict.reason})` : "";
  return `could not be judged by Envoy${reason}, is not served, and is judged again in a minute or more`;
}

/** Written down by an earlier process, or by another replica, and heard anew. */
function isAmong(refusals: readonly Refusal[], { object, content, path, message }: Refusal): boolean {
  const text = (each: Pick<Refusal, "object" | "path">) => `${formatObject(each.object)} ${formatPath(each.path)}`;
  return refusals.some(
    (each) => each.content === content && each.message === message && text(each) === text({ object, path }),
  );
}

type NotAccepted = Exclude<Verdict, { readonly kind: "accepted" }>;

interface RefusedUse {
  readonly problem: Problem;
  readonly said: string;
}

function refusalsOf(found: readonly RefusedUse[], resources: Resources): readonly Refusal[] {
  return found.flatMap(({ problem: { object, code, path, message, advice }, said }): readonly Refusal[] => {
    const resource = findNamed(resources, object);
    if (resource === undefined) return [];
    const content = contentOf(resource);
    const ofIt = () => found.filter((each) => findNamed(resources, each.problem.object) === resource);
    const instead = resource.kind === "Module" ? withoutKeys(resource, ofIt()) : undefined;
    return [{ object, content, code, path, message: `${message} ${said}`, advice, instead }];
  });
}

/** What serves of a Module that never was in force: its keys have little to do with each other, and some protect. */
function withoutKeys(module: ModuleResource, refused: readonly RefusedUse[]): ModuleResource {
  const keys = new Set(refused.map(({ problem: { path } }) => path[2]));
  const config = Object.fromEntries(Object.entries(module.spec.config).filter(([key]) => !keys.has(key)));
  return Object.freeze({ ...module, spec: Object.freeze({ ...module.spec, config: Object.freeze(config) }) });
}

function findNamed(resources: Resources, { kind, namespace, name }: ObjectRef): AnyResource | undefined {
  if (!Object.hasOwn(fields, kind)) return undefined;
  return findResource(resources, { kind: kind as AnyResource["kind"], namespace, name });
}

type SecretContent = Extract<FreeUse, { kind: "secret" }>["content"];

/** A Secret that is marked until Envoy has judged it. */
interface OpenMark {
  readonly content: SecretContent;
  readonly original: SecretResource;
}

/** Secrets go on as copies that say what Envoy has against them, and the compile tells it of whatever names them. */
function secretMarks() {
  const copies = new WeakMap<SecretResource, SecretResource>();
  const originals = new WeakMap<SecretResource, SecretResource>();
  let open: readonly OpenMark[] = [];
  let count = 0;
  const markedList = memoLast((secrets: readonly SecretResource[], _count: number): readonly SecretResource[] =>
    secrets.some((secret) => copies.has(secret)) ? secrets.map((secret) => copies.get(secret) ?? secret) : secrets,
  );

  /** @returns whether that is news */
  function mark(content: SecretContent, verdict: NotAccepted, resources: Resources): boolean {
    const message = inWords(verdict);
    const { key, as } = holderOf(content, message);
    const found = resources.secrets.find((secret) => keyOf(secret) === key);
    if (found === undefined || found.spec.refused?.[as] === message) return false;
    const original = originals.get(found) ?? found;
    const refused: SecretRefusals = { ...copies.get(original)?.spec.refused, [as]: message };
    const copy: SecretResource = Object.freeze({ ...original, spec: Object.freeze({ ...original.spec, refused }) });
    copies.set(original, copy);
    originals.set(copy, original);
    if (verdict.kind === "undecided") open = [...open, { content, original }];
    count++;
    return true;
  }

  /** @returns what is still undecided of the Secrets that are there; the marks of others go, and what is decided is marked again */
  function review(
    { secrets }: Resources,
    verdictOf: (content: FreeContent) => Verdict | undefined,
  ): readonly Extract<FreeUse, { kind: "secret" }>[] {
    const still = open.filter(
      ({ content, original }) => secrets.includes(original) && verdictOf(content)?.kind === "undecided",
    );
    for (const { original } of open.filter((each) => !still.includes(each))) {
      copies.delete(original);
      count++;
    }
    open = still;
    return still.map(({ content }) => ({ kind: "secret", content }));
  }

  return {
    mark,
    review,
    marked(resources: Resources): Resources {
      if (count === 0) return resources;
      const secrets = markedList(resources.secrets, count);
      return secrets === resources.secrets ? resources : { ...resources, secrets };
    },
  };
}

/** The Secret that a content stands in, and as what. Envoy's words tell a list of revocations from the authority beside it. */
function holderOf(
  { kind, name }: SecretContent,
  message: string,
): { readonly key: string; readonly as: keyof SecretRefusals } {
  if (kind === "certificate") return { key: name, as: "certificate" };
  const [ca = "", crl] = name.replace(/^ca:/, "").split("+crl:");
  return crl !== undefined && message.includes("CRL") ? { key: crl, as: "revocations" } : { key: ca, as: "authority" };
}
