import { group } from "../../crds/common.ts";
import type { IngressClassResource, IngressResource } from "../../crds/resources.ts";
import type { Problem } from "../../ir/problem.ts";

/** By it the gateway knows its IngressClasses. */
export const controller = `${group}/ingress-controller`;
export const idAnnotation = `${group}/ambassador-id`;
const classAnnotation = "kubernetes.io/ingress.class";

/** The IngressClasses that are there. */
export interface Classes {
  /** Names of those whose Ingresses are this gateway's. */
  readonly ours: ReadonlySet<string>;
  readonly known: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/** Of an IngressClass or an Ingress. */
export function gatewayIdOf({ annotations }: Pick<IngressResource, "annotations">): string {
  return annotations[idAnnotation] ?? "default";
}

export function readClasses(classes: readonly IngressClassResource[], ambassadorId: string): Classes {
  const ours = classes.filter(
    (each) => each.spec.controller?.toLowerCase() === controller && gatewayIdOf(each) === ambassadorId,
  );
  const problems = ours
    .filter(({ spec }) => spec.hasParameters)
    .map(
      (object): Problem => ({
        code: "IgnoredField",
        severity: "warning",
        object,
        path: ["spec", "parameters"],
        message: "no parameters of an IngressClass are read",
        advice: "remove them; defaults for the whole gateway stand in the Module ambassador",
      }),
    );
  return { ours: new Set(ours.map(({ name }) => name)), known: new Set(classes.map(({ name }) => name)), problems };
}

/** undecided: it names no controller that can be known. */
export type Ownership = "ours" | "foreign" | "undecided";

/** Source: Emissary python/ambassador/fetch/ingress.py. */
export function ownershipOf(ingress: IngressResource, classes: Classes, ambassadorId: string): Ownership {
  if (gatewayIdOf(ingress) !== ambassadorId) return "foreign";
  const annotated = ingress.annotations[classAnnotation]?.toLowerCase();
  // Of an Ingress that cannot be read its annotation is all that is known.
  const name = ingress.spec.ingressClassName;
  if (annotated === "ambassador" || (name !== undefined && classes.ours.has(name))) return "ours";
  return annotated !== undefined || (name !== undefined && classes.known.has(name)) ? "foreign" : "undecided";
}

/** To be told where nobody else can be meant. */
export function undecided(ingress: IngressResource): Problem {
  const name = ingress.spec.ingressClassName;
  return {
    code: "NotAttached",
    severity: "warning",
    object: ingress,
    path: name === undefined ? ["spec"] : ["spec", "ingressClassName"],
    message: name === undefined ? "it names no IngressClass" : `there is no IngressClass ${JSON.stringify(name)}`,
    advice: `apply an IngressClass with controller: ${controller} and name it in ingressClassName, or write the annotation ${classAnnotation}: ambassador`,
  };
}
