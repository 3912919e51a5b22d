import { compareText, type Problem } from "../../ir/problem.ts";
import { keyOf, type Resource } from "../../ir/resource.ts";

/** An object that takes a percentage of what its group gets. */
export interface Weighted {
  readonly resource: Resource<{ readonly weight?: number | undefined }>;
}

export function olderFirst(a: Weighted, b: Weighted): number {
  return (
    compareText(a.resource.creationTimestamp, b.resource.creationTimestamp) ||
    compareText(keyOf(a.resource), keyOf(b.resource))
  );
}

/**
 * Older objects keep their weight; those with which the sum passes 100 are left out.
 * @param group whose weights they are, in the words of the message
 */
export function withinHundred<Member extends Weighted>(
  members: readonly Member[],
  group: string,
): { readonly kept: readonly Member[]; readonly problems: readonly Problem[] } {
  if (members.length < 2) return { kept: members, problems: [] };
  const oldestFirst = [...members].sort(olderFirst);
  const refused = new Set<Member>();
  const problems: Problem[] = [];
  let sum = 0;
  for (const member of oldestFirst) {
    const weight = member.resource.spec.weight ?? 0;
    if (sum + weight <= 100) {
      sum += weight;
      continue;
    }
    refused.add(member);
    problems.push({
      code: "WeightSum",
      severity: "error",
      object: member.resource,
      path: ["spec", "weight"],
      message: `${weight} makes the weights of ${group} sum to ${sum + weight}`,
      advice: `write at most ${100 - sum}, or lower the weight of ${othersOf(member, oldestFirst)}`,
    });
  }
  return { kept: members.filter((member) => !refused.has(member)), problems };
}

function othersOf(member: Weighted, all: readonly Weighted[]): string {
  const others = all.filter((other) => other !== member && other.resource.spec.weight !== undefined);
  return others
    .slice(0, 3)
    .map(({ resource }) => keyOf(resource))
    .join(", ");
}

export interface Share<Member> {
  readonly member: Member;
  readonly percent: number;
}

/**
 * Shares of a group. A single member gets all, whatever its weight. Otherwise weighted ones get their percentage, those
 * without share what is left equally, and the last of these makes it 100. Members that get nothing are left out.
 * Source: Emissary, section weights of a group.
 */
export function sharesOf<Member extends Weighted>(members: readonly Member[]): readonly Share<Member>[] {
  const [only, second] = members;
  if (only !== undefined && second === undefined) return [{ member: only, percent: 100 }];
  const shares: Share<Member>[] = [];
  let sum = 0;
  const add = (member: Member, percent: number) => {
    if (percent <= 0) return;
    sum += percent;
    shares.push({ member, percent });
  };
  const weightless = members.filter(({ resource }) => resource.spec.weight === undefined);
  for (const member of members) add(member, member.resource.spec.weight ?? 0);
  const each = halfToEven((100 - sum) / weightless.length);
  weightless.forEach((member, index) =>
    add(member, index === weightless.length - 1 ? 100 - sum : Math.min(each, 100 - sum)),
  );
  return shares;
}

/** Python's round(): a half goes to the even neighbour. */
function halfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
