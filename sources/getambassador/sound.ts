import type { Resources } from "../../crds/resources.ts";
import { alignedFilter } from "../../ir/aligned.ts";
import { memoLast } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import { hasError, type Resource } from "../../ir/resource.ts";

/** Of one kind: those that could be read, and what is wrong with the others. Remembered by the array's identity. */
function soundOf<Kind extends Resource<unknown>>() {
  const broken = alignedFilter((resource: Kind) => resource.problems.length > 0);
  return memoLast((resources: readonly Kind[]) => {
    const odd = broken(resources);
    const isUnusable = new Set(odd.filter(hasError));
    return {
      usable: isUnusable.size === 0 ? resources : resources.filter((resource) => !isUnusable.has(resource)),
      problems: odd.flatMap(({ problems }) => problems),
    };
  });
}

/**
 * Kubernetes' own objects. In a cluster they are always in form; in files they are written by hand.
 * A Secret that is not stays, for whoever names it to say so.
 */
export function soundSelector() {
  const services = soundOf<Resources["services"][number]>();
  const slices = soundOf<Resources["endpointSlices"][number]>();
  const secrets = soundOf<Resources["secrets"][number]>();
  const classes = soundOf<Resources["ingressClasses"][number]>();
  const together = memoLast((...lists: readonly (readonly Problem[])[]) => lists.flat());
  return (resources: Pick<Resources, "services" | "endpointSlices" | "secrets" | "ingressClasses">) => {
    const sound = services(resources.services);
    const { problems: ofSlices } = slices(resources.endpointSlices);
    const { problems: ofSecrets } = secrets(resources.secrets);
    const { problems: ofClasses } = classes(resources.ingressClasses);
    return { services: sound.usable, problems: together(sound.problems, ofSlices, ofSecrets, ofClasses) };
  };
}
